"""Runs the daemon so that it kills itself at a named point: as the kernel would, with nothing tidied up.

    python -m tests.process.harness.doomed POINT NTH [the daemon's options]

The program has no hooks for this: the functions at these points are replaced before it starts, and it does
not start when one of them is no longer there.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from trioworq.cli import main
from trioworq.core.jobs import Job, JobState
from trioworq.core.pull import Completion, Heartbeat, Rescheduling
from trioworq.core.retry import Completed, Failed, Retried
from trioworq.dispatch import exchange
from trioworq.dispatch.workers import Workers
from trioworq.stores.batching import Batcher
from trioworq.stores.claims import Claim, Take
from trioworq.stores.mysql import writes as mysql_writes
from trioworq.stores.operations import EnqueueJobs, ExpireLeases, Operation, PushJobs
from trioworq.stores.sqlite import writes as sqlite_writes

Strike = Callable[[], None]
Replace = Callable[[str, object], None]


def before_insert_commit(replace: Replace, strike: Strike) -> None:
    """New jobs are in the transaction, which is not committed."""
    apply_sqlite, apply_mysql = sqlite_writes.apply, mysql_writes.apply

    def sqlite(connection: Any, operations: Sequence[Operation]) -> list[object]:
        outcomes = apply_sqlite(connection, operations)
        if _has_inserts(operations):
            strike()
        return outcomes

    async def mysql(
        connection: Any, operations: Sequence[Operation], *rest: Any, **more: Any
    ) -> list[object]:
        outcomes = await apply_mysql(connection, operations, *rest, **more)
        if _has_inserts(operations):
            strike()
        return outcomes

    replace("trioworq.stores.sqlite.writes.apply", sqlite)
    replace("trioworq.stores.mysql.writer.apply", mysql)


def after_insert_commit(replace: Replace, strike: Strike) -> None:
    """New jobs are durable; their client has no answer."""
    _after_commit(replace, strike, lambda operations, _outcomes: _has_inserts(operations))


def after_claim(replace: Replace, strike: Strike) -> None:
    """Jobs are stored as running, and no worker knows of them; claimed or fetched."""

    def has_started(operations: Sequence[Operation], outcomes: Sequence[Any]) -> bool:
        return any(
            bool(outcome) and (isinstance(operation, Claim | Take) or _is_started(operation, outcome))
            for operation, outcome in zip(operations, outcomes, strict=True)
        )

    _after_commit(replace, strike, has_started)


def after_request(replace: Replace, strike: Strike) -> None:
    """The worker has its request; nobody waits for the answer."""
    send = exchange._send

    async def send_and_strike(connection: Any, request: bytes) -> bool:
        is_sent = await send(connection, request)
        strike()
        return is_sent

    replace("trioworq.dispatch.exchange._send", send_and_strike)


def after_reply(replace: Replace, strike: Strike) -> None:
    """The worker has answered; its verdict is not stored."""
    post = Workers.post

    async def post_and_strike(*arguments: Any) -> Any:
        result = await post(*arguments)
        strike()
        return result

    replace("trioworq.dispatch.workers.Workers.post", post_and_strike)


def after_change(replace: Replace, strike: Strike) -> None:
    """What a worker asked for of a job is durable; it has no answer."""

    def has_changed(operations: Sequence[Operation], _outcomes: Sequence[Any]) -> bool:
        return any(isinstance(operation, Completion | Rescheduling | Heartbeat) for operation in operations)

    _after_commit(replace, strike, has_changed)


def after_expiry(replace: Replace, strike: Strike) -> None:
    """Leases have ended durably; nobody who waits has been told of the jobs."""

    def has_ended(operations: Sequence[Operation], outcomes: Sequence[Any]) -> bool:
        return any(
            isinstance(operation, ExpireLeases) and bool(outcome)
            for operation, outcome in zip(operations, outcomes, strict=True)
        )

    _after_commit(replace, strike, has_ended)


def after_settle(replace: Replace, strike: Strike) -> None:
    """What follows from a verdict is durable, and neither counted nor logged."""

    def has_settled(operations: Sequence[Operation], _outcomes: Sequence[Any]) -> bool:
        return any(isinstance(operation, Completed | Failed | Retried) for operation in operations)

    _after_commit(replace, strike, has_settled)


POINTS: dict[str, Callable[[Replace, Strike], None]] = {
    "before-insert-commit": before_insert_commit,
    "after-insert-commit": after_insert_commit,
    "after-claim": after_claim,
    "after-request": after_request,
    "after-reply": after_reply,
    "after-settle": after_settle,
    "after-change": after_change,
    "after-expiry": after_expiry,
}
_OF_PUSH_ALONE = ("after-request", "after-reply", "after-settle")
_OF_PULL_ALONE = ("after-change", "after-expiry")
PUSH_POINTS = [point for point in POINTS if point not in _OF_PULL_ALONE]
PULL_POINTS = [point for point in POINTS if point not in _OF_PUSH_ALONE]


def _has_inserts(operations: Sequence[Operation]) -> bool:
    return any(isinstance(operation, PushJobs | EnqueueJobs) for operation in operations)


def _is_started(operation: Operation, outcome: Any) -> bool:
    return isinstance(operation, PushJobs) and any(
        isinstance(job, Job) and job.state is JobState.RUNNING for job in outcome
    )


def _after_commit(
    replace: Replace, strike: Strike, is_meant: Callable[[Sequence[Operation], Sequence[Any]], bool]
) -> None:
    """Strike when a transaction with such operations is durable, before anybody is told."""
    begin = Batcher.__init__

    def begin_doomed(
        self: Batcher, apply: Callable[[Sequence[Operation]], Awaitable[Sequence[object]]], **bounds: int
    ) -> None:
        async def apply_and_strike(operations: Sequence[Operation]) -> Sequence[object]:
            outcomes = await apply(operations)
            if is_meant(operations, outcomes):
                strike()
            return outcomes

        begin(self, apply_and_strike, **bounds)

    replace("trioworq.stores.batching.Batcher.__init__", begin_doomed)


def run(point: str, nth: int, arguments: Sequence[str]) -> None:
    """Run the daemon; the process is killed when it comes to `point` for the `nth` time."""
    left = nth

    def strike() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    POINTS[point](pytest.MonkeyPatch().setattr, strike)
    main(list(arguments))


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
