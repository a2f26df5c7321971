"""What each worker does: it fetches jobs and completes them one by one, and does nothing with them."""

import time

import orjson
from attrs import define, field

from benchmark.crowd import Script
from benchmark.errors import BenchError
from benchmark.pull.requests import Asker

OK, NO_CONTENT = 200, 204
# The longest that a server lets a worker wait.
WAIT_S = 60


@define
class Workers:
    """What the workers of a phase have done together.

    `arrived_ns` is when the last answer came to a request for jobs; the lists have what each took.
    """

    asker: Asker
    fetched: list[str] = field(factory=list)
    arrived_ns: int = 0
    completed: int = 0
    next_ns: list[int] = field(factory=list)
    complete_ns: list[int] = field(factory=list)

    @property
    def repeated(self) -> int:
        """How many jobs have been handed out that had been handed out before."""
        return len(self.fetched) - len(set(self.fetched))

    def work(self, num_jobs: int, until: int) -> Script:
        """Fetch and complete until the workers have fetched `until` jobs."""
        request = self.asker.next(num_jobs)
        while len(self.fetched) < until:
            yield from self._fetch(request)

    def wait(self) -> Script:
        """Wait for one job and complete it."""
        before = len(self.fetched)
        yield from self._fetch(self.asker.next(1, WAIT_S))
        if len(self.fetched) == before:
            raise BenchError(f"a worker that would wait {WAIT_S} s for a job was sent away")

    def _fetch(self, request: bytes) -> Script:
        sent_ns = time.monotonic_ns()
        answer = yield request
        self.arrived_ns = time.monotonic_ns()
        if answer.status == NO_CONTENT:
            return
        if answer.status != OK:
            raise answer.refusal("a worker's request for jobs")
        self.next_ns.append(self.arrived_ns - sent_ns)
        jobs = orjson.loads(answer.body)
        self.fetched += [job["id"] for job in jobs]
        for job in jobs:
            sent_ns = time.monotonic_ns()
            answer = yield self.asker.complete(job)
            self.complete_ns.append(time.monotonic_ns() - sent_ns)
            if answer.status != OK:
                raise answer.refusal("the completion of a job")
            self.completed += 1
