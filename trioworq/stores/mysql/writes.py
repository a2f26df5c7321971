"""What a MySQL or MariaDB database is told in one transaction.

The operations of a batch wait at the same time, so any order of them is a right one. Where leases are ended,
workers are heard first. Jobs that come back go before others, so that no start overtakes one that is due;
then pushes and enqueues, which share their statements, then completions, which share others; all else but
what is rare shares the round trips of these, and the rest follows one by one as submitted.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import assert_never

from trioworq.core.jobs import Job, JobState
from trioworq.core.leases import Hold
from trioworq.core.pull import Completion, PullChange, Return, Verdict
from trioworq.core.retry import Completed, Failed, Released, Retried
from trioworq.stores.claims import Claim, Take
from trioworq.stores.mysql import (
    definitions,
    failures,
    hastening,
    history,
    jobs,
    leases,
    load,
    nodes,
    pull,
    pull_changes,
)
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.conversations import Conversation, carry_on, in_turn
from trioworq.stores.operations import (
    AddLoad,
    DeleteFailure,
    DeleteJob,
    DeleteQueue,
    DeleteRouting,
    EnqueueJobs,
    ExpireLeases,
    ForgetFailures,
    ForgetFinished,
    ForgetLoad,
    GiveBack,
    Hasten,
    NameTypes,
    Operation,
    PushJobs,
    PutQueue,
    PutRouting,
    Report,
    RetryFailures,
    SetPaused,
    TakeTurn,
)
from trioworq.stores.starts import with_starts

_Managing = ForgetFailures | ForgetFinished | NameTypes | AddLoad | ForgetLoad | TakeTurn | Report
_Single = (
    DeleteJob
    | DeleteFailure
    | SetPaused
    | PutQueue
    | DeleteQueue
    | PutRouting
    | DeleteRouting
    | Hold
    | GiveBack
)

# The places of some operations in their batch, and the conversation that brings their outcomes.
_Talk = tuple[Sequence[int], Conversation[Sequence[object]]]


async def apply(
    connection: Connection, operations: Sequence[Operation], mark: bytes, *, is_careful: bool = False
) -> list[object]:
    """Carry out writes inside a transaction; return their outcomes in the order of the writes.

    `mark` is a statement of the caller's that goes along. Raises Mismatch when the transaction has to
    be rolled back and done again, carefully: then each job is looked at before it is changed.
    """
    outcomes: list[object] = [None] * len(operations)
    for talks in _stages(connection, operations, mark, is_careful=is_careful):
        answers = await carry_on(connection, [conversation for _, conversation in talks])
        for (places, _), answer in zip(talks, answers, strict=True):
            for place, outcome in zip(places, answer, strict=True):
                outcomes[place] = outcome
    for place, operation in enumerate(operations):
        if isinstance(operation, _Single):
            outcomes[place] = await _apply_one(connection, operation)
    return outcomes


def _stages(
    connection: Connection, operations: Sequence[Operation], mark: bytes, *, is_careful: bool
) -> Iterator[Sequence[_Talk]]:
    """Return the conversations that are had side by side, one set after the other."""
    named = {} if is_careful else _named_runs(operations)
    heard = [
        *_change(operations, named, are_returns=False),
        (list(named), pull_changes.complete(list(named.values()))),
    ]
    expired = list(_expire(operations))
    # What workers have said counts before their leases are ended; else it shares the steps of the others.
    first, heard = (heard, []) if expired else ([], heard)
    yield first
    # Leases that end and failures that are run again take several steps, always; they are rare.
    yield [*expired, *_change(operations, {}, are_returns=True), *_retry(operations)]
    pushes = [
        *_return(connection, operations),
        *_hasten(operations),
        _push(connection, operations, is_careful=is_careful),
        *_enqueue(connection, operations, is_careful=is_careful),
    ]
    others = [
        ((), _tell(mark)),
        *_settle(connection, operations, is_careful=is_careful),
        *heard,
        *_claim(operations),
        *_take(operations),
        *_manage(operations),
    ]
    # Claims and takes find the jobs of their own batch, which care stores in a second step.
    yield from (pushes, others) if is_careful else ([*pushes, *others],)


def _push(connection: Connection, operations: Sequence[Operation], *, is_careful: bool) -> _Talk:
    pushes = {place: each for place, each in enumerate(operations) if isinstance(each, PushJobs)}

    def conversation() -> Conversation[Sequence[object]]:
        every = [push for operation in pushes.values() for push in with_starts(operation)]
        stored = iter((yield from jobs.push(connection, every, is_careful=is_careful)))
        return [list(islice(stored, len(operation.pushes))) for operation in pushes.values()]

    return list(pushes), conversation()


def _return(connection: Connection, operations: Sequence[Operation]) -> Iterator[_Talk]:
    for place, operation in enumerate(operations):
        if isinstance(operation, Retried | Released):
            yield [place], in_turn([jobs.settle(connection, operation)])


def _hasten(operations: Sequence[Operation]) -> Iterator[_Talk]:
    for place, operation in enumerate(operations):
        if isinstance(operation, Hasten):
            yield [place], in_turn([hastening.hasten(operation)])


def _settle(connection: Connection, operations: Sequence[Operation], *, is_careful: bool) -> Iterator[_Talk]:
    completions: dict[int, Completed] = {}
    for place, operation in enumerate(operations):
        if isinstance(operation, Completed) and not is_careful:
            completions[place] = operation
        elif isinstance(operation, Completed | Failed):
            yield [place], in_turn([jobs.settle(connection, operation)])
    yield list(completions), jobs.complete(connection, list(completions.values()))


def _claim(operations: Sequence[Operation]) -> Iterator[_Talk]:
    queues: dict[str, dict[int, Claim]] = {}
    for place, operation in enumerate(operations):
        if isinstance(operation, Claim):
            queues.setdefault(operation.queue, {})[place] = operation
    for claims in queues.values():
        yield list(claims), in_turn(map(jobs.claim, claims.values()))


def _enqueue(connection: Connection, operations: Sequence[Operation], *, is_careful: bool) -> Iterator[_Talk]:
    enqueues = {place: each.jobs for place, each in enumerate(operations) if isinstance(each, EnqueueJobs)}
    if enqueues:
        yield list(enqueues), pull.enqueue(connection, list(enqueues.values()), is_careful=is_careful)


def _expire(operations: Sequence[Operation]) -> Iterator[_Talk]:
    ends = {place: each for place, each in enumerate(operations) if isinstance(each, ExpireLeases)}
    if ends:
        yield list(ends), in_turn(map(pull_changes.expire, ends.values()))


def _named_runs(operations: Sequence[Operation]) -> dict[int, Completion]:
    """Return completions that name a run, by their places, and that nothing else of the batch changes."""
    changes = Counter((each.queue, each.key) for each in operations if isinstance(each, PullChange))
    return {
        place: each
        for place, each in enumerate(operations)
        if isinstance(each, Completion) and each.run is not None and changes[each.queue, each.key] == 1
    }


def _change(
    operations: Sequence[Operation], others: Collection[int], *, are_returns: bool
) -> Iterator[_Talk]:
    """Change what is to be changed, but for what is at the places of `others`."""
    changes = {
        place: each
        for place, each in enumerate(operations)
        if isinstance(each, PullChange) and isinstance(each, Return) is are_returns and place not in others
    }
    if changes:
        yield list(changes), pull_changes.change(list(changes.values()))


def _take(operations: Sequence[Operation]) -> Iterator[_Talk]:
    queues: dict[str, dict[int, Take]] = {}
    for place, operation in enumerate(operations):
        if isinstance(operation, Take):
            queues.setdefault(operation.queue, {})[place] = operation
    for takes in queues.values():
        yield list(takes), in_turn(map(pull.take, takes.values()))


def _retry(operations: Sequence[Operation]) -> Iterator[_Talk]:
    retries = {place: each for place, each in enumerate(operations) if isinstance(each, RetryFailures)}
    if retries:
        yield list(retries), in_turn(map(failures.retry, retries.values()))


def _manage(operations: Sequence[Operation]) -> Iterator[_Talk]:
    """Forget, sample, take turns and report: one after the other, as they may be about the same."""
    rest = {place: each for place, each in enumerate(operations) if isinstance(each, _Managing)}
    if rest:
        yield list(rest), in_turn(map(_managing, rest.values()))


def _managing(operation: _Managing) -> Conversation[object]:
    match operation:
        case ForgetFailures():
            return failures.forget(operation)
        case ForgetFinished():
            return history.forget(operation)
        case NameTypes():
            return load.name_types(operation.types)
        case AddLoad():
            return load.add(operation.sample)
        case ForgetLoad():
            return load.forget(operation)
        case TakeTurn():
            return load.take_turn(operation)
        case Report():
            return nodes.report(operation)
        case _:
            assert_never(operation)


def _tell(statement: bytes) -> Conversation[Sequence[object]]:
    yield [statement]
    return ()


def went_smoothly(operations: Sequence[Operation], outcomes: Sequence[object]) -> bool:
    """Whether the batch could have been done without care: no start in vain, nothing late, no key taken."""
    return not any(map(_needs_care, operations, outcomes))


def _needs_care(operation: Operation, outcome: object) -> bool:
    match operation, outcome:
        case Completed(), _:
            return outcome is False
        case Completion(), _:
            return operation.run is not None and outcome is not Verdict.DONE
        case PushJobs(starts=starts), list():
            return any(
                start is not None and isinstance(job, Job) and job.state is JobState.WAITING
                for start, job in zip(starts, outcome, strict=True)
            )
        case EnqueueJobs(), list():
            return None in outcome
        case _:
            return False


async def _apply_one(connection: Connection, operation: _Single) -> object:
    match operation:
        case DeleteJob():
            return await jobs.delete_job(connection, operation)
        case DeleteFailure():
            return await jobs.delete_failure(connection, operation)
        case SetPaused():
            return await definitions.set_paused(connection, operation)
        case PutQueue():
            put = definitions.put_queue if operation.replaces else definitions.add_queue
            return await put(connection, operation.definition)
        case DeleteQueue():
            return await definitions.delete_queue(connection, operation.name)
        case PutRouting():
            return await definitions.put_routing(connection, operation.routing)
        case DeleteRouting():
            return await definitions.delete_routing(connection, operation.category)
        case Hold():
            return await leases.hold(connection, operation)
        case GiveBack():
            await leases.give_back(connection, operation.node_id, operation.now_ms, operation.queues)
            return None
        case _:
            assert_never(operation)
