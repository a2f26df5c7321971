"""scripts/bench: what it prints, and how it ends when a server does not play along."""

import importlib
import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.measuring import LIMIT_S, ROOT, Answers, bench, fake_server, figures_of, refusal
from tests.process.running_daemon import RunningDaemon, clean_environment, running_daemon

FIGURES = {
    "idle.push.p50_ms", "idle.push.p95_ms", "idle.push.p99_ms",
    "idle.start.p50_ms", "idle.start.p95_ms", "idle.start.p99_ms",
    "load.pushes_per_s", "load.jobs_per_s", "load.repeated",
    "load.push.p50_ms", "load.push.p95_ms", "load.push.p99_ms",
    "load.start.p50_ms", "load.start.p95_ms", "load.start.p99_ms",
    "drain.pushes_per_s", "drain.jobs_per_s", "drain.repeated",
    "load.processor_us", "drain.processor_us",
    "idle.memory.resident_mib", "idle.memory.peak_mib",
    "load.memory.resident_mib", "load.memory.peak_mib",
    "drain.memory.resident_mib", "drain.memory.peak_mib",
}  # fmt: skip
SPEED = {"pushes_per_s", "jobs_per_s", "processor_us", "start_p50_ms", "start_p99_ms", "alone_per_s"}
MEMORY = {"resident_mib", "peak_mib"}
ANSWERS = {
    "first_ms", "first_asc_ms", "deep_ms", "deep_asc_ms", "short_ms", "grabbed_ms", "failed_ms",
    "job_ms", "stats_ms",
}  # fmt: skip
CURVES = {
    "queues": SPEED | MEMORY,
    "payload": SPEED | MEMORY | {"jobs"},
    "deferred": ANSWERS | MEMORY | {
        "filled_per_s", "pushes_per_s", "jobs_per_s", "drained_per_s", "processor_us",
        "start_p50_ms", "start_p99_ms",
    },
    "waiting": ANSWERS | MEMORY | {"filled_per_s", "pushes_per_s", "drained_per_s"},
}  # fmt: skip


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[RunningDaemon]:
    with running_daemon(tmp_path / "daemon") as running:
        yield running


def answering_pushes(answer: Callable[[], int | None]) -> Answers:
    """Define queues as a Fireworq does, and answer pushes with a status, or not at all."""

    def answers(method: str, path: str) -> tuple[int, bytes] | None:
        status = answer() if method == "POST" else 200
        return None if status is None else (status, b'{"jobs":[]}')

    return answers


def test_a_daemon_is_measured(daemon: RunningDaemon) -> None:
    """Every figure is there, of jobs that were all run, and the server is left as it was found."""
    report = figures_of(bench("--url", daemon.url, "--jobs=60", "--connections=5", "--runs=2", "--json"))
    assert report["server"].startswith("Fireworq 1.5.1+trioworq.")
    assert report["plan"] == {
        "jobs": 60,
        "connections": 5,
        "max_workers": 50,
        "payload_bytes": 200,
        "batch": 1,
    }
    assert set(report["median"]) == FIGURES
    assert len(report["runs"]) == 2
    zeros = {name for name, value in report["median"].items() if value <= 0}
    assert zeros == {"load.repeated", "drain.repeated"}
    assert daemon.request("GET", "/queue/trioworq-bench").status_code == 404
    assert daemon.request("GET", "/routing/trioworq-bench").status_code == 404
    done = [line["status"] for line in daemon.lines() if line["action"] == "complete"]
    assert done == ["completed"] * 2 * 3 * 60


def test_the_table_names_every_figure(daemon: RunningDaemon) -> None:
    """People get the medians with their units, and a word where the backlog was too small to tell."""
    done = bench("--url", daemon.url, "--jobs=5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "5 jobs of 200 bytes, 1 a push, 50 connections, 50 workers, median of 1" in done.stdout
    titles = [
        "idle: answer to a push",
        "load: pushes",
        "load: jobs, end to end",
        "drain: pushes, deferred",
        "drain: jobs",
        "drain: server's memory, peak so far",
    ]
    assert all(title in done.stdout for title in titles)
    assert "ms (p50 / p95 / p99)" in done.stdout
    assert "too small" in done.stdout


def test_jobs_are_pushed_in_batches(daemon: RunningDaemon) -> None:
    """Every job of a batch counts, and all of them are run; an idle server is sent one at a time."""
    report = figures_of(bench("--url", daemon.url, "--jobs=50", "--batch=20", "--connections=2", "--json"))
    assert min(report["median"][f"{phase}.pushes_per_s"] for phase in ("load", "drain")) > 0
    lines = daemon.lines()
    assert sum(line["action"] == "complete" for line in lines) == 3 * 50
    paths = [line["url"] for line in daemon.lines("access") if line["method"] == "POST"]
    assert (paths.count("/jobs"), paths.count("/job/trioworq-bench")) == (2 * 3, 50)


def test_a_server_that_closes_each_connection_is_measured(tmp_path: Path) -> None:
    """A Fireworq does not keep connections unless told to."""
    with running_daemon(tmp_path, "--keep-alive=false") as daemon:
        report = figures_of(bench("--url", daemon.url, "--jobs=20", "--connections=2", "--json"))
    assert report["median"]["load.pushes_per_s"] > 0


def test_payloads_and_the_workers_time_are_as_asked(daemon: RunningDaemon) -> None:
    """Jobs carry as many bytes and take as long as the command line says."""
    options = [
        "--jobs=4",
        "--connections=1",
        "--max-workers=1",
        "--payload-bytes=5000",
        "--worker-delay-ms=200",
    ]
    report = figures_of(bench("--url", daemon.url, *options, "--json"))
    sizes = {len(line["payload"]) for line in daemon.lines() if line["action"] == "push"}
    assert sizes == {5000}
    assert 2.5 < report["median"]["load.jobs_per_s"] <= 5


@pytest.mark.parametrize("driver", ["sqlite", "in-memory", "mysql"])
def test_a_private_daemon_is_started_measured_and_removed(driver: str, tmp_path: Path) -> None:
    """Nothing is left behind of a server that was started for the measurement."""
    options = ["--start", driver, "--jobs=20", "--connections=2", "--json"]
    report = figures_of(bench(*options, TMPDIR=str(tmp_path)))
    assert report["median"]["drain.memory.resident_mib"] > 10
    assert list(tmp_path.iterdir()) == []


def test_many_quiet_queues_are_measured(daemon: RunningDaemon) -> None:
    """The share of a core is told, and the queues are removed."""
    report = figures_of(bench("--url", daemon.url, "--idle", "--queues=3", "--seconds=1", "--json"))
    assert (report["queues"], report["seconds"]) == (3, 1)
    assert 0 <= report["processor_percent"] < 100
    assert [queue["name"] for queue in daemon.request("GET", "/queues").json()] == ["default"]


def test_the_generator_can_be_measured_alone() -> None:
    """The sink answers anything at once, so no server can seem faster than that."""
    report = figures_of(bench("--self-test", "--jobs=500", "--connections=5", "--json"))
    assert report["generator_and_sink_per_s"] > 0


def test_the_generator_can_be_measured_alone_with_batches() -> None:
    """Jobs are counted, not requests, also where the last request carries fewer."""
    report = figures_of(bench("--self-test", "--jobs=5050", "--batch=100", "--connections=5", "--json"))
    assert report["generator_and_sink_per_s"] > 0


@pytest.mark.parametrize("curve", CURVES)
def test_a_curve_has_all_its_figures_at_each_point(curve: str) -> None:
    """As one thing grows, the same is measured at every point, in order."""
    options = ["--start=sqlite", "--jobs=20", "--connections=5", "--max-workers=5", "--json"]
    report = figures_of(bench(*options, f"--curve={curve}", "--points=60,30"))
    small, large = report["points"]
    axis = "bytes" if curve == "payload" else curve
    assert (small[axis], large[axis]) == (30, 60)
    assert {axis, *CURVES[curve]} == set(small) == set(large)
    # The system counts processor time in ticks, and so few jobs may take less than one.
    assert all(
        value > 0 for point in report["points"] for name, value in point.items() if name != "processor_us"
    )


def test_the_curve_of_workers_tells_how_far_from_the_ideal_they_are() -> None:
    """One worker that takes 10 ms does at most a hundred jobs a second."""
    report = figures_of(bench("--start=sqlite", "--curve=workers", "--points=1", "--jobs=20", "--json"))
    instant, quick, slow = report["points"]
    assert [point["delay_ms"] for point in report["points"]] == [0, 10, 200]
    assert (instant["ideal_per_s"], instant["share_percent"]) == (None, None)
    assert (quick["ideal_per_s"], slow["ideal_per_s"]) == (100, 5)
    assert 0 < quick["share_percent"] <= 100
    assert 70 < slow["share_percent"] <= 100


def test_the_table_of_a_curve_grows_line_by_line(daemon: RunningDaemon) -> None:
    """One head, then a line for each point, in columns; the server is left as it was found."""
    done = bench("--url", daemon.url, "--curve=queues", "--points=1,2", "--jobs=10")
    assert (done.returncode, done.stderr) == (0, "")
    title, head, *lines = done.stdout.splitlines()
    assert title.endswith(": queues")
    assert [line.split()[0] for line in lines] == ["1", "2"]
    assert {len(line) for line in lines} == {len(head)}
    assert [queue["name"] for queue in daemon.request("GET", "/queues").json()] == ["default"]
    assert daemon.request("GET", "/routings").json() == []


@pytest.mark.parametrize("curve", ["waiting", "deferred"])
def test_jobs_are_not_left_behind_on_a_server_of_others(curve: str) -> None:
    """What fills a queue stays there, so only a private server is filled."""
    assert "--start" in refusal(bench(f"--curve={curve}", "--url", "http://127.0.0.1:1"))


def test_a_terminal_shows_how_far_it_is() -> None:
    """Progress is drawn over one line of a terminal, and that line is left empty at the end."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "benchmark", "--self-test", "--jobs=3000"]
    environ = clean_environment({"PYTHONPATH": f"{ROOT / 'scripts'}{os.pathsep}{ROOT}"})
    with (
        open(ours, "rb") as terminal,
        subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=theirs) as process,
    ):
        os.close(theirs)
        drawn = b"".join(iter(lambda: _read_terminal(terminal.fileno()), b""))
        assert process.wait(LIMIT_S) == 0
    assert re.search(rb"\r\x1b\[K\[#* *\] pushed to the sink \d+/3000", drawn)
    assert drawn.endswith(b"\r\x1b[K")


def _read_terminal(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # a terminal that nobody writes to any more
        return b""


def test_a_server_that_never_answers_ends_the_measurement() -> None:
    """A connection that is accepted and then left alone is waited for as long as allowed, not longer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        line = refusal(bench("--url", url, "--timeout=2", "--jobs=5"))
    assert line == f"bench: {url}/version: no answer within 2 s\n"


def test_a_server_that_never_answers_pushes_ends_the_measurement() -> None:
    """Pushes without an answer are waited for as long as allowed."""
    never = threading.Event()
    with fake_server(answering_pushes(lambda: None if never.wait(LIMIT_S) else 500)) as url:
        line = refusal(bench("--url", url, "--timeout=4", "--jobs=5"))
        never.set()
    assert line == "bench: out of time while waiting for jobs to be taken; see --timeout\n"


def test_a_server_that_delivers_nothing_ends_the_measurement() -> None:
    """Jobs that are accepted and never delivered are waited for as long as allowed."""
    with fake_server(answering_pushes(lambda: 200)) as url:
        line = refusal(bench("--url", url, "--timeout=4", "--jobs=5"))
    assert line == "bench: out of time while waiting for deliveries (0 of 5 so far); see --timeout\n"


def test_a_push_that_is_refused_ends_the_measurement() -> None:
    """Figures of a server that answers errors would mean nothing."""
    with fake_server(answering_pushes(lambda: 503)) as url:
        line = refusal(bench("--url", url, "--jobs=5"))
    assert line == 'bench: a push was answered 503: {"jobs":[]}\n'


def test_a_server_that_is_not_there_ends_the_measurement() -> None:
    """A refused connection is said in one line."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "Connection refused" in refusal(bench("--url", f"http://127.0.0.1:{port}"))


def test_another_machine_is_not_flooded_unasked() -> None:
    """A server that is not on loopback needs a word of consent."""
    assert "--allow-remote" in refusal(bench("--url", "http://192.0.2.1:8080"))


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1", "127.0.0.1:8080", "http://", "http://h:x", "http://127.0.0.1/x"]
)
def test_a_url_that_cannot_be_meant_is_refused(url: str) -> None:
    """One line says what was wrong."""
    assert url in refusal(bench("--url", url))


def test_a_started_server_has_no_other_url() -> None:
    """--start and --url contradict each other."""
    assert "exclude" in refusal(bench("--start", "sqlite", "--url", "http://127.0.0.1:1"))


@pytest.mark.parametrize("option", ["--jobs", "--connections", "--max-workers", "--runs", "--timeout"])
@pytest.mark.parametrize("value", ["0", "-1", "x", "99999999999999999999"])
def test_counts_and_times_are_bounded(option: str, value: str) -> None:
    """A number outside its range is wrong usage."""
    done = bench(f"{option}={value}")
    assert done.returncode == 2
    assert "should be a whole number from" in done.stderr


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that turns durations into percentiles."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("benchmark.figures")


@pytest.fixture
def pushes(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that makes pushes."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("benchmark.push.pushes")


@pytest.fixture
def push_figures(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that has the figures of pushes."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("benchmark.push.figures")


@pytest.mark.parametrize("batch", [1, 2])
def test_pushes_carry_as_many_bytes_as_asked_for_and_categories_take_turns(pushes: Any, batch: int) -> None:
    """Alone the category is in the path, in a batch it is in the item."""
    requests = pushes.pushes("host", ["a", "b"], "http://w/", 300, batch)
    found = []
    for numbers in (range(batch), range(batch, 2 * batch)):
        head, _, body = requests.fill(numbers, 7, 1).partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"
        jobs = (
            json.loads(body)
            if batch > 1
            else [{"category": head.split()[1].decode()[5:], **json.loads(body)}]
        )
        assert [int(job["payload"]["n"]) for job in jobs] == list(numbers)
        assert {len(json.dumps(job["payload"], separators=(",", ":"))) for job in jobs} == {300}
        assert {(job["run_after"], job["url"]) for job in jobs} == {(7, "http://w/")}
        found += [job["category"] for job in jobs]
    assert found == ["a", "b"] * batch


def test_a_batch_in_which_a_job_is_refused_is_not_accepted(pushes: Any) -> None:
    """A success with an error in it is none."""
    requests = pushes.pushes("host", ["a"], "http://w/", 200, 2)
    taken, refused = (
        b'[{"id":1,"url":"u"},{"id":2,"url":"u"}]',
        b'[{"id":1,"url":"u"},{"index":1,"error":"?"}]',
    )
    assert requests.is_accepted(range(2), pushes.Answer(200, taken))
    assert not requests.is_accepted(range(2), pushes.Answer(200, refused))
    assert not requests.is_accepted(range(2), pushes.Answer(503, taken))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 10**12), min_size=1), st.sampled_from([1, 50, 95, 99, 100]))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(
    figures: Any, values: list[int], percent: int
) -> None:
    """By nearest rank: at least so many percent are at or below it, and fewer are below it."""
    found = figures.percentile(sorted(values), percent)
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


def test_a_job_starts_when_it_first_arrives(push_figures: Any) -> None:
    """A delivery that is repeated counts as such and does not make a start late."""
    times = ((1, 100, 150), (2, 100, 300), (1, 100, 900))
    deliveries = [push_figures.Delivery(*delivery) for delivery in times]
    assert sorted(push_figures.start_times(deliveries)) == [50, 200]
    assert push_figures.repeated(deliveries) == 1


def test_the_rate_of_deliveries_is_taken_from_the_first_to_the_last(push_figures: Any) -> None:
    """Three arrivals within two seconds are one a second; one alone is no rate."""
    deliveries = [push_figures.Delivery(number, 0, number * 10**9) for number in range(3)]
    assert push_figures.delivery_rate(deliveries) == 1
    assert push_figures.delivery_rate(deliveries[:1]) == 0
