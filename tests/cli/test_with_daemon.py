"""The commands that ask a daemon, with a real one."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.asking import Asker, run, run_on_terminal
from tests.ports import free_port
from tests.process.running_daemon import (
    RunningDaemon,
    recording_worker,
    running_daemon,
    wait_until,
)
from trioworq.web.tokens import new_token

pytestmark = pytest.mark.usefixtures("measured_processes")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon for all tests, whose failures each have a category of their own."""
    with running_daemon(tmp_path_factory.mktemp("daemon"), "--load-interval=1") as started:
        yield started


@pytest.fixture
def category() -> str:
    """A category that no other test has."""
    return f"c-{uuid4()}"


def fail(daemon: RunningDaemon, category: str, count: int = 1, **fields: object) -> list[int]:
    """Have jobs fail for good; return their ids."""
    nobody = f"http://127.0.0.1:{free_port()}/"
    ids = [daemon.push(nobody, category, **fields) for _ in range(count)]
    wait_until(lambda: set(ids) <= set(failed_jobs(daemon)))
    return ids


def failed_jobs(daemon: RunningDaemon) -> list[int]:
    """Return the ids of failed jobs."""
    return [int(job["job_id"]) for job in daemon.request("GET", "/api/v1/jobs/failed").json()]


def test_a_failed_job_is_found_retried_and_followed(ask: Asker, daemon: RunningDaemon, category: str) -> None:
    """From the list to its status and back to work; what is not there is told with 3."""
    with recording_worker(b'{"status":"permanent-failure","message":"no \\u001b[2J such user"}') as worker:
        job = str(daemon.push(worker.url, category, payload=["a", {"b": 1}]))
        wait_until(lambda: int(job) in failed_jobs(daemon))
        listed = ask(daemon.url, "jobs", "failed", "--category", category)
        [_, line] = listed.out.splitlines()
        assert line.split()[0] == job
        assert line.endswith(r"no \x1b[2J such user")
        status = ask(daemon.url, "jobs", "status", job).out
        assert "status           failed\n" in status
        assert 'args             ["a",{"b":1}]\n' in status
        assert ask(daemon.url, "jobs", "retry", job).out == f"Job {job} runs again.\n"
        wait_until(lambda: len(worker.answered) == 2 and int(job) in failed_jobs(daemon))
    assert ask(daemon.url, "jobs", "delete", job).out == f"Job {job} is deleted.\n"
    assert ask(daemon.url, "jobs", "delete", job).code == 3
    done = ask(daemon.url, "jobs", "status", job)
    assert (done.code, done.out) == (3, "")
    assert f"Job {job} not found" in done.err


def test_many_failures_are_swept(ask: Asker, daemon: RunningDaemon, category: str) -> None:
    """Those that are meant, and no others."""
    [other] = fail(daemon, f"{category}-other")
    ids = fail(daemon, category, 3)
    assert ask(daemon.url, "jobs", "retry-all", "--category", category, "--dry-run").out == (
        "3 failed jobs would run again.\n"
    )
    assert ask(daemon.url, "jobs", "clear", "--category", category).code == 2
    assert ask(
        daemon.url, "jobs", "clear", "--category", category, "--failed-before", "P1D", "--yes"
    ).out == ("There are no such failed jobs.\n")
    done = ask(
        daemon.url, "jobs", "clear", "--category", category, "--failed-after", "PT1H", "--yes", "--json"
    )
    assert json.loads(done.out)["deleted_jobs"] == [str(job_id) for job_id in ids]
    assert other in failed_jobs(daemon)


def test_a_terminal_may_say_no(daemon: RunningDaemon, category: str) -> None:
    """Then nothing happens; else it does."""
    ids = fail(daemon, category, 2)
    arguments = ("jobs", "clear", "--category", category, "--url", daemon.url)
    code, seen = run_on_terminal(*arguments, typed=b"\n")
    assert (code, "2 failed jobs will be deleted." in seen) == (1, True)
    assert set(ids) <= set(failed_jobs(daemon))
    code, seen = run_on_terminal(*arguments, typed=b"y\n")
    assert (code, "2 of 2 failed jobs are deleted." in seen) == (0, True)
    assert not set(ids) & set(failed_jobs(daemon))


def test_jobs_are_counted(ask: Asker, daemon: RunningDaemon, category: str) -> None:
    """As the API counts them."""
    fail(daemon, category)
    counts = daemon.request("GET", "/api/v1/jobs/stats").json()
    assert json.loads(ask(daemon.url, "jobs", "stats", "--json").out) == counts
    assert str(counts["failed_count"]) in ask(daemon.url, "jobs", "stats").out


def test_queues_are_listed_paused_and_resumed(ask: Asker, daemon: RunningDaemon) -> None:
    """Of either kind; what waits meanwhile is seen."""
    name = f"q {uuid4()}"
    assert daemon.request("PUT", f"/queue/{name}", {"max_workers": 3, "priority": 7}).status_code == 200
    assert daemon.request("PUT", f"/routing/{name}", {"queue_name": name}).status_code == 200
    assert ask(daemon.url, "queues", "pause", name).out == f"Queue {name} is paused.\n"
    [line] = [line for line in ask(daemon.url, "queues").out.splitlines() if line.startswith(name)]
    assert line.removeprefix(name).split()[:3] == ["paused", "7", "3"]
    daemon.push("http://127.0.0.1:1/", name)
    wait_until(lambda: name in ask(daemon.url, "queues", "waiting").out)
    assert ask(daemon.url, "queues", "resume", name).out == f"Queue {name} is resumed.\n"
    wait_until(lambda: name not in ask(daemon.url, "queues", "waiting").out)
    assert ask(daemon.url, "queues", "pause", name, "--pull").code == 0
    assert ask(daemon.url, "queues", "pause", "none").code == 3
    assert all("stats" in queue for queue in json.loads(ask(daemon.url, "queues", "--json").out))


def test_load_is_shown(ask: Asker, daemon: RunningDaemon) -> None:
    """What was counted a moment ago."""
    daemon.push("http://127.0.0.1:1/", "later", run_after=3600)
    wait_until(lambda: "pending: 1" in ask(daemon.url, "load", "--since", "PT10M", "--type", "later").out)
    table = ask(daemon.url, "load", "--since", "PT10M", "--type", "later", "--table").out.splitlines()
    assert table[0].split() == ["TIME", "PENDING", "QUEUED", "RUNNING"]
    assert table[-1].split()[1:] == ["1", "0", "0"]
    results = json.loads(ask(daemon.url, "load", "--since", "PT10M", "--json").out)["results"]
    assert results[-1]["pending_count"] >= 1
    assert ask(daemon.url, "load", "--since", "P32D").code == 1


def test_a_daemon_with_tokens_wants_the_right_one(tmp_path: Path) -> None:
    """It is shown nowhere, nor is a wrong one."""
    good, good_line = new_token("ops", "read")
    wrong, _ = new_token("nobody", "read")
    tokens, file = tmp_path / "tokens", tmp_path / "token"
    tokens.write_text(good_line + "\n")
    file.write_text(good + "\n")
    # A daemon that shares an environment with who asks it is not in the way of either.
    shared = {
        "TRIOWORQ_URL": "http://elsewhere",
        "TRIOWORQ_TOKEN": good,
        "TRIOWORQ_API_TOKENS_FILE": str(tokens),
    }
    with running_daemon(tmp_path / "daemon", "--driver=in-memory", environment=shared) as daemon:
        url = {"TRIOWORQ_URL": daemon.url}
        asked = run("jobs", "failed", "--json", "--token-file", str(file), environment=url)
        missing = run("jobs", "failed", environment=url)
        refused = run("jobs", "failed", environment={**url, "TRIOWORQ_TOKEN": wrong})
        denied = run("jobs", "clear", "--yes", environment={**url, "TRIOWORQ_TOKEN_FILE": str(file)})
    assert (asked.code, asked.out, asked.err) == (0, "[]\n", "")
    for done in (missing, refused, denied):
        assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
        assert "--token-file" in done.err
        assert good not in done.err
        assert wrong not in done.err
