"""Sees the answers that tests get from the app, and judges them by the OpenAPI document."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import zip_longest

import httpx2
import trio
from attrs import define, field
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from tests.described import Description, description
from trioworq.web.heads import HEAD
from trioworq.web.messages import Route
from trioworq.web.openapi.document import OPERATIONS
from trioworq.web.replies import CONSOLE

_SHOWN = 1000


@define(eq=False)
class Witness:
    """Judges the answers of one server; `faults` is what was not as described.

    It looks away where a test serves routes of its own, of which the document knows nothing.
    """

    _description: Description | None
    faults: list[str] = field(factory=list, init=False)

    @classmethod
    def blind(cls) -> "Witness":
        """Look away from all."""
        return cls(None)

    @classmethod
    def of(cls, routes: Iterable[Route]) -> "Witness":
        """Watch a server of these routes."""
        is_described = any(f"{route.method} {route.path}" in OPERATIONS for route in routes)
        return cls(description() if is_described else None)

    @property
    def is_watching(self) -> bool:
        """Whether it judges."""
        return self._description is not None

    async def see(self, response: httpx2.Response) -> None:
        """Judge what a client got; a hook of httpx2."""
        if self._description is not None:
            body = await response.aread()
            request = response.request.method, response.request.url.raw_path
            headers = {name.lower(): value for name, value in response.headers.items()}
            self._judge(request, response.status_code, headers, body)

    async def connect(self, port: int) -> "WitnessedStream":
        """Connect to the server, and judge all that it answers."""
        return WitnessedStream(await trio.open_tcp_stream("127.0.0.1", port), self)

    def see_bytes(self, sent: bytes, received: bytes) -> None:
        """Judge what came on a connection, as far as it is HTTP/1.1."""
        if self._description is None:
            return
        requests = _read_requests(sent)
        answers = _read_answers(received, [method for method, _ in requests])
        for request, answer in zip_longest(requests, answers):
            if answer is not None:
                self._judge(request, *answer)

    def _judge(
        self, request: tuple[str, bytes] | None, status: int, headers: dict[str, str], body: bytes
    ) -> None:
        assert self._description is not None
        if request is not None and request[1].startswith(CONSOLE.encode()):
            return  # pages are for people: the document tells of the APIs alone
        if request is None:
            faults = self._description.unasked_faults(status, headers, body)
        else:
            faults = self._description.faults(*request, status, headers, body)
        if faults:
            answer = str((status, headers, body))[:_SHOWN]
            self.faults.append(f"{request or 'no request'}: {answer} is not as described: {faults}")


class WitnessedStream(trio.abc.HalfCloseableStream):
    """A connection to the server under test, judged when it is closed."""

    def __init__(self, stream: trio.SocketStream, witness: Witness) -> None:
        self._stream = stream
        self._witness = witness
        self._sent = bytearray()
        self._received = bytearray()

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Set an option of the socket."""
        self._stream.setsockopt(level, option, value)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._witness.is_watching:
            self._sent += data
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = await self._stream.receive_some(max_bytes)
        if self._witness.is_watching:
            self._received += data
        return data

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._witness.see_bytes(bytes(self._sent), bytes(self._received))
            self._sent.clear()
            self._received.clear()


class _Requests:
    """Collects the requests that the parser finds."""

    def __init__(self) -> None:
        self.found: list[tuple[str, bytes]] = []
        self.parser = HttpRequestParser(self)
        self._target = b""

    def on_message_begin(self) -> None:
        self._target = b""

    def on_url(self, piece: bytes) -> None:
        self._target += piece

    def on_headers_complete(self) -> None:
        self.found.append((self.parser.get_method().decode(), self._target))


def _read_requests(sent: bytes) -> list[tuple[str, bytes]]:
    """Return (method, target) of the requests up to the first that is none."""
    requests = _Requests()
    with suppress(HttpParserError, HttpParserUpgrade):
        requests.parser.feed_data(sent)
    if not requests.found and (head := HEAD.match(sent)):
        # The parser knows no methods but those that have a meaning somewhere.
        return [(head["method"].decode(), head["target"])]
    return requests.found


def _read_answers(received: bytes, methods: list[str]) -> Iterator[tuple[int, dict[str, str], bytes]]:
    """Return (status, headers, body) of the answers that came whole; interim ones are passed over."""
    rest = received
    asked = iter(methods)
    while rest.startswith(b"HTTP/1.") and b"\r\n\r\n" in rest:
        head, _, rest = rest.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        status = int(status_line.split(" ")[1])
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        if status == 101:
            return
        if status < 200:
            continue
        size = 0 if next(asked, "") == "HEAD" else int(headers.get("content-length", 0))
        if len(rest) < size:
            return
        body, rest = rest[:size], rest[size:]
        yield status, headers, body
