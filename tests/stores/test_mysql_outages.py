"""What a MySQL store does when its server or its connections go away: nothing acknowledged is lost (I1),
nothing refused is stored (I2), nothing is done twice.
"""

import itertools
from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from tests.mariadb import MariaDB
from tests.stores.mysql_proxy import Cut, proxy_to
from tests.stores.nodes import NOW, Node, completed, new_job, push_one
from tests.stores.workers import (
    completion,
    enqueue_keys,
    enqueue_one,
    found,
    heartbeat,
    lease_end,
    pull_job,
    take,
)
from trioworq.core.jobs import Kind, Payload, PayloadForm
from trioworq.core.pull import Verdict
from trioworq.stores.interface import FailureQuery, Store, StoreBroken, StoreRefused, StoreUnavailable
from trioworq.stores.mysql.connection import Connection, open_connection
from trioworq.stores.mysql.dsn import parse
from trioworq.stores.mysql.link import Patience
from trioworq.stores.mysql.store import open_mysql_store

# More than anything here takes on the busiest machine.
A_MINUTE = 60

ONE_SECOND = Patience(start_s=1.0, hold_s=1.0)


class Load:
    """Pushers that push, each one job after the other, and keep account of the answers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._numbers = itertools.count()
        self.stored: dict[int, bytes] = {}
        self.refused = 0

    async def push(self) -> None:
        """Push until cancelled between two pushes."""
        while True:
            body = b"%d" % next(self._numbers)
            with trio.CancelScope(shield=True):
                try:
                    job_id = await push_one(self._store, new_job(payload=Payload(PayloadForm.JSON, body)))
                except StoreUnavailable:
                    self.refused += 1
                else:
                    assert job_id not in self.stored
                    self.stored[job_id] = body
            await trio.sleep(0.001)

    async def wait_for_more(self, count: int) -> None:
        """Wait until `count` more pushes have been acknowledged."""
        goal = len(self.stored) + count
        while len(self.stored) < goal:
            await trio.sleep(0.01)

    async def run_while(self, disturb: Callable[["Load"], Awaitable[None]]) -> None:
        """Push from twenty tasks for as long as `disturb` goes on."""
        async with trio.open_nursery() as pushers:
            for _ in range(20):
                pushers.start_soon(self.push)
            await disturb(self)
            pushers.cancel_scope.cancel()


async def rows(dsn: str) -> dict[int, bytes]:
    """Return the payload of each stored job, by id."""
    async with open_connection(parse(dsn)) as connection:
        return dict((await connection.execute("SELECT id, payload FROM job")).rows)


async def test_killed_and_restarted_server_loses_and_duplicates_nothing(private_mariadb: MariaDB) -> None:
    """Across crashes of the server under load, what is stored is exactly what was acknowledged."""
    private_mariadb.create_database("jobs")
    dsn = private_mariadb.dsn("jobs")

    async def crash_repeatedly(load: Load) -> None:
        for _ in range(3):
            await load.wait_for_more(100)
            await trio.to_thread.run_sync(private_mariadb.kill)
            await trio.to_thread.run_sync(private_mariadb.start)
        await load.wait_for_more(100)

    with trio.fail_after(A_MINUTE):
        async with open_mysql_store(dsn, node_id="n") as store:
            load = Load(store)
            await load.run_while(crash_repeatedly)
    assert await rows(dsn) == load.stored


async def test_killed_connections_lose_and_duplicate_nothing(mysql_dsn: str) -> None:
    """While the store's connections are killed again and again, pushers notice nothing."""

    async def kill_repeatedly(load: Load) -> None:
        async with open_connection(parse(mysql_dsn)) as connection:
            for _ in range(10):
                await load.wait_for_more(20)
                others = await connection.execute(
                    "SELECT id FROM information_schema.processlist WHERE db = DATABASE() "
                    "AND id <> CONNECTION_ID()"
                )
                for (other,) in others.rows:
                    await kill(connection, other)

    with trio.fail_after(A_MINUTE):
        async with open_mysql_store(mysql_dsn, node_id="n") as store:
            load = Load(store)
            await load.run_while(kill_repeatedly)
            assert await store.queues() == []
    assert await rows(mysql_dsn) == load.stored


async def kill(connection: Connection, other: int) -> None:
    """Kill a connection, unless it has just ended by itself."""
    try:
        await connection.execute("KILL %s", (other,))
    except StoreBroken as error:
        assert "1094" in str(error)  # noqa: PT017  # no such thread


@pytest.mark.parametrize("cut", list(Cut))
async def test_push_whose_commit_was_cut_off_is_stored_once(mysql_dsn: str, cut: Cut) -> None:
    """Whether or not the commit got through, the push is answered with the id of the one stored job."""
    with trio.fail_after(A_MINUTE):
        async with proxy_to(mysql_dsn) as (proxy, dsn), open_mysql_store(dsn, node_id="n") as store:
            before = await push_one(store, new_job())
            proxy.cuts = [cut, cut]
            job_id = await push_one(store, new_job())
            assert proxy.cuts == []
            assert set(await rows(mysql_dsn)) == {before, job_id}


@pytest.mark.parametrize("cut", list(Cut))
async def test_settlement_whose_commit_was_cut_off_is_answered_truly(mysql_dsn: str, cut: Cut) -> None:
    """A completion that got through says so, though its first answer was lost."""
    with trio.fail_after(A_MINUTE):
        async with proxy_to(mysql_dsn) as (proxy, dsn), open_mysql_store(dsn, node_id="n") as store:
            node = Node(store)
            await node.hold("q")
            await push_one(store, new_job())
            job = await node.claim_one()
            proxy.cuts = [cut]
            assert await store.settle(completed(job))
            assert not await store.settle(completed(job))


@pytest.mark.parametrize("cut", list(Cut))
async def test_claim_whose_commit_was_cut_off_gives_each_job_once(mysql_dsn: str, cut: Cut) -> None:
    """A claim that got through hands its jobs out, though its first answer was lost."""
    with trio.fail_after(A_MINUTE):
        async with proxy_to(mysql_dsn) as (proxy, dsn), open_mysql_store(dsn, node_id="n") as store:
            node = Node(store)
            await node.hold("q")
            pushed = {await push_one(store, new_job()) for _ in range(5)}
            proxy.cuts = [cut]
            claimed = await node.claim()
            assert {job.id for job in claimed} == pushed
            assert {job.attempt for job in claimed} == {1}
            assert await node.claim() == []


@pytest.mark.parametrize("cut", list(Cut))
async def test_enqueue_whose_commit_was_cut_off_is_stored_once(mysql_dsn: str, cut: Cut) -> None:
    """It never finds its own key taken, whether or not the commit got through."""
    with trio.fail_after(A_MINUTE):
        async with proxy_to(mysql_dsn) as (proxy, dsn), open_mysql_store(dsn, node_id="n") as store:
            before = await enqueue_one(store, pull_job("before"))
            proxy.cuts = [cut, cut]
            ids = await store.enqueue([pull_job("k"), pull_job("before"), pull_job("other")])
            assert proxy.cuts == []
            stored = [(await found(store, key)).id for key in ("k", "before", "other")]
            assert stored == [ids[0], before, ids[2]]
            assert ids[1] is None
            assert len(await rows(mysql_dsn)) == 3


@pytest.mark.parametrize("cut", list(Cut))
async def test_take_whose_commit_was_cut_off_hands_each_job_out_once(mysql_dsn: str, cut: Cut) -> None:
    """A take that got through hands its jobs out, though its first answer was lost."""
    with trio.fail_after(A_MINUTE):
        async with proxy_to(mysql_dsn) as (proxy, dsn), open_mysql_store(dsn, node_id="n") as store:
            ids = await enqueue_keys(store, *"abcde")
            proxy.cuts = [cut]
            taken = await take(store)
            assert proxy.cuts == []
            assert [(job.id, job.attempt) for job in taken] == [(job_id, 1) for job_id in ids]
            assert await take(store) == []


@pytest.mark.parametrize("cut", list(Cut))
async def test_changes_whose_commit_was_cut_off_are_answered_truly(mysql_dsn: str, cut: Cut) -> None:
    """What got through says so, though its first answer was lost; a lease that ended has ended once."""
    with trio.fail_after(A_MINUTE):
        async with proxy_to(mysql_dsn) as (proxy, dsn), open_mysql_store(dsn, node_id="n") as store:
            await enqueue_keys(store, "k", "late", max_retries=0)
            late = (await take(store))[1]
            proxy.cuts = [cut]
            assert await store.change(heartbeat("k", b"1", now_ms=NOW + 1)) is Verdict.DONE
            proxy.cuts = [cut]
            (ended,) = await store.expire_leases(lease_end(late) + 1, 10)
            assert (ended.key, ended.fail_count, ended.is_failed) == ("late", 1, True)
            proxy.cuts = [cut]
            assert await store.change(completion("k")) is Verdict.DONE
            assert proxy.cuts == []
            assert await store.change(completion("k")) is Verdict.ABSENT
            page = await store.failures(FailureQuery("q", 10, kind=Kind.PULL))
            assert [entry.key for entry in page.items] == ["late"]
            assert await rows(mysql_dsn) == {}


async def test_database_that_comes_back_is_used_again(private_mariadb: MariaDB) -> None:
    """After an outage of any length pushes and reads work again without anybody's help."""
    private_mariadb.create_database("jobs")
    with trio.fail_after(A_MINUTE):
        dsn = private_mariadb.dsn("jobs")
        async with open_mysql_store(dsn, node_id="n", patience=ONE_SECOND) as store:
            before = await push_one(store, new_job())
            await trio.to_thread.run_sync(private_mariadb.stop)
            started_at = trio.current_time()
            with pytest.raises(StoreUnavailable):
                await push_one(store, new_job())
            assert trio.current_time() - started_at >= 1.0
            with trio.fail_after(0.5):
                with pytest.raises(StoreUnavailable):
                    await push_one(store, new_job())
                with pytest.raises(StoreUnavailable):
                    await store.job("q", before)
            await trio.to_thread.run_sync(private_mariadb.start)
            while True:
                try:
                    after = await push_one(store, new_job())
                    break
                except StoreUnavailable:
                    await trio.sleep(0.05)
            assert await store.job("q", before)
            assert await store.job("q", after)


async def test_server_that_is_not_there_yet_is_waited_for(private_mariadb: MariaDB) -> None:
    """A node that starts together with its server, or a little before it, starts."""
    private_mariadb.create_database("jobs")
    private_mariadb.stop()
    opened = trio.Event()

    async def open_store() -> None:
        async with open_mysql_store(private_mariadb.dsn("jobs"), node_id="n"):
            opened.set()

    with trio.fail_after(A_MINUTE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(open_store)
            await trio.to_thread.run_sync(private_mariadb.start)
            await opened.wait()


async def test_server_that_never_comes_is_refused_with_where_it_was_sought() -> None:
    """A node whose server cannot be reached says so in one line, after a while."""
    with pytest.raises(StoreRefused, match=r"check that a server runs at 127\.0\.0\.1:1") as refusal:
        async with open_mysql_store("u:sesame@tcp(127.0.0.1:1)/d", node_id="n", patience=ONE_SECOND):
            pass
    assert "sesame" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


async def test_work_submitted_before_the_end_is_committed(mysql_dsn: str) -> None:
    """A store that closes carries out what it has accepted, although its opener is cancelled."""
    with trio.fail_after(A_MINUTE), trio.CancelScope() as opener:
        async with open_mysql_store(mysql_dsn, node_id="n") as store, trio.open_nursery() as nursery:
            node = Node(store)
            await node.hold("q")
            for _ in range(50):
                await push_one(store, new_job())
            for job in await node.claim():
                nursery.start_soon(store.settle, completed(job))
            await trio.testing.wait_all_tasks_blocked()
            opener.cancel()
    assert await rows(mysql_dsn) == {}
