"""Failed jobs that are run again in the MySQL store: nodes that meet, lost connections, older databases."""

import itertools
from functools import partial

import pytest
import trio
import trio.testing

from tests.mariadb import administer
from tests.stores.failing import fail_pull, fail_push, failed_job_ids, failure_id_of
from tests.stores.mysql_proxy import Cut
from tests.stores.nodes import NOW, Node, new_job
from tests.stores.test_mysql import gather
from tests.stores.test_mysql_pull_commits import behind_a_proxy
from tests.stores.workers import take
from trioworq.core.failures import EVERY_FAILURE, Obstacle, Requeued
from trioworq.core.jobs import INT64_MAX, FailedJob, Job
from trioworq.core.load import EndedCount
from trioworq.core.queues import QueueDefinition
from trioworq.stores.claims import Push
from trioworq.stores.interface import Store, StoreUnavailable
from trioworq.stores.migrations import CREATE_VERSION, available
from trioworq.stores.mysql.connection import Connection, open_connection
from trioworq.stores.mysql.dsn import parse
from trioworq.stores.mysql.store import open_mysql_store
from trioworq.stores.rows import UNKNOWN_ATTEMPT

# More than anything here takes on the busiest machine.
A_MINUTE = 60

WAITING = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"


async def define_queue(store: Store, name: str = "q") -> None:
    """Define a queue that nobody looks at."""
    await store.put_queue(QueueDefinition(name, 200, 20))


async def release(connection: Connection, waiting: int) -> None:
    """Give up locks once so many other transactions wait for them."""
    with trio.fail_after(A_MINUTE):
        while (await connection.execute(WAITING)).rows[0][0] < waiting:
            # The server looks afresh only for who has not asked for a tenth of a second.
            await trio.sleep(0.15)
    await connection.execute("ROLLBACK")


async def test_nodes_that_retry_the_same_failures_at_once_share_them(mysql_dsn: str) -> None:
    """Each job waits again once, and one node is told so of it."""
    async with (
        open_mysql_store(mysql_dsn, node_id="n") as store,
        open_mysql_store(mysql_dsn, node_id="m") as m,
    ):
        await define_queue(store)
        node = Node(store)
        pushed = {await fail_push(node) for _ in range(30)}
        pulled = {await fail_pull(store, f"k{number}") for number in range(30)}
        ids = await store.failure_ids(EVERY_FAILURE, 0, INT64_MAX, 100)
        async with open_connection(parse(mysql_dsn), autocommit=False) as other:
            # So that both have begun before either can go on.
            await other.execute("SELECT id FROM failure FOR UPDATE")
            answers = await gather(
                partial(store.retry_failures, ids, NOW),
                partial(m.retry_failures, ids[::-1], NOW),
                partial(release, other, 2),
            )
        requeued = [outcome for outcomes in answers for outcome in outcomes or () if outcome is not None]
        assert {outcome.name.job_id for outcome in requeued} == pushed | pulled
        assert len(requeued) == 60
        assert {outcome.obstacle for outcome in requeued} == {None}
        assert {job.id for job in await node.claim()} == pushed
        assert {job.id for job in await take(store)} == pulled


async def test_nodes_that_retry_failures_with_the_same_keys_at_once_enter_each_once(mysql_dsn: str) -> None:
    """Of two failures with one key one waits again, whichever node comes first."""
    async with (
        open_mysql_store(mysql_dsn, node_id="n") as store,
        open_mysql_store(mysql_dsn, node_id="m") as m,
    ):
        keys = [f"k{number}" for number in range(20)]
        for key in (*keys, *reversed(keys)):
            await fail_pull(store, key)
        ids = await store.failure_ids(EVERY_FAILURE, 0, INT64_MAX, 100)
        answers = await gather(
            partial(store.retry_failures, ids[:20], NOW), partial(m.retry_failures, ids[20:], NOW)
        )
        obstacles = [outcome.obstacle for outcomes in answers for outcome in outcomes]
        assert sorted(obstacles, key=str) == [None] * 20 + [Obstacle.KEY_IS_TAKEN] * 20
        assert sorted(job.key for job in await take(store)) == sorted(keys)
        assert await store.count_ended() == EndedCount(20, 0)


async def test_ids_of_pushes_are_their_own_while_failures_are_retried(mysql_dsn: str) -> None:
    """Jobs that come back under old ids do not get between the new ids of a statement."""
    async with (
        open_mysql_store(mysql_dsn, node_id="n") as store,
        open_mysql_store(mysql_dsn, node_id="m") as m,
    ):
        await define_queue(store)
        node = Node(store)
        for _ in range(40):
            await fail_push(node)
        ids = await store.failure_ids(EVERY_FAILURE, 0, INT64_MAX, 100)

        async def push_many(first: int) -> None:
            new = [new_job(queue="other", url=f"http://{first + number}/") for number in range(50)]
            for job, stored in zip(new, await m.push([Push(each) for each in new]), strict=True):
                assert isinstance(stored, Job)
                there = await m.job("other", stored.id)
                assert there is not None
                assert there.url == job.url

        async with trio.open_nursery() as nursery:
            for failure_id in ids:
                nursery.start_soon(store.retry_failures, [failure_id], NOW)
            for first in range(0, 1000, 50):
                nursery.start_soon(push_many, first)


@pytest.mark.parametrize("cut", list(Cut))
async def test_retry_whose_commit_was_cut_off_is_answered_truly(mysql_dsn: str, cut: Cut) -> None:
    """The jobs wait again once, though the first answer was lost (I1, I11)."""
    async with behind_a_proxy(mysql_dsn) as (store, proxy):
        await define_queue(store)
        node = Node(store)
        ids = [await fail_push(node), await fail_pull(store)]
        failures = [await failure_id_of(store, job_id) for job_id in ids]
        proxy.cuts = [cut, cut]
        outcomes = await store.retry_failures(failures, NOW)
        assert proxy.cuts == []
        assert [outcome and (outcome.name.job_id, outcome.obstacle) for outcome in outcomes] == [
            (job_id, None) for job_id in ids
        ]
        assert await store.retry_failures(failures, NOW) == [None, None]
        assert [job.id for job in await node.claim()] + [job.id for job in await take(store)] == ids


async def test_failure_that_another_holds_is_not_gone(mysql_dsn: str) -> None:
    """Whoever retries it is told to come again."""
    async with (
        open_mysql_store(mysql_dsn, node_id="n") as store,
        open_connection(parse(mysql_dsn), autocommit=False) as other,
    ):
        await define_queue(store)
        failure_id = await failure_id_of(store, await fail_push(Node(store)))
        await other.execute("SELECT id FROM failure WHERE id = %s FOR UPDATE", (failure_id,))
        with pytest.raises(StoreUnavailable):
            await store.retry_failures([failure_id], NOW)
        await other.execute("ROLLBACK")
        (outcome,) = await store.retry_failures([failure_id], NOW)
        assert outcome is not None


# An older database

_FAILURE = (
    "id, kind, job_id, queue, category, url, payload, payload_form, result_status, result_code, "
    "result_message, fail_count, failed_at, created_at, pull_key, max_retries, priority, timeout, retry_delay"
)


async def test_database_of_the_release_before_is_brought_up(mysql_dsn: str) -> None:
    """Its failures are listed, counted, and can be run again, as far as they know how."""
    _make_version_3(mysql_dsn)
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        assert await store.queues() == [QueueDefinition("q", 300, 30, priority=100)]
        assert await store.count_ended() == EndedCount(4, 0)
        assert await failed_job_ids(store) == [11, 12, 13, 14]
        assert (await store.look_round(NOW)).pauses == 0
        entry = await store.find_job(11)
        assert isinstance(entry, FailedJob)
        assert (entry.priority, entry.started_at_ms) == (100, None)
        outcomes = await store.retry_failures([1, 2, 3, 4], NOW)
        assert [outcome.obstacle for outcome in outcomes if isinstance(outcome, Requeued)] == [None] * 4
        node = Node(store)
        await node.hold("q")
        # The newer failure knows its priority, so it goes first.
        claimed_jobs = await node.claim()
        assert [(job.id, job.priority, job.max_retries, job.attempt) for job in claimed_jobs] == [
            (12, 7, 5, UNKNOWN_ATTEMPT + 1),
            (10, 100, 0, 2),
            (11, 100, 2, UNKNOWN_ATTEMPT + 1),
        ]
        assert [(job.timeout_s, job.retry_delay_s) for job in claimed_jobs] == [(8, 9), (0, 0), (0, 0)]
        pulled = await take(store)
        assert [(job.id, job.max_retries, job.timeout_s, job.attempt) for job in pulled] == [
            (13, 0, 0, UNKNOWN_ATTEMPT + 1),
            (14, 0, 10**6, UNKNOWN_ATTEMPT + 1),
        ]


async def test_failure_that_counts_no_failed_attempt_can_be_run_again(mysql_dsn: str) -> None:
    """A number of retries that was not kept is worked out from it, and never below none."""
    _make_version_3(mysql_dsn)
    administer(mysql_dsn, "UPDATE failure SET fail_count = 0")
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        (outcome,) = await store.retry_failures([1], NOW)
        assert outcome is not None
        job = await store.find_job(11)
        assert isinstance(job, Job)
        assert job.retries_left == 0


def _make_version_3(dsn: str) -> None:
    """Make a database as it was before failures could be run again.

    It has a queue, a waiting job, failures of that version, and one of an older one, which knows less.
    """
    columns = "id, kind, queue, category, url, payload, payload_form, state, priority, next_try, created_at"
    outcome = f"'failure', 500, '', %d, {NOW}, {NOW}"
    push, pull = "'q', 'c', 'u', x'7b7d', 2", "'q', '', '', x'7b7d', 2"
    failures = (
        f"1, 0, 11, {push}, {outcome % 3}, NULL, NULL, NULL, NULL, NULL",
        f"2, 0, 12, {push}, {outcome % 3}, NULL, 5, 7, 8, 9",
        f"3, 1, 13, {pull}, {outcome % 1}, 'k', NULL, NULL, NULL, NULL",
        f"4, 1, 14, {pull}, {outcome % 1}, 'l', 0, 100, {10**6}, 0",
    )
    administer(
        dsn,
        CREATE_VERSION,
        *itertools.chain.from_iterable(
            (*migration.statements, migration.record_version) for migration in available("mysql")[:3]
        ),
        "INSERT INTO queue VALUES ('q', 300, 30, 0, 0)",
        f"INSERT INTO job ({columns}, timeout, retry_delay, retries_left, fail_count, attempt) "
        f"VALUES (10, 0, 'q', 'c', 'u', x'7b7d', 2, 0, 100, {NOW}, {NOW}, 0, 0, 0, 0, 1)",
        *(f"INSERT INTO failure ({_FAILURE}) VALUES ({values})" for values in failures),
    )
