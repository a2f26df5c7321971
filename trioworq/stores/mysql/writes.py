"""What a MySQL or MariaDB database is told in one transaction.

The operations of a batch wait at the same time, so any order of them is a right one. Pushes go first and
share a statement, then completions, which share another; the rest follows one by one as submitted.
"""

from collections.abc import Sequence
from typing import assert_never

from trioworq.core.retry import Completed, Failed, Released, Retried, Settlement
from trioworq.stores.interface import Claim, Hold
from trioworq.stores.mysql import definitions, jobs, leases
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.operations import (
    DeleteFailure,
    DeleteJob,
    DeleteQueue,
    DeleteRouting,
    GiveBack,
    Operation,
    PushJobs,
    PutQueue,
    PutRouting,
)
from trioworq.stores.starts import queues_with_starts, with_starts

_Single = (
    Settlement
    | Claim
    | DeleteJob
    | DeleteFailure
    | PutQueue
    | DeleteQueue
    | PutRouting
    | DeleteRouting
    | Hold
    | GiveBack
)


async def apply(
    connection: Connection, operations: Sequence[Operation], *, one_by_one: bool = False
) -> list[object]:
    """Carry out writes inside a transaction; return their outcomes in the order of the writes.

    Raises jobs.Mismatch when the transaction has to be rolled back and done again `one_by_one`.
    """
    heads = await jobs.find_heads(connection, queues_with_starts(operations))
    pushes = [push for each in operations if isinstance(each, PushJobs) for push in with_starts(each, heads)]
    completions = [done for done in operations if isinstance(done, Completed)]
    stored = iter(await jobs.push(connection, pushes))
    ends = iter([] if one_by_one else await jobs.complete(connection, completions))
    outcomes: list[object] = []
    for operation in operations:
        match operation:
            case PushJobs():
                outcomes.append([next(stored) for _ in operation.pushes])
            case Completed() if not one_by_one:
                outcomes.append(next(ends))
            case _:
                outcomes.append(await _apply_one(connection, operation))
    return outcomes


async def _apply_one(connection: Connection, operation: _Single) -> object:
    match operation:
        case Completed() | Retried() | Failed() | Released():
            return await jobs.settle(connection, operation)
        case Claim():
            return await jobs.claim(connection, operation)
        case DeleteJob():
            return await jobs.delete_job(connection, operation)
        case DeleteFailure():
            return await jobs.delete_failure(connection, operation)
        case PutQueue():
            return await definitions.put_queue(connection, operation.definition)
        case DeleteQueue():
            return await definitions.delete_queue(connection, operation.name)
        case PutRouting():
            return await definitions.put_routing(connection, operation.routing)
        case DeleteRouting():
            return await definitions.delete_routing(connection, operation.category)
        case Hold():
            return await leases.hold(connection, operation)
        case GiveBack():
            await leases.give_back(connection, operation.node_id)
            return None
        case _:
            assert_never(operation)
