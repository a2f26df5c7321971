"""Fixtures of the process tests."""

from collections.abc import Iterator

import pytest

from tests.process.obedient_worker import ObedientWorker, obedient_worker
from tests.process.running_daemon import RecordingWorker, recording_worker


@pytest.fixture
def worker() -> Iterator[RecordingWorker]:
    """A worker that records what it is sent."""
    with recording_worker() as running:
        yield running


@pytest.fixture
def boss() -> Iterator[ObedientWorker]:
    """A worker that answers as it is told to."""
    with obedient_worker() as running:
        yield running
