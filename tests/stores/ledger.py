"""A scripted database under a batcher, and those who submit to it."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

from trioworq.core.errors import InvalidRequest, NoSuchQueue
from trioworq.core.jobs import NewJob, Payload, PayloadForm
from trioworq.core.retry import Completed
from trioworq.stores.batching import Batcher, BatchRejected
from trioworq.stores.claims import Push
from trioworq.stores.interface import StoreUnavailable
from trioworq.stores.operations import Operation, PushJobs

Opener = Callable[..., Awaitable[Batcher]]
"""Starts a batcher on the ledger, with the bounds that it is given."""


def echo(operation: Operation) -> object:
    return [operation] * len(operation.pushes) if isinstance(operation, PushJobs) else operation


class Ledger:
    """A scripted database: commits when let, and keeps what it committed, batch by batch."""

    def __init__(self) -> None:
        self.begun: list[list[Operation]] = []
        self.batches: list[list[Operation]] = []
        self.attempts = 0
        self.errors: list[Exception | None] = []
        self.outcome: Callable[[Operation], object] = echo
        self.gate = trio.Event()
        self.gate.set()
        self.bad: Operation | None = None

    async def apply(self, operations: Sequence[Operation]) -> list[object]:
        self.begun.append(list(operations))
        await self.gate.wait()
        await trio.lowlevel.checkpoint()
        self.attempts += 1
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        if self.bad in operations:
            raise BatchRejected(InvalidRequest("too long"))
        self.batches.append(list(operations))
        return [self.outcome(operation) for operation in operations]

    @property
    def committed(self) -> list[Operation]:
        return [operation for batch in self.batches for operation in batch]


def job(number: int, size: int = 0) -> NewJob:
    return NewJob("q", "c", f"http://w/{number}", Payload(PayloadForm.TEXT, b"x" * size), 0, 0)


@cache
def push(number: int, size: int = 0) -> PushJobs:
    """Return the push of this number; the same one whenever it is asked for."""
    return PushJobs([Push(job(number, size))])


def done(job_id: int) -> Completed:
    return Completed(job_id, 1)


async def submit_into(batcher: Batcher, operation: Operation, answers: dict[Operation, Any]) -> None:
    try:
        answers[operation] = await batcher.submit(operation)
    except (StoreUnavailable, InvalidRequest, NoSuchQueue) as error:
        answers[operation] = error


async def start_all(
    nursery: trio.Nursery, batcher: Batcher, operations: Sequence[Operation]
) -> dict[Operation, Any]:
    """Submit all in order and wait until each of them waits for its outcome."""
    answers: dict[Operation, Any] = {}
    for operation in operations:
        nursery.start_soon(submit_into, batcher, operation, answers)
        await wait_all_tasks_blocked()
    return answers


async def submit_and_leave(
    nursery: trio.Nursery, batcher: Batcher, operation: Operation
) -> Callable[[], Awaitable[None]]:
    """Submit, and return a function that cancels the submitter and waits until it has gone."""
    scope, gone = trio.CancelScope(), trio.Event()

    async def submitter() -> None:
        with scope:
            await batcher.submit(operation)
        gone.set()

    nursery.start_soon(submitter)
    await wait_all_tasks_blocked()

    async def leave() -> None:
        scope.cancel()
        await gone.wait()

    return leave
