"""From the options to an open store, and every refusal an operator can mend."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import trio
import trio.testing

from tests.stores.conftest import OpenStore
from tests.stores.nodes import new_job, push_one
from trioworq.config import Config, Driver
from trioworq.stores.interface import StoreRefused
from trioworq.stores.memory.store import MemoryStore
from trioworq.stores.opening import open_store
from trioworq.stores.sqlite.connection import use_wal
from trioworq.stores.sqlite.store import SqliteStore


def sqlite_at(path: Path) -> Config:
    return Config(driver=Driver.SQLITE, sqlite_path=str(path))


async def refusal(config: Config) -> str:
    """Try to open a store and return the one line with which it is refused."""
    with pytest.raises(StoreRefused) as caught:
        async with open_store(config, node_id="node-1"):
            pass
    message = str(caught.value)
    assert "\n" not in message
    return message


async def test_driver_chooses_the_store(tmp_path: Path) -> None:
    """SQLite at the path that is given, or this process's memory."""
    async with open_store(sqlite_at(tmp_path / "a.db"), node_id="node-1") as store:
        assert isinstance(store, SqliteStore)
        assert (tmp_path / "a.db").exists()
    async with open_store(Config(driver=Driver.IN_MEMORY), node_id="node-1") as store:
        assert isinstance(store, MemoryStore)


# Prints which of these libraries an open store has brought into the process of a daemon.
LOADED = """
import sys, trio
import trioworq.daemon
from trioworq.config import Config, Driver
from trioworq.stores.opening import open_store

async def main():
    driver, place = Driver(sys.argv[1]), sys.argv[2]
    async with open_store(Config(driver=driver, sqlite_path=place, mysql_dsn=place), node_id="node-1"):
        print(*sorted({"sqlite3", "trio_mysql"} & sys.modules.keys()))

trio.run(main)
"""


@pytest.mark.parametrize(
    ("driver", "loaded"),
    [(Driver.IN_MEMORY, ""), (Driver.SQLITE, "sqlite3"), (Driver.MYSQL, "trio_mysql")],
)
def test_only_the_library_of_the_driver_is_loaded(
    driver: Driver, loaded: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The libraries of the other databases take no memory from a daemon that does not use them."""
    place = request.getfixturevalue("mysql_dsn") if driver is Driver.MYSQL else str(tmp_path / "a.db")
    # What measures the coverage of subprocesses keeps its data in SQLite.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", LOADED, driver.value, place],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environment,
    )
    assert done.stdout.strip() == loaded


async def test_stores_of_this_machine_have_no_clock_of_their_own(tmp_path: Path) -> None:
    """The node's own time decides what is due."""
    for config in (sqlite_at(tmp_path / "a.db"), Config(driver=Driver.IN_MEMORY)):
        async with open_store(config, node_id="node-1") as store:
            with trio.testing.assert_checkpoints():
                assert await store.clock_ms() is None


async def test_path_is_taken_literally(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is a file in the working folder, whatever SQLite might read into its name."""
    monkeypatch.chdir(tmp_path)
    for name in (":memory:", "file:x?mode=ro", "an é .db"):
        async with open_store(sqlite_at(Path(name)), node_id="node-1") as store:
            await push_one(store, new_job())
        assert (tmp_path / name).is_file()


async def test_closed_store_leaves_one_file(tmp_path: Path) -> None:
    """Its write-ahead log has been taken in, so the file can be copied."""
    async with open_store(sqlite_at(tmp_path / "a.db"), node_id="node-1") as store:
        await push_one(store, new_job())
    assert os.listdir(tmp_path) == ["a.db"]


async def test_opening_again_finds_the_schema_as_it_is(tmp_path: Path) -> None:
    """Migrations that have been applied are not applied again."""
    for number in range(1, 4):
        async with open_store(sqlite_at(tmp_path / "a.db"), node_id=f"node-{number}") as store:
            assert await push_one(store, new_job()) == number


async def test_opening_may_be_cancelled_at_any_moment(open_durable: OpenStore) -> None:
    """It ends at once, and the database can be opened again and used."""
    for after_ms in range(0, 40, 4):
        with trio.fail_after(5):
            with trio.move_on_after(after_ms / 1000):
                async with open_durable("cancelled"):
                    await trio.sleep_forever()
            async with open_durable("next") as store:
                assert await store.queues() == []


async def test_missing_folder_is_refused(tmp_path: Path) -> None:
    """It is not made: a mistyped path should be noticed."""
    message = await refusal(sqlite_at(tmp_path / "missing" / "a.db"))
    assert message.startswith("sqlite_path: there is no folder ")
    assert str(tmp_path / "missing") in message
    assert not (tmp_path / "missing").exists()


async def test_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    """The message names the path and what to check."""
    message = await refusal(sqlite_at(tmp_path))
    assert message.startswith(f"sqlite_path: cannot use {tmp_path} ")
    assert "can be written" in message


async def test_path_that_cannot_be_written_is_refused() -> None:
    """Not even root can make a file there."""
    message = await refusal(sqlite_at(Path("/proc/trioworq.db")))
    assert message.startswith("sqlite_path: cannot use /proc/trioworq.db ")
    assert "can be written" in message


async def test_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    """It may be somebody's file."""
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes\n" * 100)
    message = await refusal(sqlite_at(path))
    assert "not a sound SQLite database" in message
    assert path.read_text() == "these are my notes\n" * 100


async def test_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    """The message says which release to start."""
    path = tmp_path / "a.db"
    async with open_store(sqlite_at(path), node_id="node-1"):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO schema_version (version) VALUES (999)")
    connection.close()
    message = await refusal(sqlite_at(path))
    assert "schema version 999" in message
    assert "start the newer release" in message


async def test_database_locked_by_another_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a bounded wait."""
    monkeypatch.setattr("trioworq.stores.sqlite.connection.BUSY_S", 0.05)
    path = tmp_path / "a.db"
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        message = await refusal(sqlite_at(path))
        connection.execute("ROLLBACK")
    connection.close()
    assert "another process holds it locked" in message


def test_place_without_a_write_ahead_log_is_refused(tmp_path: Path) -> None:
    """Some file systems cannot share memory between processes; here, a database that is no file."""
    refused = pytest.raises(StoreRefused, match=r"^sqlite_path: .* cannot use a write-ahead log: move it$")
    with closing(sqlite3.connect(":memory:")) as connection, refused:
        use_wal(tmp_path / "a.db", connection)


async def test_library_that_is_too_old_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is written with it."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    message = await refusal(sqlite_at(tmp_path / "a.db"))
    assert "is too old: install 3.37.0 or newer" in message
    assert os.listdir(tmp_path) == []


async def test_error_in_the_block_leaves_a_store_that_can_be_opened_again(tmp_path: Path) -> None:
    """What was answered before it is there."""
    config = sqlite_at(tmp_path / "a.db")
    with pytest.RaisesGroup(ZeroDivisionError):
        async with open_store(config, node_id="node-1") as store:
            job_id = await push_one(store, new_job())
            raise ZeroDivisionError
    async with open_store(config, node_id="node-2") as store:
        assert await store.job("q", job_id) is not None
