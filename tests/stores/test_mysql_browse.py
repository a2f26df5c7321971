"""What people look for on the MySQL store: texts, jobs that are hastened, nodes of the release before."""

import random
from collections.abc import Awaitable, Callable
from functools import partial

from tests.stores.failing import fail_pull, fail_push
from tests.stores.nodes import LEASE_MS, NOW, Node, Starter, new_job, push_one
from tests.stores.workers import in_order
from trioworq.core.failures import EVERY_FAILURE, FailureFilter
from trioworq.core.jobs import Kind
from trioworq.core.nodes import LiveNode
from trioworq.stores.claims import Push
from trioworq.stores.mysql.connection import open_connection
from trioworq.stores.mysql.dsn import parse
from trioworq.stores.mysql.literals import fill
from trioworq.stores.mysql.ranges import holds
from trioworq.stores.mysql.store import open_mysql_store
from trioworq.stores.searching import is_part

# Letters that some foldings take for `k`, `s`, `e` or `i`, and bytes that are letters in other encodings.
HOSTILE = (
    3 * "aAkKsSeEiI"
    + "aAkK\u212asS\u017fe\u00e9\u00c9iI\u0130\u00df\u3240\u3260\U0001f600%_\\'\"\x00\n \ud800"
)


async def test_texts_are_found_as_in_the_other_stores(mysql_dsn: str, chance: random.Random) -> None:
    """The case of ASCII letters alone is lost, and no character means more than itself."""

    def text(most: int) -> str:
        return "".join(chance.choices(HOSTILE[:-1], k=chance.randint(0, most)))

    pairs = [(chance.choice([text(2), text(2) + HOSTILE[-1]]), text(6), text(6)) for _ in range(3000)]
    statements = []
    for wanted, url, key in pairs:
        condition = holds(wanted, "url", "pull_key")
        row = "SELECT CAST(%s AS BINARY) AS url, CAST(%s AS BINARY) AS pull_key"
        statement = f"SELECT {condition.text} AS found FROM ({row}) AS row"
        statements.append(fill(statement, (*condition.values, url, key)))
    async with open_connection(parse(mysql_dsn)) as connection:
        found = [bool(result.rows[0][0]) for result in await connection.send_all(statements)]
    assert found == [is_part(*pair) for pair in pairs]
    assert 0 < sum(found) < len(found)


async def test_job_that_is_hastened_is_not_overtaken_by_one_that_is_pushed_with_it(mysql_dsn: str) -> None:
    """It is due by then, so what is stored along with it waits its turn (I9)."""
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        node = Node(store)
        await node.hold("q")
        late = await push_one(store, new_job(next_try_ms=NOW + 60_000))
        starter = Starter(node.epochs["q"])
        pushes = [Push(new_job(), starter.offer)]
        writes: list[Callable[[], Awaitable[object]]] = [
            partial(store.hasten, late, NOW),
            partial(store.push, pushes),
        ]
        await in_order(*writes)
        assert (starter.begun, starter.withdrawn) == ([], 1)
        assert [job.id for job in await node.claim(1)] == [late]


async def test_node_that_renews_its_leases_is_known_by_what_it_has_reported(mysql_dsn: str) -> None:
    """Nodes of this release and of the one before write the same row."""
    async with (
        open_mysql_store(mysql_dsn, node_id="n") as store,
        open_connection(parse(mysql_dsn)) as before,
    ):
        join = (
            "INSERT INTO node (node_id, expires_at, server) VALUES (%s, %s, '') "
            "ON DUPLICATE KEY UPDATE expires_at = VALUES(expires_at), server = VALUES(server)"
        )
        await before.execute(join, ("old", NOW + LEASE_MS))
        node = Node(store)
        await node.hold("q")
        await store.report(node.node_id, "host", b"[1]")
        await node.hold("q", now_ms=NOW + 1)
        assert await store.nodes(NOW + 1) == [LiveNode("old", ""), LiveNode(node.node_id, "host", b"[1]")]
        await store.give_back(node.node_id, NOW + 2)
        assert await store.nodes(NOW + 2) == [LiveNode("old", "")]
        assert await store.owners(NOW + 2) == {}


async def test_failures_of_the_release_before_are_a_group_without_an_error(mysql_dsn: str) -> None:
    """Its nodes may write them for as long as they run."""
    async with (
        open_mysql_store(mysql_dsn, node_id="n") as store,
        open_connection(parse(mysql_dsn)) as before,
    ):
        node = Node(store)
        await fail_push(node)
        await fail_pull(store)
        copied = (
            "queue, category, url, payload, payload_form, result_status, result_code, result_message, "
            "fail_count, failed_at, created_at"
        )
        copy = f"SELECT job_id + 1000, {copied} FROM failure WHERE kind = 0"
        await before.execute(f"INSERT INTO failure (job_id, {copied}) {copy}")
        groups = await store.failure_groups(EVERY_FAILURE, 10)
        assert [(group.kind, group.error) for group in groups] == [
            (Kind.PUSH, ""),
            (Kind.PULL, "lease timed out after # attempt"),
            (Kind.PUSH, "HTTP 500: it broke"),
        ]
        assert await store.count_failures(FailureFilter(error="")) == 1
