"""The client for plain code."""

import random
import ssl
import time
from collections.abc import Iterable
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from trioworq.client import calls, transport
from trioworq.client.answers import Answer, NoAnswer
from trioworq.client.calls import Call
from trioworq.client.errors import NotFound, Refused
from trioworq.client.manage.methods import Managing
from trioworq.client.retries import STANDARD_RETRY, Course, Done, Retry
from trioworq.client.values import (
    DEFAULT_TIMEOUT_S,
    UNCHANGED,
    Enqueued,
    Job,
    NewJob,
    NewPush,
    Unchanged,
)

T = TypeVar("T")


class Client(Managing):
    """Calls a daemon and waits for its answers; a context manager that closes its connections.

    Threads may share one. `timeout_s` is how long an attempt may take to connect, and then for each piece of
    the answer; `retry` says when another follows. `tls` judges the daemon's certificate; by default the
    system's trust store does. Each method may raise Refused, Unauthorized, Unavailable and BadAnswer.
    """

    def __init__(
        self,
        base_url: str = transport.BASE_URL,
        *,
        token: str | None = None,
        timeout_s: float = transport.TIMEOUT_S,
        retry: Retry = STANDARD_RETRY,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._http = httpx2.Client(**transport.settings(base_url, token, tls))
        self._timeout_s = timeout_s
        self._retry = retry

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def push(
        self,
        category: str,
        url: str,
        payload: Any = None,
        *,
        run_after_s: int = 0,
        timeout_s: int = 0,
        retry_delay_s: int = 0,
        max_retries: int = 0,
        priority: int | None = None,
    ) -> int:
        """Push a job, as `NewPush` tells, and return its id; NotFound when no queue takes the category.

        It is repeated only while it was certainly not stored: Unavailable says whether it may have been.
        """
        new = NewPush(
            category=category,
            url=url,
            payload=payload,
            run_after_s=run_after_s,
            timeout_s=timeout_s,
            retry_delay_s=retry_delay_s,
            max_retries=max_retries,
            priority=priority,
        )
        return self.send(calls.push(new))

    def push_many(self, pushes: Iterable[NewPush]) -> list[int | Refused]:
        """Push jobs in one transaction; return for each, in order, its id or why it alone was refused."""
        return self.send(calls.push_many(pushes))

    def enqueue(
        self,
        queue: str,
        payload: Any = None,
        *,
        id: str | None = None,
        timeout_s: int = DEFAULT_TIMEOUT_S,
        max_retries: int = 0,
        run_at: datetime | None = None,
        priority: int | None = None,
    ) -> Enqueued:
        """Store a job for workers that fetch, as `NewJob` tells, under an id of its own if None is given.

        Raises JobExists. When an answer was lost and the id then turns out to be there, this call stored it.
        """
        named = {} if id is None else {"id": id}
        new = NewJob(
            queue=queue,
            payload=payload,
            timeout_s=timeout_s,
            max_retries=max_retries,
            run_at=run_at,
            priority=priority,
            **named,
        )
        return self.send(calls.enqueue(new))

    def enqueue_many(self, jobs: Iterable[NewJob]) -> None:
        """Store jobs in one transaction; those whose ids their queues have already are left out."""
        self.send(calls.enqueue_many(jobs))

    def next(self, queue: str, num_jobs: int = 1, wait_s: int = 0) -> list[Job]:
        """Fetch up to `num_jobs` due jobs; their leases begin now.

        When none is due, the daemon waits up to `wait_s` seconds, 60 at most, for one; the list is empty if
        none came. The jobs of an answer that is lost come back when their leases end.
        """
        return self.send(calls.next_jobs(queue, num_jobs, wait_s))

    def heartbeat(self, job: Job, state: Any | Unchanged = UNCHANGED) -> None:
        """Keep a job's lease for another timeout of it, and save a state for its next try, if given.

        Raises LeaseLost; NotFound when the job is gone.
        """
        self.send(calls.heartbeat(job, state))

    def complete(self, job: Job) -> None:
        """End a job for good. Raises LeaseLost; NotFound when it is gone already."""
        self.send(calls.complete(job))

    def reschedule(
        self,
        job: Job,
        *,
        payload: Any | Unchanged = UNCHANGED,
        state: Any = None,
        timeout_s: int | None = None,
        max_retries: int | None = None,
        run_at: datetime | None = None,
        priority: int | None = None,
    ) -> None:
        """Have a fetched job wait again, as if enqueued anew: due now or at `run_at`, with all its retries.

        The saved state becomes `state`, which is none unless given; all else that is not given stays. Raises
        LeaseLost, also when an answer was lost and the job waits by now; NotFound when it is gone.
        """
        call = calls.reschedule(
            job,
            payload=payload,
            state=state,
            timeout_s=timeout_s,
            max_retries=max_retries,
            run_at=run_at,
            priority=priority,
        )
        self.send(call)

    def job(self, queue: str, id: str) -> Job:
        """Return a job, whether it waits or is handed out. Raises NotFound.

        Raises ValueError for an empty `id` and for a queue with a slash: no path leads there.
        """
        return self.send(calls.read_job(queue, id))

    def exists(self, queue: str, id: str) -> bool:
        """Tell whether a queue has a job of that id. Raises ValueError for names as `job` does."""
        try:
            self.send(calls.exists(queue, id))
        except NotFound:
            return False
        return True

    def health(self) -> None:
        """Return when the daemon answers. Raises Unavailable."""
        self.send(calls.health())

    def send(self, call: Call[T]) -> T:
        """Ask what a call says, and return what its answer means; for calls that no method makes."""
        course = Course(call, self._retry, time.monotonic())
        while True:
            outcome = self._ask(call)
            step = course.judge(outcome, time.monotonic(), random.random())  # noqa: S311  # no secret
            if isinstance(step, Done):
                return step.value
            time.sleep(step.delay_s)

    def _ask(self, call: Call[Any]) -> Answer | NoAnswer:
        connecting_s = transport.connect_timeout_s(self._timeout_s)
        timeout = httpx2.Timeout(self._timeout_s + call.wait_s, connect=connecting_s)
        try:
            return transport.answer_of(self._http.request(**transport.request_of(call), timeout=timeout))
        except httpx2.RequestError as error:
            return transport.no_answer(error)
