"""A connection to MariaDB, and to a server that misbehaves."""

import math
import socket
from collections.abc import AsyncIterator
from enum import IntEnum
from typing import Any

import pytest
import trio
import trio.testing
from attrs import evolve

from tests.mariadb import administer
from tests.stores.fake_mysql import MORE_RESULTS, OK, Peer, fake_mysql, log_in
from trioworq.core.errors import InvalidRequest
from trioworq.stores.interface import StoreBroken, StoreUnavailable
from trioworq.stores.mysql.connection import Connection, open_connection
from trioworq.stores.mysql.dsn import parse
from trioworq.stores.mysql.errors import CommitUnknown, Conflict, ConnectionLost, Duplicate


@pytest.fixture
async def connection(mysql_dsn: str) -> AsyncIterator[Connection]:
    """A connection to an empty database, with a table `t` of numbers."""
    administer(mysql_dsn, "CREATE TABLE t (n INT PRIMARY KEY, v LONGBLOB)")
    async with open_connection(parse(mysql_dsn), autocommit=False) as opened:
        yield opened


async def count(dsn: str) -> int:
    """Count the rows of `t` that others see."""
    async with open_connection(parse(dsn)) as other:
        return int((await other.execute("SELECT COUNT(*) FROM t")).rows[0][0])


# Values


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a'b\"c\\d%s\x00\n\x1a",
        "héllo \N{PILE OF POO}",
        b"",
        bytes(range(256)) * 3,
        b"\xe3'\\' OR 1=1 -- \xf0\x9f",
        0,
        -(2**63),
        2**63 - 1,
        0.1,
        -2.5e-300,
        1e22,
        None,
    ],
)
async def test_every_value_comes_back_as_it_was(connection: Connection, value: object) -> None:
    """Whatever is quoted into a statement is what the server reads, and text stays text."""
    found = await connection.execute("SELECT %s", (value,))  # type: ignore[arg-type]
    assert found.rows == ((value,),)
    assert type(found.rows[0][0]) is type(value)


class Number(IntEnum):
    """Not a plain number."""

    ONE = 1


@pytest.mark.parametrize("value", [{"a": "'"}, [1], (1,), True, Number.ONE, object(), bytearray(b"x")])
async def test_other_types_are_not_values(connection: Connection, value: Any) -> None:
    """A dictionary, above all, is never rendered into a statement (CVE-2024-36039)."""
    with pytest.raises(TypeError, match="not a type of value"):
        await connection.execute("SELECT %s", (value,))


@pytest.mark.parametrize("value", [math.nan, math.inf])
async def test_numbers_that_are_none_are_refused(connection: Connection, value: float) -> None:
    """What SQL has no word for is not sent."""
    with pytest.raises(ValueError, match="not a number that can be stored"):
        await connection.execute("SELECT %s", (value,))


async def test_text_that_is_not_utf8_is_refused(connection: Connection) -> None:
    """A lone surrogate is the caller's mistake."""
    with pytest.raises(InvalidRequest):
        await connection.execute("SELECT %s", ("\ud800",))


async def test_rows_of_binary_and_text_columns_are_read_in_any_mixture(connection: Connection) -> None:
    """A result set with bytes that are no text does not break off in the middle."""
    found = await connection.execute(
        r"SELECT 1, _binary'\'', x'ff00', 'ü', NULL UNION ALL SELECT 2, '', '', '', 1.5"
    )
    assert [row[:4] for row in found.rows] == [(1, b"'", b"\xff\x00", "ü"), (2, b"", b"", "")]


# The session


async def test_session_is_the_same_whatever_the_servers_defaults_are(connection: Connection) -> None:
    """UTC, READ COMMITTED, strict values and limits on waiting are set for each connection."""
    found = await connection.execute(
        "SELECT @@session.time_zone, @@session.tx_isolation, @@session.character_set_client, "
        "@@session.innodb_lock_wait_timeout, @@session.max_statement_time, "
        "@@session.idle_transaction_timeout, @@session.sql_mode, @@session.autocommit"
    )
    *settings, sql_mode, autocommit = found.rows[0]
    assert settings == ["+00:00", "READ-COMMITTED", "utf8mb4", 1, 10.0, 5]
    assert "STRICT_ALL_TABLES" in sql_mode
    assert "NO_BACKSLASH_ESCAPES" not in sql_mode
    assert autocommit == 0


async def test_mysql_is_given_the_limits_that_it_knows() -> None:
    """Where MariaDB limits a statement and an idle transaction, MySQL limits a query and idling."""
    statements: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.greet("mysql_native_password")
        await peer.receive()
        await peer.send(OK)
        await peer.set_session_up(statements)

    async with fake_mysql(script) as dsn, open_connection(parse(dsn), autocommit=False):
        pass
    (limits,) = [statement for statement in statements if b"innodb_lock_wait_timeout" in statement]
    assert b"max_execution_time = 10000" in limits
    assert b"wait_timeout = 5" in limits
    assert b"max_statement_time" not in limits
    assert b"idle_transaction_timeout" not in limits


async def test_backslash_escapes_are_on_even_where_the_server_turns_them_off(mysql_dsn: str) -> None:
    """Quoting relies on it, so it is not left to the server's configuration."""
    administer(mysql_dsn, "SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'")
    try:
        async with open_connection(parse(mysql_dsn)) as connection:
            assert (await connection.execute("SELECT %s", ("\\'",))).rows == (("\\'",),)
    finally:
        administer(mysql_dsn, "SET GLOBAL sql_mode = DEFAULT")


# Errors


async def test_errors_say_what_they_mean(connection: Connection) -> None:
    """The server's errors come as those of a store, and leave the connection usable."""
    await connection.execute("INSERT INTO t VALUES (1, '')")
    with pytest.raises(Duplicate):
        await connection.execute("INSERT INTO t VALUES (1, '')")
    with pytest.raises(InvalidRequest, match="Out of range"):
        await connection.execute("INSERT INTO t VALUES (99999999999, '')")
    with pytest.raises(StoreBroken, match="missing_table"):
        await connection.execute("SELECT * FROM missing_table")
    with pytest.raises(StoreBroken, match="syntax"):
        await connection.execute("SELECT 1; SELECT 2")
    assert connection.is_open


async def test_statement_that_does_not_fit_a_packet_is_refused_before_it_is_sent(
    connection: Connection,
) -> None:
    """Too large a value costs neither the connection nor the transaction."""
    await connection.execute("INSERT INTO t VALUES (1, '')")
    with pytest.raises(InvalidRequest, match="max_allowed_packet is 67108864 bytes"):
        await connection.execute("INSERT INTO t VALUES (2, %s)", (bytes(67108864),))
    assert (await connection.execute("SELECT n FROM t")).rows == ((1,),)


async def test_statement_beyond_one_protocol_packet_is_sent_in_pieces(connection: Connection) -> None:
    """Sixteen megabytes and more, quotes included, arrive whole."""
    value = b"'" * 9_000_000
    await connection.execute("INSERT INTO t VALUES (1, %s)", (value,))
    assert (await connection.execute("SELECT v FROM t")).rows == ((value,),)


# Transactions


async def test_transaction_is_committed_at_its_end(connection: Connection, mysql_dsn: str) -> None:
    """What the block did is there for others after it, and not before."""
    async with connection.transaction():
        await connection.execute("INSERT INTO t VALUES (1, '')")
        assert await count(mysql_dsn) == 0
    assert await count(mysql_dsn) == 1


async def test_exception_rolls_back_and_comes_out(connection: Connection, mysql_dsn: str) -> None:
    """A transaction that fails leaves nothing, and the connection goes on."""
    with pytest.raises(LookupError, match="mine"):  # noqa: PT012  # the block is what is tested
        async with connection.transaction():
            await connection.execute("INSERT INTO t VALUES (1, '')")
            raise LookupError("mine")
    async with connection.transaction():
        await connection.execute("INSERT INTO t VALUES (2, '')")
    assert await count(mysql_dsn) == 1


async def test_cancellation_in_a_transaction_leaves_neither_changes_nor_locks(
    connection: Connection, mysql_dsn: str
) -> None:
    """A cancelled transaction is over when its block is, and the cancellation comes out as such."""
    with trio.move_on_after(0.1) as scope:
        async with connection.transaction():
            await connection.execute("INSERT INTO t VALUES (1, '')")
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert connection.is_open
    async with open_connection(parse(mysql_dsn)) as other:
        await other.execute("SET innodb_lock_wait_timeout = 1")
        await other.execute("INSERT INTO t VALUES (1, '')")


async def test_cancellation_in_a_statement_closes_the_connection(
    connection: Connection, mysql_dsn: str
) -> None:
    """Nothing is asked on a connection that still owes an answer, and its transaction is gone."""
    with trio.move_on_after(0.2) as scope:
        async with connection.transaction():
            await connection.execute("INSERT INTO t VALUES (1, '')")
            await connection.execute("SELECT SLEEP(1.5)")
    assert scope.cancelled_caught
    assert not connection.is_open
    with pytest.raises(ConnectionLost):
        await connection.execute("SELECT 1")
    assert await count(mysql_dsn) == 0


async def test_lock_held_by_another_is_not_waited_for_long(connection: Connection, mysql_dsn: str) -> None:
    """A row that another transaction has is a conflict that can be tried again."""
    await connection.execute("INSERT INTO t VALUES (1, '')")
    async with open_connection(parse(mysql_dsn)) as other:
        await other.execute("SET innodb_lock_wait_timeout = 1")
        with pytest.raises(Conflict):
            await other.execute("INSERT INTO t VALUES (1, '')")


async def test_statement_that_takes_too_long_is_ended_by_the_server(mysql_dsn: str) -> None:
    """A slow statement costs its answer, not the connection, and its locks go with it."""
    async with open_connection(evolve(parse(mysql_dsn), statement_s=2.0)) as connection:
        with pytest.raises(StoreUnavailable, match="max_statement_time"):
            await connection.execute("SELECT COUNT(*) FROM seq_1_to_1000000000 WHERE MD5(seq) = 0")
        assert connection.is_open


async def test_connection_that_the_server_kills_is_lost(connection: Connection, mysql_dsn: str) -> None:
    """A killed connection is known as such at the next statement, and inside a commit as unknown."""
    ((own_id,),) = (await connection.execute("SELECT CONNECTION_ID()")).rows
    with pytest.raises(CommitUnknown):  # noqa: PT012  # the block is what is tested
        async with connection.transaction():
            await connection.execute("INSERT INTO t VALUES (1, '')")
            administer(mysql_dsn, f"KILL {own_id}")
    assert not connection.is_open


# One task


async def test_second_task_is_turned_away_and_the_first_is_not_disturbed(connection: Connection) -> None:
    """A connection belongs to one task; a statement of another fails before anything is sent."""
    found: list[object] = []

    async def first() -> None:
        found.append((await connection.execute("SELECT SLEEP(0.3), 7")).rows)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(first)
        await trio.testing.wait_all_tasks_blocked(0.05)
        with pytest.raises(trio.BusyResourceError):
            await connection.execute("SELECT 8")
    assert found == [((0, 7),)]


# A server that misbehaves


@pytest.mark.parametrize("greets", [True, False])
async def test_silent_server_is_not_waited_for(greets: bool) -> None:
    """Connecting has a deadline that covers the login, not just the connect of TCP."""

    async def script(peer: Peer) -> None:
        if greets:
            await peer.greet("mysql_native_password")
        while await peer.receive():
            pass

    async with fake_mysql(script) as dsn:
        with pytest.raises(ConnectionLost, match="no answer from"):
            async with open_connection(parse(f"{dsn}?timeout=200ms")):
                pass


async def test_statement_without_an_answer_is_given_up() -> None:
    """Every statement has a deadline, after which the connection is closed."""

    async def script(peer: Peer) -> None:
        await log_in(peer)
        while await peer.receive():
            pass

    async with fake_mysql(script) as dsn, open_connection(parse(f"{dsn}?readTimeout=200ms")) as connection:
        with pytest.raises(ConnectionLost, match=r"no answer within 0\.2 s"):
            await connection.execute("SELECT 1")
        assert not connection.is_open


async def test_cancellation_in_the_middle_of_a_send_closes_the_connection() -> None:
    """Half a statement is never followed by another."""
    stopped = trio.Event()

    async def script(peer: Peer) -> None:
        await log_in(peer)
        await stopped.wait()

    async with fake_mysql(script) as dsn, open_connection(parse(dsn)) as connection:
        with trio.move_on_after(0.3) as scope:
            await connection.execute("SELECT %s", (bytes(60_000_000),))
        stopped.set()
        assert scope.cancelled_caught
        assert not connection.is_open


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(MORE_RESULTS, id="more results than one"),
        pytest.param(b"\xfb/etc/passwd", id="asks for a local file"),
        pytest.param(b"\x02\x00", id="half a result"),
        pytest.param(b"\x00", id="half an OK"),
        pytest.param(b"\xff", id="half an error"),
        pytest.param(b"", id="nothing in a packet"),
    ],
)
async def test_answer_that_makes_no_sense_closes_the_connection(answer: bytes) -> None:
    """Nonsense ends the connection at once; it neither hangs nor gives away a file."""
    received = []

    async def script(peer: Peer) -> None:
        await log_in(peer)
        await peer.receive()
        await peer.send(answer)
        await peer.send(b"\x7f")
        received.append(await peer.receive())

    async with fake_mysql(script) as dsn, open_connection(parse(dsn)) as connection:
        with pytest.raises(ConnectionLost):
            await connection.execute("SELECT 1")
        assert not connection.is_open
    assert b"root:" not in received[0]


async def test_closed_connection_is_closed_for_the_server_too() -> None:
    """The socket is closed by us and at once, not whenever garbage is collected."""
    ends = trio.Event()

    async def script(peer: Peer) -> None:
        await log_in(peer)
        assert await peer.receive() == b""
        ends.set()

    async with fake_mysql(script) as dsn, open_connection(parse(dsn)) as connection:
        connection.close()
        with trio.fail_after(5):
            await ends.wait()


async def test_server_that_cannot_be_reached_is_out_of_reach() -> None:
    """A refused connect is a store that is unavailable, at the place it names."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        with pytest.raises(ConnectionLost, match=f"127.0.0.1:{port}"):
            async with open_connection(parse(f"tcp(127.0.0.1:{port})/d")):
                pass


async def test_server_is_told_of_an_orderly_goodbye() -> None:
    """At its end a connection says so, so that the server counts no aborted client."""
    received = []

    async def script(peer: Peer) -> None:
        await log_in(peer)
        await peer.receive()
        await peer.send(OK)
        received.append(await peer.receive())

    async with fake_mysql(script) as dsn, open_connection(parse(dsn)) as connection:
        await connection.execute("DO 1")
    assert received == [b"\x01"]
