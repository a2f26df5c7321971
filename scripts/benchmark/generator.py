"""Pushes jobs as fast as a number of keep-alive connections allow, from one epoll loop."""

import select
import socket
import time
from collections.abc import Callable
from itertools import islice

import httptools
from attrs import define, field

from benchmark.errors import BenchError, Deadline
from benchmark.pushes import Pushes

CONNECT_LIMIT_S = 30
POLL_S = 0.25
READ_BYTES = 256 * 1024
OK = 200

Address = tuple[str, int]


@define(eq=False)
class Connection:
    """One connection with at most one request under way."""

    address: Address
    numbers: range = range(0)
    sent_ns: int = 0
    is_answered: bool = False
    is_last: bool = False
    unsent: memoryview = memoryview(b"")
    answer: list[bytes] = field(factory=list)
    stream: socket.socket = field(init=False)
    parser: httptools.HttpResponseParser = field(init=False)

    def open(self) -> None:
        """Connect, or connect anew."""
        self.stream = socket.create_connection(self.address, timeout=CONNECT_LIMIT_S)
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream.setblocking(False)
        self.parser = httptools.HttpResponseParser(self)

    def send(self, request: bytes) -> None:
        """Begin a request; what the kernel does not take at once stays `unsent`."""
        self.is_answered, self.answer = False, []
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
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        """Keep a part of the answer's body (called by the parser)."""
        self.answer.append(data)

    def on_message_complete(self) -> None:
        """Note the end of the answer (called by the parser)."""
        self.is_answered = True
        # Later the parser no longer knows.
        self.is_last = not self.parser.should_keep_alive()

    def check(self, pushes: Pushes) -> None:
        """Raise BenchError unless the answer is a success."""
        status = self.parser.get_status_code()
        answer = b"".join(self.answer)
        if status != OK or not pushes.is_accepted(self.numbers, answer):
            text = " ".join(answer.decode("utf-8", "replace").split())
            raise BenchError(f"a push was answered {status}: {text[:200]}")


@define
class Generator:
    """Pushes numbered jobs and notes how long each answer takes."""

    address: Address
    pushes: Pushes
    connections: int
    deadline: Deadline
    show: Callable[[int], None]

    def push(self, count: int, run_after: Callable[[], int] = lambda: 0, *, first: int = 0) -> list[int]:
        """Push `count` jobs, numbered from `first` on; return the time of each answer, in nanoseconds.

        `run_after` is asked for each request. Raises BenchError for anything but success.
        """
        opened: dict[int, Connection] = {}
        try:
            with select.epoll() as events:
                return _Pushing(self, range(first, first + count), run_after, events, opened).run()
        except (OSError, httptools.HttpParserError) as error:
            raise BenchError(f"a push failed: {error}") from error
        finally:
            for connection in opened.values():
                connection.stream.close()


class _Pushing:
    """One call of `Generator.push`."""

    def __init__(
        self,
        generator: Generator,
        numbers: range,
        run_after: Callable[[], int],
        events: select.epoll,
        opened: dict[int, Connection],
    ) -> None:
        self._generator = generator
        self._count = len(numbers)
        batch = generator.pushes.batch
        self._requests = (numbers[at : at + batch] for at in range(0, self._count, batch))
        self._run_after = run_after
        self._events = events
        self._opened = opened
        self._latencies_ns: list[int] = []
        self._done = 0

    def run(self) -> list[int]:
        for numbers in islice(self._requests, self._generator.connections):
            connection = Connection(self._generator.address)
            self._open(connection)
            self._send(connection, numbers)
        while self._done < self._count:
            left_s = self._generator.deadline.left_s("answers to pushes")
            for stream, event in self._events.poll(min(POLL_S, left_s)):
                self._serve(self._opened[stream], event)
            self._generator.show(self._done)
        return self._latencies_ns

    def _serve(self, connection: Connection, event: int) -> None:
        if event & select.EPOLLOUT:
            connection.send_more()
            if not connection.unsent:
                self._events.modify(connection.stream, select.EPOLLIN)
        if event & ~select.EPOLLOUT:
            connection.receive()
            if connection.is_answered:
                self._go_on(connection)

    def _go_on(self, connection: Connection) -> None:
        self._latencies_ns.append(time.monotonic_ns() - connection.sent_ns)
        connection.check(self._generator.pushes)
        self._done += len(connection.numbers)
        numbers = next(self._requests, None)
        if numbers is None:
            self._events.unregister(connection.stream)
            return
        if connection.is_last:
            del self._opened[connection.stream.fileno()]
            connection.stream.close()
            self._open(connection)
        self._send(connection, numbers)

    def _send(self, connection: Connection, numbers: range) -> None:
        run_after_s = self._run_after()
        connection.numbers, connection.sent_ns = numbers, time.monotonic_ns()
        connection.send(self._generator.pushes.fill(numbers, run_after_s, connection.sent_ns))
        if connection.unsent:
            self._events.modify(connection.stream, select.EPOLLIN | select.EPOLLOUT)

    def _open(self, connection: Connection) -> None:
        connection.open()
        self._opened[connection.stream.fileno()] = connection
        self._events.register(connection.stream, select.EPOLLIN)
