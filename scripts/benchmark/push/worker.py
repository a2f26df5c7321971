"""Starts the sink as a process of its own and asks it what has come."""

import http.client
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from attrs import frozen

from benchmark.errors import BenchError, Deadline
from benchmark.private import started_listener
from benchmark.push.figures import Delivery

POLL_S = 0.02
ANSWER_S = 30


@frozen
class Worker:
    """The running sink."""

    host: str
    port: int

    def url(self, run: str) -> str:
        """Return the URL to which jobs of a run are sent."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/{run}"

    def count(self, run: str) -> int:
        """Count the different jobs of a run that have come."""
        return int(self._ask(f"/{run}"))

    def deliveries(self, run: str) -> list[Delivery]:
        """Return everything that has come in a run, in order."""
        numbers = array("q", self._ask(f"/{run}/deliveries"))
        return [Delivery(*numbers[at : at + 3]) for at in range(0, len(numbers), 3)]

    def hold(self) -> None:
        """Leave jobs without an answer from now on."""
        self._ask("/hold")

    def release(self) -> None:
        """Answer the jobs that were held, and all that follow."""
        self._ask("/release")

    def wait_for(self, run: str, count: int, deadline: Deadline, show: Callable[[int], None]) -> None:
        """Return when `count` different jobs of a run have come."""
        while (arrived := self.count(run)) < count:
            show(arrived)
            deadline.left_s(f"deliveries ({arrived} of {count} so far)")
            time.sleep(POLL_S)

    def _ask(self, path: str) -> bytes:
        try:
            with closing(http.client.HTTPConnection(self.host, self.port, timeout=ANSWER_S)) as connection:
                connection.request("GET", path)
                return connection.getresponse().read()
        except OSError as error:
            raise BenchError(f"the sink does not answer: {error}") from error


@contextmanager
def started_worker(host: str, delay_ms: float) -> Iterator[Worker]:
    """Run the sink on a free port of `host`; it is ended on the way out."""
    with started_listener("benchmark.push.sink", "--host", host, "--delay-ms", str(delay_ms)) as port:
        yield Worker(host, port)
