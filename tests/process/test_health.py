"""Being alive and being ready, as a daemon's supervisors see them."""

import signal
import socket
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mariadb import MariaDB
from tests.process.running_daemon import RecordingWorker, running_daemon, wait_until

pytestmark = pytest.mark.usefixtures("measured_processes")


def test_a_daemon_that_serves_is_alive_and_ready(store_options: list[str], tmp_path: Path) -> None:
    """On every store, as soon as it answers."""
    with running_daemon(tmp_path / "a", *store_options) as daemon:
        for path in ("/livez", "/readyz"):
            answer = daemon.request("GET", path)
            assert (answer.status_code, answer.text) == (200, "ok")
        shown = daemon.request("GET", "/readyz?verbose").text
        assert shown == "[+]store ok\n[+]schema ok\n[+]shutdown ok\nreadyz check passed\n"
        assert "/readyz" not in str(daemon.lines("access"))


@pytest.mark.parametrize(
    ("take_away", "bring_back"),
    [(MariaDB.kill, MariaDB.start), (MariaDB.stall, MariaDB.resume)],
    ids=["gone", "silent"],
)
def test_a_daemon_whose_database_is_away_is_alive_and_not_ready(
    take_away: Callable[[MariaDB], None],
    bring_back: Callable[[MariaDB], None],
    private_mariadb: MariaDB,
    tmp_path: Path,
) -> None:
    """Both are said at once, however long the database keeps others waiting; it is ready again with it."""
    private_mariadb.create_database("jobs")
    options = ["--driver=mysql", f"--mysql-dsn={private_mariadb.dsn('jobs')}"]
    with running_daemon(tmp_path / "a", *options) as daemon:
        assert daemon.request("GET", "/readyz").status_code == 200
        take_away(private_mariadb)
        wait_until(lambda: daemon.request("GET", "/readyz").status_code == 503)
        started_at = time.monotonic()
        answer = daemon.request("GET", "/readyz")
        assert answer.text.startswith("[-]store failed: ")
        assert daemon.request("GET", "/livez").status_code == 200
        assert time.monotonic() - started_at < 2
        assert "127.0.0.1" not in answer.text
        bring_back(private_mariadb)
        wait_until(lambda: daemon.request("GET", "/readyz").status_code == 200)


def test_a_daemon_whose_schema_is_taken_away_is_not_ready(tmp_path: Path) -> None:
    """A database put back from an older copy does not pass for a sound one."""
    with running_daemon(tmp_path / "a", f"--sqlite-path={tmp_path / 'jobs.db'}") as daemon:
        assert daemon.request("GET", "/readyz").status_code == 200
        database = sqlite3.connect(tmp_path / "jobs.db")
        with database:
            database.execute("DELETE FROM schema_version")
        database.close()
        wait_until(lambda: daemon.request("GET", "/readyz").status_code == 503)
        assert "[-]schema failed: version 0, and this release needs " in daemon.request("GET", "/readyz").text


def test_a_scrape_tells_of_the_jobs_and_the_store(
    store_options: list[str], worker: RecordingWorker, tmp_path: Path
) -> None:
    """What has been done since the start, and that the database answers."""
    with running_daemon(tmp_path / "a", *store_options) as daemon:
        for payload in range(3):
            daemon.push(worker.url, payload=payload)
        wait_until(lambda: "trioworq_jobs_completed_total 3.0" in daemon.request("GET", "/metrics").text)
        shown = dict(
            line.rsplit(" ", 1)
            for line in daemon.request("GET", "/metrics").text.splitlines()
            if line[0] != "#"
        )
        assert shown["trioworq_jobs_pushed_total"] == shown["trioworq_jobs_started_total"] == "3.0"
        assert shown["trioworq_store_up"] == "1.0"
        assert float(shown["trioworq_store_transaction_operations_count"]) > 1
        assert float(shown["trioworq_store_transaction_duration_seconds_sum"]) > 0
        assert shown['trioworq_http_requests_total{lane="intake",status="2xx"}'] == "3.0"
        assert "/metrics" not in str(daemon.lines("access"))


def test_a_daemon_that_stops_is_not_ready(tmp_path: Path) -> None:
    """A connection that is still served is told so; new ones are not accepted."""
    with running_daemon(tmp_path / "a", "--driver=in-memory") as daemon:
        address = ("127.0.0.1", int(daemon.url.rpartition(":")[2]))
        with socket.create_connection(address, timeout=20) as client:
            # The answer to a request that has begun is waited for.
            client.sendall(
                b"GET /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
            )
            assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
            daemon.send(signal.SIGTERM)
            wait_until(lambda: any("stopping" in line["message"] for line in daemon.lines("error")))
            client.sendall(b"x")
            answer = b"".join(iter(lambda: client.recv(10_000), b""))
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert answer.endswith(b"[-]shutdown failed: draining\nreadyz check failed\n")
        assert daemon.wait() == 0
