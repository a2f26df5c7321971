"""A server that does no more than answer, in a process of its own, so that the rest can be measured alone.

It counts what is enqueued, hands out as many jobs made up before, and takes every completion.
"""

import re

from attrs import define, field

from benchmark.listening import Peer, listen
from benchmark.pull.requests import LEASE_S, PAYLOAD

ID = b'{"id":'
NUM_JOBS = re.compile(rb"num_jobs=([0-9]+)")
ACCEPTED = b"202 Accepted"
NO_CONTENT = b"204 No Content"
JOB = (
    f'{{"id":"%d","queue":"q","timeout":{LEASE_S},"max_retries":3,"payload":{PAYLOAD},'
    '"run_at":"2100-01-01T00:00:00Z","run_id":"%d-1","attempt":1,"job_id":"%d"}'
).encode()


@define
class Instant:
    """Jobs are interchangeable, so their number is all there is to know."""

    _jobs: int = 0
    _made: int = 0
    _waiting: list[tuple[Peer, int]] = field(factory=list)

    def serve(self, peer: Peer, method: bytes, path: bytes, body: bytes) -> None:
        """Answer one of the requests that are measured."""
        if method == b"post":
            self._jobs += body.count(ID)
            peer.reply(b"", ACCEPTED)
            self._wake()
        elif method == b"get":
            self._hand_out(peer, path)
        else:
            peer.reply(b"")

    def wait_s(self) -> float:
        """Return -1: nothing is answered later but for an enqueue's sake."""
        return -1

    def catch_up(self) -> None:
        """Do nothing."""

    def _hand_out(self, peer: Peer, path: bytes) -> None:
        found = NUM_JOBS.search(path)
        wanted = int(found[1]) if found else 1
        if self._jobs:
            peer.reply(self._take(wanted))
        elif b"&wait=" in path:
            self._waiting.append((peer, wanted))
        else:
            peer.reply(b"", NO_CONTENT)

    def _wake(self) -> None:
        while self._waiting and self._jobs:
            peer, wanted = self._waiting.pop(0)
            peer.reply(self._take(wanted))

    def _take(self, wanted: int) -> bytes:
        numbers = range(self._made, self._made + min(wanted, self._jobs))
        self._made, self._jobs = numbers.stop, self._jobs - len(numbers)
        return b"[" + b",".join([JOB % (number, number, number) for number in numbers]) + b"]"


def main() -> None:
    """Print the port, then serve."""
    listen("127.0.0.1", Instant())


if __name__ == "__main__":
    main()
