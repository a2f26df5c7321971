"""Where the four APIs meet: what is done by one is seen by the others (contract one-port §5.3)."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.process.obedient_worker import ObedientWorker
from tests.process.running_daemon import RunningDaemon, running_daemon, wait_until
from tests.trust import NO_TRUST

FAILED = "/api/v1/jobs/failed"
MAX_BODY_BYTES = 4096
FAR_S = 3600


@pytest.fixture(scope="module")
def daemon(
    lasting_store_options: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningDaemon]:
    """A daemon that samples the load every second; each test has queues of its own."""
    options = ["--load-interval=1", f"--max-body-bytes={MAX_BODY_BYTES}"]
    with running_daemon(tmp_path_factory.mktemp("daemon"), *lasting_store_options, *options) as running:
        yield running


def ask(daemon: RunningDaemon, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    """Send a request that is answered with a status; return its JSON, if it is JSON."""
    answer = daemon.request(method, path, body)
    assert answer.status_code == status, answer.text
    return answer.json() if "json" in answer.headers.get("Content-Type", "") else None


def define_queue(daemon: RunningDaemon, name: str) -> None:
    """Have a queue that takes the category of its name."""
    ask(daemon, "PUT", f"/queue/{name}", {"max_workers": 5, "polling_interval": 50})
    ask(daemon, "PUT", f"/routing/{name}", {"queue_name": name})


def failed_in(daemon: RunningDaemon, queue: str) -> list[dict[str, Any]]:
    """Return the failed jobs of a name's queues, as RQ's users see them."""
    found: list[dict[str, Any]] = ask(daemon, "GET", f"{FAILED}?queue={queue}")
    return found


def logged_in(daemon: RunningDaemon, queue: str) -> list[dict[str, Any]]:
    """Return a queue's failure log, as Fireworq's users see it."""
    found: list[dict[str, Any]] = ask(daemon, "GET", f"/queue/{queue}/failed")["failed_jobs"]
    return found


def fail(daemon: RunningDaemon, boss: ObedientWorker, queue: str, **fields: Any) -> str:
    """Push a job that fails for good; return its id when both logs have it."""
    boss.answer(queue, "permanent-failure", "as told")
    job_id = str(daemon.push(boss.url_of(queue), queue, **fields))
    wait_until(lambda: [job["job_id"] for job in failed_in(daemon, queue)] == [job_id])
    return job_id


def counts(daemon: RunningDaemon, queue: str) -> dict[str, int]:
    """Return how many jobs a name's queues have, by what they do."""
    stats = ask(daemon, "GET", f"/api/v1/jobs/stats?queue={queue}")
    return {name.removesuffix("_count"): stats[name] for name in stats if name.endswith("_count")}


def status_of(daemon: RunningDaemon, job_id: str) -> str:
    """Return a job's status, in RQ's words."""
    return str(ask(daemon, "GET", f"/api/v1/jobs/status/{job_id}")["status"])


def test_a_push_job_that_failed_is_seen_by_all_and_runs_again(
    daemon: RunningDaemon, boss: ObedientWorker
) -> None:
    """It is in both lists and counted in both statistics; run again it is in none, and succeeds (check 1)."""
    define_queue(daemon, "first")
    job_id = fail(daemon, boss, "first", payload={"n": 1})
    (logged,), (listed,) = logged_in(daemon, "first"), failed_in(daemon, "first")
    assert (str(logged["job_id"]), logged["payload"]) == (job_id, {"n": 1})
    assert (listed["kwargs"], listed["exc_info"]) == ({"n": 1}, "as told")
    assert ask(daemon, "GET", "/queue/first/stats")["total_permanent_failures"] == 1
    assert counts(daemon, "first") == {"queued": 0, "failed": 1, "started": 0, "finished": 0}

    ask(daemon, "POST", f"{FAILED}/{job_id}/retry")
    boss.wait_for_calls("first", 2)
    assert logged_in(daemon, "first") == failed_in(daemon, "first") == []
    assert status_of(daemon, job_id) == "started"
    boss.answer("first", "success", "at last")
    wait_until(lambda: status_of(daemon, job_id) == "finished")
    assert counts(daemon, "first") == {"queued": 0, "failed": 0, "started": 0, "finished": 1}
    assert ask(daemon, "GET", "/queue/first/stats")["total_successes"] == 1


def test_a_failure_that_fireworq_deletes_is_gone_for_rq(daemon: RunningDaemon, boss: ObedientWorker) -> None:
    """The list is empty, and there is nothing to run again (check 2)."""
    define_queue(daemon, "second")
    job_id = fail(daemon, boss, "second")
    (logged,) = logged_in(daemon, "second")
    ask(daemon, "DELETE", f"/queue/second/failed/{logged['id']}")
    assert failed_in(daemon, "second") == []
    gone = ask(daemon, "POST", f"{FAILED}/{job_id}/retry", status=404)
    assert gone == {"detail": f"Job {job_id} not found in failed jobs registry"}
    assert counts(daemon, "second")["failed"] == 0


def test_a_failure_that_rq_deletes_is_gone_for_fireworq(daemon: RunningDaemon, boss: ObedientWorker) -> None:
    """One entry, whoever removes it (check 2)."""
    define_queue(daemon, "reverse")
    job_id = fail(daemon, boss, "reverse")
    (logged,) = logged_in(daemon, "reverse")
    ask(daemon, "DELETE", f"{FAILED}/{job_id}")
    assert logged_in(daemon, "reverse") == []
    ask(daemon, "DELETE", f"/queue/reverse/failed/{logged['id']}", status=404)


def enqueue(daemon: RunningDaemon, queue: str, name: str, **fields: Any) -> str:
    """Enqueue a pull job; return the id that the daemon gives it."""
    order = {"id": name, "queue": queue, "timeout": 60, "max_retries": 0, "payload": name, **fields}
    answer = daemon.request("POST", "/v1/enqueue", order)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["Trioworq-Job-Id"])


def fetch(daemon: RunningDaemon, queue: str) -> list[dict[str, Any]]:
    """Fetch whatever is due from a pull queue."""
    answer = daemon.request("GET", f"/v1/next?queue={queue}&num_jobs=10")
    return [] if answer.status_code == 204 else list(answer.json())


def test_a_pull_job_that_failed_is_seen_by_rq_alone_and_served_again(daemon: RunningDaemon) -> None:
    """Fireworq's log does not know of it; run again, `next` gives it out with its payload (check 3)."""
    define_queue(daemon, "third")
    payload = {"text": "ä\n\0", "numbers": [1, 2.5, 10**18]}
    job_id = enqueue(daemon, "third", "job", timeout=0, payload=payload)
    (job,) = fetch(daemon, "third")
    wait_until(lambda: [each["job_id"] for each in failed_in(daemon, "third")] == [job_id])
    (listed,) = failed_in(daemon, "third")
    assert (listed["key"], listed["exc_info"]) == ("job", "lease timed out after 1 attempt")
    assert logged_in(daemon, "third") == []
    assert fetch(daemon, "third") == []

    ask(daemon, "POST", f"{FAILED}/{job_id}/retry")
    (again,) = fetch(daemon, "third")
    assert (again["id"], again["payload"], again["attempt"]) == ("job", payload, 1)
    assert (again["job_id"], again["run_id"] != job["run_id"]) == (job_id, True)
    assert failed_in(daemon, "third") == []


def load_of(daemon: RunningDaemon, *names: str) -> list[tuple[int, int, int]]:
    """Return the load of some job types in the last seconds."""
    types = "".join(f"&job_type_name={name}" for name in names)
    points = ask(daemon, "GET", f"/v6/load/?started=PT20S{types}")["results"]
    keys = ("pending_count", "queued_count", "running_count")
    return [tuple(point[key] for key in keys) for point in points]


def test_what_is_deferred_waits_and_runs_is_in_a_sample(daemon: RunningDaemon, boss: ObedientWorker) -> None:
    """One of each, whichever side they are of; the queue's status has the one that waits (check 4)."""
    define_queue(daemon, "fourth-push")
    daemon.push(boss.url_of("fourth-push"), "fourth-push", run_after=FAR_S)
    enqueue(daemon, "fourth-pull", "waits")
    daemon.push(boss.url_of("fourth-push"), "fourth-push")
    boss.wait_for_calls("fourth-push", 1)
    wait_until(lambda: (1, 1, 1) in load_of(daemon, "fourth-push", "fourth-pull"))
    assert load_of(daemon, "fourth-push")[-1] == (1, 0, 1)
    assert load_of(daemon, "fourth-pull")[-1] == (0, 1, 0)
    assert queued(daemon, "fourth-push", "fourth-pull") == {"fourth-pull": 1}


def queued(daemon: RunningDaemon, *names: str) -> dict[str, int]:
    """Return those of some job types of which jobs are due and wait, and how many."""
    items = ask(daemon, "GET", "/v6/queue/status/?page_size=1000")["results"]
    counted = {item["job_type"]["name"]: item["count"] for item in items}
    return {name: counted[name] for name in names if name in counted}


def test_a_push_queue_and_a_pull_queue_of_one_name_share_nothing(
    daemon: RunningDaemon, boss: ObedientWorker
) -> None:
    """Neither lists, nor counts, nor ids, nor pauses: `default` is there twice (check 5)."""
    ask(daemon, "POST", "/queue/default/pause")
    pushed = [str(daemon.push(boss.url_of("default"), "anything")) for _ in range(2)]
    pulled = [enqueue(daemon, "default", name) for name in ("1", "2", "3")]
    assert len({*pushed, *pulled}) == 5
    assert [str(job_id) for job_id in daemon.ids("waiting")] == pushed
    for job_id in pulled:
        ask(daemon, "GET", f"/queue/default/job/{job_id}", status=404)
    assert [job["id"] for job in fetch(daemon, "default")] == ["1", "2", "3"]
    assert counts(daemon, "default") == {"queued": 2, "failed": 0, "started": 3, "finished": 0}
    assert queued(daemon, "anything", "default") == {"anything": 2}
    ask(daemon, "DELETE", "/v1/complete?queue=default&job_id=1")
    ask(daemon, "POST", "/v1/queues/default/pause")
    enqueue(daemon, "default", "4")
    assert fetch(daemon, "default") == []
    for answer in range(2):
        boss.answer("default", "success", str(answer))
    ask(daemon, "POST", "/queue/default/resume")
    wait_until(lambda: {status_of(daemon, job_id) for job_id in pushed} == {"finished"})
    assert fetch(daemon, "default") == []
    assert [status_of(daemon, job_id) for job_id in pulled] == ["finished", "started", "started"]
    assert ask(daemon, "GET", "/queue/default/stats")["total_pushes"] == 2
    ask(daemon, "POST", "/v1/queues/default/resume")
    assert [job["id"] for job in fetch(daemon, "default")] == ["4"]


TEXT, JSON = "text/plain; charset=utf-8", "application/json"
LARGE = b"x" * (MAX_BODY_BYTES + 1)

# Of each family: what there is not, a method that is not taken, what cannot be meant, what is too large.
REFUSALS = {
    "fireworq": {
        404: ("GET", "/nothing", b"", TEXT, b"404 page not found\n"),
        405: ("POST", "/queues", b"", TEXT, b"405 Method Not Allowed\n"),
        400: ("PUT", "/queue/q", b"[]", TEXT, b"400 Bad Request\n\n"),
        413: ("POST", "/job/any", LARGE, TEXT, b"413 Request Entity Too Large\n\n"),
    },
    "pull": {
        404: ("GET", "/v1/nothing", b"", TEXT, b"404 page not found"),
        405: ("GET", "/v1/enqueue", b"", TEXT, b"405 Method Not Allowed"),
        400: ("POST", "/v1/enqueue", b"[]", TEXT, b"Json deserialize error: "),
        413: ("POST", "/v1/enqueue", LARGE, TEXT, b"A body should have at most 4096 bytes"),
    },
    "manage": {
        404: ("GET", "/api/v1/nothing", b"", JSON, b'{"detail":"Not Found"}'),
        405: ("POST", FAILED, b"", JSON, b'{"detail":"Method Not Allowed"}'),
        400: ("GET", f"{FAILED}?limit=0", b"", JSON, b'{"detail":"'),
        413: ("POST", f"{FAILED}/retry-all", LARGE, JSON, b'{"detail":"'),
    },
    "load": {
        404: ("GET", "/v6/nothing", b"", JSON, b'{"detail":"Not found."}'),
        405: ("POST", "/v6/load/", b"", JSON, b'{"detail":"Method \\"POST\\" not allowed."}'),
        400: ("GET", "/v6/load/?started=x", b"", JSON, b'{"detail":"Invalid ISO timestamp format for'),
        413: ("GET", "/v6/load/", LARGE, JSON, b'{"detail":"'),
    },
}


@pytest.mark.parametrize("status", [404, 405, 400, 413])
@pytest.mark.parametrize("family", REFUSALS)
def test_every_family_refuses_in_its_own_words(daemon: RunningDaemon, family: str, status: int) -> None:
    """Text of two parts, one line, or JSON with a detail: as its clients read it (check 6)."""
    method, path, body, kind, beginning = REFUSALS[family][status]
    answer = httpx2.request(method, daemon.url + path, content=body, timeout=20, verify=NO_TRUST)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, kind)
    assert answer.content.startswith(beginning), answer.content
    if family == "pull":
        assert b"\n" not in answer.content
    if kind == JSON:
        assert set(answer.json()) == {"detail"}
    if status == 405:
        assert answer.headers["Allow"]
