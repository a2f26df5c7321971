"""Fixtures of the process tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
