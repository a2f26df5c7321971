"""The job management API as its users call it: with curl, and with Python's requests (contract jobs §3.1)."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.process.running_daemon import (
    RecordingWorker,
    RunningDaemon,
    recording_worker,
    running_daemon,
    wait_until,
)

API = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
DOCUMENTED = "http://127.0.0.1:8080"
ADDRESS = "http://localhost:8000"
JOB_ID = "abc-123"

CURL = """\
# List all failed jobs
curl http://localhost:8000/api/v1/jobs/failed

# Retry a specific job
curl -X POST http://localhost:8000/api/v1/jobs/failed/abc-123/retry

# Retry all failed jobs
curl -X POST http://localhost:8000/api/v1/jobs/failed/retry-all

# Get queue statistics
curl http://localhost:8000/api/v1/jobs/stats

# Get job status
curl http://localhost:8000/api/v1/jobs/status/abc-123

# Delete a failed job
curl -X DELETE http://localhost:8000/api/v1/jobs/failed/abc-123

# Clear all failed jobs
curl -X DELETE http://localhost:8000/api/v1/jobs/failed/clear
"""

PYTHON = """\
import requests

base_url = "http://localhost:8000/api/v1/jobs"

# List failed jobs
response = requests.get(f"{base_url}/failed")
failed_jobs = response.json()

# Retry all failed jobs
response = requests.post(f"{base_url}/failed/retry-all")
result = response.json()
print(f"Requeued {result['requeued_count']} jobs")

# Get queue stats
response = requests.get(f"{base_url}/stats")
stats = response.json()
print(f"Failed jobs: {stats['failed_count']}")
"""


@pytest.fixture
def failing_worker() -> Iterator[RecordingWorker]:
    """A worker that has every job fail for good, once its gate is open."""
    with recording_worker(b'{"status":"permanent-failure","message":"Error message..."}') as worker:
        yield worker


def run(command: list[str]) -> str:
    """Run a command to its end, and return what it prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Shell:
    """Runs the examples for curl, in their order, with the daemon's address and a job's id in place."""

    def __init__(self, daemon: RunningDaemon, job_id: str) -> None:
        commands = (line for line in CURL.splitlines() if line.startswith("curl "))
        self._left = [line.replace(ADDRESS, daemon.url).replace(JOB_ID, job_id) for line in commands]

    def next(self) -> Any:
        """Run the next one, and return what it gets."""
        return orjson.loads(run(["sh", "-c", self._left.pop(0)]))


def fail_push_jobs(
    daemon: RunningDaemon, url: str, count: int, category: str = "app.workers.jobs.trade"
) -> list[str]:
    """Have push jobs fail; return their ids, in the order in which they failed."""
    for number in range(count):
        daemon.push(url, category, payload=[number])
        wait_until(lambda most=number: len(daemon.request("GET", "/api/v1/jobs/failed").json()) > most)
    return [job["job_id"] for job in daemon.request("GET", "/api/v1/jobs/failed").json()]


def fail_pull_job(daemon: RunningDaemon) -> str:
    """Have a pull job fail; return its id."""
    order = {"id": "my-1", "queue": "trades", "timeout": 0, "payload": {"n": 1}}
    job_id = daemon.request("POST", "/enqueue", order).headers["Trioworq-Job-Id"]
    assert daemon.request("GET", "/next?queue=trades").status_code == 200
    wait_until(lambda: status(daemon, job_id) == "failed")
    return str(job_id)


def status(daemon: RunningDaemon, job_id: str) -> str:
    """Return a job's status."""
    return str(daemon.request("GET", f"/api/v1/jobs/status/{job_id}").json()["status"])


def test_the_examples_for_curl_run_as_they_stand(
    store_options: list[str], failing_worker: RecordingWorker, tmp_path: Path
) -> None:
    """Against failed jobs of both kinds; each does what it says."""
    with running_daemon(tmp_path / "a", *store_options) as daemon:
        first, second = fail_push_jobs(daemon, failing_worker.url, 2)
        pulled = fail_pull_job(daemon)
        curl = Shell(daemon, first)
        assert [(job["job_id"], job["exc_info"], job["args"]) for job in curl.next()] == [
            (first, "Error message...", [0]),
            (second, "Error message...", [1]),
            (pulled, "lease timed out after 1 attempt", []),
        ]
        message = f"Job {first} has been requeued successfully"
        assert curl.next() == {"success": True, "job_id": first, "message": message}
        wait_until(lambda: status(daemon, first) == "failed")
        swept = curl.next()
        assert (swept["success"], swept["requeued_count"], swept["errors"]) == (True, 3, [])
        assert sorted(swept["requeued_jobs"]) == sorted([first, second, pulled])
        wait_until(lambda: {status(daemon, job_id) for job_id in (first, second)} == {"failed"})
        assert curl.next() == {
            "queue_name": "default",
            "queued_count": 1,
            "failed_count": 2,
            "started_count": 0,
            "finished_count": 0,
        }
        shown = curl.next()
        assert (shown["status"], shown["func_name"], shown["is_failed"]) == (
            "failed",
            "app.workers.jobs.trade",
            True,
        )
        message = f"Job {first} has been deleted successfully"
        assert curl.next() == {"success": True, "job_id": first, "message": message}
        swept = curl.next()
        assert (swept["success"], swept["deleted_jobs"], swept["error_count"]) == (True, [second], 0)
        assert len(failing_worker.answered) == 5
        assert daemon.stop() == 0


def test_the_example_for_requests_runs_as_it_stands(
    store_options: list[str], failing_worker: RecordingWorker, tmp_path: Path
) -> None:
    """It tells how many jobs wait again, and how many failed ones are left."""
    with running_daemon(tmp_path / "a", *store_options) as daemon:
        fail_push_jobs(daemon, failing_worker.url, 2)
        fail_pull_job(daemon)
        failing_worker.gate.clear()
        printed = run([sys.executable, "-c", PYTHON.replace(ADDRESS, daemon.url)])
        assert printed == "Requeued 3 jobs\nFailed jobs: 0\n"
        failing_worker.gate.set()


def test_an_id_that_no_job_has_is_refused_as_the_reference_says(tmp_path: Path) -> None:
    """With the very id of its examples, and a status that curl can see."""
    with running_daemon(tmp_path / "a", "--driver=in-memory") as daemon:
        url = f"{daemon.url}/api/v1/jobs"
        for method, path, detail in (
            ("POST", "failed/abc-123/retry", "Job abc-123 not found in failed jobs registry"),
            ("DELETE", "failed/abc-123", "Job abc-123 not found in failed jobs registry"),
            ("GET", "status/abc-123", "Job abc-123 not found: "),
        ):
            body, code = run(["curl", "-s", "-w", "\n%{http_code}", "-X", method, f"{url}/{path}"]).split(
                "\n"
            )
            assert code == "404"
            assert orjson.loads(body)["detail"].startswith(detail)


def test_the_examples_of_the_documentation_run(tmp_path: Path) -> None:
    """Each is answered, with nothing but what it says."""
    section = API.partition("\n## Managing jobs\n")[2].partition("\n## ")[0]
    commands = re.findall(r"^    (curl .+)$", section, flags=re.MULTILINE)
    with running_daemon(tmp_path / "a", "--driver=in-memory") as daemon:
        with recording_worker(b'{"status":"permanent-failure"}') as worker:
            [job_id] = fail_push_jobs(daemon, worker.url, 1, category="mail")
        answers = [
            orjson.loads(
                run(["sh", "-c", re.sub(r"/7\b", f"/{job_id}", line.replace(DOCUMENTED, daemon.url))])
            )
            for line in commands
        ]
        assert [job["job_id"] for job in answers[0]] == [job_id]
        assert [answer.get("success", answer.get("job_id")) for answer in answers[1:]] == [True, job_id, True]
