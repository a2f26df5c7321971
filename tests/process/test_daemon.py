"""The whole daemon, started and stopped as its operators do, on both durable stores."""

import os
import signal
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import httpx2
import pytest
import trustme

from tests.ports import free_port
from tests.process.running_daemon import (
    RecordingWorker,
    clean_environment,
    command,
    running_daemon,
    wait_until,
)
from trioworq.dispatch.ownership import LEASE_MS

pytestmark = pytest.mark.usefixtures("measured_processes")


def test_a_pushed_job_reaches_the_worker_and_the_log(
    store_options: list[str], worker: RecordingWorker, tmp_path: Path
) -> None:
    """From POST /job to the worker's verdict."""
    with running_daemon(tmp_path / "a", *store_options) as daemon:
        job_id = daemon.push(worker.url, category="greeting", payload={"hello": "world"})
        wait_until(lambda: [line for line in daemon.lines() if line["action"] == "complete"])
        assert worker.started == [b'{"hello":"world"}']
        complete = daemon.lines()[-1]
        assert (complete["id"], complete["status"], complete["message"]) == (job_id, "completed", "done")
        assert daemon.request("GET", f"/queue/default/job/{job_id}").status_code == 404
        assert daemon.stop() == 0


def test_after_kill_nothing_is_lost_and_what_ran_runs_again(
    store_options: list[str], worker: RecordingWorker, tmp_path: Path
) -> None:
    """kill -9 with jobs running, waiting and deferred: each still runs, its retries untouched (I1, I4)."""
    worker.gate.clear()
    with running_daemon(tmp_path / "a", *store_options) as daemon:
        daemon.request("PUT", "/queue/default", {"max_workers": 2})
        for number in range(5):
            daemon.push(worker.url, payload=number, max_retries=3)
        deferred = daemon.push(worker.url, payload="later", run_after=4)
        wait_until(lambda: len(worker.started) == 2)
        running = list(worker.started)
        daemon.kill()
    worker.gate.set()
    with running_daemon(tmp_path / "b", *store_options) as daemon:
        wait_until(lambda: len([line for line in daemon.lines() if line["action"] == "complete"]) == 6)
        assert sorted(worker.started[2:]) == sorted([b"0", b"1", b"2", b"3", b"4", b"later"])
        assert set(running) <= set(worker.started[2:])
        recovery = [line["message"] for line in daemon.lines("error") if line.get("queue") == "default"]
        assert recovery == [
            "Switching to PRIMARY mode...",
            "Recovering complete: 2 job(s) recovered",
            "The node is now in PRIMARY mode",
        ]
        completed = [line for line in daemon.lines() if line["action"] == "complete"]
        assert {line["retry_count"] for line in completed if line["id"] != deferred} == {3}
        assert {line["fail_count"] for line in completed} == {0}


def test_after_sigterm_no_job_is_started_while_clients_are_waited_for(
    store_options: list[str], worker: RecordingWorker, tmp_path: Path
) -> None:
    """An idle client has a second to ask once more; meanwhile the running job ends, and no other starts."""
    worker.gate.clear()
    with running_daemon(tmp_path / "a", *store_options) as daemon:
        daemon.request("PUT", "/queue/default", {"max_workers": 1})
        for number in range(5):
            daemon.push(worker.url, payload=number)
        wait_until(lambda: len(worker.started) == 1)
        port = int(daemon.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)):
            daemon.send(signal.SIGTERM)
            wait_until(lambda: any("stopping" in line["message"] for line in daemon.lines("error")))
            worker.gate.set()
            assert daemon.wait() == 0
        assert len(worker.started) == 1
    with running_daemon(tmp_path / "b", *store_options) as daemon:
        wait_until(lambda: len(worker.started) == 5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_finishes_running_jobs_and_starts_none(
    number: signal.Signals, worker: RecordingWorker, tmp_path: Path
) -> None:
    """Running jobs end and are settled, the others stay; the exit code is 0 (I15)."""
    worker.gate.clear()
    options = [f"--sqlite-path={tmp_path / 'jobs.db'}", f"--pid={tmp_path / 'run/pid'}"]
    with running_daemon(tmp_path / "a", *options) as daemon:
        daemon.request("PUT", "/queue/default", {"max_workers": 2})
        assert (tmp_path / "run/pid").read_text() == f"{daemon.process.pid}\n"
        for item in range(4):
            daemon.push(worker.url, payload=item)
        wait_until(lambda: len(worker.started) == 2)
        daemon.send(number)
        wait_until(lambda: any("stopping" in line["message"] for line in daemon.lines("error")))
        worker.gate.set()
        assert daemon.wait() == 0
        assert len(worker.started) == 2
        assert [line["status"] for line in daemon.lines() if line["action"] == "complete"] == [
            "completed"
        ] * 2
    assert not (tmp_path / "run/pid").exists()


def test_jobs_that_outlive_the_stop_are_given_back_at_once(
    store_options: list[str], worker: RecordingWorker, tmp_path: Path
) -> None:
    """After shutdown_timeout a running job is cut off; the next process runs it within a second (I15)."""
    worker.gate.clear()
    with running_daemon(tmp_path / "a", *store_options, "--shutdown-timeout=1") as daemon:
        daemon.push(worker.url, payload="slow", max_retries=1)
        wait_until(lambda: len(worker.started) == 1)
        started_at = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - started_at < 4
    with running_daemon(tmp_path / "b", *store_options) as daemon:
        wait_until(lambda: len(worker.started) == 2, 1.5)
        worker.gate.set()
        wait_until(lambda: daemon.lines())
        assert daemon.lines()[-1]["fail_count"] == 0


def test_a_stop_answers_workers_that_wait_for_jobs(store_options: list[str], tmp_path: Path) -> None:
    """With a 204 in either lane, and long before their time is over (README 14, I15)."""
    with running_daemon(tmp_path / "a", *store_options) as daemon, ExitStack() as polls:
        intake, app = (polls.enter_context(closing(HTTPConnection(daemon.url[7:], timeout=20))) for _ in "12")
        # The connection is Hypercorn's from then on.
        app.request("GET", "/version")
        app.getresponse().read()
        for poll in (intake, app):
            poll.request("GET", "/next?queue=none&wait=60")
        wait_until(lambda: "\ntrioworq_pull_waiting_workers 2.0" in daemon.request("GET", "/metrics").text)
        daemon.send(signal.SIGTERM)
        assert [poll.getresponse().status for poll in (intake, app)] == [204, 204]
        assert daemon.wait() == 0


def test_a_second_signal_ends_the_process_at_once(worker: RecordingWorker, tmp_path: Path) -> None:
    """It does not wait for the running job, and says so by its exit code (contract §1.19)."""
    worker.gate.clear()
    with running_daemon(tmp_path / "a", f"--sqlite-path={tmp_path / 'jobs.db'}") as daemon:
        daemon.push(worker.url)
        wait_until(lambda: len(worker.started) == 1)
        daemon.send(signal.SIGTERM)
        wait_until(lambda: any("stopping" in line["message"] for line in daemon.lines("error")))
        started_at = time.monotonic()
        daemon.send(signal.SIGTERM)
        assert daemon.wait() == 1
        assert time.monotonic() - started_at < 1


def test_a_client_that_reads_nothing_does_not_hold_the_stop(tmp_path: Path) -> None:
    """Half a request and an idle connection are closed, and the daemon ends in time."""
    with running_daemon(tmp_path / "a", "--driver=in-memory", "--shutdown-timeout=2") as daemon:
        host, port = daemon.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as half, socket.create_connection((host, int(port))):
            half.sendall(b"POST /job/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            started_at = time.monotonic()
            assert daemon.stop() == 0
            assert time.monotonic() - started_at < 6


def test_a_daemon_that_waits_for_its_database_can_be_stopped(tmp_path: Path) -> None:
    """It does not wait until it gives the database up, and its end is a normal one."""
    dsn = f"--mysql-dsn=user:word@tcp(127.0.0.1:{free_port()})/x"
    options = ("--driver=mysql", dsn, "--error-log-level=debug")
    with running_daemon(tmp_path / "a", *options, waits_for_answers=False) as daemon:
        wait_until(lambda: any("starts" in line["message"] for line in daemon.lines("error")))
        started_at = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - started_at < 3


def test_log_files_are_reopened_at_usr1(worker: RecordingWorker, tmp_path: Path) -> None:
    """Rename, signal, and later lines are in a new file (contract §1.19)."""
    with running_daemon(tmp_path / "a", "--driver=in-memory") as daemon:
        daemon.push(worker.url, payload="before")
        wait_until(lambda: len(daemon.lines()) == 2)
        (tmp_path / "a/queue.log").rename(tmp_path / "a/queue.log.1")
        daemon.send(signal.SIGUSR1)
        wait_until((tmp_path / "a/queue.log").exists)
        daemon.push(worker.url, payload="after")
        wait_until(lambda: len(daemon.lines()) == 2)
        assert {line["payload"] for line in daemon.lines()} == {"after"}


def test_two_processes_started_together_share_an_empty_database(
    store_options: list[str], worker: RecordingWorker, tmp_path: Path
) -> None:
    """Both come up on it, one dispatches, and each accepts pushes for both (design §5)."""
    with ExitStack() as stack, ThreadPoolExecutor() as threads:
        contexts = [running_daemon(tmp_path / name, *store_options) for name in "ab"]
        daemons = list(threads.map(stack.enter_context, contexts))
        for number, daemon in enumerate(daemons * 5):
            daemon.push(worker.url, payload=number)
        wait_until(lambda: len(worker.answered) == 10)
        stats = [daemon.request("GET", "/queue/default/stats").json() for daemon in daemons]
        assert sorted(each["active_nodes"] for each in stats) == [0, 1]
        owners = [daemon.request("GET", "/queue/default/node").json() for daemon in daemons]
        assert owners[0] == owners[1]
        assert sorted(worker.answered, key=int) == [str(number).encode() for number in range(10)]


def test_a_backup_takes_over_when_the_active_process_is_killed(
    store_options: list[str], worker: RecordingWorker, tmp_path: Path
) -> None:
    """The lease lapses and the other process runs what was left."""
    with (
        running_daemon(tmp_path / "a", *store_options) as active,
        running_daemon(tmp_path / "b", *store_options) as backup,
    ):
        worker.gate.clear()
        active.push(worker.url, payload="x")
        wait_until(lambda: len(worker.started) == 1)
        active.kill()
        killed_at = time.monotonic()
        worker.gate.set()
        wait_until(lambda: any(line["action"] == "complete" for line in backup.lines()))
        assert time.monotonic() - killed_at < LEASE_MS / 1000 + 3


def test_debug_makes_both_logs_talkative(worker: RecordingWorker, tmp_path: Path) -> None:
    """DEBUG lowers the levels of the queue log and the error log (contract §1.19)."""
    with running_daemon(tmp_path / "a", "--driver=in-memory", environment={"DEBUG": "1"}) as daemon:
        daemon.push(worker.url)
        wait_until(lambda: [line["action"] for line in daemon.lines()] == ["push", "pop", "complete"])


def test_no_password_is_shown_anywhere(mysql_dsn: str, worker: RecordingWorker, tmp_path: Path) -> None:
    """Neither the logs nor /settings show the password of the DSN (I14)."""
    account, _, place = mysql_dsn.partition("@")
    user, _, password = account.partition(":")
    assert len(password) > 5
    with running_daemon(
        tmp_path / "a", "--driver=mysql", environment={"FIREWORQ_MYSQL_DSN": mysql_dsn}
    ) as daemon:
        daemon.push(worker.url)
        settings = daemon.request("GET", "/settings").json()
        assert settings["mysql_dsn"] == f"{user}:********@{place}"
        assert daemon.stop() == 0
    everything = b"".join(path.read_bytes() for path in (tmp_path / "a").iterdir() if path.is_file())
    assert b"listens on" in everything
    assert password.encode() not in everything
    assert os.path.getsize(tmp_path / "a/access.log") > 0


def test_clients_can_speak_tls(worker: RecordingWorker, tmp_path: Path) -> None:
    """A push over HTTPS reaches its worker, over HTTP/1.1 and HTTP/2, and the log says what is spoken."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    options = [f"--tls-certificate={tmp_path / 'both.pem'}", f"--tls-key={tmp_path / 'both.pem'}"]
    with running_daemon(tmp_path / "a", "--driver=in-memory", *options, waits_for_answers=False) as daemon:
        wait_until(lambda: any("listens on https://" in line["message"] for line in daemon.lines("error")))
        url = daemon.url.replace("http://127.0.0.1", "https://localhost")
        for http2 in (False, True):
            with httpx2.Client(base_url=url, verify=context, http2=http2) as client:
                for _ in range(2):
                    assert client.post("/job/any", json={"url": worker.url}).status_code == 200
                assert client.get("/version").status_code == 200
        wait_until(lambda: len(worker.answered) == 4)
        assert daemon.stop() == 0


def test_tls_without_its_files_is_refused_at_the_start(tmp_path: Path) -> None:
    """One line says what is missing, and nothing is left behind."""
    run = subprocess.run(
        command("--bind=127.0.0.1:0", f"--tls-key={tmp_path / 'none.pem'}"),
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 1
    assert (
        run.stderr == b"trioworq: tls_certificate: TLS needs a certificate and its key; set both or neither\n"
    )
    assert list(tmp_path.iterdir()) == []
