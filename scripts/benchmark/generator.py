"""Pushes jobs as fast as a number of keep-alive connections allow, from one epoll loop."""

import select
import socket
import struct
import time
from collections.abc import Callable

import httptools
from attrs import define, field, frozen

from benchmark.errors import BenchError, Deadline
from benchmark.sink import NUMBER_DIGITS, TIME_DIGITS

SEND_LIMIT_S = 30
POLL_S = 0.25
READ_BYTES = 64 * 1024
OK = 200

Address = tuple[str, int]


@frozen
class PushTemplate:
    """A push whose payload carries the job's number and the time at which it was sent."""

    head: bytes
    body: bytes

    @classmethod
    def make(cls, host: str, category: str, url: str, payload_bytes: int) -> "PushTemplate":
        """Return the template of a push; a payload is never smaller than its marks."""
        marks = f'{{"n":"%0{NUMBER_DIGITS}d","t":"%0{TIME_DIGITS}d","pad":"'
        padding = "x" * max(0, payload_bytes - len(marks % (0, 0)) - 2)
        body = f'{{"url":"{url}","run_after":%d,"payload":{marks}{padding}"}}}}'
        head = (
            f"POST /job/{category} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            "Content-Length: %d\r\n\r\n"
        )
        return cls(head.encode(), body.encode())

    def fill(self, number: int, run_after_s: int, sent_ns: int) -> bytes:
        """Return the whole request for one job."""
        body = self.body % (run_after_s, number, sent_ns)
        return self.head % len(body) + body


@define(eq=False)
class Connection:
    """One connection with at most one request under way."""

    address: Address
    sent_ns: int = 0
    is_answered: bool = False
    is_last: bool = False
    body: bytes = b""
    stream: socket.socket = field(init=False)
    parser: httptools.HttpResponseParser = field(init=False)

    def open(self) -> None:
        """Connect, or connect anew."""
        self.stream = socket.create_connection(self.address, timeout=SEND_LIMIT_S)
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The kernel bounds a send. Python's own time-out would cost a system call before each.
        self.stream.setblocking(True)
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_LIMIT_S, 0))
        self.parser = httptools.HttpResponseParser(self)

    def send(self, request: bytes, sent_ns: int) -> None:
        """Send a request."""
        self.sent_ns, self.is_answered, self.body = sent_ns, False, b""
        self.stream.sendall(request)

    def receive(self) -> None:
        """Take what has come in."""
        data = self.stream.recv(READ_BYTES)
        if not data:
            raise BenchError("the server closed a connection before it had answered")
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        """Keep a part of the answer's body (called by the parser)."""
        self.body += data

    def on_message_complete(self) -> None:
        """Note the end of the answer (called by the parser)."""
        self.is_answered = True
        # Later the parser no longer knows.
        self.is_last = not self.parser.should_keep_alive()

    def check(self) -> None:
        """Raise BenchError unless the answer is a success."""
        status = self.parser.get_status_code()
        if status != OK:
            text = " ".join(self.body.decode("utf-8", "replace").split())
            raise BenchError(f"a push was answered {status}: {text[:200]}")


@define
class Generator:
    """Pushes numbered jobs and notes how long each answer takes."""

    address: Address
    template: PushTemplate
    connections: int
    deadline: Deadline
    show: Callable[[int], None]

    def push(self, count: int, run_after: Callable[[], int] = lambda: 0) -> list[int]:
        """Push jobs 0 to `count` - 1; return the time of each answer, in nanoseconds.

        `run_after` is asked for each job. Raises BenchError for anything but success.
        """
        opened: dict[int, Connection] = {}
        try:
            return self._push(count, run_after, opened)
        except (OSError, httptools.HttpParserError) as error:
            raise BenchError(f"a push failed: {error}") from error
        finally:
            for connection in opened.values():
                connection.stream.close()

    def _push(self, count: int, run_after: Callable[[], int], opened: dict[int, Connection]) -> list[int]:
        latencies_ns: list[int] = []
        with select.epoll() as events:
            for number in range(min(count, self.connections)):
                connection = Connection(self.address)
                self._open(connection, events, opened)
                self._send(connection, number, run_after())
            following = len(opened)
            while len(latencies_ns) < count:
                left_s = self.deadline.left_s("answers to pushes")
                for number, _ in events.poll(min(POLL_S, left_s)):
                    connection = opened[number]
                    connection.receive()
                    if not connection.is_answered:
                        continue
                    latencies_ns.append(time.monotonic_ns() - connection.sent_ns)
                    connection.check()
                    if following < count:
                        self._reopen_if_closed(connection, events, opened)
                        self._send(connection, following, run_after())
                        following += 1
                    else:
                        events.unregister(connection.stream)
                self.show(len(latencies_ns))
        return latencies_ns

    def _send(self, connection: Connection, number: int, run_after_s: int) -> None:
        sent_ns = time.monotonic_ns()
        connection.send(self.template.fill(number, run_after_s, sent_ns), sent_ns)

    def _open(self, connection: Connection, events: select.epoll, opened: dict[int, Connection]) -> None:
        connection.open()
        opened[connection.stream.fileno()] = connection
        events.register(connection.stream, select.EPOLLIN)

    def _reopen_if_closed(
        self, connection: Connection, events: select.epoll, opened: dict[int, Connection]
    ) -> None:
        if connection.is_last:
            del opened[connection.stream.fileno()]
            connection.stream.close()
            self._open(connection, events, opened)
