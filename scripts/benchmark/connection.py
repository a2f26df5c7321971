"""One keep-alive connection to a server, with at most one request under way."""

import socket

import httptools
from attrs import define, field, frozen

from benchmark.errors import BenchError

CONNECT_LIMIT_S = 30
READ_BYTES = 256 * 1024

Address = tuple[str, int]


@frozen
class Answer:
    """What a server said."""

    status: int
    body: bytes

    def refusal(self, what: str) -> BenchError:
        """Return the error that ends a measurement when `what` should have been answered otherwise."""
        text = " ".join(self.body.decode("utf-8", "replace").split())
        return BenchError(f"{what} was answered {self.status}: {text[:200]}")


@define(eq=False)
class Connection:
    """A non-blocking connection; whoever has it waits for the kernel."""

    address: Address
    is_answered: bool = False
    is_last: bool = False
    unsent: memoryview = memoryview(b"")
    stream: socket.socket = field(init=False)
    _body: list[bytes] = field(factory=list)
    _parser: httptools.HttpResponseParser = field(init=False)

    def open(self) -> None:
        """Connect, or connect anew."""
        self.stream = socket.create_connection(self.address, timeout=CONNECT_LIMIT_S)
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream.setblocking(False)
        self._parser = httptools.HttpResponseParser(self)

    def send(self, request: bytes) -> None:
        """Begin a request; what the kernel does not take at once stays `unsent`."""
        self.is_answered, self._body = False, []
        sent = self.stream.send(request)
        self.unsent = memoryview(request)[sent:]

    def send_more(self) -> None:
        """Go on with a request, now that the kernel takes more of it."""
        self.unsent = self.unsent[self.stream.send(self.unsent) :]

    def receive(self) -> None:
        """Take what has come in."""
        data = self.stream.recv(READ_BYTES)
        if not data:
            raise BenchError("the server closed a connection before it had answered")
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        """Keep a part of the answer's body (called by the parser)."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Note the end of the answer (called by the parser)."""
        self.is_answered = True
        # Later the parser no longer knows.
        self.is_last = not self._parser.should_keep_alive()

    def answer(self) -> Answer:
        """Return the answer, once it is whole."""
        return Answer(self._parser.get_status_code(), b"".join(self._body))
