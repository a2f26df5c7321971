"""scripts/bench manage: what it prints, and how it ends when a server does not play along."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.measuring import LIMIT_S, ROOT, bench, fake_server, figures_of, refusal

PERCENTILES = {"p50_ms", "p95_ms", "p99_ms"}
QUESTIONS = ("stats", "queue_status", "failed_page")
SWEEPS = ("retry_all", "clear")
FIGURES = {
    *(f"{phase}.push.{part}" for phase in ("quiet", *QUESTIONS, *SWEEPS) for part in PERCENTILES),
    *(f"{phase}.longest_ms" for phase in ("quiet", *QUESTIONS, *SWEEPS)),
    *(f"{phase}.answer.{part}" for phase in QUESTIONS for part in PERCENTILES),
    *(f"{phase}.{name}" for phase in SWEEPS for name in ("seconds", "jobs_per_s")),
    "memory.resident_mib", "memory.peak_mib",
}  # fmt: skip
SMALL = ("--waiting=30", "--failed=20", "--finished=10", "--seconds=1", "--pushes-per-s=50")


@pytest.mark.parametrize("driver", ["sqlite", "mysql"])
def test_a_private_daemon_is_measured_and_removed(driver: str, tmp_path: Path) -> None:
    """Every figure is there, of as many jobs as asked for, and nothing is left behind."""
    report: dict[str, Any] = figures_of(
        bench("manage", f"--start={driver}", *SMALL, "--json", TMPDIR=str(tmp_path))
    )
    assert set(report["median"]) == FIGURES
    assert min(report["median"].values()) > 0
    assert (report["plan"]["waiting"], report["plan"]["failed"], report["plan"]["finished"]) == (30, 20, 10)
    assert list(tmp_path.iterdir()) == []


def test_the_table_names_every_figure() -> None:
    """People get the medians with their units."""
    done = bench("manage", "--start=in-memory", *SMALL, "--runs=2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "30 jobs wait, 20 have failed, 10 have finished; 50 pushes a second" in done.stdout
    assert "median of 2" in done.stdout
    titles = [
        "answer to a push",
        "counts of jobs",
        "all failed jobs run again",
        "server's memory, peak so far",
    ]
    assert all(title in done.stdout for title in titles)


def test_jobs_are_not_left_behind_on_a_server_of_others() -> None:
    """Only a private one is filled."""
    assert "--start" in refusal(bench("manage", "--url", "http://127.0.0.1:1"))


@pytest.fixture
def manage(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The modules that measure."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    import benchmark.asking
    import benchmark.errors
    import benchmark.manage.steady
    import benchmark.push.pushes
    import benchmark.target

    return benchmark


def steady(manage: Any, url: str) -> Any:
    """Return what pushes a hundred times a second to a server."""
    place = manage.target.Place.of(url, allow_remote=False)
    orders = manage.push.pushes.pushes("host", ["a"], "http://w/", 200, 1)
    return manage.manage.steady.Steady(place, manage.errors.Deadline.after(30), orders, 100)


def test_a_push_that_had_to_wait_for_another_is_late(manage: Any) -> None:
    """A server that stands still for half a second does so for all the pushes that were due in it."""
    moving = threading.Event()
    moving.set()

    def answers(_method: str, _path: str) -> tuple[int, bytes]:
        moving.wait(LIMIT_S)
        return 200, b'{"id":1}'

    with fake_server(answers) as url:
        pushing = steady(manage, url)

        def act() -> None:
            moving.clear()
            time.sleep(0.5)
            moving.set()
            time.sleep(0.5)

        pushed = pushing.while_doing(act)
    assert pushed.longest_ms >= 400
    late = [latency for latency in pushing.latencies_ns if latency > 100e6]
    assert len(late) >= 30


def test_what_goes_wrong_meanwhile_ends_the_measurement(manage: Any) -> None:
    """A question that is refused, and a push that is."""
    with fake_server(lambda method, _path: (200 if method == "POST" else 503, b"{}")) as url:
        pushing = steady(manage, url)
        with pytest.raises(manage.errors.BenchError, match="GET /x was answered 503"):
            pushing.while_doing(lambda: manage.asking.ask(pushing.place, pushing.deadline, "GET", "/x"))
    with fake_server(lambda _method, _path: (503, b"{}")) as url:
        pushing = steady(manage, url)
        with pytest.raises(manage.errors.BenchError, match="a push was answered 503"):
            pushing.while_doing(lambda: None)
