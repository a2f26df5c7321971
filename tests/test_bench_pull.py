"""scripts/bench pull: what it prints, and how it ends when a server does not play along."""

import importlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.measuring import ROOT, Answers, bench, fake_server, figures_of, refusal
from tests.process.running_daemon import running_daemon

PERCENTILES = {"p50_ms", "p95_ms", "p99_ms"}
SPREADS = {
    "waited.start", "waited.enqueue", "batch.answer", "single.answer",
    "one.next", "one.complete", "many.next", "many.complete",
}  # fmt: skip
PHASES = ("batch", "one", "single", "many")
SPEEDS = {f"{phase}.jobs_per_s" for phase in PHASES}
REPEATED = {"one.repeated", "many.repeated"}
OF_THE_CLIENTS = {f"{spread}.{part}" for spread in SPREADS for part in PERCENTILES} | SPEEDS | REPEATED
SMALL = ("--jobs=60", "--connections=5", "--workers=3", "--num-jobs=7", "--batch=20")


def pull(*arguments: str) -> Any:
    """Measure and return the figures."""
    return figures_of(bench("pull", *arguments, "--json"))


OF_THE_SERVER = {
    *(f"{phase}.memory.{name}_mib" for phase in ("waited", *PHASES) for name in ("resident", "peak")),
    *(f"{phase}.processor_us" for phase in PHASES),
}


def test_a_daemon_is_measured(tmp_path: Path) -> None:
    """Every figure is there, of jobs that were all fetched and completed once, and none is left."""
    with running_daemon(tmp_path) as daemon:
        report = pull("--url", daemon.url, *SMALL, "--runs=2")
        assert daemon.request("GET", "/v1/next?queue=trioworq-bench").status_code == 204
        calls = Counter((line["method"], urlsplit(line["url"]).path) for line in daemon.lines("access"))
    assert set(report["median"]) == OF_THE_CLIENTS | OF_THE_SERVER
    assert [report["median"][name] for name in sorted(REPEATED)] == [0, 0]
    assert report["server"].startswith("Fireworq 1.5.1+trioworq.")
    assert report["plan"]["num_jobs"] == 7
    assert calls["POST", "/enqueue"] == calls["DELETE", "/v1/complete"] - 2 * 60 == 2 * 2 * 60
    assert calls["POST", "/enqueue/batch"] == 2 * 3


def test_a_private_daemon_is_measured_alone_and_beside_jobs_of_the_future(tmp_path: Path) -> None:
    """Two servers take turns, one of them filled; what changes is told, and nothing is left behind."""
    options = ["--start=mysql", *SMALL, "--runs=2", "--future=700", "--json"]
    report = figures_of(bench("pull", *options, TMPDIR=str(tmp_path)))
    assert report["plan"]["future"] == 700
    assert set(report["median"]) == set(report["future_median"]) == set(report["change_percent"])
    assert len(report["runs"]) == len(report["future_runs"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_the_table_of_a_comparison_has_a_column_for_the_change() -> None:
    """Each line has the figures alone, those beside the jobs of the future, and what that changes."""
    done = bench("pull", "--start=in-memory", *SMALL, "--future=10")
    assert (done.returncode, done.stderr) == (0, "")
    _, title, *lines = done.stdout.splitlines()
    assert "beside 10 jobs of the future" in title
    (rate,) = [line for line in lines if line.startswith("fetch one, complete: jobs")]
    assert re.search(r": jobs +[\d.]+ +[\d.]+ /s +[+-]\d+\.\d %$", rate)


def test_the_clients_can_be_measured_alone() -> None:
    """A server that only answers takes the place of the one under test, in every phase."""
    report = pull("--self-test", *SMALL, "--runs=2")
    assert set(report["median"]) == OF_THE_CLIENTS
    assert {name for name, value in report["median"].items() if value <= 0} == REPEATED
    assert len(report["runs"]) == 2


def test_a_request_may_be_larger_than_what_the_kernel_takes_at_once() -> None:
    """What is left of it goes out as soon as there is room again, while others are served."""
    small = ("--jobs=4", "--batch=2", "--connections=2", "--workers=1")
    report = pull("--self-test", *small, "--payload-bytes=4000000")
    assert report["median"]["batch.jobs_per_s"] > 0


def test_the_table_names_every_figure() -> None:
    """People get the medians with their units."""
    done = bench("pull", "--self-test", *SMALL)
    assert (done.returncode, done.stderr) == (0, "")
    head, *lines = done.stdout.splitlines()
    assert "60 jobs of 200 bytes, 5 connections that enqueue one or 20" in head
    assert "3 workers that fetch one or 7, median of 1" in head
    assert len(lines) == len(SPREADS) + len(SPEEDS) + len(REPEATED)
    assert sum("ms (p50 / p95 / p99)" in line for line in lines) == len(SPREADS)
    assert sum(line.endswith(" /s") for line in lines) == len(SPEEDS)


def handing_out(statuses: dict[str, int], ids: Sequence[str] = ()) -> Answers:
    """Answer paths with a status, success unless told; hand out one job a request, by these ids at first."""
    names = iter([*ids, *map(str, range(1000))])

    def answers(_method: str, path: str) -> tuple[int, bytes]:
        name = urlsplit(path).path
        success = {"/enqueue": 202, "/enqueue/batch": 202}.get(name, 200)
        status = statuses.get(name, success)
        if status != success:
            return status, b"" if status == 204 else b"not today"
        jobs = [{"id": next(names), "run_id": "1-1"}] if name == "/v1/next" else []
        return status, json.dumps(jobs).encode()

    return answers


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/enqueue", "an enqueue was answered 503: not today"),
        ("/enqueue/batch", "an enqueue was answered 503: not today"),
        ("/v1/next", "a worker's request for jobs was answered 503: not today"),
        ("/v1/complete", "the completion of a job was answered 503: not today"),
    ],
)
def test_an_answer_that_is_no_success_ends_the_measurement(path: str, line: str) -> None:
    """Figures of a server that answers errors would mean nothing."""
    with fake_server(handing_out({path: 503})) as url:
        assert refusal(bench("pull", "--url", url, *SMALL)) == f"bench: {line}\n"


def test_a_worker_that_is_sent_away_ends_the_measurement() -> None:
    """A server that does not let workers wait cannot be measured by how soon they get a job."""
    with fake_server(handing_out({"/v1/next": 204})) as url:
        line = refusal(bench("pull", "--url", url, *SMALL))
    assert line == "bench: a worker that would wait 60 s for a job was sent away\n"


def test_a_server_that_never_answers_ends_the_measurement() -> None:
    """Answers are waited for as long as allowed."""

    def answers(_method: str, path: str) -> tuple[int, bytes] | None:
        return None if path.startswith("/v1/next") else (202, b"")

    with fake_server(answers) as url:
        line = refusal(bench("pull", "--url", url, "--timeout=3", *SMALL))
    assert line == "bench: out of time while waiting for a job that a worker waits for; see --timeout\n"


def test_jobs_that_are_handed_out_twice_are_counted() -> None:
    """At least once is the promise; how often it was more is told."""
    waited = [str(number) for number in range(4)]
    with fake_server(handing_out({}, ids=[*waited, "a", "b", "a", "c", "d", "d", "d", "d"])) as url:
        options = ["--jobs=4", "--workers=1", "--connections=1", "--num-jobs=1", "--batch=2"]
        report = pull("--url", url, *options)
    assert (report["median"]["one.repeated"], report["median"]["many.repeated"]) == (1, 3)


def test_jobs_of_the_future_are_not_left_behind_on_a_server_of_others() -> None:
    """Nobody fetches them, so only private servers are filled."""
    assert "--start" in refusal(bench("pull", "--future=10", "--url", "http://127.0.0.1:1"))


def test_a_started_server_has_no_other_url() -> None:
    """--start and --url contradict each other."""
    assert "exclude" in refusal(bench("pull", "--start", "sqlite", "--url", "http://127.0.0.1:1"))


@pytest.mark.parametrize("option", ["--jobs=0", "--batch=1", "--batch=1001", "--num-jobs=1001", "--future=0"])
def test_counts_are_bounded(option: str) -> None:
    """A number outside its range is wrong usage."""
    done = bench("pull", option)
    assert done.returncode == 2
    assert "should be a whole number from" in done.stderr


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that makes requests."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("benchmark.pull.requests")


def jobs_of(request: bytes) -> list[Any]:
    """Return the jobs of a request that enqueues, which has to be as long as it says."""
    head, _, body = request.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"
    found = json.loads(body)
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("batch", [1, 3])
def test_jobs_carry_as_many_bytes_as_asked_for(requests: Any, batch: int) -> None:
    """One job is enqueued as an object, several as an array, under names that the run has to itself."""
    asker = requests.Asker("host", "q", "run", 300)
    request = asker.enqueues(batch).fill(range(5, 5 + batch), 0, 0)
    jobs = jobs_of(request)
    assert request.startswith(b"POST /enqueue HTTP" if batch == 1 else b"POST /enqueue/batch HTTP")
    assert [job["id"] for job in jobs] == [f"run-{number:012d}" for number in range(5, 5 + batch)]
    assert {len(json.dumps(job["payload"], separators=(",", ":"))) for job in jobs} == {300}
    assert {(job["queue"], "run_at" in job) for job in jobs} == {("q", False)}


def test_jobs_of_the_future_are_in_two_queues_and_fall_due_at_many_times(requests: Any) -> None:
    """Half of them lie in the queue that is measured, none falls due before the year 2100."""
    jobs = jobs_of(requests.Asker("host", "q", "run", 20).future_enqueues(500).fill(range(500), 0, 0))
    assert [job["queue"] for job in jobs] == ["q", "q-later"] * 250
    times = [int(job["run_at"]) for job in jobs]
    assert len(set(times)) == 250
    assert min(times) == 4_102_444_800


def test_a_completion_names_the_job_and_its_run(requests: Any) -> None:
    """Names that mean something in a query are escaped."""
    asker = requests.Asker("host", "q", "run", 20)
    target = asker.complete({"id": "a&b", "run_id": "7-1"}).split()[1].decode()
    assert parse_qs(urlsplit(target).query) == {"queue": ["q"], "job_id": ["a&b"], "run_id": ["7-1"]}


def test_the_change_of_a_figure_is_told_in_percent(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was nothing before has no change in percent."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    figures = importlib.import_module("benchmark.figures")
    changes = figures.change_percent({"a": 200, "b": 100, "c": 0}, {"a": 190, "b": 105, "c": 1})
    assert (changes["a"], changes["b"]) == (pytest.approx(-5), pytest.approx(5))
    assert changes["c"] != changes["c"]  # not a number
