"""Requests of those who enqueue jobs and of the workers that fetch them."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from attrs import frozen

from benchmark.connection import Answer

ACCEPTED = 202
# No lease ends while it is measured.
LEASE_S = 3600
# From the year 2100 on, as many different hours as jobs of the future fall due in.
FAR_AHEAD_S = 4_102_444_800
HOUR_S = 3600
HOURS = 1000

PAYLOAD = '{"pad":""}'
HEAD = "%s %s HTTP/1.1\r\nHost: %s\r\n"
HEAD_OF_JSON = HEAD + "Content-Type: application/json\r\nContent-Length: %%d\r\n\r\n"


@frozen
class Enqueues:
    """So many jobs a request; the kinds of job take turns."""

    head: bytes
    kinds: Sequence[bytes]
    batch: int
    name: str = "an enqueue"

    def fill(self, numbers: range, run_after_s: int, sent_ns: int) -> bytes:
        """Return the whole request for some jobs; when they fall due is said by their kind alone."""
        count = len(self.kinds)
        body = b",".join([self.kinds[number % count] % number for number in numbers])
        if self.batch > 1:
            body = b"[" + body + b"]"
        return self.head % len(body) + body

    def is_accepted(self, numbers: range, answer: Answer) -> bool:
        """Whether the answer is a success; a batch is enqueued as a whole."""
        return answer.status == ACCEPTED


@frozen
class Asker:
    """Makes the requests about one queue's jobs; `run` sets the names of its jobs apart from all others."""

    host: str
    queue: str
    run: str
    payload_bytes: int

    def enqueues(self, batch: int) -> Enqueues:
        """Return the requests for jobs that are due."""
        return Enqueues(self._enqueue_head(batch), [self._kind(self.queue)], batch)

    def future_enqueues(self, batch: int) -> Enqueues:
        """Return the requests for jobs that fall due much later, every other one in another queue."""
        queues = (self.queue, f"{self.queue}-later")
        times = [FAR_AHEAD_S + hour * HOUR_S for hour in range(HOURS)]
        kinds = [self._kind(queue, f',"run_at":"{time_s}"') for time_s in times for queue in queues]
        return Enqueues(self._enqueue_head(batch), kinds, batch)

    def next(self, num_jobs: int, wait_s: int = 0) -> bytes:
        """Return the request for so many jobs."""
        wait = f"&wait={wait_s}" if wait_s else ""
        return self._bare("GET", f"/v1/next?queue={quote(self.queue)}&num_jobs={num_jobs}{wait}")

    def complete(self, job: Mapping[str, Any]) -> bytes:
        """Return the request that ends the run of a job that was handed out."""
        run = f"queue={quote(self.queue)}&job_id={quote(job['id'])}&run_id={quote(job['run_id'])}"
        return self._bare("DELETE", f"/v1/complete?{run}")

    def _bare(self, method: str, target: str) -> bytes:
        return (HEAD % (method, target, self.host) + "\r\n").encode()

    def _enqueue_head(self, batch: int) -> bytes:
        path = "/enqueue" if batch == 1 else "/enqueue/batch"
        return (HEAD_OF_JSON % ("POST", path, self.host)).encode()

    def _kind(self, queue: str, more: str = "") -> bytes:
        payload = f'{{"pad":"{"x" * max(0, self.payload_bytes - len(PAYLOAD))}"}}'
        name = f'"id":"{self.run}-%012d","queue":"{queue}"'
        return f'{{{name},"timeout":{LEASE_S},"max_retries":3,"payload":{payload}{more}}}'.encode()
