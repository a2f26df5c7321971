"""Pushes at a fixed rate while something else goes on."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event

from attrs import define, field

from benchmark.crowd import Crowd, Script
from benchmark.errors import Deadline
from benchmark.figures import spread
from benchmark.generator import Orders
from benchmark.manage.figures import Pushed
from benchmark.target import Place

# So many clients take turns, so that a push that takes long holds up few of those that are due after it.
CLIENTS = 10


@define
class Steady:
    """What pushes. Each answer counts from when its push was due, even if its client was late with it."""

    place: Place
    deadline: Deadline
    orders: Orders
    per_s: int
    latencies_ns: list[int] = field(factory=list)
    _numbers: Iterator[int] = field(factory=count)

    def while_doing(self, act: Callable[[], None]) -> Pushed:
        """Push from the beginning of an act to its end. Raises BenchError, also what the act raises."""
        self.latencies_ns = []
        over = Event()
        began_ns = time.monotonic_ns()
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self._push, over, began_ns + self._apart_ns(n)) for n in range(CLIENTS)]
            try:
                act()
            finally:
                over.set()
        for client in clients:
            client.result()
        return Pushed(spread(self.latencies_ns), max(self.latencies_ns) / 1e6)

    def _apart_ns(self, pushes: int) -> int:
        return pushes * 1_000_000_000 // self.per_s

    def _push(self, over: Event, due_ns: int) -> None:
        with Crowd(self.place.address, self.deadline, "pushes to be taken") as crowd:
            crowd.run([self._script(over, due_ns)])

    def _script(self, over: Event, due_ns: int) -> Script:
        """Push once at least, then as often as it is this client's turn."""
        is_first = True
        while is_first or not over.is_set():
            is_first = False
            time.sleep(max(0.0, (due_ns - time.monotonic_ns()) / 1e9))
            number = next(self._numbers)
            numbers = range(number, number + 1)
            answer = yield self.orders.fill(numbers, 0, due_ns)
            self.latencies_ns.append(time.monotonic_ns() - due_ns)
            if not self.orders.is_accepted(numbers, answer):
                raise answer.refusal(self.orders.name)
            due_ns += self._apart_ns(CLIENTS)
