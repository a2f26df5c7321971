"""Hands jobs to a server as fast as a number of keep-alive connections allow."""

import time
from collections.abc import Callable, Iterator
from typing import Protocol

from attrs import define

from benchmark.connection import Address, Answer
from benchmark.crowd import Crowd, Script
from benchmark.errors import Deadline


class Orders(Protocol):
    """Makes requests that hand over numbered jobs, and knows their answers."""

    @property
    def name(self) -> str:
        """What one request is called."""
        ...

    @property
    def batch(self) -> int:
        """The most jobs that one request may carry."""
        ...

    def fill(self, numbers: range, run_after_s: int, sent_ns: int) -> bytes:
        """Return the whole request for some jobs."""
        ...

    def is_accepted(self, numbers: range, answer: Answer) -> bool:
        """Whether the server took every one of these jobs."""
        ...


@define
class Generator:
    """Hands numbered jobs over and notes how long each answer takes."""

    address: Address
    orders: Orders
    connections: int
    deadline: Deadline
    show: Callable[[int], None]
    _done: int = 0

    def push(self, count: int, run_after: Callable[[], int] = lambda: 0, *, first: int = 0) -> list[int]:
        """Hand over `count` jobs, numbered from `first` on; return the time of each answer, in nanoseconds.

        `run_after` is asked for each request. Raises BenchError when a job is not taken.
        """
        self._done = 0
        batch = self.orders.batch
        end = first + count
        requests = (range(at, min(at + batch, end)) for at in range(first, end, batch))
        latencies_ns: list[int] = []
        clients = min(self.connections, -(-count // batch))
        with Crowd(self.address, self.deadline, "jobs to be taken", lambda: self.show(self._done)) as crowd:
            crowd.run(self._script(requests, run_after, latencies_ns) for _ in range(clients))
        return latencies_ns

    def _script(
        self, requests: Iterator[range], run_after: Callable[[], int], latencies_ns: list[int]
    ) -> Script:
        for numbers in requests:
            run_after_s = run_after()
            sent_ns = time.monotonic_ns()
            answer = yield self.orders.fill(numbers, run_after_s, sent_ns)
            latencies_ns.append(time.monotonic_ns() - sent_ns)
            if not self.orders.is_accepted(numbers, answer):
                raise answer.refusal(self.orders.name)
            self._done += len(numbers)
