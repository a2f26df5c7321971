"""Reads the name of a MySQL or MariaDB database, in Go's form or as a URL (contract README 2)."""

import re
from collections.abc import Mapping
from enum import Enum
from urllib.parse import unquote

from attrs import field, frozen

from trioworq.stores.interface import StoreRefused

DEFAULT_PORT = 3306
DEFAULT_HOST = "127.0.0.1"
DEFAULT_SOCKET = "/tmp/mysql.sock"  # noqa: S108  # the default of the form, not a file of ours

# How long a connection may take, and how long one statement may, unless the options say so.
CONNECT_S = 5.0
STATEMENT_S = 15.0

FORMS = "user:password@tcp(host:port)/name?options or mysql://user:password@host:port/name?options"

_USED = frozenset({"tls", "timeout", "readTimeout", "writeTimeout"})

# Options of Go's driver that change nothing here: what they choose is settled, or is not used at all.
_PASSED_OVER = frozenset(
    {
        "allowAllFiles",
        "allowFallbackToPlaintext",
        "allowNativePasswords",
        "charset",
        "checkConnLiveness",
        "clientFoundRows",
        "collation",
        "columnsWithAlias",
        "compress",
        "connectionAttributes",
        "interpolateParams",
        "loc",
        "maxAllowedPacket",
        "multiStatements",
        "parseTime",
        "rejectReadOnly",
        "timeTruncate",
    }
)

_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:h|ms|m|s|us|µs|ns))+")
_DURATION_PART = re.compile(r"([0-9.]+)(h|ms|m|s|us|µs|ns)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Tls(Enum):
    """How a connection is encrypted; the values are the words of the `tls` option."""

    OFF = "false"
    PREFERRED = "preferred"  # where the server offers it, its certificate unchecked
    UNCHECKED = "skip-verify"
    VERIFIED = "true"


@frozen
class Dsn:
    """Where a database is and who asks. With a `socket_path`, host and port do not count."""

    database: str
    user: str = ""
    password: str = field(default="", repr=False)
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    socket_path: str | None = None
    tls: Tls = Tls.OFF
    connect_s: float = CONNECT_S
    statement_s: float = STATEMENT_S

    @property
    def place(self) -> str:
        """Say where the server is, for messages."""
        return self.socket_path or f"{self.host}:{self.port}"


def parse(text: str) -> Dsn:
    """Read a DSN. Raises StoreRefused with one line that never holds the password (I14)."""
    if _CONTROL.search(text) or not _is_utf8(text):
        raise _refused("it holds characters that a DSN cannot have")
    return _parse_url(text) if text.startswith("mysql://") else _parse_go(text)


def _refused(problem: str) -> StoreRefused:
    return StoreRefused(f"mysql_dsn: {problem}; write {FORMS}")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parse_go(text: str) -> Dsn:
    """Read `[user[:password]@][net[(address)]]/name[?options]` as Go's driver does, from the right."""
    user, password, place, name, options = _split(text)
    return _dsn(user, password, *_go_place(place), name, options)


def _split(text: str) -> tuple[str, str, str, str, dict[str, str]]:
    """Return (user, password, place, database, options); of these only the last two are decoded yet."""
    left, slash, right = text.rpartition("/")
    if not slash:
        raise _refused("the slash before the database's name is missing")
    if "@" in right:
        # Part of a password, most likely: what follows must not be shown as an option's name.
        raise _refused("there is an @ after the last slash")
    account, _, place = left.rpartition("@")
    user, _, password = account.partition(":")
    name, _, query = right.partition("?")
    return user, password, place, _decoded(name), _options(query)


def _go_place(place: str) -> tuple[str, int, str | None]:
    """Return (host, port, socket path) of `net(address)`."""
    network, bracket, address = place.partition("(")
    if bracket and not address.endswith(")"):
        raise _refused("the address should end with a closing bracket, right before the slash")
    address = address.removesuffix(")")
    match network:
        case "tcp" | "":
            return (*_host_and_port(address), None)
        case "unix":
            return DEFAULT_HOST, DEFAULT_PORT, address or DEFAULT_SOCKET
        case _:
            raise _refused("the network should be tcp or unix")


def _parse_url(text: str) -> Dsn:
    """Read `mysql://[user[:password]@][host[:port]]/name[?options]`."""
    user, password, place, name, options = _split(text.removeprefix("mysql://"))
    host, port = _host_and_port(place)
    return _dsn(_decoded(user), _decoded(password), host, port, None, name, options)


def _host_and_port(address: str) -> tuple[str, int]:
    if address.startswith("["):
        host, bracket, rest = address[1:].partition("]")
        colon, port = rest[:1] if bracket else "[", rest[1:]
    else:
        host, colon, port = address.partition(":")
    if colon not in ("", ":") or (colon and not _is_port(port)):
        raise _refused("the address should be host:port, with an IPv6 host in square brackets")
    return host or DEFAULT_HOST, int(port) if port else DEFAULT_PORT


def _is_port(text: str) -> bool:
    return text == "" or (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65_536)


def _decoded(text: str) -> str:
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise _refused("a percent-encoded part is not UTF-8") from None
    if _CONTROL.search(decoded):
        raise _refused("it holds characters that a DSN cannot have")
    return decoded


def _options(query: str) -> dict[str, str]:
    options = {}
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        if equals and name in _PASSED_OVER:
            continue
        if not equals:
            raise _refused("an option has no value")
        if name not in _USED:
            raise _refused(f"unknown option {name[:40]!r}")
        options[name] = _decoded(value)
    return options


def _dsn(
    user: str,
    password: str,
    host: str,
    port: int,
    socket_path: str | None,
    database: str,
    options: Mapping[str, str],
) -> Dsn:
    if not database:
        raise _refused("the database's name is missing")
    statement_s = max(_duration(options, "readTimeout"), _duration(options, "writeTimeout"))
    return Dsn(
        database=database,
        user=user,
        password=password,
        host=host,
        port=port,
        socket_path=socket_path,
        tls=_tls(options),
        connect_s=_duration(options, "timeout") or CONNECT_S,
        statement_s=statement_s or STATEMENT_S,
    )


def _tls(options: Mapping[str, str]) -> Tls:
    word = options.get("tls", "false")
    word = {"1": "true", "0": "false"}.get(word, word.lower())
    try:
        return Tls(word)
    except ValueError:
        raise _refused("the option tls should be true, skip-verify, preferred or false") from None


def _duration(options: Mapping[str, str], name: str) -> float:
    """Return seconds; 0, which stands for the default, when the option is not given."""
    text = options.get(name, "0s")
    if text == "0":
        return 0.0
    if not _DURATION.fullmatch(text):
        raise _refused(f"the option {name} should be a duration such as 10s or 500ms")
    return sum(float(number) * _UNIT_S[unit] for number, unit in _DURATION_PART.findall(text))
