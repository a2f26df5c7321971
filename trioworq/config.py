"""Every option in one table: the fields of `Config`.

A field's metadata says how its text is read and what it means; the command line, the environment,
`/settings`, `docs/configuration.md` and the tests all read this table and nothing else.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from attrs import fields, frozen

from trioworq import __version__
from trioworq.core.errors import InvalidRequest
from trioworq.core.queues import MAX_WORKERS_CEILING, check_name
from trioworq.options import (
    declare,
    integer,
    read_bool,
    read_bytes,
    read_level,
    read_positive_seconds,
    read_seconds,
)

FIREWORQ_VERSION = f"1.5.1+trioworq.{__version__}"

Choice = TypeVar("Choice", bound=Enum)

_MASK = "********"
_SCHEME = re.compile(r"[a-z]+://")


class ConfigError(Exception):
    """The configuration cannot be used; the message is one line and says what to do."""


class Driver(Enum):
    """Where jobs are kept."""

    SQLITE = "sqlite"
    MYSQL = "mysql"
    IN_MEMORY = "in-memory"


class Console(Enum):
    """What the console does: everything, only show, or not be there."""

    ON = "on"
    READ_ONLY = "read-only"
    OFF = "off"


def _read_driver(text: str) -> Driver:
    return _read_choice(Driver, text)


def _read_console(text: str) -> Console:
    return _read_choice(Console, text)


def _read_choice(kind: type[Choice], text: str) -> Choice:
    try:
        return kind(text)
    except ValueError:
        choices = ", ".join(str(choice.value) for choice in kind)
        raise ValueError(f"should be one of {choices}") from None


@frozen
class Config:
    """The options in force. Fireworq's keep its names; those of trioworq alone carry their units."""

    bind: str = declare(
        "127.0.0.1:8080",
        "Address and port to listen on, unless `SERVER_STARTER_PORT` or `LISTEN_FDS` hands sockets down.",
    )
    pid: str = declare("", "File to write the process id to; removed at a normal end. Empty for none.")
    driver: Driver = declare(
        Driver.SQLITE, "Where jobs are kept: `sqlite`, `mysql` or `in-memory`.", read=_read_driver
    )
    sqlite_path: str = declare("trioworq.db", "Database file of the `sqlite` driver.", from_fireworq=False)
    mysql_dsn: str = declare(
        "tcp(localhost:3306)/fireworq",
        "MySQL or MariaDB database: `user:password@tcp(host:port)/name?options`, "
        "or `mysql://user:password@host:port/name?options`.",
        secret=True,
    )
    repository_mysql_dsn: str = declare(
        "",
        "Overrides `mysql_dsn`. Definitions and jobs share one database here, so if "
        "`queue_mysql_dsn` is given too it has to be the same.",
        secret=True,
    )
    queue_mysql_dsn: str = declare("", "Overrides `mysql_dsn`; see `repository_mysql_dsn`.", secret=True)
    config_refresh_interval: int = declare(
        1000,
        "Milliseconds between looks for queues and routings changed on another node.",
        read=integer(10, 3_600_000),
    )
    queue_default: str = declare(
        "default", "Queue that takes the categories no routing names; made if missing. Empty for none."
    )
    queue_default_polling_interval: int = declare(
        200, "Milliseconds between looks for due jobs, for queues that set none.", read=integer(1, 2**32 - 1)
    )
    queue_default_max_workers: int = declare(
        20, "Jobs run at the same time, for queues that set no number.", read=integer(1, MAX_WORKERS_CEILING)
    )
    shutdown_timeout: int = declare(
        30, "Seconds that requests and running jobs get to finish after SIGTERM.", read=read_seconds
    )
    tls_certificate: str = declare(
        "",
        "PEM file with the certificate to show to clients, and those between it and its authority. "
        "With `tls_key`, clients speak HTTPS; empty for HTTP. Renewed files are taken up without a restart.",
        from_fireworq=False,
    )
    tls_key: str = declare(
        "", "PEM file with the key of `tls_certificate`, not locked with a password.", from_fireworq=False
    )
    api_tokens_file: str = declare(
        "",
        "File with the API tokens of which clients have to show one, see [api.md](api.md#access). "
        "Empty to let everybody in.",
        from_fireworq=False,
    )
    console: Console = declare(
        Console.ON,
        "The web console at `/console`: `on`, `read-only` to change nothing there, or `off`.",
        read=_read_console,
        from_fireworq=False,
    )
    keep_alive: bool = declare(True, "Keep client connections open between requests.", read=read_bool)
    keep_alive_timeout_s: int = declare(
        75, "Seconds that an idle client connection is kept.", read=read_positive_seconds, from_fireworq=False
    )
    request_timeout_s: int = declare(
        60,
        "Seconds that a client may take to send a request.",
        read=read_positive_seconds,
        from_fireworq=False,
    )
    max_connections: int = declare(
        4096,
        "Client connections at the same time; more wait to be accepted.",
        read=integer(1, 1_000_000),
        from_fireworq=False,
    )
    max_header_bytes: int = declare(
        65_536, "Bytes of a request's head.", read=read_bytes, from_fireworq=False
    )
    max_body_bytes: int = declare(
        16 * 1024 * 1024, "Bytes of a request's body.", read=read_bytes, from_fireworq=False
    )
    max_bodies_bytes: int = declare(
        256 * 1024 * 1024,
        "Bytes of all requests' bodies and answers at the same time, but for the first 64 KiB of each (2 KiB "
        "over HTTP/2, where heads count too); what comes beyond is answered 503.",
        read=read_bytes,
        from_fireworq=False,
    )
    max_batch_jobs: int = declare(
        1000,
        "Jobs of one batch push; more are answered 413.",
        read=integer(1, 10_000),
        from_fireworq=False,
    )
    dispatch_user_agent: str = declare(
        f"Fireworq/{FIREWORQ_VERSION}", "User-Agent of the requests to workers."
    )
    dispatch_keep_alive: bool = declare(
        True,
        "Keep connections to workers open between jobs. Follows `keep_alive` when not set.",
        read=read_bool,
    )
    dispatch_max_conns_per_host: int = declare(
        10,
        "Idle connections kept for each worker host; those of a burst of calls stay for a second more.",
        read=integer(0, 100_000),
    )
    dispatch_idle_conn_timeout: int = declare(
        0,
        "Seconds that an idle worker connection is kept; 0 for as long as the worker keeps it.",
        read=read_seconds,
    )
    dispatch_timeout_ceiling_s: int = declare(
        86_400,
        "Seconds that any call to a worker may take, also for jobs that set no timeout.",
        read=read_positive_seconds,
        from_fireworq=False,
    )
    dispatch_max_reply_bytes: int = declare(
        1024 * 1024, "Bytes of a worker's answer, after decompression.", read=read_bytes, from_fireworq=False
    )
    dispatch_allow: str = declare(
        "",
        "Networks, hosts and ports that workers may have, separated by commas; no others are called. Empty "
        "for any, but for link-local, metadata and multicast addresses, which have to be named here.",
        from_fireworq=False,
    )
    dispatch_deny: str = declare(
        "",
        "Networks, hosts and ports that are not called, separated by commas, whatever `dispatch_allow` says.",
        from_fireworq=False,
    )
    finished_ttl: int = declare(
        500,
        "Seconds that a finished job is remembered, so that its status can be asked for; 0 for not at all.",
        read=read_seconds,
        from_fireworq=False,
    )
    finished_max: int = declare(
        10_000,
        "Finished jobs of each queue that are remembered at most, the latest.",
        read=integer(1, 10_000_000),
        from_fireworq=False,
    )
    failed_ttl: int = declare(
        365 * 86_400,
        "Seconds that a failed job is kept, so that it can be run again; 0 until somebody deletes it.",
        read=read_seconds,
        from_fireworq=False,
    )
    load_interval: int = declare(
        60,
        "Seconds between samples of the load, which `/v6/load/` shows; 0 for no samples.",
        read=integer(0, 86_400),
        from_fireworq=False,
    )
    load_retention: int = declare(
        35 * 86_400,
        "Seconds that samples of the load are kept.",
        read=read_positive_seconds,
        from_fireworq=False,
    )
    access_log: str = declare("", "File for the access log. Empty for standard output.")
    access_log_tag: str = declare("fireworq.access", "Value of `tag` in each line of the access log.")
    error_log: str = declare("", "File for the error log, as JSON lines. Empty for standard error, readable.")
    error_log_level: str = declare(
        "info",
        "Least level of the error log: debug, info, warn, error, fatal, or 0 to 4. "
        "`debug` when DEBUG is set.",
        read=read_level,
    )
    queue_log: str = declare("", "File for the queue log. Empty for standard output.")
    queue_log_tag: str = declare("fireworq.queue", "Value of `tag` in each line of the queue log.")
    queue_log_level: str = declare(
        "info",
        "Least level of the queue log; `debug` adds a line for each job taken. `debug` when DEBUG is set.",
        read=read_level,
    )

    @property
    def dsn(self) -> str:
        """The one database of the `mysql` driver."""
        return self.queue_mysql_dsn or self.repository_mysql_dsn or self.mysql_dsn

    def shown(self) -> dict[str, str]:
        """Every option as text, by name, with passwords masked (contract §1.12, I14)."""
        return {option.name: option.show(getattr(self, option.name)) for option in OPTIONS}


@frozen
class Option:
    """One row of the table."""

    name: str
    default: object
    about: str
    read: Callable[[str], object]
    from_fireworq: bool
    secret: bool

    @property
    def flag(self) -> str:
        """The command line's name for it."""
        return "--" + self.name.replace("_", "-")

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment's names for it, strongest first."""
        prefixes = ("TRIOWORQ_", "FIREWORQ_") if self.from_fireworq else ("TRIOWORQ_",)
        return tuple(prefix + self.name.upper() for prefix in prefixes)

    def show(self, value: object) -> str:
        """Write a value as `/settings` shows it."""
        match value:
            case bool():
                return "true" if value else "false"
            case Enum():
                return str(value.value)
            case str():
                # What the environment or a path holds need not be UTF-8, but what is shown has to be.
                text = mask_password(value) if self.secret else value
                return text.encode("utf-8", "replace").decode()
            case _:
                return str(value)


OPTIONS = tuple(Option(name=row.name, default=row.default, **row.metadata) for row in fields(Config))


def mask_password(dsn: str) -> str:
    """Return a DSN with its password replaced; one of unknown shape is replaced whole."""
    if "@" not in dsn:
        return dsn
    account, _, place = dsn.rpartition("@")
    # Only what stands at the very start is a scheme: a password may hold "://" too.
    scheme = _SCHEME.match(account)
    start = scheme.end() if scheme else 0
    user, colon, _ = account[start:].partition(":")
    return f"{account[:start]}{user}{colon}{_MASK if colon else ''}@{place}"


def load(flags: Mapping[str, str], environ: Mapping[str, str]) -> tuple[Config, list[str]]:
    """Return the options in force and warnings about values that were passed over.

    `flags` maps option names to the texts given on the command line; they beat the environment, where
    `TRIOWORQ_X` beats `FIREWORQ_X` and an empty value counts as not set; `X_FILE` names a file to read
    a secret from. Raises ConfigError.
    """
    values: dict[str, Any] = {}
    warnings: list[str] = []
    for option in OPTIONS:
        source, text = _find(option, flags, environ)
        if text is None:
            continue
        try:
            values[option.name] = option.read(text)
        except ValueError as error:
            if option.read is not read_bool:
                raise ConfigError(f"{source}: {_described(option, text)} {error}") from None
            # The original passes over a boolean it cannot read (contract §1.19); so do we, but aloud.
            warnings.append(f"{source}: {text!r} {error}; the default is used")
    if environ.get("DEBUG"):
        values.setdefault("error_log_level", "debug")
        values.setdefault("queue_log_level", "debug")
    if "keep_alive" in values:
        values.setdefault("dispatch_keep_alive", values["keep_alive"])
    config = Config(**values)
    _check(config)
    return config, warnings


def _described(option: Option, text: str) -> str:
    return "the value" if option.secret else repr(text)


def _find(option: Option, flags: Mapping[str, str], environ: Mapping[str, str]) -> tuple[str, str | None]:
    """Return (where it was found, text); the text is None when the option is not set."""
    if option.name in flags:
        return option.flag, flags[option.name]
    for variable in option.variables:
        # queue_default alone has a meaning for "empty": no default queue (contract README 2).
        if environ.get(variable) or (variable == "TRIOWORQ_QUEUE_DEFAULT" and variable in environ):
            return variable, environ[variable]
        if option.secret and environ.get(variable + "_FILE"):
            return variable + "_FILE", _read_secret(variable + "_FILE", environ[variable + "_FILE"])
    return "", None


def _read_secret(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{variable}: cannot read {path}: {error}") from None


def _check(config: Config) -> None:
    dsns = {config.queue_mysql_dsn, config.repository_mysql_dsn} - {""}
    if config.driver is Driver.MYSQL and len(dsns) > 1:
        raise ConfigError(
            "queue_mysql_dsn and repository_mysql_dsn differ, but trioworq keeps jobs and definitions in "
            "one database: set mysql_dsn alone"
        )
    if config.queue_default:
        try:
            check_name("queue name", config.queue_default)
        except InvalidRequest as error:
            raise ConfigError(f"queue_default: {error}; choose another") from None
