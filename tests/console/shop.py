"""A daemon as that of a shop: push and pull queues with jobs in every state, and workers."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from attrs import field, frozen

from tests.process.running_daemon import (
    RecordingWorker,
    RunningDaemon,
    recording_worker,
    running_daemon,
    wait_until,
)

SUCCESS = b'{"status":"success","message":"done"}'
FAILURE = b'{"status":"permanent-failure","message":"the printer is on fire"}'
RETRY = b'{"status":"failure","message":"try again later"}'
HOUR_S = 3600
# Names may be anything; these would break a page that took them for markup, a path or a direction.
MARKUP = '"><img src=x onerror="window.hacked=1">'
BACKWARDS = "safe\u202egnp.exe"
LONG = "no-end-" + "x" * 240


@frozen
class Shop:
    """The daemon and its workers, of which `slow` answers nothing; `ids` are of jobs by state."""

    daemon: RunningDaemon
    good: RecordingWorker
    bad: RecordingWorker
    worse: RecordingWorker
    slow: RecordingWorker
    ids: dict[str, int] = field(factory=dict)

    @property
    def url(self) -> str:
        """Where the daemon is."""
        return self.daemon.url

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return what a request is answered, which has to be a success."""
        answer = self.daemon.request(method, path, body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return (
            answer.json() if answer.headers.get("Content-Type", "").startswith("application/json") else None
        )

    def define(self, queue: str, **definition: Any) -> None:
        """Define a queue that takes the category of its name."""
        self.ask("PUT", f"/queue/{quote(queue, safe='')}", {"max_workers": 2, **definition})
        self.ask("PUT", f"/routing/{quote(queue, safe='')}", {"queue_name": queue})

    def push(self, category: str, worker: RecordingWorker, **fields: Any) -> int:
        """Push a job and return its id."""
        return self.daemon.push(worker.url, quote(category, safe=""), **fields)

    def enqueue(self, queue: str, key: str, **fields: Any) -> int:
        """Store a pull job and return its number."""
        order = {"id": key, "queue": queue, "timeout": HOUR_S, **fields}
        answer = self.daemon.request("POST", "/enqueue", order)
        assert answer.status_code == 202, answer.text
        return int(answer.headers["Trioworq-Job-Id"])

    def take(self, queue: str) -> dict[str, Any]:
        """Fetch a pull job, as a worker would."""
        job: dict[str, Any] = self.ask("GET", f"/next?queue={quote(queue, safe='')}&wait=20")[0]
        return job

    def fail_pull_job(self, queue: str, key: str) -> int:
        """Have a pull job fail, as its worker is too slow; return its number."""
        number = self.enqueue(queue, key, timeout=0, payload={"key": key})
        failed = self.stats(queue)["failed_count"]
        self.take(queue)
        self.wait_for(queue, failed=failed + 1)
        return number

    def stats(self, queue: str) -> dict[str, int]:
        """Count the jobs of a queue."""
        found: dict[str, int] = self.ask("GET", f"/api/v1/jobs/stats?queue={quote(queue, safe='')}")
        return found

    def wait_for(self, queue: str, **counts: int) -> None:
        """Wait until a queue has so many jobs, by state, as in `failed=3`."""
        wanted = {f"{state}_count": count for state, count in counts.items()}
        wait_until(lambda: wanted.items() <= self.stats(queue).items())


@contextmanager
def open_shop(folder: Path, *options: str) -> Iterator[Shop]:
    """Run a daemon on a store of these options, and its workers."""
    with ExitStack() as stack:
        answers = (SUCCESS, FAILURE, RETRY, SUCCESS)
        good, bad, worse, slow = (stack.enter_context(recording_worker(answer)) for answer in answers)
        slow.gate.clear()
        # A sample of the load each second, so that there is some.
        daemon = stack.enter_context(running_daemon(folder, "--load-interval=1", *options))
        yield Shop(daemon, good, bad, worse, slow)
        slow.gate.set()


def fill(shop: Shop) -> None:
    """Have jobs of both kinds in every state."""
    _push_jobs(shop)
    _pull_jobs(shop)
    for name in (MARKUP, BACKWARDS, LONG):
        shop.define(name, max_workers=1)
        shop.ids["hostile"] = shop.push(name, shop.bad, payload={name: [name]})
        shop.ids["hostile pull"] = shop.enqueue(name, name, payload=name)
        shop.wait_for(name, failed=1)


def _push_jobs(shop: Shop) -> None:
    for queue in ("checkout", "mail", "thumbnails", "nightly reports", "warehouse"):
        shop.define(queue)
    ids = shop.ids
    for number in range(3):
        shop.push("checkout", shop.slow, payload={"order": number})
        ids["finished"] = shop.push("mail", shop.good, payload={"to": f"customer-{number}@example.com"})
        ids["failed"] = shop.push("thumbnails", shop.bad, payload={"picture": number})
        ids["deferred"] = shop.push("nightly reports", shop.good, run_after=HOUR_S, payload=[number])
    ids["trying"] = shop.push("mail", shop.worse, max_retries=3, retry_delay=HOUR_S)
    shop.ask("POST", "/queue/warehouse/pause")
    ids["paused"] = shop.push("warehouse", shop.good, payload="plain text", priority=5)
    shop.wait_for("checkout", started=2, queued=1)
    ids["running"] = shop.daemon.ids("grabbed", "checkout")[0]
    shop.wait_for("mail", finished=3)
    shop.wait_for("thumbnails", failed=3)


def _pull_jobs(shop: Shop) -> None:
    ids = shop.ids
    for number in range(4):
        shop.enqueue("invoices", f"invoice-{number}", payload={"invoice": number})
    job = shop.take("invoices")
    ids["pull running"] = int(job["job_id"])
    shop.ask("PATCH", f"/heartbeat?queue=invoices&job_id={job['id']}&run_id={job['run_id']}", {"page": 7})
    done = shop.take("invoices")
    ids["pull finished"] = int(done["job_id"])
    shop.ask("DELETE", f"/complete?queue=invoices&job_id={done['id']}&run_id={done['run_id']}")
    shop.enqueue("invoices", "later", run_at="2100-01-01T00:00:00Z")
    ids["pull failed"] = shop.fail_pull_job("exports", "too slow")
