"""scripts/bench load: what it prints, and how it ends when it cannot measure."""

from pathlib import Path
from typing import Any

import pytest

from tests.measuring import bench, figures_of, refusal

QUESTIONS = {
    f"{what}_{size}_{page}"
    for what in ("all", "one", "each")
    for size in (100, 1000)
    for page in ("first", "last")
}
FIGURES = {
    *(f"answer.{question}.{part}" for question in QUESTIONS for part in ("p50_ms", "p95_ms", "p99_ms")),
    "memory.resident_mib",
    "memory.peak_mib",
}
SMALL = ("--days=1", "--interval=600", "--types=3", "--seconds=1")


def test_a_private_daemon_with_a_past_is_measured_and_removed(tmp_path: Path) -> None:
    """Every figure is there, of as many samples as asked for, and nothing is left behind."""
    report: dict[str, Any] = figures_of(
        bench("load", "--start=sqlite", *SMALL, "--json", TMPDIR=str(tmp_path))
    )
    assert set(report["median"]) == FIGURES
    assert min(report["median"].values()) > 0
    assert report["plan"] == {"days": 1, "interval_s": 600, "types": 3, "seconds": 1}
    assert list(tmp_path.iterdir()) == []


def test_the_table_names_every_figure() -> None:
    """People get the medians with their units; with MySQL as with SQLite."""
    done = bench("load", "--start=mysql", *SMALL)
    assert (done.returncode, done.stderr) == (0, "")
    assert "144 samples of 1 days, 3 job types in each, median of 1" in done.stdout
    assert all(
        f"{what}, last page of 1000" in done.stdout for what in ("all jobs", "one job type", "3 job types")
    )
    assert done.stdout.count(" ms (p50 / p95 / p99)") == len(QUESTIONS)


@pytest.mark.parametrize("arguments", [(), ("--url=http://127.0.0.1:1",), ("--start=in-memory",)])
def test_a_past_needs_a_database_of_its_own(arguments: tuple[str, ...]) -> None:
    """It cannot be had through any API, nor outlive a start in memory."""
    assert "--start sqlite|mysql" in refusal(bench("load", *arguments))


def test_a_past_that_takes_too_long_ends_it(tmp_path: Path) -> None:
    """In one line, and nothing is left behind."""
    many = ("--days=31", "--interval=1", "--types=1000")
    found = refusal(bench("load", "--start=sqlite", "--timeout=2", *many, TMPDIR=str(tmp_path)))
    assert "the past to be written" in found
    assert list(tmp_path.iterdir()) == []
