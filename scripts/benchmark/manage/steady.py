"""Pushes at a fixed rate, one after the other, while something else goes on."""

import time
from collections.abc import Callable
from threading import Event, Thread

from attrs import define, field

from benchmark.crowd import Crowd, Script
from benchmark.errors import BenchError, Deadline
from benchmark.figures import spread
from benchmark.generator import Orders
from benchmark.manage.figures import Pushed
from benchmark.target import Place


@define
class Steady:
    """What pushes. Each answer counts from when its push was due: those that had to wait for it are late."""

    place: Place
    deadline: Deadline
    orders: Orders
    per_s: int
    latencies_ns: list[int] = field(factory=list)
    _number: int = 0

    def while_doing(self, act: Callable[[], None]) -> Pushed:
        """Push from the beginning of an act to its end. Raises BenchError, also what the act raises."""
        self.latencies_ns = []
        over = Event()
        errors: list[BenchError] = []

        def run() -> None:
            try:
                act()
            except BenchError as error:
                errors.append(error)
            finally:
                over.set()

        thread = Thread(target=run, daemon=True)
        with Crowd(self.place.address, self.deadline, "pushes to be taken") as crowd:
            thread.start()
            crowd.run([self._script(over)])
        thread.join()
        if errors:
            raise errors[0]
        return Pushed(spread(self.latencies_ns), max(self.latencies_ns) / 1e6)

    def _script(self, over: Event) -> Script:
        due_ns = time.monotonic_ns()
        while not (over.is_set() and self.latencies_ns):
            time.sleep(max(0.0, (due_ns - time.monotonic_ns()) / 1e9))
            numbers = range(self._number, self._number + 1)
            answer = yield self.orders.fill(numbers, 0, due_ns)
            self.latencies_ns.append(time.monotonic_ns() - due_ns)
            if not self.orders.is_accepted(numbers, answer):
                raise answer.refusal(self.orders.name)
            self._number += 1
            due_ns += 1_000_000_000 // self.per_s
