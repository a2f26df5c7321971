"""A worker that waits for jobs, and a client that enqueues one whenever it does."""

import time

from attrs import define, field

from benchmark.crowd import Crowd, Script
from benchmark.pull.requests import Enqueues
from benchmark.pull.workers import Workers

# So long before each enqueue that the worker is surely waiting.
PAUSE_S = 0.02


@define
class Waits:
    """Nanoseconds from the start of each enqueue to the worker's having the job, and to the answer."""

    workers: Workers
    enqueues: Enqueues
    start_ns: list[int] = field(factory=list)
    enqueue_ns: list[int] = field(factory=list)
    _sent_ns: int = 0

    def one(self, crowd: Crowd, number: int) -> None:
        """Have the worker wait, and enqueue a job for it."""
        crowd.run([self.workers.wait(), self._enqueue(number)])
        self.start_ns.append(self.workers.arrived_ns - self._sent_ns)

    def _enqueue(self, number: int) -> Script:
        time.sleep(PAUSE_S)
        self._sent_ns = time.monotonic_ns()
        numbers = range(number, number + 1)
        answer = yield self.enqueues.fill(numbers, 0, self._sent_ns)
        self.enqueue_ns.append(time.monotonic_ns() - self._sent_ns)
        if not self.enqueues.is_accepted(numbers, answer):
            raise answer.refusal(self.enqueues.name)
