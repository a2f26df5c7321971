"""Which daemon is asked, and with which token: the options of every command that asks one."""

import os
import ssl
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from trioworq.client import Client, Retry, Unavailable
from trioworq.client.transport import BASE_URL

_OPTIONS = (
    click.option("--url", default=BASE_URL, envvar="TRIOWORQ_URL", show_default=True, show_envvar=True,
                 help="Where the daemon is."),
    click.option("--token-file", metavar="FILE",
                 help="File with an API token. [env var: TRIOWORQ_TOKEN_FILE]"),
    click.option("--token", metavar="TOKEN",
                 help="The API token itself, which every user of this machine can see then: prefer a file or "
                 "the environment. [env var: TRIOWORQ_TOKEN]"),
    click.option("--ca-file", metavar="FILE", envvar="TRIOWORQ_CA_FILE", show_envvar=True,
                 help="File with the certificates to judge the daemon's by, instead of the system's."),
    click.option("--timeout", metavar="SECONDS", default=30, show_default=True,
                 type=click.IntRange(1, 86_400), help="How long an answer is waited for."),
    click.option("--json", "is_json", is_flag=True, help="Print the API's JSON, as one document."),
)  # fmt: skip


def connected(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command a client, whether JSON is wanted, and the options that say so.

    Raises UsageError for options that make no client, and what the command raises.
    """

    @wraps(command)
    def connect(*, url: str, is_json: bool, **given: Any) -> int:
        access = {name: given.pop(name) for name in ("token", "token_file", "ca_file", "timeout")}
        with _client(url, **access) as client:
            try:
                return command(client, is_json, **given)
            except Unavailable as error:
                raise Unavailable(f"{_place(url)}: {error}", may_be_done=error.may_be_done) from error

    for option in reversed(_OPTIONS):
        connect = option(connect)
    return connect


def _client(
    url: str, token: str | None, token_file: str | None, ca_file: str | None, timeout: float
) -> Client:
    shown = _token(token, token_file, os.environ)
    tls = None if ca_file is None else _trust(ca_file)
    try:
        # Who asks on a terminal sees that it failed, and can ask again.
        return Client(url, token=shown, timeout_s=timeout, retry=Retry(total_s=0), tls=tls)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _place(url: str) -> str:
    """Return where a URL leads, without the password that it may have."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _token(token: str | None, token_file: str | None, environ: Mapping[str, str]) -> str | None:
    """Return the token that is meant: options beat the environment, of both a token beats a file."""
    if token is not None and token_file is not None:
        raise click.UsageError("--token and --token-file are two ways to say the same; give one")
    if token_file is not None:
        return _read_token("--token-file", token_file)
    if token is not None:
        return token
    if environ.get("TRIOWORQ_TOKEN"):
        return environ["TRIOWORQ_TOKEN"]
    path = environ.get("TRIOWORQ_TOKEN_FILE")
    return _read_token("TRIOWORQ_TOKEN_FILE", path) if path else None


def _read_token(source: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise click.UsageError(f"{source}: cannot read {path!r}: {reason}") from None


def _trust(path: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"--ca-file: cannot read {path!r}: {error}") from None
