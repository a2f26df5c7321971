"""A pull queue that answers as the daemon does, or as badly as a test wants."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import trio
from attrs import define, field

from tests.client.scripted_server import Asked, Reply, scripted_server
from tests.client.values import handed_out, shown

ACCEPTED = Reply(202)
GONE = Reply(404, b"gone")
STALE = Reply(409, b"stale")
AWAY = Reply(429, b"away", {"Retry-After": "0"})


@define(eq=False)
class FakeQueue:
    """One queue; each verb's answer is `replies[verb]` if a test has put one there, else as it should be."""

    url: str = ""
    replies: dict[str, Reply] = field(factory=dict)
    asked: list[Asked] = field(factory=list)
    handed_out: int = 0
    # How many jobs could have been in the worker's hands at the same time.
    most_out: int = 0
    _waiting: deque[dict[str, Any]] = field(factory=deque)
    _changed: threading.Condition = field(factory=threading.Condition)
    _is_closed: bool = False

    def put(self, *keys: str, **fields: Any) -> None:
        """Have jobs wait."""
        with self._changed:
            self._waiting.extend(shown(key, **fields) for key in keys)
            self._changed.notify_all()

    def verbs(self, verb: str) -> list[Asked]:
        """Return the requests of one kind so far."""
        return [asked for asked in self.asked if asked.path == f"/{verb}"]

    def completed(self) -> list[str]:
        """Return the ids of the jobs that were completed, in order."""
        return [asked.query["job_id"] for asked in self.verbs("complete")]

    def close(self) -> None:
        """Answer polls that are held."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def respond(self, asked: Asked) -> Reply:
        """Answer a request."""
        self.asked.append(asked)
        verb = asked.path[1:]
        if verb in self.replies:
            return self.replies[verb]
        return self._next(asked.query) if verb == "next" else ACCEPTED

    def _next(self, query: dict[str, str]) -> Reply:
        with self._changed:
            out = self.handed_out - len(self.verbs("complete"))
            self.most_out = max(self.most_out, out + int(query["num_jobs"]))
            self._changed.wait_for(lambda: self._waiting or self._is_closed, int(query.get("wait", "0")))
            number = min(int(query["num_jobs"]), len(self._waiting))
            self.handed_out += number
            return handed_out(*(self._waiting.popleft() for _ in range(number)))


@contextmanager
def fake_queue() -> Iterator[FakeQueue]:
    """Run a queue on a loopback port."""
    queue = FakeQueue()
    with scripted_server(queue.respond) as server:
        queue.url = server.url
        try:
            yield queue
        finally:
            queue.close()


async def until(condition: Callable[[], Any], timeout_s: float = 20.0) -> None:
    """Wait until something is true; fail after `timeout_s`."""
    with trio.fail_after(timeout_s):
        while not condition():
            await trio.sleep(0.01)
