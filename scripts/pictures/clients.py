"""Who pushes the shop's jobs, and who fetches some."""

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from urllib.parse import quote

from attrs import frozen

from pictures.trade import DEFERRED, NO_FIELDS, PAUSED, PULL, PUSH, PullTrade, PushTrade

ANSWER_S = 30
LEASE_S = 60


@frozen
class Clients:
    """They ask the daemon at `url`; push jobs are for the worker at `worker_url`."""

    url: str
    worker_url: str
    over: threading.Event

    def prepare(self) -> None:
        """Define what there is, and have the jobs that were there before."""
        for trade in PUSH:
            self._define(trade.queue, trade.category, trade.definition)
        for queue, category, jobs, run_after_s in DEFERRED:
            self._define(queue, category)
            for number in range(jobs):
                self._push(category, {"report": number}, run_after=run_after_s + 60 * number)
        queue, category, jobs = PAUSED
        self._define(queue, category)
        self._ask("POST", f"/queue/{queue}/pause")
        for number in range(jobs):
            self._push(category, {"movement": number})

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Push and fetch until the end."""
        tasks = [_task(self._push_on, trade) for trade in PUSH]
        for each in PULL:
            tasks += [
                _task(self._enqueue_on, each),
                *(_task(self._work_on, each) for _ in range(each.workers)),
            ]
        for task in tasks:
            task.start()
        try:
            yield
        finally:
            self.over.set()
            for task in tasks:
                task.join()

    def _push_on(self, trade: PushTrade) -> None:
        for number in count():
            if self.over.wait(1 / trade.per_s):
                return
            self._push(
                trade.category, {"number": 48_000 + number, **trade.payload}, max_retries=2, retry_delay=20
            )

    def _enqueue_on(self, trade: PullTrade) -> None:
        for number in count():
            if self.over.wait(1 / trade.per_s):
                return
            order = {"id": f"{trade.queue}-{number}", "queue": trade.queue, "timeout": LEASE_S}
            self._ask("POST", "/enqueue", order | {"payload": {"number": number}})

    def _work_on(self, trade: PullTrade) -> None:
        while not self.over.is_set():
            jobs = self._ask("GET", f"/next?queue={trade.queue}&wait=1")
            for job in jobs or []:
                self.over.wait(trade.took_s)
                self._ask("DELETE", f"/complete?queue={trade.queue}&job_id={job['id']}")

    def _define(self, queue: str, category: str, definition: Any = NO_FIELDS) -> None:
        self._ask("PUT", f"/queue/{queue}", dict(definition))
        self._ask("PUT", f"/routing/{category}", {"queue_name": queue})

    def _push(self, category: str, payload: Any, **fields: Any) -> None:
        url = f"{self.worker_url}/{category}"
        self._ask("POST", f"/job/{quote(category)}", {"url": url, "payload": payload, **fields})

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, method=method)  # noqa: S310  # our own daemon
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:  # noqa: S310  # the same
            read = answer.read()
        return json.loads(read) if read else None


def _task(act: Callable[[Any], None], trade: Any) -> threading.Thread:
    return threading.Thread(target=act, args=(trade,))
