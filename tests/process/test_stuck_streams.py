"""The daemon with nobody who reads its standard output and standard error."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.process.running_daemon import (
    RecordingWorker,
    RunningDaemon,
    clean_environment,
    command,
    is_listening,
    wait_until,
)


@pytest.fixture(params=["full", "broken"])
def stuck_pipe(request: pytest.FixtureRequest) -> Iterator[int]:
    """The writing end of a pipe that takes nothing more: its reader sleeps, or has gone."""
    reading_end, writing_end = os.pipe()
    if request.param == "broken":
        os.close(reading_end)
    else:
        os.set_blocking(writing_end, False)
        for size in (4096, 1):
            with suppress(BlockingIOError):
                while True:
                    os.write(writing_end, b"x" * size)
        os.set_blocking(writing_end, True)
    yield writing_end
    os.close(writing_end)
    if request.param == "full":
        os.close(reading_end)


@contextmanager
def daemon_on(pipe: int, folder: Path) -> Iterator[RunningDaemon]:
    """Run a daemon whose standard output and standard error are `pipe`."""
    port = free_port()
    process = subprocess.Popen(
        command(f"--bind=127.0.0.1:{port}", "--driver=in-memory"),
        cwd=folder,
        env=clean_environment(),
        stdout=pipe,
        stderr=pipe,
    )
    daemon = RunningDaemon(process, f"http://127.0.0.1:{port}", folder)
    try:
        wait_until(lambda: process.poll() is not None or is_listening(port))
        yield daemon
    finally:
        daemon.kill()


def test_logs_that_nobody_reads_hold_up_neither_jobs_nor_the_end(
    stuck_pipe: int, worker: RecordingWorker, tmp_path: Path
) -> None:
    """Jobs run and the daemon ends in order; only the lines are lost."""
    with daemon_on(stuck_pipe, tmp_path) as daemon:
        for _ in range(20):
            daemon.push(worker.url, payload="x" * 10_000)
        wait_until(lambda: len(worker.answered) == 20)
        assert daemon.stop() == 0


def test_a_second_signal_ends_a_daemon_that_cannot_say_so(
    stuck_pipe: int, worker: RecordingWorker, tmp_path: Path
) -> None:
    """The last word is dropped where it cannot be said at once (contract §1.19)."""
    with daemon_on(stuck_pipe, tmp_path) as daemon:
        worker.gate.clear()
        daemon.push(worker.url)
        wait_until(lambda: len(worker.started) == 1)
        daemon.send(signal.SIGTERM)
        wait_until(lambda: not is_listening(int(daemon.url.rpartition(":")[2])))
        daemon.send(signal.SIGTERM)
        assert daemon.process.wait(5) == 1
