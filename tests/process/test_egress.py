"""Jobs that ask for addresses that may not be called, from the push to the failure log."""

from pathlib import Path
from typing import Any

from tests.ports import free_port
from tests.process.running_daemon import (
    RecordingWorker,
    RunningDaemon,
    running_daemon,
    wait_until,
)


def failures(daemon: RunningDaemon) -> list[dict[str, Any]]:
    """Return the failure log, the latest first."""
    listed: list[dict[str, Any]] = daemon.request("GET", "/queue/default/failed").json()["failed_jobs"]
    return listed


def actions(daemon: RunningDaemon) -> list[str]:
    """Return what the queue log tells of, in order."""
    return [line["action"] for line in daemon.lines()]


def refusal(url: str) -> str:
    """Return the message of a call that the egress rules refuse."""
    return (
        f'Request failed: Post "{url}": dial tcp: the address is not allowed by the daemon\'s configuration'
    )


def test_a_job_for_the_metadata_address_ends_in_the_failure_log(
    store_options: list[str], tmp_path: Path
) -> None:
    """It is accepted, retried like any failure and kept as an internal failure that says why."""
    with running_daemon(tmp_path / "a", *store_options) as daemon:
        job_id = daemon.push("http://169.254.169.254/latest/meta-data/", max_retries=1)
        wait_until(lambda: failures(daemon))
        (failure,) = failures(daemon)
        assert (failure["job_id"], failure["fail_count"]) == (job_id, 2)
        assert failure["result"] == {
            "status": "internal-failure",
            "code": 0,
            "message": refusal("http://169.254.169.254/latest/meta-data/"),
        }
        # The lines of what can be read already may be on their way.
        wait_until(lambda: actions(daemon) == ["push", "retry", "complete"])
        assert daemon.stop() == 0


def test_the_lists_are_obeyed_and_no_resolved_address_is_shown(
    worker: RecordingWorker, tmp_path: Path
) -> None:
    """A worker that is allowed is called; what a refused name resolves to is told to nobody."""
    denied = free_port()
    lists = ("--dispatch-allow=127.0.0.0/8, ::1", f"--dispatch-deny=127.0.0.1:{denied}, [::1]:{denied}")
    with running_daemon(tmp_path / "a", "--driver=in-memory", *lists) as daemon:
        daemon.push(worker.url)
        wait_until(lambda: worker.answered)
        urls = [f"http://localhost:{denied}/", "http://nowhere.invalid/"]
        for url in urls:
            daemon.push(url)
        wait_until(lambda: len(failures(daemon)) == len(urls))
        assert {failure["result"]["message"] for failure in failures(daemon)} == {
            refusal(url) for url in urls
        }
        wait_until(lambda: actions(daemon).count("complete") == 1 + len(urls))
        told = [line for line in daemon.lines() if line["url"] != worker.url]
        assert "127.0.0.1" not in str(told)
        assert len(worker.started) == 1
        assert daemon.request("GET", "/settings").json()["dispatch_allow"] == "127.0.0.0/8, ::1"
