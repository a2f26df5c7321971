"""Fixtures of the process tests."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mariadb import administer, with_database
from tests.process.obedient_worker import ObedientWorker, obedient_worker
from tests.process.running_daemon import RecordingWorker, recording_worker


@pytest.fixture
def worker() -> Iterator[RecordingWorker]:
    """A worker that records what it is sent."""
    with recording_worker() as running:
        yield running


@pytest.fixture(params=["sqlite", "mysql"])
def store_options(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The arguments that make a daemon keep its jobs in an empty database, by store."""
    if request.param == "sqlite":
        return ["--driver=sqlite", f"--sqlite-path={tmp_path / 'jobs.db'}"]
    dsn: str = request.getfixturevalue("mysql_dsn")
    return ["--driver=mysql", f"--mysql-dsn={dsn}"]


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def lasting_store_options(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[str]]:
    """The same for a daemon that all tests of a file share, by store."""
    if request.param == "sqlite":
        yield ["--driver=sqlite", f"--sqlite-path={tmp_path_factory.mktemp('store') / 'jobs.db'}"]
        return
    server_dsn: str = request.getfixturevalue("mysql_server_dsn")
    name = f"trioworq_{secrets.token_hex(6)}"
    administer(server_dsn, f"CREATE DATABASE {name}")
    yield ["--driver=mysql", f"--mysql-dsn={with_database(server_dsn, name)}"]
    administer(server_dsn, f"DROP DATABASE {name}")


@pytest.fixture
def boss() -> Iterator[ObedientWorker]:
    """A worker that answers as it is told to."""
    with obedient_worker() as running:
        yield running
