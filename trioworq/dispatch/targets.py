"""A job's URL, read by the rules of Go's `net/url`, so that jobs mean here what they meant to Fireworq.

What leaves this module goes on the wire as it is: a `Target` holds no blank, control character or other
byte that could end a request line or a header.
"""

import base64
import re
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import quote, quote_from_bytes, unquote, unquote_to_bytes, urljoin

import idna
from attrs import frozen

DEFAULT_PORTS = {"http": 80, "https": 443}
HOST_MAX_CHARACTERS = 255

_URL = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?://(?P<authority>[^/?]*))?(?P<path>[^?]*)(?:\?(?P<query>.*))?"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ASCII_ESCAPE = re.compile(r"%[0-7]")
_USERINFO = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%@-]*")
_HOST_AND_PORT = re.compile(r"(?:\[(?P<literal>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[0-9]*))?")
_NAME = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=-]*")
_ZONE = re.compile(r"[A-Za-z0-9._~-]+")
_PASSWORD = re.compile(r"((?:[^:/?#]+:)?//[^:/?#]*:)[^/?#]*@")

# Bytes that stand for themselves; an escape that is already there is left alone.
_PATH_SAFE = "/%:@!$&'()*+,;=[]"
_QUERY_SAFE = _PATH_SAFE + "?{}|\\^`"
_LOCATION_SAFE = _QUERY_SAFE + '#"<>'


class UnreadableUrl(Exception):
    """The text is not a URL. The message names no part of it, for a part may be a password."""


class UnusableUrl(Exception):
    """The text is a URL, but not one that a job can be posted to; `shown` is the URL without a password."""

    def __init__(self, shown: str, reason: str) -> None:
        super().__init__(reason)
        self.shown = shown


@frozen
class Target:
    """Where a request goes and what it asks for, ready for the wire.

    `host` is what is connected to, `host_header` what the worker is told; `userinfo` is as written in
    the URL, None when there is none; `shown` is the URL with its password masked.
    """

    scheme: str
    host: str
    port: int
    host_header: str
    path: str
    userinfo: str | None
    shown: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What a connection has to have in common with a target to serve it."""
        return self.scheme, self.host, self.port

    @property
    def public_url(self) -> str:
        """The URL without userinfo and fragment, as a Referer may show it."""
        return f"{self.scheme}://{self.host_header}{self.path}"

    @property
    def authorization(self) -> str | None:
        """The value of the Authorization header that the userinfo asks for."""
        if self.userinfo is None:
            return None
        user, _, password = self.userinfo.partition(":")
        credentials = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
        return "Basic " + base64.b64encode(credentials).decode("ascii")


def parse(url: str) -> Target:
    """Read a URL. Raises UnreadableUrl and UnusableUrl."""
    text, _, fragment = url.partition("#")
    _check_text(text, fragment)
    parts = _URL.fullmatch(text)
    if parts is None or text.startswith(":"):
        raise UnreadableUrl("missing protocol scheme")
    scheme = (parts["scheme"] or "").lower()
    if not scheme and parts["authority"] is None and ":" in parts["path"].partition("/")[0]:
        raise UnreadableUrl("first path segment in URL cannot contain colon")
    userinfo, host, host_header, port = _authority(parts["authority"] or "")
    shown = masked(url)
    if scheme not in DEFAULT_PORTS:
        raise UnusableUrl(shown, f'unsupported protocol scheme "{scheme}"')
    if not host:
        raise UnusableUrl(shown, "http: no Host in request URL")
    return Target(
        scheme=scheme,
        host=host,
        port=_port(port, scheme, shown),
        host_header=host_header,
        path=_request_path(parts["path"], parts["query"]),
        userinfo=userinfo,
        shown=shown,
    )


def join(target: Target, location: bytes) -> Target:
    """Return where a redirect from `target` leads. Raises UnreadableUrl and UnusableUrl.

    A location without a host keeps the userinfo of `target`; one with a host has only its own.
    """
    account = "" if target.userinfo is None else target.userinfo + "@"
    start = f"{target.scheme}://{account}{target.host_header}{target.path}"
    try:
        url = urljoin(start, quote_from_bytes(location, safe=_LOCATION_SAFE))
    except ValueError:
        raise UnreadableUrl("invalid reference") from None
    return parse(url)


def masked(url: str) -> str:
    """Return a URL with its password replaced."""
    match = _PASSWORD.match(url)
    return url if match is None else f"{match[1]}xxxxx@{url[match.end() :]}"


def _check_text(text: str, fragment: str) -> None:
    if _CONTROL.search(text):
        raise UnreadableUrl("invalid control character in URL")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UnreadableUrl("invalid UTF-8 in URL") from None
    if "%" in text and _BAD_ESCAPE.search(text.partition("?")[0]):
        raise UnreadableUrl("invalid URL escape")
    if _BAD_ESCAPE.search(fragment):
        raise UnreadableUrl("invalid URL escape in fragment")


def _authority(authority: str) -> tuple[str | None, str, str, str]:
    """Return (userinfo, host to connect to, host as the worker sees it, digits of the port)."""
    account, separator, place = authority.rpartition("@")
    if not _USERINFO.fullmatch(account):
        raise UnreadableUrl("invalid userinfo")
    match = _HOST_AND_PORT.fullmatch(place)
    if match is None:
        raise UnreadableUrl("invalid host or port")
    if match["literal"] is not None:
        host, header = _literal(match["literal"])
    else:
        host = header = _name(match["name"])
    port = match["port"] or ""
    return account if separator else None, host, f"{header}:{port}" if port else header, port


def _literal(literal: str) -> tuple[str, str]:
    """Return an IPv6 address (with its zone, as the system writes it) and its form for the Host header."""
    address, separator, zone = literal.partition("%25")
    try:
        IPv6Address(address)
    except AddressValueError:
        raise UnreadableUrl("invalid IPv6 address") from None
    if separator and not _ZONE.fullmatch(zone):
        raise UnreadableUrl("invalid IPv6 zone")
    return (f"{address}%{zone}" if separator else address), f"[{address}]"


def _name(name: str) -> str:
    """Return a host name or IPv4 address in ASCII, an international name in its A-label form."""
    if len(name) > HOST_MAX_CHARACTERS:
        raise UnreadableUrl("host name too long")
    if _ASCII_ESCAPE.search(name):
        raise UnreadableUrl("invalid URL escape in host name")
    try:
        name = unquote(name, errors="strict")
        ascii_name = name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
    except UnicodeError:
        raise UnreadableUrl("invalid international host name") from None
    if not _NAME.fullmatch(ascii_name):
        raise UnreadableUrl("invalid character in host name")
    return ascii_name


def _port(digits: str, scheme: str, shown: str) -> int:
    if not digits:
        return DEFAULT_PORTS[scheme]
    significant = digits.lstrip("0") or "0"
    if len(significant) > 5 or int(significant) > 65_535:
        raise UnusableUrl(shown, "dial tcp: invalid port")
    return int(significant)


def _request_path(path: str, query: str | None) -> str:
    """Return the path and query of a request line; an empty query keeps its question mark."""
    encoded = quote(path, safe=_PATH_SAFE) or "/"
    return encoded if query is None else f"{encoded}?{quote(query, safe=_QUERY_SAFE)}"
