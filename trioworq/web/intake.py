"""Hot requests, parsed without I/O: bytes go in, a head and a body come out, or that it is not for us."""

from collections.abc import Mapping
from http import HTTPStatus

from attrs import define
from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from trioworq.core.errors import InvalidRequest
from trioworq.web.heads import HEAD, HEAD_END
from trioworq.web.hot import HotRoutes
from trioworq.web.messages import Route
from trioworq.web.paths import decode_path
from trioworq.web.replies import BodyTooLarge

# Headers that decide where a request ends, who serves it, whether it may pass and what follows. Any of them
# twice is not for us.
_HEADERS_READ = frozenset(
    {
        b"authorization",
        b"connection",
        b"content-length",
        b"expect",
        b"host",
        b"transfer-encoding",
        b"upgrade",
        b"user-agent",
    }
)
_LENGTH_MAX_DIGITS = 18


class BadFraming(Exception):
    """Where the body ends cannot be told, or is told at too great length."""

    def __init__(self, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(status.phrase)
        self.status = status


@define(eq=False)
class Head:
    """The head of a hot request."""

    route: Route
    arguments: Mapping[str, str]
    path: str
    raw_path: bytes
    query: bytes
    host: bytes
    authorization: bytes
    expects_continue: bool
    closes: bool
    user_agent: str | None

    @property
    def url(self) -> str:
        """The target as the access log shows it."""
        return (self.raw_path + b"?" + self.query if self.query else self.raw_path).decode("latin-1")


class Intake:
    """The requests of one connection in turn: `read_head`, then `read_body` until `is_complete`."""

    __slots__ = (
        "_body",
        "_fed",
        "_framing_bytes",
        "_headers",
        "_is_odd",
        "_left",
        "_max_body_bytes",
        "_max_framing_bytes",
        "_parser",
        "_routes",
        "is_complete",
    )

    def __init__(self, routes: HotRoutes, *, max_body_bytes: int, max_framing_bytes: int) -> None:
        """`max_framing_bytes` bounds what comes between two pieces of a body in chunks."""
        self._routes = routes
        self._max_body_bytes = max_body_bytes
        self._max_framing_bytes = max_framing_bytes
        self._headers: dict[bytes, bytes] = {}
        self._is_odd = False
        self._body: bytes | bytearray = b""
        # How many bytes of the body are still to come; None for a body in chunks.
        self._left: int | None = 0
        self._fed = b""
        self._framing_bytes = 0
        self.is_complete = False
        self._parser = HttpRequestParser(self)

    def close(self) -> None:
        """End: the parser holds the methods below, and no cyclic collector shall have to find that out."""
        del self._parser

    def take_body(self) -> bytes:
        """Hand the body over; it is not kept here."""
        body, self._body = self._body, b""
        return bytes(body)

    def drop_body(self) -> None:
        """Forget what has come of a body that is refused."""
        self._body = b""

    @property
    def size(self) -> int:
        """How many bytes of the body have come."""
        return len(self._body)

    def read_head(self, head: bytes) -> Head | None:
        """Read a whole head, up to its empty line; None when the other lane is to have the connection.

        What is odd in any way is not for us, so that there is one judge of odd things.
        """
        match = HEAD.fullmatch(head)
        if match is None or match["version"] != b"1.1":
            return None
        raw_path, _, query = match["target"].partition(b"?")
        if not raw_path.startswith(b"/"):
            return None
        try:
            path = decode_path(raw_path)
        except InvalidRequest:
            return None
        found = self._routes.find(match["method"].decode(), path)
        if found is None or not self._parse(head):
            return None
        headers = self._headers
        agent = headers.get(b"user-agent")
        self._left = None if b"transfer-encoding" in headers else int(headers.get(b"content-length", b"0"))
        return Head(
            route=found[0],
            arguments=found[1],
            path=path,
            raw_path=raw_path,
            query=query,
            host=headers[b"host"].rstrip(b" \t"),
            authorization=headers.get(b"authorization", b""),
            expects_continue=b"expect" in headers,
            closes=_closes(headers.get(b"connection", b"")),
            user_agent=None if agent is None else agent.decode("latin-1"),
        )

    def _parse(self, head: bytes) -> bool:
        """Split the head into headers; False for what is not surely understood."""
        self._headers = {}
        self._body = self._fed = b""
        self._framing_bytes = 0
        self.is_complete = self._is_odd = False
        try:
            self._feed(head)
        except BadFraming:
            return False
        headers = self._headers
        encoding = headers.get(b"transfer-encoding")
        length = headers.get(b"content-length")
        return (
            not self._is_odd
            and b"host" in headers
            and b"upgrade" not in headers
            and (encoding is None or (length is None and encoding.lower() == b"chunked"))
            and (length is None or (length.isdigit() and len(length) <= _LENGTH_MAX_DIGITS))
            and headers.get(b"expect", b"100-continue").lower() == b"100-continue"
            # From here on both of us have to be of one mind about where the request ends.
            and self.is_complete is (encoding is None and not int(length or b"0"))
        )

    def read_body(self, data: bytes) -> bytes:
        """Take the bytes that belong to the request, and return those behind it.

        Raises BodyTooLarge and BadFraming, after which the connection is of no more use.
        """
        if self.is_complete:
            return data
        if self._left is None:
            return self._read_chunks(data)
        if self._left > self._max_body_bytes:
            raise self._too_large()
        part = data[: self._left]
        self._left -= len(part)
        self._feed(part)
        if self.is_complete is not (self._left == 0):
            raise BadFraming
        return data[len(part) :]

    def _read_chunks(self, data: bytes) -> bytes:
        """Do so with chunks.

        The parser does not say where it was when the request was complete. But that is always right behind
        an empty line, so it is fed from one possible empty line to the next.
        """
        window = self._fed + data
        fed = len(self._fed)
        while fed < len(window) and not self.is_complete:
            end = window.find(HEAD_END, max(0, fed - 3))
            stop = len(window) if end < 0 else end + len(HEAD_END)
            size = len(self._body)
            self._feed(window[fed:stop])
            self._framing_bytes = 0 if len(self._body) > size else self._framing_bytes + stop - fed
            fed = stop
            if len(self._body) > self._max_body_bytes:
                raise self._too_large()
            if self._framing_bytes > self._max_framing_bytes:
                raise BadFraming(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        self._fed = window[max(0, fed - 3) : fed]
        return window[fed:]

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserCallbackError:
            raise  # a defect of ours, not the client's
        except (HttpParserError, HttpParserUpgrade) as error:
            raise BadFraming from error

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"A body should have at most {self._max_body_bytes} bytes")

    # Called by the parser.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the few headers that matter. Trailers come when nobody asks for headers any more."""
        name = name.lower()
        if name in _HEADERS_READ:
            self._is_odd = self._is_odd or name in self._headers
            self._headers[name] = value

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body."""
        if not self._body:
            self._body = piece
        elif isinstance(self._body, bytearray):
            self._body += piece
        else:
            self._body = bytearray(self._body) + piece

    def on_message_complete(self) -> None:
        """Notice the end."""
        self.is_complete = True


def _closes(connection: bytes) -> bool:
    """Whether a Connection header asks for the end."""
    return any(option.strip().lower() == b"close" for option in connection.split(b","))
