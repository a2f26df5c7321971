"""scripts/bench console: what it prints, and how it ends when a server does not play along."""

from pathlib import Path
from typing import Any

from tests.measuring import bench, fake_server, figures_of, refusal

PERCENTILES = ("p50_ms", "p95_ms", "p99_ms")
PHASES = ("unwatched", "streamed", "browsed")
FIGURES = {
    *(f"{phase}.push.{part}" for phase in PHASES for part in PERCENTILES),
    *(f"{phase}.processor_percent" for phase in PHASES),
}
SMALL = ("--queues=3", "--pushes-per-s=20", "--seconds=2")


def test_a_private_daemon_is_watched_and_removed(tmp_path: Path) -> None:
    """Every figure is there, with a browser too, and nothing is left behind."""
    report: dict[str, Any] = figures_of(
        bench("console", "--start=sqlite", *SMALL, "--json", TMPDIR=str(tmp_path))
    )
    assert set(report["median"]) == FIGURES
    assert min(report["median"].values()) > 0
    assert set(report["costs"]) == {"stream_percent", "browser_percent"}
    assert (report["plan"]["queues"], report["plan"]["seconds"]) == (3, 2)
    assert list(tmp_path.iterdir()) == []


def test_the_table_says_what_a_console_costs() -> None:
    """Without a browser where none is wanted."""
    done = bench("console", "--start=in-memory", *SMALL, "--browser=")
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 queues, 20 jobs a second, 2 s each, median of 1" in done.stdout
    assert "what the event stream costs" in done.stdout
    assert "browser" not in done.stdout


def test_what_cannot_be_watched_ends_it() -> None:
    """A server without a console, and a browser that is not there."""
    assert "was answered 404" in refusal(
        bench("console", "--start=in-memory", *SMALL, "--set", "console=off", "--browser=")
    )
    assert "no-such-browser" in refusal(
        bench("console", "--start=in-memory", *SMALL, "--browser=no-such-browser")
    )


def test_a_server_that_shows_nothing_new_ends_it() -> None:
    """An open stream alone is no console."""

    def answers(method: str, path: str) -> tuple[int, bytes]:
        return 200, b"" if path.startswith("/console") else b'{"id":1}'

    with fake_server(answers) as url:
        assert "new figures only 0 times" in refusal(bench("console", "--url", url, *SMALL))
