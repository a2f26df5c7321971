"""How the MySQL store reads a page step by step, and what happens to a list meanwhile."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import cast

import pytest
from attrs import define, field

from tests.stores.nodes import NOW, Node, failed, new_job, push_one
from trioworq.core.jobs import FailedJob, Job, JobState, Payload, PayloadForm
from trioworq.stores.interface import PAGE_BYTES, FailureQuery, JobQuery, JobSet, Page, Store
from trioworq.stores.mysql import lists
from trioworq.stores.mysql.connection import Connection, open_connection
from trioworq.stores.mysql.dsn import parse
from trioworq.stores.mysql.literals import Value
from trioworq.stores.mysql.store import open_mysql_store
from trioworq.stores.mysql.wire import Result


@pytest.fixture
async def node(mysql_dsn: str) -> AsyncIterator[Node]:
    """A node that holds queue q."""
    async with open_mysql_store(mysql_dsn, node_id="node-1") as store:
        owner = Node(store)
        await owner.hold("q")
        yield owner


@pytest.fixture
async def connection(mysql_dsn: str, node: Node) -> AsyncIterator[Connection]:
    """A connection of its own to the node's database."""
    async with open_connection(parse(mysql_dsn)) as opened:
        yield opened


@define
class Counted:
    """A connection that counts the statements that read rows by their ids."""

    _real: Connection
    statements: list[bytes] = field(factory=list)

    async def execute(self, statement: str, values: Sequence[Value]) -> Result:
        return await self._real.execute(statement, values)

    async def send(self, statement: bytes) -> Result:
        self.statements.append(statement)
        return await self._real.send(statement)


@define
class Interrupted:
    """A connection on which something else happens after the first statement, which finds the places."""

    _real: Connection
    _meanwhile: Callable[[], Awaitable[object]]

    async def execute(self, statement: str, values: Sequence[Value]) -> Result:
        found = await self._real.execute(statement, values)
        await self._meanwhile()
        return found

    async def send(self, statement: bytes) -> Result:
        return await self._real.send(statement)


async def jobs_while(
    connection: Connection, jobs: JobSet, limit: int, meanwhile: Callable[[], Awaitable[object]]
) -> Page[Job]:
    interrupted = cast("Connection", Interrupted(connection, meanwhile))
    return await lists.read_jobs(interrupted, JobQuery("q", jobs, NOW, limit, ascending=True))


async def push(store: Store, count: int) -> list[int]:
    return [await push_one(store, new_job()) for _ in range(count)]


async def test_no_more_sizes_are_asked_for_once_the_page_is_full(node: Node, connection: Connection) -> None:
    """The server reads a payload as a whole to say its length: those of later pages are left alone."""
    large = Payload(PayloadForm.TEXT, bytes(PAGE_BYTES // 2))
    for _ in range(3):
        await push_one(node.store, new_job(payload=large))
    await push(node.store, 60)
    counted = Counted(connection)
    query = JobQuery("q", JobSet.WAITING, NOW, 1000, ascending=True)
    page = await lists.read_jobs(cast("Connection", counted), query)
    assert len(page.items) == 1
    sizes, rows = counted.statements
    assert sizes.count(b",") < 20
    assert b"LENGTH" not in rows


async def test_job_that_is_started_meanwhile_is_not_shown_as_waiting(
    node: Node, connection: Connection
) -> None:
    """It is in another list by then; the next page begins where it would have (contract §1.10)."""
    ids = await push(node.store, 4)
    page = await jobs_while(connection, JobSet.WAITING, 2, lambda: node.claim(1))
    assert [(job.id, job.state) for job in page.items] == [(ids[1], JobState.WAITING)]
    assert page.next_cursor is not None
    assert page.next_cursor.id == ids[2]


async def test_page_whose_jobs_have_all_gone_still_leads_to_the_next(
    node: Node, connection: Connection
) -> None:
    """A page may be empty without being the last, and the job that its cursor names may go too."""
    ids = await push(node.store, 4)

    async def delete_all_but_the_last() -> None:
        for job_id in ids[:3]:
            await node.store.delete_job("q", job_id)

    page = await jobs_while(connection, JobSet.WAITING, 2, delete_all_but_the_last)
    assert page.items == []
    rest = await node.store.jobs(JobQuery("q", JobSet.WAITING, NOW, 2, page.next_cursor, ascending=True))
    assert [job.id for job in rest.items] == ids[3:]


async def test_job_that_is_put_off_meanwhile_is_not_shown_at_its_old_place(
    node: Node, connection: Connection
) -> None:
    """It waits as before, but at another time: its new place is on another page, or in another list."""
    moved, stayed = await push(node.store, 2)

    async def put_off() -> None:
        await connection.execute("UPDATE job SET next_try = next_try + 5 WHERE id = %s", (moved,))

    page = await jobs_while(connection, JobSet.WAITING, 5, put_off)
    assert [job.id for job in page.items] == [stayed]


async def test_failure_that_is_deleted_meanwhile_is_not_shown(node: Node, connection: Connection) -> None:
    """The others are, and the next page begins where it would have."""
    entries: list[FailedJob] = []
    for _ in range(3):
        await push_one(node.store, new_job())
        await node.store.settle(failed(await node.claim_one()))
        entries[:0] = (await node.store.failures(FailureQuery("q", 1))).items
    newest, middle, oldest = entries
    interrupted = Interrupted(connection, lambda: node.store.delete_failure("q", newest.id))
    page = await lists.read_failures(cast("Connection", interrupted), FailureQuery("q", 2))
    assert page.items == [middle]
    assert page.next_cursor is not None
    assert page.next_cursor.id == oldest.id
