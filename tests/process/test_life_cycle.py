"""The status of a job is right at every stage of its life, for both kinds, and the counts with it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define

from tests.process.obedient_worker import ObedientWorker
from tests.process.running_daemon import RunningDaemon, running_daemon, wait_until

FINISHED_TTL_S = 5
# When a finished job is forgotten at the latest, on a busy machine.
FORGOTTEN_S = FINISHED_TTL_S + 20.0
FAR_S = 3600
# How long a stage lasts that ends by itself: long enough to be looked at.
MOMENT_S = 3
STAGES = ("queued", "failed", "started", "finished")


@pytest.fixture(scope="module")
def daemon(
    lasting_store_options: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningDaemon]:
    """A daemon that soon forgets; each test has a queue of its own."""
    options = [*lasting_store_options, f"--finished-ttl={FINISHED_TTL_S}"]
    with running_daemon(tmp_path_factory.mktemp("daemon"), *options) as running:
        yield running


@define
class Life:
    """One job, the only one in queues of its name."""

    daemon: RunningDaemon
    queue: str
    job_id: str = ""
    created_at: str = ""

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Send a request that is answered with a status; return its JSON, if it is JSON."""
        answer = self.daemon.request(method, path, body)
        assert answer.status_code == status, answer.text
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else None

    def status(self) -> dict[str, Any]:
        """Return what is said of the job."""
        shown: dict[str, Any] = self.ask("GET", f"/api/v1/jobs/status/{self.job_id}")
        return shown

    def comes_to(self, status: str) -> dict[str, Any]:
        """Wait for a stage and return what is said of the job then, which agrees with all counts."""
        wait_until(lambda: self.status()["status"] == status)
        shown = self.status()
        assert (shown["job_id"], shown["status"]) == (self.job_id, status)
        assert {name for name in STAGES if shown[f"is_{name}"]} == {status} - {"scheduled"}
        assert self.counted() == {name: int(name == status) for name in STAGES}
        assert self.is_in_queue_status() == (status == "queued")
        self.created_at = self.created_at or shown["created_at"]
        assert shown["created_at"] == self.created_at
        return shown

    def counted(self) -> dict[str, int]:
        """Return how many jobs there are in queues of its name."""
        stats = self.ask("GET", f"/api/v1/jobs/stats?queue={self.queue}")
        return {name: stats[f"{name}_count"] for name in STAGES}

    def is_in_queue_status(self) -> bool:
        """Whether its job type is among those of which jobs wait."""
        items = self.ask("GET", "/v6/queue/status/?page_size=1000")["results"]
        return self.queue in [item["job_type"]["name"] for item in items]

    def is_gone(self) -> None:
        """Nothing is known of the job any more, and nothing is counted."""
        detail = self.ask("GET", f"/api/v1/jobs/status/{self.job_id}", status=404)["detail"]
        assert detail.startswith(f"Job {self.job_id} not found: ")
        assert self.counted() == dict.fromkeys(STAGES, 0)
        assert not self.is_in_queue_status()

    def is_forgotten(self) -> None:
        """Wait until the history has no longer what it had."""
        path = f"/api/v1/jobs/status/{self.job_id}"
        wait_until(lambda: self.daemon.request("GET", path).status_code == 404, FORGOTTEN_S)
        self.is_gone()

    def retry(self) -> None:
        """Run it again after it has failed."""
        self.ask("POST", f"/api/v1/jobs/failed/{self.job_id}/retry")

    def remove(self) -> None:
        """Remove it after it has failed."""
        self.ask("DELETE", f"/api/v1/jobs/failed/{self.job_id}")


def times(shown: dict[str, Any]) -> tuple[bool, bool]:
    """Say whether a job has begun and ended; its times are in order, in UTC without a zone."""
    known = [shown[name] for name in ("created_at", "started_at", "ended_at") if shown[name] is not None]
    moments = [datetime.fromisoformat(text) for text in known]
    assert moments == sorted(moments)
    assert {moment.tzinfo for moment in moments} == {None}
    return shown["started_at"] is not None, shown["ended_at"] is not None


def test_the_status_of_a_push_job_is_right_at_every_stage(
    daemon: RunningDaemon, boss: ObedientWorker
) -> None:
    """Deferred, waiting, running, retrying, failed, retried, finished, forgotten."""
    life = Life(daemon, "push-life")
    life.ask("PUT", "/queue/push-life", {"polling_interval": 50})
    life.ask("PUT", "/routing/push-life", {"queue_name": "push-life"})
    life.ask("POST", "/queue/push-life/pause")
    order = {"run_after": MOMENT_S, "retry_delay": MOMENT_S, "max_retries": 1, "payload": ["a", 1]}
    life.job_id = str(daemon.push(boss.url_of("push-life"), "push-life", **order))

    deferred = life.comes_to("scheduled")
    assert (deferred["func_name"], deferred["args"], deferred["kwargs"]) == ("push-life", ["a", 1], {})
    assert times(deferred) == times(life.comes_to("queued")) == (False, False)

    life.ask("POST", "/queue/push-life/resume")
    boss.wait_for_calls("push-life", 1)
    first = life.comes_to("started")
    assert times(first) == (True, False)

    life.ask("POST", "/queue/push-life/pause")
    boss.answer("push-life", "failure", "not yet")
    retrying = life.comes_to("scheduled")
    waiting = life.comes_to("queued")
    assert times(retrying) == times(waiting) == (True, False)
    assert {shown["started_at"] for shown in (first, retrying, waiting)} == {first["started_at"]}
    assert {retrying["exc_info"], retrying["result"]} == {None}
    assert waiting["fail_count"] == 1

    life.ask("POST", "/queue/push-life/resume")
    boss.wait_for_calls("push-life", 2)
    second = life.comes_to("started")
    assert second["started_at"] > first["started_at"]

    life.ask("POST", "/queue/push-life/pause")
    boss.answer("push-life", "failure", "never")
    failed = life.comes_to("failed")
    assert times(failed) == (True, True)
    assert (failed["exc_info"], failed["result"], failed["fail_count"]) == ("never", None, 2)
    assert failed["started_at"] == second["started_at"]

    life.retry()
    again = life.comes_to("queued")
    assert times(again) == (False, False)
    assert (again["exc_info"], again["result"], again["fail_count"]) == (None, None, 0)

    life.ask("POST", "/queue/push-life/resume")
    boss.wait_for_calls("push-life", 3)
    assert life.comes_to("started")["started_at"] > failed["ended_at"]
    boss.answer("push-life", "success", "done")
    finished = life.comes_to("finished")
    assert times(finished) == (True, True)
    assert (finished["exc_info"], finished["result"], finished["args"]) == (None, "done", ["a", 1])
    life.is_forgotten()


def test_a_push_job_is_gone_when_it_is_deleted_at_any_stage(
    daemon: RunningDaemon, boss: ObedientWorker
) -> None:
    """Deferred, waiting, running, failed."""
    life = Life(daemon, "push-death")
    life.ask("PUT", "/queue/push-death", {"polling_interval": 50})
    life.ask("PUT", "/routing/push-death", {"queue_name": "push-death"})
    url = boss.url_of("push-death")

    def begin(status: str, **fields: Any) -> None:
        life.job_id, life.created_at = str(daemon.push(url, "push-death", **fields)), ""
        life.comes_to(status)

    def delete() -> None:
        life.ask("DELETE", f"/queue/push-death/job/{life.job_id}")
        life.is_gone()

    life.ask("POST", "/queue/push-death/pause")
    begin("scheduled", run_after=FAR_S)
    delete()
    begin("queued")
    delete()
    life.ask("POST", "/queue/push-death/resume")
    begin("started")
    delete()
    boss.answer("push-death", "success")  # for the call whose job is deleted
    begin("started")
    boss.answer("push-death", "permanent-failure")
    assert life.comes_to("failed")["exc_info"] == "permanent-failure (HTTP 200)"
    life.remove()
    life.is_gone()


def enqueue(life: Life, **fields: Any) -> None:
    """Enqueue a pull job named as its queue."""
    order = {"id": life.queue, "queue": life.queue, "timeout": 60, "max_retries": 0, **fields}
    answer = life.daemon.request("POST", "/v1/enqueue", order)
    assert answer.status_code == 202, answer.text
    life.job_id, life.created_at = answer.headers["Trioworq-Job-Id"], ""


def soon() -> str:
    """Return the time in a moment, as clients write it."""
    return (datetime.fromtimestamp(time.time_ns() / 1e9, UTC) + timedelta(seconds=MOMENT_S)).isoformat()


def fetch(life: Life) -> dict[str, Any]:
    """Fetch the job."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        answer = life.daemon.request("GET", f"/v1/next?queue={life.queue}")
        found.extend(answer.json() if answer.status_code == 200 else [])
        return bool(found)

    wait_until(is_there)
    (job,) = found
    assert job["job_id"] == life.job_id
    return job


def test_the_status_of_a_pull_job_is_right_at_every_stage(daemon: RunningDaemon) -> None:
    """Deferred, waiting, leased, waiting again, failed, retried, completed, forgotten."""
    life = Life(daemon, "pull-life")
    enqueue(life, run_at=soon(), timeout=MOMENT_S, max_retries=1, payload={"a": 1})
    deferred = life.comes_to("scheduled")
    assert (deferred["func_name"], deferred["args"], deferred["kwargs"]) == ("pull-life", [], {"a": 1})
    assert (deferred["kind"], deferred["key"]) == ("pull", "pull-life")
    assert times(deferred) == times(life.comes_to("queued")) == (False, False)

    fetch(life)
    first = life.comes_to("started")
    waiting = life.comes_to("queued")
    assert times(first) == times(waiting) == (True, False)
    assert (waiting["started_at"], waiting["fail_count"]) == (first["started_at"], 1)

    fetch(life)
    second = life.comes_to("started")
    assert second["started_at"] > first["started_at"]
    failed = life.comes_to("failed")
    assert times(failed) == (True, True)
    assert (failed["exc_info"], failed["result"]) == ("lease timed out after 2 attempts", None)
    assert failed["started_at"] == second["started_at"]

    life.retry()
    again = life.comes_to("queued")
    assert times(again) == (False, False)
    assert (again["exc_info"], again["fail_count"]) == (None, 0)

    job = fetch(life)
    life.ask("DELETE", f"/v1/complete?queue=pull-life&job_id=pull-life&run_id={job['run_id']}")
    finished = life.comes_to("finished")
    assert times(finished) == (True, True)
    assert (finished["exc_info"], finished["result"], finished["kwargs"]) == (None, None, {"a": 1})
    life.is_forgotten()


def test_a_pull_job_that_is_rescheduled_has_not_begun(daemon: RunningDaemon) -> None:
    """It waits as if it had just been enqueued."""
    life = Life(daemon, "pull-again")
    enqueue(life)
    fetch(life)
    assert times(life.comes_to("started")) == (True, False)
    order = {"id": life.queue, "queue": life.queue, "timeout": 60, "max_retries": 0, "payload": 1}
    life.ask("POST", "/v1/reschedule", order, status=202)
    assert times(life.comes_to("queued")) == (False, False)


def test_a_pull_job_that_failed_is_gone_when_it_is_removed(daemon: RunningDaemon) -> None:
    """And its name is free again."""
    life = Life(daemon, "pull-death")
    enqueue(life, timeout=0)
    fetch(life)
    assert life.comes_to("failed")["exc_info"] == "lease timed out after 1 attempt"
    life.remove()
    life.is_gone()
    enqueue(life)
    life.comes_to("queued")


def test_a_name_that_is_used_again_keeps_a_failed_job_from_running(daemon: RunningDaemon) -> None:
    """It stays failed until the other job of its name has ended."""
    life = Life(daemon, "pull-twin")
    enqueue(life, timeout=0)
    fetch(life)
    life.comes_to("failed")
    twin = Life(daemon, "pull-twin")
    enqueue(twin)
    detail = life.ask("POST", f"/api/v1/jobs/failed/{life.job_id}/retry", status=409)["detail"]
    assert life.job_id in detail
    assert life.status()["status"] == "failed"
    twin.ask("DELETE", "/v1/complete?queue=pull-twin&job_id=pull-twin")
    life.retry()
    assert life.status()["status"] == "queued"
