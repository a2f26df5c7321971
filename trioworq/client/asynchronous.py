"""The client for Trio."""

import random
import ssl
from collections.abc import Iterable
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
import trio

from trioworq.client import calls, transport
from trioworq.client.answers import Answer, NoAnswer
from trioworq.client.calls import Call
from trioworq.client.errors import NotFound, Refused
from trioworq.client.manage.methods import AsyncManaging
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


class AsyncClient(AsyncManaging):
    """Calls a daemon without holding up other tasks; an async context manager that closes its connections.

    Tasks may share one. `timeout_s` is how long an attempt may take; `retry` says when another follows. `tls`
    judges the daemon's certificate; by default the system's trust store does. Each method may raise Refused,
    Unauthorized, Unavailable and BadAnswer. If one is cancelled: its connection is closed, and what it asked
    for may be done all the same.
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
        self._http = httpx2.AsyncClient(**transport.settings(base_url, token, tls))
        self._timeout_s = timeout_s
        self._retry = retry

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def push(
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
        return await self.send(calls.push(new))

    async def push_many(self, pushes: Iterable[NewPush]) -> list[int | Refused]:
        """Push jobs in one transaction; return for each, in order, its id or why it alone was refused."""
        return await self.send(calls.push_many(pushes))

    async def enqueue(
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
        return await self.send(calls.enqueue(new))

    async def enqueue_many(self, jobs: Iterable[NewJob]) -> None:
        """Store jobs in one transaction; those whose ids their queues have already are left out."""
        await self.send(calls.enqueue_many(jobs))

    async def next(self, queue: str, num_jobs: int = 1, wait_s: int = 0) -> list[Job]:
        """Fetch up to `num_jobs` due jobs; their leases begin now.

        When none is due, the daemon waits up to `wait_s` seconds, 60 at most, for one; the list is empty if
        none came. The jobs of an answer that is lost come back when their leases end.
        """
        return await self.send(calls.next_jobs(queue, num_jobs, wait_s))

    async def heartbeat(self, job: Job, state: Any | Unchanged = UNCHANGED) -> None:
        """Keep a job's lease for another timeout of it, and save a state for its next try, if given.

        Raises LeaseLost; NotFound when the job is gone.
        """
        await self.send(calls.heartbeat(job, state))

    async def complete(self, job: Job) -> None:
        """End a job for good. Raises LeaseLost; NotFound when it is gone already."""
        await self.send(calls.complete(job))

    async def reschedule(
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
        await self.send(call)

    async def job(self, queue: str, id: str) -> Job:
        """Return a job, whether it waits or is handed out. Raises NotFound.

        Raises ValueError for an empty `id` and for a queue with a slash: no path leads there.
        """
        return await self.send(calls.read_job(queue, id))

    async def exists(self, queue: str, id: str) -> bool:
        """Tell whether a queue has a job of that id. Raises ValueError for names as `job` does."""
        try:
            await self.send(calls.exists(queue, id))
        except NotFound:
            return False
        return True

    async def health(self) -> None:
        """Return when the daemon answers. Raises Unavailable."""
        await self.send(calls.health())

    async def send(self, call: Call[T]) -> T:
        """Ask what a call says, and return what its answer means; for calls that no method makes."""
        course = Course(call, self._retry, trio.current_time())
        while True:
            outcome = await self._ask(call)
            step = course.judge(outcome, trio.current_time(), random.random())  # noqa: S311  # no secret
            if isinstance(step, Done):
                return step.value
            await trio.sleep(step.delay_s)

    async def _ask(self, call: Call[Any]) -> Answer | NoAnswer:
        limit_s = self._timeout_s + call.wait_s
        with trio.move_on_after(limit_s):
            return await self._exchange(call)
        return NoAnswer(f"no answer within {limit_s:g} s", may_be_done=True)

    async def _exchange(self, call: Call[Any]) -> Answer | NoAnswer:
        timeout = httpx2.Timeout(None, connect=transport.connect_timeout_s(self._timeout_s))
        try:
            response = await self._http.request(**transport.request_of(call), timeout=timeout)
        except httpx2.RequestError as error:
            return transport.no_answer(error)
        return transport.answer_of(response)
