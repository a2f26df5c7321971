"""The worker of the measurement, in a process of its own: says success and notes when each job came.

``POST /<run>`` is a job, which fails at once where the run's name begins with ``failing``; ``GET /<run>``
answers how many different jobs of the run have come, and
``GET /<run>/deliveries`` all deliveries as 64-bit integers: number, pushed, arrived, number, ...
From ``GET /hold`` on jobs are left without an answer until ``GET /release``. ``POST /jobs`` is answered as
a server would that takes any job, so that the generator can be measured alone.
"""

import argparse
import heapq
import time
from array import array

from attrs import define, field

from benchmark.listening import Peer, listen

MARK = b'"n":"'
NUMBER_DIGITS = 12
TIME_DIGITS = 20
SUCCESS = b'{"status":"success","message":""}'
FAILURE = b'{"status":"permanent-failure","message":"as told"}'
FAILING = "failing"
_FAILING_PATH = b"/" + FAILING.encode()


def read_mark(body: bytes) -> tuple[int, int]:
    """Return (number, pushed_ns) from a payload of `pushes`; (-1, 0) from any other."""
    at = body.find(MARK)
    if at < 0:
        return -1, 0
    number = at + len(MARK)
    pushed = number + NUMBER_DIGITS + len('","t":"')
    return int(body[number : number + NUMBER_DIGITS]), int(body[pushed : pushed + TIME_DIGITS])


def taken(body: bytes) -> bytes:
    """Return what a server answers that takes every job of a batch."""
    return b"[" + b",".join([b'{"id":1}'] * body.count(MARK)) + b"]"


@define
class Ledger:
    """What came, by run."""

    deliveries: dict[bytes, "array[int]"] = field(factory=dict)
    numbers: dict[bytes, set[int]] = field(factory=dict)

    def note(self, run: bytes, body: bytes, arrived_ns: int) -> None:
        """Note a delivery."""
        number, pushed_ns = read_mark(body)
        self.deliveries.setdefault(run, array("q")).extend((number, pushed_ns, arrived_ns))
        self.numbers.setdefault(run, set()).add(number)

    def tell(self, path: bytes) -> bytes:
        """Answer a question about a run."""
        run, _, what = path.partition(b"/")
        if what == b"deliveries":
            return self.deliveries.get(run, array("q")).tobytes()
        return b"%d" % len(self.numbers.get(run, ()))


@define
class Sink:
    """Answers jobs `delay_ns` after they came, or when released."""

    delay_ns: int
    _is_holding: bool = False
    _held: list[Peer] = field(factory=list)
    _ledger: Ledger = field(factory=Ledger)
    _later: list[tuple[int, int, Peer]] = field(factory=list)
    _answers: int = 0

    def serve(self, peer: Peer, method: bytes, path: bytes, body: bytes) -> None:
        """Take a job, or answer a question."""
        match method, path:
            case b"post", b"/jobs":
                peer.reply(taken(body))
            case b"post", _ if path.startswith(_FAILING_PATH):
                peer.reply(FAILURE)
            case b"post", _:
                self._ledger.note(path[1:], body, peer.arrived_ns)
                self._answer_later(peer)
            case _, b"/hold":
                self._is_holding = True
                peer.reply(b"")
            case _, b"/release":
                self._release()
                peer.reply(b"")
            case _:
                peer.reply(self._ledger.tell(path[1:]))

    def wait_s(self) -> float:
        """Return the seconds until a job is to be answered."""
        if not self._later:
            return -1
        return max(0.0, (self._later[0][0] - time.monotonic_ns()) / 1e9)

    def catch_up(self) -> None:
        """Answer the jobs that have taken their time."""
        while self._later and self._later[0][0] <= time.monotonic_ns():
            _, _, peer = heapq.heappop(self._later)
            peer.reply(SUCCESS)

    def _release(self) -> None:
        self._is_holding = False
        for peer in self._held:
            peer.reply(SUCCESS)
        self._held.clear()

    def _answer_later(self, peer: Peer) -> None:
        if self._is_holding:
            self._held.append(peer)
            return
        if not self.delay_ns:
            peer.reply(SUCCESS)
            return
        self._answers += 1
        due_ns = time.monotonic_ns() + self.delay_ns
        heapq.heappush(self._later, (due_ns, self._answers, peer))


def main() -> None:
    """Print the port, then serve."""
    parser = argparse.ArgumentParser(description="The worker of scripts/bench.")
    parser.add_argument("--host", required=True)
    parser.add_argument("--delay-ms", type=float, default=0)
    options = parser.parse_args()
    listen(options.host, Sink(int(options.delay_ms * 1e6)))


if __name__ == "__main__":
    main()
