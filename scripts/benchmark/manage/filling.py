"""Jobs that wait, have failed and have finished, as many as asked for; all come through the server's API."""

import json
import time

from attrs import define, field

from benchmark.asking import ask
from benchmark.errors import BenchError, Deadline
from benchmark.generator import Generator
from benchmark.progress import Progress
from benchmark.push.pushes import pushes
from benchmark.push.sink import FAILING
from benchmark.push.worker import Worker
from benchmark.target import Place

# Queues, each of which takes the category of its name.
WAITING, FAILED, FINISHED, PUSHED = (
    f"trioworq-bench-{name}" for name in ("waiting", "failed", "done", "now")
)
QUEUES = (WAITING, FAILED, FINISHED, PUSHED)
BATCH = 500
CONNECTIONS = 8
POLL_S = 0.2
# Databases go on writing out what has been stored; they get a second for so many jobs.
SETTLED_PER_S = 100_000


@define
class Filling:
    """What fills a server; `_pushed` are the jobs so far, by queue."""

    place: Place
    worker: Worker
    deadline: Deadline
    progress: Progress
    payload_bytes: int
    _pushed: dict[str, int] = field(factory=dict)

    def wait_in(self, queue: str, count: int) -> None:
        """Have jobs wait in a queue, which is paused for that."""
        ask(self.place, self.deadline, "POST", f"/queue/{queue}/pause")
        self._push(queue, queue, count)
        time.sleep(count / SETTLED_PER_S)

    def finish(self, queue: str, count: int) -> None:
        """Have jobs that have ended well."""
        self._push(queue, queue, count)
        self.wait_for(queue, "finished_count", count)

    def fail(self, queue: str, count: int) -> None:
        """Have jobs that have failed for good."""
        self._push(queue, f"{FAILING}-{queue}", count)
        self.wait_for(queue, "failed_count", count)

    def wait_for(self, queue: str, name: str, count: int) -> None:
        """Wait until so many jobs of a queue are counted, and none waits or runs."""
        while (found := self._stats(queue))[name] < count or found["queued_count"] or found["started_count"]:
            self.progress.show(f"{name} of {queue}", found[name], count)
            self.deadline.left_s(f"{count} jobs ({found[name]} so far)")
            time.sleep(POLL_S)
        if found[name] != count:
            raise BenchError(f"{name} of {queue} is {found[name]} and not {count}")

    def _stats(self, queue: str) -> dict[str, int]:
        answer = ask(self.place, self.deadline, "GET", f"/api/v1/jobs/stats?queue={queue}")
        found: dict[str, int] = json.loads(answer.body)
        return found

    def _push(self, queue: str, run: str, count: int) -> None:
        def show(done: int) -> None:
            self.progress.show(f"pushed to {queue}", done, count)

        orders = pushes(self.place.host, [queue], self.worker.url(run), self.payload_bytes, BATCH)
        generator = Generator(self.place.address, orders, CONNECTIONS, self.deadline, show)
        first = self._pushed.get(queue, 0)
        generator.push(count, first=first)
        self._pushed[queue] = first + count
