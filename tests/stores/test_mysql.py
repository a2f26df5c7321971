"""What is MySQL's own: the schema on a shared server, packets, clocks, and nodes that meet."""

from collections.abc import Awaitable, Callable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from tests.mariadb import MariaDB, administer
from tests.stores.nodes import (
    NOW,
    Node,
    Starter,
    claim_once,
    completed,
    failed,
    new_job,
    push_one,
    released,
    retried,
)
from trioworq.clock import Clock
from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import Job, Payload, PayloadForm
from trioworq.core.leases import Hold
from trioworq.core.queues import QueueDefinition
from trioworq.core.retry import Completed, Settlement
from trioworq.stores.claims import Claim, Push
from trioworq.stores.interface import Store, StoreRefused, StoreUnavailable
from trioworq.stores.migrations import CREATE_VERSION, available
from trioworq.stores.mysql.connection import open_connection
from trioworq.stores.mysql.dsn import parse
from trioworq.stores.mysql.link import Patience
from trioworq.stores.mysql.schema import GONE_MS, lock_name, migrate
from trioworq.stores.mysql.store import open_mysql_store


def payload(size: int) -> Payload:
    """Return a payload of `size` bytes."""
    return Payload(PayloadForm.TEXT, b"x" * size)


async def gather(*calls: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Call all at the same time; return what each returns or raises, in order."""
    results: list[Any] = [None] * len(calls)

    async def run(at: int) -> None:
        try:
            results[at] = await calls[at]()
        except (InvalidRequest, StoreUnavailable) as error:
            results[at] = error

    async with trio.open_nursery() as nursery:
        for at in range(len(calls)):
            nursery.start_soon(run, at)
    return results


# The schema


async def test_nodes_that_start_together_share_one_schema(mysql_dsn: str) -> None:
    """Several nodes on an empty database make the schema once, and all of them work."""

    async def start_and_push(node_id: str) -> int:
        async with open_mysql_store(mysql_dsn, node_id=node_id) as store:
            return await push_one(store, new_job())

    ids = await gather(*(partial(start_and_push, f"n{n}") for n in range(4)))
    assert len(set(ids)) == 4
    async with open_connection(parse(mysql_dsn)) as connection:
        versions = (await connection.execute("SELECT version FROM schema_version")).rows
    assert [version for (version,) in versions] == [migration.version for migration in available("mysql")]


MIGRATIONS = list(chain.from_iterable([*each.statements, each.record_version] for each in available("mysql")))


@pytest.mark.parametrize("done", range(len(MIGRATIONS) + 1))
async def test_migration_that_was_cut_short_is_begun_again(mysql_dsn: str, done: int) -> None:
    """A node that died anywhere in the middle of a migration does not keep the next from starting."""
    administer(mysql_dsn, CREATE_VERSION, *MIGRATIONS[:done])
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        await push_one(store, new_job())


async def test_newer_schema_is_refused(mysql_dsn: str) -> None:
    """A database that a newer release has changed is left alone."""
    async with open_mysql_store(mysql_dsn, node_id="n"):
        pass
    administer(mysql_dsn, "INSERT INTO schema_version VALUES (999)")
    with pytest.raises(StoreRefused, match="schema version 999"):
        async with open_mysql_store(mysql_dsn, node_id="n"):
            pass


async def test_missing_grant_is_refused(mysql_server_dsn: str, mysql_dsn: str) -> None:
    """A user who may not make tables is told which database it is about."""
    account = "'reader'@'127.0.0.1'"
    dsn = parse(mysql_dsn)
    administer(
        mysql_server_dsn,
        f"CREATE OR REPLACE USER {account}",
        f"GRANT SELECT ON {dsn.database}.* TO {account}",
    )
    with pytest.raises(StoreRefused, match=r"mysql_dsn: the schema cannot be brought up to date.*denied"):
        async with open_mysql_store(f"reader@tcp({dsn.place})/{dsn.database}", node_id="n"):
            pass


async def test_database_of_fireworq_is_left_alone(mysql_dsn: str) -> None:
    """A DSN that Fireworq uses too is refused before anything in its database is changed."""
    administer(
        mysql_dsn,
        "CREATE TABLE queue (name VARCHAR(255) NOT NULL PRIMARY KEY, polling_interval INT UNSIGNED, "
        "max_workers INT UNSIGNED)",
    )
    with pytest.raises(StoreRefused, match="another program"):
        async with open_mysql_store(mysql_dsn, node_id="n"):
            pass
    async with open_connection(parse(mysql_dsn)) as connection:
        assert (await connection.execute("SHOW TABLES")).rows == (("queue",),)


async def test_node_that_changes_the_schema_is_waited_for(mysql_dsn: str) -> None:
    """Only one node changes the schema at a time; the others wait, though not for ever."""
    patience = Patience(migration_s=1)
    async with open_connection(parse(mysql_dsn)) as other:
        lock = lock_name(parse(mysql_dsn).database)
        assert (await other.execute("SELECT GET_LOCK(%s, 0)", (lock,))).rows == ((1,),)
        with pytest.raises(StoreRefused, match="another node"):
            async with open_mysql_store(mysql_dsn, node_id="n", patience=patience):
                pass
        assert (await other.execute("SHOW TABLES")).rows == ()


async def test_migrations_survive_a_server_without_locks(mysql_dsn: str) -> None:
    """Two nodes that apply the same migration at once, as on a cluster without locks, both get through."""

    async with (
        open_connection(parse(mysql_dsn)) as one,
        open_connection(parse(mysql_dsn)) as another,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(migrate, one)
        nursery.start_soon(migrate, another)
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        await push_one(store, new_job())


def test_lock_has_a_short_name_of_its_own_for_each_database() -> None:
    """Databases on one server do not wait for each other, and the name fits (contract W18, W19)."""
    assert lock_name("a" * 64) != lock_name("b" * 64)
    assert len(lock_name("a" * 64)) <= 64


async def test_marks_of_nodes_that_are_long_gone_are_swept_away(mysql_dsn: str) -> None:
    """A node that starts removes what nodes left that have written nothing for a week, and nothing else."""
    async with open_mysql_store(mysql_dsn, node_id="earlier") as store:
        await push_one(store, new_job())
    long_ago = Clock().now_ms() - GONE_MS - 60_000
    administer(mysql_dsn, f"INSERT INTO node_batch VALUES ('gone', {long_ago})")
    async with open_mysql_store(mysql_dsn, node_id="new") as store:
        await push_one(store, new_job())
    async with open_connection(parse(mysql_dsn)) as connection:
        marks = (await connection.execute("SELECT node_id FROM node_batch ORDER BY node_id")).rows
    assert marks == ((b"earlier",), (b"new",))


# Batches


async def test_late_completion_in_a_batch_fails_alone(mysql_dsn: str) -> None:
    """Completions share a statement, and still each is told whether it was the running attempt."""
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        node = Node(store)
        await node.hold("q")
        for _ in range(6):
            await push_one(store, new_job())
        jobs = await node.claim()
        settlements: list[Settlement] = [completed(job) for job in jobs[:3]]
        settlements += [Completed(jobs[3].id, 99), released(jobs[4]), failed(jobs[5]), completed(jobs[0])]
        answers = await gather(
            lambda: push_one(store, new_job()), *(partial(store.settle, each) for each in settlements)
        )
        assert answers[1:4].count(True) + answers[7:].count(True) == 3
        assert answers[4:7] == [False, True, True]
        assert {job.id for job in await node.claim()} == {answers[0], jobs[4].id}


async def test_row_that_another_holds_fails_its_writer_alone(mysql_dsn: str) -> None:
    """A write that waits for another node's transaction in vain delays its neighbours and fails alone."""
    async with (
        open_mysql_store(mysql_dsn, node_id="n") as store,
        open_connection(parse(mysql_dsn), autocommit=False) as other,
    ):
        await store.put_queue(QueueDefinition("locked", 100, 1))
        await other.execute("SET idle_transaction_timeout = 0")
        await other.execute("SELECT * FROM queue FOR UPDATE")
        answers = await gather(
            partial(store.put_queue, QueueDefinition("locked", 100, 2)),
            partial(push_one, store, new_job()),
            partial(push_one, store, new_job()),
        )
        assert isinstance(answers[0], StoreUnavailable)
        assert all(isinstance(answer, int) for answer in answers[1:])


async def test_ids_of_a_batch_are_those_of_its_rows(mysql_dsn: str) -> None:
    """Pushes share a statement, and each is given the id of its own row."""
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        ids = await gather(*(partial(push_one, store, new_job(url=f"http://{n}/")) for n in range(50)))
        for n, job_id in enumerate(ids):
            job = await store.job("q", job_id)
            assert job is not None
            assert job.url == f"http://{n}/"


async def test_ids_follow_the_servers_increment(private_mariadb: MariaDB) -> None:
    """Where servers number in steps, as pairs of masters do, ids are still those of the rows."""
    private_mariadb.create_database("jobs")
    administer(private_mariadb.dsn("jobs"), "SET GLOBAL auto_increment_increment = 7")
    async with open_mysql_store(private_mariadb.dsn("jobs"), node_id="n") as store:
        ids = await gather(*(partial(push_one, store, new_job(url=f"http://{n}/")) for n in range(20)))
        for n, job_id in enumerate(ids):
            job = await store.job("q", job_id)
            assert job is not None
            assert job.url == f"http://{n}/"


async def test_payload_over_the_servers_packet_is_refused_alone(tmp_path: Path) -> None:
    """A push that the server cannot take names the limit; its neighbours, however many, are stored."""
    with MariaDB(tmp_path, options=["--max-allowed-packet=1M"]) as server:
        server.create_database("jobs")
        async with open_mysql_store(server.dsn("jobs"), node_id="n") as store:
            sizes = [1, 2_000_000, 700_000, 700_000, 700_000, 2]
            answers = await gather(
                *(partial(push_one, store, new_job(payload=payload(size))) for size in sizes)
            )
            assert isinstance(answers[1], InvalidRequest)
            assert "max_allowed_packet" in str(answers[1])
            stored = [await store.job("q", answer) for answer in answers if isinstance(answer, int)]
            assert [len(job.payload.body) for job in stored if job] == [1, 700_000, 700_000, 700_000, 2]


# Time


async def test_clock_is_the_servers_in_utc_whatever_its_zone(tmp_path: Path) -> None:
    """The store's time does not depend on the zone of the server or of its sessions."""
    with MariaDB(tmp_path, options=["--default-time-zone=+09:00"]) as server:
        server.create_database("jobs")
        async with open_mysql_store(server.dsn("jobs"), node_id="n") as store:
            assert abs(await store.clock_ms() - Clock().now_ms()) < 5000


# Nodes that meet


class Rival:
    """A node that takes queue q whenever it can, claims from it, and now and then gives jobs back."""

    def __init__(self, store: Store, node_id: str, claimed: list[tuple[int, int]]) -> None:
        self._store = store
        self._node_id = node_id
        self._claimed = claimed

    async def run(self, now: Callable[[], int]) -> None:
        """Claim and settle until the queue is empty."""
        idle = 0
        while idle < 20:
            jobs = await self._claim(now())
            self._claimed += [(job.id, job.attempt) for job in jobs]
            idle = 0 if jobs else idle + 1
            for job in jobs:
                await self._store.settle(completed(job) if job.attempt > 2 else released(job))

    async def _claim(self, now_ms: int) -> list[Job]:
        try:
            held = await self._store.hold(Hold(self._node_id, "h", ["q"], now_ms, lease_ms=2))
            epoch = held.tenures["q"].epoch if "q" in held.tenures else 0
            return await claim_once(self._store, Claim("q", epoch, 5, NOW))
        except StoreUnavailable:
            return []


async def test_nodes_never_claim_the_same_attempt(mysql_dsn: str) -> None:
    """Two nodes that take a queue from each other all the time never both start one attempt (I3, I7)."""
    ticks = iter(range(NOW, NOW + 1_000_000))
    claimed: list[tuple[int, int]] = []
    with trio.fail_after(60):
        async with (
            open_mysql_store(mysql_dsn, node_id="a") as a,
            open_mysql_store(mysql_dsn, node_id="b") as b,
        ):
            pushed = await gather(*(partial(push_one, a, new_job()) for _ in range(60)))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(Rival(a, "a", claimed).run, lambda: next(ticks))
                nursery.start_soon(Rival(b, "b", claimed).run, lambda: next(ticks))
    assert len(claimed) == len(set(claimed))
    assert {job_id for job_id, _ in claimed} == set(pushed)


async def test_claim_waits_for_a_take_over_that_is_under_way(mysql_dsn: str) -> None:
    """An owner that claims while another node is taking its queue gets nothing (I7)."""
    async with (
        open_mysql_store(mysql_dsn, node_id="a") as store,
        open_connection(parse(mysql_dsn), autocommit=False) as other,
        trio.open_nursery() as nursery,
    ):
        node = Node(store)
        await node.hold("q")
        await push_one(store, new_job())
        claimed: list[list[Job]] = []

        async def claim() -> None:
            claimed.append(await node.claim())

        async with other.transaction():
            await other.execute("UPDATE queue_owner SET node_id = 'b', epoch = epoch + 1")
            nursery.start_soon(claim)
            await trio.testing.wait_all_tasks_blocked(0.1)
            assert claimed == []
    assert claimed == [[]]


async def test_start_waits_for_a_take_over_that_is_under_way(mysql_dsn: str) -> None:
    """A job is not stored as running for an owner that is just losing its queue (I7)."""
    async with (
        open_mysql_store(mysql_dsn, node_id="a") as store,
        open_connection(parse(mysql_dsn), autocommit=False) as other,
        trio.open_nursery() as nursery,
    ):
        node = Node(store)
        await node.hold("q")
        starter = Starter(node.epochs["q"])
        async with other.transaction():
            await other.execute("UPDATE queue_owner SET node_id = 'b', epoch = epoch + 1")
            nursery.start_soon(store.push, [Push(new_job(), starter.offer)])
            await trio.testing.wait_all_tasks_blocked(0.1)
            assert (starter.begun, starter.withdrawn) == ([], 0)
    assert (starter.begun, starter.withdrawn) == ([], 1)


async def test_start_does_not_wait_for_jobs_that_others_hold(mysql_dsn: str) -> None:
    """Seeing whether a job waits locks none, so a settlement or deletion under way holds up no push."""
    async with (
        open_mysql_store(mysql_dsn, node_id="a") as store,
        open_connection(parse(mysql_dsn), autocommit=False) as other,
    ):
        node = Node(store)
        await node.hold("q")
        starter = Starter(node.epochs["q"])
        await push_one(store, new_job())
        async with other.transaction():
            await other.execute("DELETE FROM job")
            with trio.fail_after(0.5):
                await store.push([Push(new_job(), starter.offer)])
    assert starter.withdrawn == 1


async def test_retry_that_is_stored_along_with_a_start_goes_first(mysql_dsn: str) -> None:
    """A job that is due again when a transaction begins is not overtaken by a push that shares it (I9)."""
    async with (
        open_mysql_store(mysql_dsn, node_id="a") as store,
        open_connection(parse(mysql_dsn), autocommit=False) as other,
        trio.open_nursery() as nursery,
    ):
        node = Node(store)
        await node.hold("q")
        starter = Starter(node.epochs["q"])
        (running,) = await store.push([Push(new_job(), starter.offer)])
        assert [running] == starter.begun
        async with other.transaction():
            await other.execute("SELECT batch FROM node_batch FOR UPDATE")
            nursery.start_soon(store.delete_job, "q", 0)
            await trio.testing.wait_all_tasks_blocked(0.1)
            nursery.start_soon(store.push, [Push(new_job(), starter.offer)])
            await trio.testing.wait_all_tasks_blocked(0.1)
            nursery.start_soon(store.settle, retried(starter.begun[0]))
            await trio.testing.wait_all_tasks_blocked(0.1)
    assert starter.withdrawn == 1


async def test_job_that_is_deleted_while_it_is_claimed_is_not_given_out(mysql_dsn: str) -> None:
    """A claim does not return what another node has just removed, but the next job in its place (I8)."""
    async with (
        open_mysql_store(mysql_dsn, node_id="a") as store,
        open_connection(parse(mysql_dsn), autocommit=False) as other,
        trio.open_nursery() as nursery,
    ):
        node = Node(store)
        await node.hold("q")
        pushed = [await push_one(store, new_job()) for _ in range(3)]
        claimed: list[int] = []

        async def claim() -> None:
            claimed.extend(job.id for job in await node.claim(2))

        async with other.transaction():
            await other.execute("DELETE FROM job WHERE id = %s", (pushed[1],))
            nursery.start_soon(claim)
            await trio.testing.wait_all_tasks_blocked(0.1)
            assert claimed == []
    assert claimed == [pushed[0], pushed[2]]


async def test_claim_whose_jobs_can_never_be_started_holds_nobody_up(mysql_dsn: str) -> None:
    """It is told so after a few attempts, and others go on writing."""
    async with open_mysql_store(mysql_dsn, node_id="a") as store:
        node = Node(store)
        await node.hold("q")
        await push_one(store, new_job())
        # A database that somebody has tampered with.
        trigger = "CREATE TRIGGER never BEFORE UPDATE ON job FOR EACH ROW SET NEW.state = 0"
        await trio.to_thread.run_sync(administer, mysql_dsn, trigger)
        with trio.fail_after(10):
            with pytest.raises(StoreUnavailable, match="keep changing what was read"):
                await node.claim()
            await push_one(store, new_job())


async def test_queue_that_two_nodes_take_first_goes_to_one(mysql_dsn: str) -> None:
    """When two nodes take a new queue at the same moment, one gets it and the other does not."""
    async with (
        open_mysql_store(mysql_dsn, node_id="a") as a,
        open_mysql_store(mysql_dsn, node_id="b") as b,
    ):
        for n in range(20):
            ours, theirs = (Hold(node_id, "h", [f"q{n}"], NOW, 1000) for node_id in "ab")
            held = await gather(partial(a.hold, ours), partial(b.hold, theirs))
            assert sorted(len(each.tenures) for each in held) == [0, 1]
