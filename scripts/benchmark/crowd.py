"""Clients that all talk to a server at the same time, from one epoll loop."""

import select
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import Self

import httptools
from attrs import define, field

from benchmark.connection import Address, Answer, Connection
from benchmark.errors import BenchError, Deadline

POLL_S = 0.25

# What a client does: it yields a request, is given the answer, and yields the next until it is done. While it
# thinks, all others wait.
Script = Generator[bytes, Answer, None]


@define(eq=False)
class _Client:
    connection: Connection
    script: Script


@define
class Crowd:
    """Each client has a connection of its own, which stays open from one `run` to the next.

    `show` is called now and then; `waiting_for` says what was not there when the time was over.
    """

    address: Address
    deadline: Deadline
    waiting_for: str
    show: Callable[[], None] = lambda: None
    _events: select.epoll = field(factory=select.epoll, init=False)
    _connections: list[Connection] = field(factory=list, init=False)
    _busy: dict[int, _Client] = field(factory=dict, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._connections:
            connection.stream.close()
        self._events.close()

    def run(self, scripts: Iterable[Script]) -> None:
        """Return when all clients are done, of which each begins when the one before has sent its first.

        Raises BenchError, and whatever a script raises.
        """
        try:
            for number, script in enumerate(scripts):
                self._begin(_Client(self._connection(number), script))
            while self._busy:
                left_s = self.deadline.left_s(self.waiting_for)
                for stream, event in self._events.poll(min(POLL_S, left_s)):
                    self._serve(self._busy[stream], event)
                self.show()
        except (OSError, httptools.HttpParserError) as error:
            raise BenchError(f"a request failed: {error}") from error

    def _connection(self, number: int) -> Connection:
        if number == len(self._connections):
            connection = Connection(self.address)
            connection.open()
            self._connections.append(connection)
        return self._connections[number]

    def _begin(self, client: _Client) -> None:
        self._watch(client)
        self._go_on(client, None)

    def _serve(self, client: _Client, event: int) -> None:
        connection = client.connection
        if event & select.EPOLLOUT:
            connection.send_more()
            if not connection.unsent:
                self._events.modify(connection.stream, select.EPOLLIN)
        if event & ~select.EPOLLOUT:
            connection.receive()
            if connection.is_answered:
                self._go_on(client, connection.answer())

    def _go_on(self, client: _Client, answer: Answer | None) -> None:
        connection = client.connection
        if answer and connection.is_last:
            self._forget(client)
            connection.stream.close()
            connection.open()
            self._watch(client)
        try:
            request = next(client.script) if answer is None else client.script.send(answer)
        except StopIteration:
            self._forget(client)
            return
        connection.send(request)
        if connection.unsent:
            self._events.modify(connection.stream, select.EPOLLIN | select.EPOLLOUT)

    def _watch(self, client: _Client) -> None:
        self._busy[client.connection.stream.fileno()] = client
        self._events.register(client.connection.stream, select.EPOLLIN)

    def _forget(self, client: _Client) -> None:
        del self._busy[client.connection.stream.fileno()]
        self._events.unregister(client.connection.stream)
