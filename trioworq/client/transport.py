"""httpx2 as both clients use it; its errors are known nowhere else."""

import re
import ssl
from typing import Any

import httpx2

from trioworq import __version__
from trioworq.client.answers import Answer, NoAnswer
from trioworq.client.calls import Call

BASE_URL = "http://127.0.0.1:8080"
TIMEOUT_S = 10.0
# Connecting takes far less; what takes longer has certainly not been carried out, and may be repeated.
CONNECT_TIMEOUT_S = 5.0
# Less than a daemon keeps an idle connection, so that a request is seldom sent into one that is being closed.
IDLE_S = 60.0

_TOKEN = re.compile(r"[!-~]+")


def settings(base_url: str, token: str | None, tls: ssl.SSLContext | None) -> dict[str, Any]:
    """Return what a client of httpx2 is made with.

    The environment is not looked at: a proxy or a password from there is a surprise to a daemon's users. No
    limit on connections, as callers are their own; those that are idle are kept. Raises ValueError for a
    `base_url` that is none, and for a `token` that no header can have, which it does not show.
    """
    if token is not None and not _TOKEN.fullmatch(token):
        raise ValueError("a token has letters, digits and marks of ASCII, and no blanks")
    # httpx2 would load the system's trust store in any case, which takes longer than a hundred calls.
    is_plain = _scheme_of(base_url) == "http"
    bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
    return {
        "base_url": base_url,
        "headers": {"User-Agent": f"trioworq-client/{__version__}", "Accept": "*/*", **bearer},
        "limits": httpx2.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=IDLE_S),
        "trust_env": False,
        "verify": tls or (ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_plain else True),
    }


def _scheme_of(base_url: str) -> str:
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL as error:
        raise ValueError(f"base_url cannot be read: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("base_url is no URL of http or https")
    return url.scheme


def connect_timeout_s(timeout_s: float) -> float:
    """Return how long connecting may take, of an attempt that may take `timeout_s`."""
    return min(CONNECT_TIMEOUT_S, timeout_s / 2)


def request_of(call: Call[Any]) -> dict[str, Any]:
    """Return a call as a client of httpx2 is asked it."""
    kind = {} if call.body is None else {"Content-Type": "application/json"}
    return {"method": call.method, "url": call.target, "content": call.body, "headers": kind}


def answer_of(response: httpx2.Response) -> Answer:
    """Return what a response says."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, response.content, headers)


def no_answer(error: httpx2.RequestError) -> NoAnswer:
    """Return what an error of httpx2 says of a request."""
    # Raised before the first byte is sent.
    is_unsent = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
    return NoAnswer(f"{type(error).__name__}: {error}", may_be_done=not is_unsent)
