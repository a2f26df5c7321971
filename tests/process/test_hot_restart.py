"""Hot restarts: a new process takes the socket over while clients push, and none of them notices."""

import os
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
import trio

from tests.process.pushing import Pushers, open_pushers
from tests.process.running_daemon import (
    RecordingWorker,
    RunningDaemon,
    clean_environment,
    command,
    wait_until,
)
from tests.process.starter import Starter, open_starter

pytestmark = pytest.mark.usefixtures("measured_processes")


@pytest.mark.parametrize("as_systemd", [False, True], ids=["Server::Starter", "systemd"])
async def test_clients_that_push_do_not_notice_a_hot_restart(
    store_options: list[str], as_systemd: bool, worker: RecordingWorker, tmp_path: Path
) -> None:
    """No refused connection, no error, every push taken once, every job run once; twice in a row."""

    async def start() -> RunningDaemon:
        return await trio.to_thread.run_sync(lambda: starter.start(*store_options, as_systemd=as_systemd))

    with open_starter(tmp_path) as starter:
        old = await start()
        async with open_pushers(starter.url, worker.url) as pushers:
            for _ in range(2):
                await pushers.wait_for(100)
                new = await start()
                await pushers.wait_for(100)
                old.send(signal.SIGTERM)
                assert await trio.to_thread.run_sync(old.wait) == 0
                await pushers.wait_for(100)
                old = new
        assert pushers.faults == []
        # All were used, or what they show is less than it seems.
        assert pushers.kept >= 12
        assert len(set(pushers.ids)) == len(pushers.ids) == len(pushers.payloads)
        await trio.to_thread.run_sync(wait_until, lambda: has_run_all(worker, pushers))
        assert old.stop() == 0
        assert {payload: count for payload, count in runs(worker).items() if count > 1} == {}


def runs(worker: RecordingWorker) -> Counter[int]:
    """Return how often each job was run."""
    return Counter(int(body) for body in worker.started)


def has_run_all(worker: RecordingWorker, pushers: Pushers) -> bool:
    """Whether every job that was taken has been run."""
    return runs(worker).keys() >= set(pushers.payloads)


def test_a_job_that_runs_during_a_hot_restart_ends_in_its_process(
    store_options: list[str], worker: RecordingWorker, tmp_path: Path
) -> None:
    """The old process waits for it, is not asked for anything else meanwhile, and it is not run again."""
    worker.gate.clear()
    with open_starter(tmp_path) as starter:
        old = starter.start(*store_options)
        job_id = old.push(worker.url, payload=1)
        wait_until(lambda: len(worker.started) == 1)
        new = starter.start(*store_options)
        old.send(signal.SIGTERM)
        wait_until(lambda: starter.has_heard("STOPPING=1"))
        wait_until(lambda: not listens(starter, old))
        assert new.ids("grabbed") == [job_id]
        worker.gate.set()
        assert old.wait() == 0
        new.push(worker.url, payload=2)
        wait_until(lambda: len(worker.answered) == 2)
        assert runs(worker) == {1: 1, 2: 1}
        assert new.stop() == 0


def listens(starter: Starter, daemon: RunningDaemon) -> bool:
    """Whether a daemon still has the starter's socket open."""
    inode = os.readlink(f"/proc/self/fd/{starter.bound.fileno()}")
    files = Path(f"/proc/{daemon.process.pid}/fd")
    return inode in {os.readlink(file) for file in files.iterdir()}


def test_the_service_manager_hears_of_the_whole_life(tmp_path: Path) -> None:
    """Of readiness, in the words of the log; again and again that the loop turns; and of the stop."""
    with open_starter(tmp_path) as starter:
        daemon = starter.start("--driver=in-memory", WATCHDOG_USEC="100000")
        greeting = f"(PID {daemon.process.pid}) listens on {starter.url}; "
        wait_until(lambda: any(greeting in line["message"] for line in daemon.lines("error")))
        assert any("READY=1" in message and greeting in message for message in starter.listen())
        wait_until(lambda: starter.listen().count("WATCHDOG=1") > 3)
        assert daemon.stop() == 0
        assert starter.has_heard("STOPPING=1")


def test_a_process_that_ends_leaves_the_pid_file_of_the_next(tmp_path: Path) -> None:
    """Both write to the same one."""
    pid = tmp_path / "pid"
    options = (f"--sqlite-path={tmp_path / 'jobs.db'}", f"--pid={pid}")
    with open_starter(tmp_path) as starter:
        old, new = starter.start(*options), starter.start(*options)
        assert old.stop() == 0
        assert pid.read_text() == f"{new.process.pid}\n"
        assert new.stop() == 0
        assert not pid.exists()


@pytest.mark.parametrize("text", ["8080", "8080=900000"])
def test_a_bad_socket_of_a_starter_ends_the_start_with_one_line(text: str, tmp_path: Path) -> None:
    """The exit code is 1, and nothing is left behind (contract §1.19)."""
    run = subprocess.run(
        command(f"--pid={tmp_path / 'pid'}"),
        cwd=tmp_path,
        env=clean_environment({"SERVER_STARTER_PORT": text}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith("trioworq: SERVER_STARTER_PORT: ")
    assert run.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_idle_client_delays_the_stop_by_little(tmp_path: Path) -> None:
    """It has a second in which to ask once more, and no more than that and a look around."""
    with open_starter(tmp_path) as starter:
        daemon = starter.start("--driver=in-memory")
        with socket.create_connection(starter.bound.getsockname()):
            started_at = time.monotonic()
            assert daemon.stop() == 0
            assert time.monotonic() - started_at < 5
