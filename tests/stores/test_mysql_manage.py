"""What the MySQL store is asked while others change it: counts, jobs that move, job types."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import pytest
import trio
import trio.testing
from attrs import evolve

from tests.stores.failing import fail_pull, failure_id_of
from tests.stores.nodes import NOW, Node, new_job, push_one
from tests.stores.test_mysql import gather
from tests.stores.workers import take
from trioworq.core.failures import EVERY_FAILURE
from trioworq.core.jobs import INT64_MAX, FailedJob, Kind
from trioworq.core.load import SpreadQuery, TypeName
from trioworq.core.pull import PullJob
from trioworq.core.queues import QueueDefinition
from trioworq.stores.browsing import FinishedSearch, JobSearch
from trioworq.stores.claims import Claim
from trioworq.stores.interface import JobSet
from trioworq.stores.mysql import jobs
from trioworq.stores.mysql.connection import open_connection
from trioworq.stores.mysql.conversations import Conversation, carry_on
from trioworq.stores.mysql.dsn import parse
from trioworq.stores.mysql.store import open_mysql_store

# More than anything here takes on the busiest machine.
A_MINUTE = 60

A_SEARCH = JobSearch(kind=Kind.PUSH, queue="q", jobs=JobSet.WAITING, now_ms=NOW, limit=10)

T = TypeVar("T")


async def test_long_counts_hold_up_nobody_else(mysql_dsn: str) -> None:
    """Jobs are found and nodes looked at while all that counts waits for a table."""
    async with (
        open_mysql_store(mysql_dsn, node_id="n") as store,
        open_connection(parse(mysql_dsn)) as other,
        trio.open_nursery() as counting,
    ):
        await store.put_queue(QueueDefinition("q", 200, 20))
        await other.execute("LOCK TABLES failure WRITE, job WRITE, finished WRITE, load_sample WRITE")
        questions: Sequence[Callable[[], Awaitable[object]]] = [
            partial(store.count_jobs, NOW),
            store.count_ended,
            partial(store.count_failures, EVERY_FAILURE),
            partial(store.failed_jobs, EVERY_FAILURE, 0, 100),
            partial(store.failure_ids, EVERY_FAILURE, 0, INT64_MAX, 100),
            partial(store.newest_failures, EVERY_FAILURE, None, 100),
            partial(store.failure_groups, EVERY_FAILURE, 100),
            store.count_ended_by_queue,
            partial(store.search_jobs, evolve(A_SEARCH, category="c")),
            partial(store.search_finished, FinishedSearch(kind=Kind.PUSH, queue="q", limit=10, text="t")),
            partial(store.load_spread, SpreadQuery(first_ms=NOW, last_ms=NOW, step_ms=1, most=1)),
            partial(store.outdated_failures, NOW, 100),
            partial(store.outdated_finished, NOW, 10, 100),
        ]
        for question in questions:
            counting.start_soon(question)
        await trio.testing.wait_all_tasks_blocked()
        with trio.fail_after(A_MINUTE):
            for _ in range(5):
                assert [queue.name for queue in await store.queues()] == ["q"]
                await store.look_round(NOW)
                await store.nodes(NOW)
                await store.owners(NOW)
        assert len(counting.child_tasks) == len(questions)
        await other.execute("UNLOCK TABLES")


async def test_job_is_always_somewhere_while_other_nodes_move_it(mysql_dsn: str) -> None:
    """It waits, or it has failed: whoever asks sees one moment of all the tables."""
    async with (
        open_mysql_store(mysql_dsn, node_id="n") as store,
        open_mysql_store(mysql_dsn, node_id="m") as m,
    ):
        job_id = await fail_pull(store)
        is_over = trio.Event()

        async def move() -> None:
            for _ in range(50):
                await store.retry_failures([await failure_id_of(store, job_id)], NOW)
                await take(store)
                await store.expire_leases(NOW + 1, 10)
            is_over.set()

        places: set[type] = set()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(move)
            while not is_over.is_set():
                places.add(type(await m.find_job(job_id)))
        assert places <= {PullJob, FailedJob}


def counted(conversation: Conversation[T], steps: list[int]) -> Conversation[T]:
    """Have a conversation; note how many statements each of its steps has."""
    answers = None
    while True:
        try:
            statements = conversation.send(answers)  # type: ignore[arg-type]  # None to begin
        except StopIteration as end:
            found: T = end.value
            return found
        steps.append(len(statements))
        answers = yield statements


@pytest.mark.parametrize(("usual", "count"), [(7, 2), (100, 3)])
async def test_first_guess_of_a_claim_is_the_priority_that_is_usual(
    mysql_dsn: str, usual: int, count: int
) -> None:
    """Jobs that have it are found in the step that asks for the epoch; others take one more."""
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        node = Node(store)
        await node.hold("q")
        ids = [await push_one(store, new_job(priority=7)) for _ in range(3)]
        steps: list[int] = []
        conversation = counted(jobs.claim(Claim("q", node.epochs["q"], 10, NOW, usual)), steps)
        async with open_connection(parse(mysql_dsn), autocommit=False) as connection:
            (started,) = await carry_on(connection, [conversation])
        assert [job.id for job in started] == ids
        assert len(steps) == count


# Job types


async def test_nodes_that_name_the_same_types_at_once_agree(mysql_dsn: str) -> None:
    """Each type has one number, and types that are named again cost none."""
    async with (
        open_mysql_store(mysql_dsn, node_id="n") as store,
        open_mysql_store(mysql_dsn, node_id="m") as m,
    ):
        types = [TypeName(kind, f"t{number}") for number in range(20) for kind in Kind]
        one, another = await gather(partial(store.name_types, types), partial(m.name_types, types[::-1]))
        assert set(one) == set(another)
        for _ in range(20):
            assert set(await store.name_types(types)) == set(one)
        assert {each.type for each in one} == set(types)
        (new,) = await m.name_types([TypeName(Kind.PUSH, "new")])
        assert new.id <= 3 * len(types)
