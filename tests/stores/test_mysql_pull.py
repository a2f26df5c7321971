"""What is particular to pull jobs in the MySQL store: batches, locks that meet, and older databases."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from tests.mariadb import MariaDB, administer
from tests.stores.fake_mysql import OK, Peer, fake_mysql, log_in
from tests.stores.nodes import A_FAILURE, NOW, Node, completed, new_job, push_one
from tests.stores.workers import (
    TIMEOUT_S,
    completion,
    enqueue_keys,
    enqueue_one,
    found,
    heartbeat,
    pull_job,
    rescheduling,
    returning,
    take,
    take_one,
)
from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import Kind
from trioworq.core.pull import NewPullJob, Run, Verdict
from trioworq.core.retry import Failed, Retried
from trioworq.stores.claims import Take
from trioworq.stores.interface import FailureOrder, FailureQuery, Outlook, Store, StoreRefused
from trioworq.stores.migrations import CREATE_VERSION, available
from trioworq.stores.mysql import pull, pull_changes, writer, writes
from trioworq.stores.mysql.connection import Connection, open_connection
from trioworq.stores.mysql.conversations import Mismatch
from trioworq.stores.mysql.dsn import parse
from trioworq.stores.mysql.literals import fill
from trioworq.stores.mysql.store import open_mysql_store
from trioworq.stores.operations import EnqueueJobs, ExpireLeases, Operation

KEPT = "kind, pull_key, pull_state, max_retries, priority, timeout, retry_delay"
LEASE_END = NOW + TIMEOUT_S * 1000

# What waits for another's lock is given up after three seconds, and more; this is far from it.
AT_ONCE_S = 0.8

# What a node of the release before has in flight while a newer one brings the schema up to date.
OLD_STATEMENTS = (
    "INSERT INTO job (kind, queue, category, url, payload, payload_form, state, priority, next_try, "
    "created_at, timeout, retry_delay, retries_left, fail_count, attempt, started_at) "
    "VALUES (0, 'q', 'old', 'u', '{}', 2, 0, 100, 1, 1, 4294967295, 5, 3, 0, 0, NULL)",
    "INSERT INTO failure (job_id, queue, category, url, payload, payload_form, result_status, result_code, "
    "result_message, fail_count, failed_at, created_at) "
    "SELECT id, queue, category, url, payload, payload_form, 'failure', 500, '', 1, 2, created_at FROM job "
    "WHERE kind = 0",
    "SELECT created_at, id FROM failure FORCE INDEX (failure_failed) WHERE queue = 'q' AND id <= 9 "
    "ORDER BY id DESC LIMIT 9",
    "SELECT created_at, id FROM failure FORCE INDEX (failure_created) WHERE queue = 'q' AND created_at <= 9 "
    "AND (created_at <> 9 OR id <= 9) ORDER BY created_at DESC, id DESC LIMIT 9",
)


@pytest.fixture
async def store(mysql_dsn: str) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_mysql_store(mysql_dsn, node_id="n") as opened:
        yield opened


@asynccontextmanager
async def at_work(dsn: str, *operations: Operation, is_lost: bool = False) -> AsyncIterator[list[Any]]:
    """Have another node carry operations out, and commit them at the end of the block, unless it is lost."""
    async with open_connection(parse(dsn), autocommit=False) as connection:
        await connection.execute("SET idle_transaction_timeout = 0")
        yield await apply(connection, *operations)
        await connection.execute("ROLLBACK" if is_lost else "COMMIT")


async def apply(connection: Connection, *operations: Operation, is_careful: bool = False) -> list[Any]:
    """Carry operations out, in the transaction that is under way."""
    mark = fill(writer.MARK, ("other", 1))
    return await writes.apply(connection, operations, mark, is_careful=is_careful)


async def in_one_batch(*calls: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Call all at the same time; return what each returns or raises, in order."""
    results: list[Any] = [None] * len(calls)

    async def run(place: int) -> None:
        try:
            results[place] = await calls[place]()
        except InvalidRequest as error:
            results[place] = error

    async with trio.open_nursery() as callers:
        for place in range(len(calls)):
            callers.start_soon(run, place)
    return results


async def careful_verdicts(connection: Connection, change: Operation) -> list[Any]:
    """Return what a change comes to when it is looked at first."""
    async with connection.transaction():
        return await apply(connection, change, is_careful=True)


# Batches


@pytest.mark.parametrize("is_careful", [False, True])
async def test_operations_of_one_transaction_see_each_other(mysql_dsn: str, is_careful: bool) -> None:
    """A take finds what was enqueued before it, and a change what became of the job before that."""
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        await enqueue_one(store, pull_job("old"))
        job = await take_one(store)
        async with open_connection(parse(mysql_dsn), autocommit=False) as connection:
            async with connection.transaction():
                outcomes = await apply(
                    connection,
                    returning(job),
                    EnqueueJobs([pull_job("a"), pull_job("b"), pull_job("a")]),
                    EnqueueJobs([pull_job("b"), pull_job("c")]),
                    Take("q", 3, NOW),
                    completion("b"),
                    completion("b"),
                    heartbeat("old"),
                    is_careful=is_careful,
                )
            _, first, second, taken, *verdicts = outcomes
            assert first == [first[0], first[0] + 1, None]
            assert second == [None, first[0] + 2]
            # The job that came back is first, and b may have been completed before it could be handed out.
            assert [each.key for each in taken][:2] == ["old", "a"]
            assert verdicts == [Verdict.DONE, Verdict.ABSENT, Verdict.ABSENT]
            async with connection.transaction():
                outcomes = await apply(
                    connection,
                    heartbeat("old", b"1"),
                    rescheduling("old", saved_state=b"2", run_at_ms=NOW),
                    heartbeat("old"),
                    completion("old"),
                    completion("old"),
                    is_careful=is_careful,
                )
        assert outcomes == [Verdict.DONE, Verdict.DONE, Verdict.ABSENT, Verdict.DONE, Verdict.ABSENT]
        assert await store.pull_job("q", "old") is None


async def test_completions_that_name_their_runs_are_ended_without_a_look(mysql_dsn: str) -> None:
    """All at once if each is the present run; one of a worker that is late or mistaken spoils the batch."""
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        await enqueue_keys(store, *"abcd")
        runs = {job.key: job.run for job in await take(store, limit=4)}
        stale = Run(runs["a"].job_id, runs["a"].attempt + 1) if runs["a"] else None
        async with open_connection(parse(mysql_dsn), autocommit=False) as connection:
            for mistaken in (
                completion("c", run=runs["d"]),
                completion("c", run=stale),
                completion("x", run=stale),
            ):
                with pytest.raises(Mismatch):
                    async with connection.transaction():
                        await apply(connection, completion("a", run=runs["a"]), mistaken)
                assert await careful_verdicts(connection, mistaken) in ([Verdict.STALE], [Verdict.ABSENT])
            async with connection.transaction():
                named = [completion(key, run=runs[key]) for key in "ab"]
                assert await apply(connection, *named) == [Verdict.DONE] * 2
        assert [await store.pull_job("q", key) is None for key in "abcd"] == [True, True, False, False]


async def test_a_completion_and_another_change_of_its_job_are_judged_in_turn(mysql_dsn: str) -> None:
    """Only one of the two can have found the run that it names."""
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        await enqueue_keys(store, "a")
        job = await take_one(store)
        changes = rescheduling("a", run=job.run), completion("a", run=job.run)
        async with (
            open_connection(parse(mysql_dsn), autocommit=False) as connection,
            connection.transaction(),
        ):
            assert await apply(connection, *changes) == [Verdict.DONE, Verdict.STALE]
        assert (await found(store, "a")).id == job.id


async def test_key_that_is_taken_has_its_batch_done_again_with_care(mysql_dsn: str) -> None:
    """The first try gives nothing away, and the second leaves the neighbours as they are."""
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        await enqueue_one(store, pull_job("taken"))
        async with open_connection(parse(mysql_dsn), autocommit=False) as connection:
            operations = EnqueueJobs([pull_job("taken"), pull_job("new")]), Take("q", 9, NOW)
            with pytest.raises(Mismatch):
                async with connection.transaction():
                    await apply(connection, *operations)
        ids, taken = await in_one_batch(
            lambda: store.enqueue([pull_job("taken"), pull_job("new")]), lambda: take(store)
        )
        assert ids[0] is None
        assert [(await found(store, "new")).id] == ids[1:]
        assert {job.key for job in [*taken, *await take(store)]} == {"taken", "new"}


async def test_keys_are_entered_in_the_same_order_by_all(mysql_dsn: str, store: Store) -> None:
    """Nodes that enter the same keys wait for each other, and do not get in a deadlock."""
    async with open_connection(parse(mysql_dsn)) as connection:
        (_, entered) = next(pull.enqueue(connection, [[pull_job("b"), pull_job("a")]], is_careful=False))
        assert entered.index(b"'a'") < entered.index(b"'b'")


async def test_jobs_have_the_ids_that_they_were_answered_with(store: Store) -> None:
    """Enqueues and pushes of a batch are numbered apart, and each job finds its other half."""
    ids = await in_one_batch(
        *(partial(store.enqueue, [pull_job(f"{n}-{place}") for place in range(n)]) for n in range(1, 9)),
        *(partial(push_one, store, new_job()) for _ in range(5)),
    )
    for n, its_ids in enumerate(ids[:8], start=1):
        for place, job_id in enumerate(its_ids):
            assert (await found(store, f"{n}-{place}")).id == job_id
    taken = await take(store)
    assert sorted(job.id for job in taken) == sorted(job_id for its_ids in ids[:8] for job_id in its_ids)


async def test_ids_follow_the_servers_increment(tmp_path: Path) -> None:
    """Where servers number in steps, as pairs of masters do, a job still finds its other half."""
    options = ["--auto-increment-increment=7", "--innodb-autoinc-lock-mode=2"]
    with MariaDB(tmp_path, options=options) as server:
        server.create_database("jobs")
        async with open_mysql_store(server.dsn("jobs"), node_id="n") as store:
            ids = await store.enqueue([pull_job(str(number)) for number in range(20)])
            assert [(await found(store, str(number))).id for number in range(20)] == ids
            assert [(job.id, job.key) for job in await take(store)] == [(ids[n], str(n)) for n in range(20)]


async def test_job_that_fits_no_statement_does_not_spoil_its_transaction(mysql_dsn: str) -> None:
    """Its own enqueue is refused whole, and the others need not be done again."""
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        large = EnqueueJobs([pull_job("a"), pull_job("large", payload=b" " * 5000)])
        async with open_connection(parse(mysql_dsn), autocommit=False) as connection:
            connection.max_packet_bytes = 4096
            async with connection.transaction():
                refused, ids = await apply(connection, large, EnqueueJobs([pull_job("a"), pull_job("b")]))
        assert isinstance(refused, InvalidRequest)
        assert [(await found(store, key)).id for key in "ab"] == ids


async def test_job_over_the_servers_packet_is_refused_with_its_batch_alone(tmp_path: Path) -> None:
    """Nothing of its enqueue is stored, and all of its neighbours', however many statements they take."""

    def job(key: str, size: int) -> NewPullJob:
        return pull_job(key, payload=b'"%s"' % (b"x" * size))

    with MariaDB(tmp_path, options=["--max-allowed-packet=1M"]) as server:
        server.create_database("jobs")
        async with open_mysql_store(server.dsn("jobs"), node_id="n") as store:
            await enqueue_keys(store, "running")
            await take(store)
            first, refused, last, verdict = await in_one_batch(
                lambda: store.enqueue([job("a", 700_000), job("b", 700_000)]),
                lambda: store.enqueue([job("c", 1), job("large", 2_000_000)]),
                lambda: store.enqueue([job("c", 700_000)]),
                lambda: store.change(heartbeat("running", b'"%s"' % (b"x" * 2_000_000))),
            )
            for refusal in (refused, verdict):
                assert isinstance(refusal, InvalidRequest)
                assert "max_allowed_packet" in str(refusal)
            assert [(await found(store, key)).id for key in "abc"] == [*first, *last]
            assert await store.pull_job("q", "large") is None


async def test_failed_jobs_keep_what_running_them_again_needs(mysql_dsn: str, store: Store) -> None:
    """A pull job its key, its state and its numbers, a push job the retries it began with (README 12)."""
    node = Node(store)
    await node.hold("q")
    await enqueue_one(store, pull_job(max_retries=0, priority=7, timeout_s=-9))
    await take(store)
    await store.change(heartbeat(saved_state=b"[1]"))
    await store.expire_leases(NOW, 10)
    job_id = await push_one(store, new_job(max_retries=3, priority=7))
    await node.claim()
    await store.settle(Retried(job_id, 1, NOW, 2, 1, A_FAILURE))
    await node.claim()
    await store.settle(Failed(job_id, 2, A_FAILURE, 2, NOW))
    async with open_connection(parse(mysql_dsn)) as connection:
        kept = await connection.execute(f"SELECT {KEPT} FROM failure ORDER BY id")
    assert kept.rows == ((1, b"k", b"[1]", 0, 7, -9, 0), (0, None, None, 3, 7, 30, 5))


# Nodes that meet


async def test_jobs_that_another_node_is_taking_are_passed_over(mysql_dsn: str, store: Store) -> None:
    """Nobody waits for them, nobody is given them twice, and if they come back they are there again (I3)."""
    await enqueue_keys(store, *"abcdef")
    async with at_work(mysql_dsn, Take("q", 2, NOW), is_lost=True) as (taken,):
        assert [job.key for job in taken] == ["a", "b"]
        with trio.fail_after(AT_ONCE_S):
            assert [job.key for job in await take(store, 3)] == ["c", "d", "e"]
    assert [(job.key, job.attempt) for job in await take(store)] == [("a", 1), ("b", 1), ("f", 1)]


async def test_take_locks_nothing_but_what_it_takes(mysql_dsn: str, store: Store) -> None:
    """What is behind it, due or deferred, can be taken by others at the same time."""
    await enqueue_keys(store, *"abcd")
    await enqueue_keys(store, *"efgh", run_at_ms=NOW + 1000)
    async with at_work(mysql_dsn, Take("q", 3, NOW)):
        with trio.fail_after(AT_ONCE_S):
            assert [job.key for job in await take(store, now_ms=NOW + 1000)] == list("defgh")


async def test_job_that_another_node_is_enqueuing_is_not_waited_for(mysql_dsn: str, store: Store) -> None:
    """It is there once that is done."""
    async with at_work(mysql_dsn, EnqueueJobs([pull_job("new")])):
        with trio.fail_after(AT_ONCE_S):
            await enqueue_keys(store, "a")
            assert [job.key for job in await take(store)] == ["a"]
            assert await store.pull_job("q", "new") is None
            assert await store.outlook(["q"]) == Outlook(LEASE_END, {})
    assert [job.key for job in await take(store)] == ["new"]


async def test_key_that_another_node_is_entering_is_waited_for(mysql_dsn: str, store: Store) -> None:
    """Only one of two can have it, and which is decided by whether the first is committed."""
    outcomes: list[Sequence[int | None]] = []

    async def enqueue() -> None:
        outcomes.append(await store.enqueue([pull_job("k"), pull_job("mine")]))

    async with (
        trio.open_nursery() as clients,
        at_work(mysql_dsn, EnqueueJobs([pull_job("k")])) as ((theirs,),),
    ):
        clients.start_soon(enqueue)
        await trio.testing.wait_all_tasks_blocked(0.1)
        assert outcomes == []
    assert outcomes == [[None, (await found(store, "mine")).id]]
    assert (await found(store, "k")).id == theirs


async def test_lease_that_is_being_kept_is_not_ended(mysql_dsn: str, store: Store) -> None:
    """Neither while the heartbeat is under way nor after it; others are ended meanwhile, at once."""
    await enqueue_keys(store, *"abc")
    await take(store)
    async with at_work(mysql_dsn, heartbeat("b", now_ms=LEASE_END)):
        with trio.fail_after(AT_ONCE_S):
            assert [end.key for end in await store.expire_leases(LEASE_END + 1, 10)] == ["a", "c"]
    assert await store.expire_leases(LEASE_END + 1, 10) == []


async def test_lease_that_is_kept_in_the_last_moment_goes_on(mysql_dsn: str, store: Store) -> None:
    """A heartbeat that is committed between the look for leases that ended and their locking counts."""
    await enqueue_keys(store, "a", "b")
    await take(store)
    async with open_connection(parse(mysql_dsn), autocommit=False) as connection, connection.transaction():
        ending = pull_changes.expire(ExpireLeases(LEASE_END + 1, 10))
        (found_keys,) = await connection.send_all(next(ending))
        assert len(found_keys.rows) == 2
        await store.change(heartbeat("a", now_ms=LEASE_END))
        (locked,) = await connection.send_all(ending.send([found_keys]))
        assert [key for _, _, key, *_ in locked.rows] == [b"b"]


async def test_leases_that_another_node_is_ending_are_left_to_it(mysql_dsn: str, store: Store) -> None:
    """Each is counted once (I4), and leases that go on are kept meanwhile."""
    await enqueue_keys(store, *"abc")
    await take(store)
    await store.change(heartbeat("c", now_ms=NOW + 1))
    async with at_work(mysql_dsn, ExpireLeases(LEASE_END + 1, 10)) as (ended,):
        assert [end.key for end in ended] == ["a", "b"]
        with trio.fail_after(AT_ONCE_S):
            assert await store.expire_leases(LEASE_END + 1, 10) == []
            assert await store.change(heartbeat("c")) is Verdict.DONE
            assert await store.change(completion("c")) is Verdict.DONE
    assert [(job.key, job.fail_count) for job in await take(store)] == [("a", 1), ("b", 1)]


async def test_small_tables_are_not_gone_through(mysql_dsn: str, store: Store) -> None:
    """Changes of many of the few jobs there are wait for no other job that somebody else has locked."""
    node = Node(store)
    await node.hold("q")
    await enqueue_keys(store, *"abcdefghij", max_retries=0)
    pulled = {job.key: job for job in await take(store)}
    for _ in range(10):
        await push_one(store, new_job())
    pushed = await node.claim()
    await store.change(heartbeat("c", now_ms=NOW - 1))
    await store.change(heartbeat("d", now_ms=NOW - 1))
    async with at_work(mysql_dsn, heartbeat("a"), completion("b")):
        with trio.fail_after(AT_ONCE_S):
            outcomes = await in_one_batch(
                partial(store.expire_leases, LEASE_END, 10),
                *(partial(store.change, completion(key, run=pulled[key].run)) for key in "ef"),
                *(partial(store.change, returning(pulled[key])) for key in "gh"),
                *(partial(store.change, rescheduling(key)) for key in "ij"),
                *(partial(store.settle, completed(job)) for job in pushed),
                partial(store.enqueue, [pull_job("new", run_at_ms=NOW + 9)]),
            )
            assert [job.key for job in await take(store)] == ["g", "h"]
    ended, *rest = outcomes
    assert [end.key for end in ended] == ["c", "d"]
    assert rest[:-1] == [Verdict.DONE] * 6 + [True] * 10


# The server and its schema


async def test_server_that_cannot_pass_over_locked_rows_is_refused() -> None:
    """In one line, and before anything in its database is changed."""
    asked: list[bytes] = []

    async def script(peer: Peer) -> None:
        await log_in(peer)
        while statement := await peer.receive():
            asked.append(statement)
            if b"SKIP LOCKED" in statement:
                await peer.send(b"\xff\x28\x04#42000You have an error in your SQL syntax")
            elif b"information_schema" in statement:
                await peer.send_row(b"0", b"0")
            elif b"GET_LOCK" in statement:
                await peer.send_row(b"1")
            else:
                await peer.send(OK)

    async with fake_mysql(script) as dsn:
        with pytest.raises(StoreRefused, match=r"MySQL 8\.0, MariaDB 10\.6 or newer"):
            async with open_mysql_store(dsn, node_id="n"):
                pass
    assert not [statement for statement in asked if b"CREATE" in statement or b"INSERT" in statement]


async def test_database_of_the_release_before_is_brought_up(mysql_dsn: str) -> None:
    """Its jobs and failures are those of push queues; pull jobs come beside them."""
    make_version_2(mysql_dsn)
    administer(mysql_dsn, *OLD_STATEMENTS[:2])
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        node = Node(store)
        await node.hold("q")
        for order in FailureOrder:
            page = await store.failures(FailureQuery("q", 10, order))
            assert [(entry.id, entry.job_id, entry.kind) for entry in page.items] == [(1, 1, Kind.PUSH)]
            assert (await store.failures(FailureQuery("q", 10, order, kind=Kind.PULL))).items == []
        assert await store.enqueue([pull_job(), pull_job()]) == [2, None]
        (job,) = await node.claim()
        assert (job.id, job.category, job.timeout_s) == (1, "old", 2**32 - 1)
        await store.settle(Failed(1, 1, A_FAILURE, 1, NOW))
        page = await store.failures(FailureQuery("q", 10))
        assert [(entry.id, entry.job_id) for entry in page.items] == [(2, 1), (1, 1)]
        assert [job.key for job in await take(store)] == ["k"]


async def test_node_of_the_release_before_goes_on_beside_a_newer_one(mysql_dsn: str) -> None:
    """What it was made to ask and write still works, and the newer one understands it."""
    make_version_2(mysql_dsn)
    async with open_connection(parse(mysql_dsn)) as old, open_mysql_store(mysql_dsn, node_id="n") as store:
        await enqueue_keys(store, "k")
        results = [await old.execute(statement) for statement in OLD_STATEMENTS]
        assert [len(result.rows) for result in results[2:]] == [1, 1]
        node = Node(store)
        await node.hold("q")
        assert [job.category for job in await node.claim()] == ["old"]
        page = await store.failures(FailureQuery("q", 10))
        assert [entry.category for entry in page.items] == ["old"]


def make_version_2(dsn: str) -> None:
    """Make a database as it was before pull jobs."""
    for migration in available("mysql")[:2]:
        administer(dsn, CREATE_VERSION, *migration.statements, migration.record_version)
