"""What tests of every folder share: a MySQL or MariaDB server, databases on it, stores, time zones."""

import gc
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mariadb import MariaDB, NoServer, administer, with_database

_COVERAGE = "COVERAGE_PROCESS_CONFIG"
# The longest first, then what else waits for processes more than it works.
_FIRST = (
    "process/test_promises.py",
    "test_bench.py",
    "process/",
    "console/",
    "test_bench",
    "test_scripts.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files for several workers, each of which takes the next one when it has none."""

    def rank(item: pytest.Item) -> int:
        place = item.path.relative_to(Path(__file__).parent).as_posix()
        return next((rank for rank, start in enumerate(_FIRST) if place.startswith(start)), len(_FIRST))

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """Spare the garbage collector, which some tests call, the thousands of tests: they stay to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def unmeasured_processes() -> Iterator[str]:
    """Keep coverage, which slows them by half, out of the processes that tests start; give its message."""
    told = os.environ.pop(_COVERAGE, "")
    yield told
    if told:
        os.environ[_COVERAGE] = told


@pytest.fixture(scope="module")
def measured_processes(unmeasured_processes: str) -> Iterator[None]:
    """Have coverage measure the processes that a file starts, as they do what no other test sees."""
    if not unmeasured_processes:
        yield
        return
    os.environ[_COVERAGE] = unmeasured_processes
    yield
    del os.environ[_COVERAGE]


@pytest.fixture(scope="session")
def mysql_server_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """DSN of a server to make databases on: the one that TRIOWORQ_TEST_MYSQL_DSN names, or a private one."""
    given = os.environ.get("TRIOWORQ_TEST_MYSQL_DSN")
    if given:
        yield given
        return
    server = MariaDB(tmp_path_factory.mktemp("mariadb"))
    try:
        server.start()
    except NoServer as error:
        pytest.fail(f"{error}, or set TRIOWORQ_TEST_MYSQL_DSN to a server that runs", pytrace=False)
    try:
        yield server.dsn("mysql")
    finally:
        server.stop()


@pytest.fixture
def mysql_dsn(mysql_server_dsn: str) -> Iterator[str]:
    """DSN of a database that is empty, and dropped afterwards."""
    name = f"trioworq_{secrets.token_hex(6)}"
    administer(mysql_server_dsn, f"CREATE DATABASE {name}")
    yield with_database(mysql_server_dsn, name)
    administer(mysql_server_dsn, f"DROP DATABASE {name}")


@pytest.fixture(params=["sqlite", "mysql"])
def store_options(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The arguments that make a daemon keep its jobs in an empty database, by store."""
    if request.param == "sqlite":
        return ["--driver=sqlite", f"--sqlite-path={tmp_path / 'jobs.db'}"]
    dsn: str = request.getfixturevalue("mysql_dsn")
    return ["--driver=mysql", f"--mysql-dsn={dsn}"]


@pytest.fixture(scope="module")
def lasting_mysql_dsn(mysql_server_dsn: str) -> Iterator[str]:
    """DSN of a database for all tests of a file."""
    name = f"trioworq_{secrets.token_hex(6)}"
    administer(mysql_server_dsn, f"CREATE DATABASE {name}")
    yield with_database(mysql_server_dsn, name)
    administer(mysql_server_dsn, f"DROP DATABASE {name}")


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def lasting_store_options(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """The same for a daemon that all tests of a file share, by store."""
    return lasting_options(request.param, request, tmp_path_factory)


def lasting_options(
    store: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """Return the arguments that make a daemon keep its jobs in a store that all tests of a file share."""
    if store == "sqlite":
        return ["--driver=sqlite", f"--sqlite-path={tmp_path_factory.mktemp('store') / 'jobs.db'}"]
    return ["--driver=mysql", f"--mysql-dsn={request.getfixturevalue('lasting_mysql_dsn')}"]


@pytest.fixture
def private_mariadb(tmp_path: Path) -> Iterator[MariaDB]:
    """A server that runs for one test alone, which may do to it what it likes."""
    with MariaDB(tmp_path) as server:
        yield server


@pytest.fixture
def in_zone() -> Iterator[Callable[[str], None]]:
    """Set the local time zone until the test ends."""
    before = os.environ.get("TZ")

    def enter(zone: str) -> None:
        os.environ["TZ"] = zone
        time.tzset()

    yield enter
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()
