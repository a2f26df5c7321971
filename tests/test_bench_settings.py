"""scripts/bench with options of the daemon: what a private server has, and what one that is compared has."""

from typing import Any

import pytest

from tests.measuring import bench, figures_of, refusal

SMALL = ("--start=sqlite", "--jobs=20", "--connections=2")
# No push is that small.
TIGHT = "max-body-bytes=10"
# The second overrides what both have.
DIFFERENT = ("--set=queue-default=a", "--set=queue-default-max-workers=3", "--against=queue-default=b")


def test_a_private_daemon_has_the_options_that_it_is_given() -> None:
    """One that takes no body takes no queue either, and that ends the measurement."""
    assert "413" in refusal(bench(*SMALL, f"--set={TIGHT}"))
    assert "413" in refusal(bench("pull", "--start=sqlite", f"--set=--{TIGHT}"))


def test_the_second_daemon_alone_has_the_options_that_are_compared() -> None:
    """The first one takes the pushes that it refuses."""
    assert "413" in refusal(bench(*SMALL, f"--against={TIGHT}"))


def test_two_daemons_are_measured_in_turn() -> None:
    """Each has all its runs, its medians, and what differs in percent."""
    report: dict[str, Any] = figures_of(bench(*SMALL, "--runs=2", *DIFFERENT, "--json"))
    assert report["against"] == "queue-default=b"
    assert set(report["median"]) == set(report["against_median"]) == set(report["change_percent"])
    assert len(report["runs"]) == len(report["against_runs"]) == 2
    before, after = (report[name]["load.pushes_per_s"] for name in ("median", "against_median"))
    assert report["change_percent"]["load.pushes_per_s"] == pytest.approx(100 * (after / before - 1), abs=0.1)


def test_the_table_of_two_daemons_has_a_column_for_each() -> None:
    """And says by which option they differ."""
    done = bench(*SMALL, "--against=queue-default=x")
    assert (done.returncode, done.stderr) == (0, "")
    assert "as it is, with queue-default=x, and the change" in done.stdout
    (rate,) = [line for line in done.stdout.splitlines() if line.startswith("load: pushes")]
    assert rate.endswith(" %")


@pytest.mark.parametrize(
    "options",
    [
        ["--set=a=b"],
        ["--against=a=b"],
        ["--start=sqlite", "--against=a=b", "--idle"],
        ["--start=sqlite", "--against=a=b", "--curve=queues"],
        ["--start=sqlite", "--against=a=b", "--self-test"],
    ],
)
def test_options_of_daemons_are_for_private_ones(options: list[str]) -> None:
    """A server that is there already has its options; only whole runs are compared."""
    assert "--start" in refusal(bench(*options))


@pytest.mark.parametrize("text", ["a", "=b", ""])
def test_an_option_without_a_value_is_refused(text: str) -> None:
    """It should look like option=value."""
    done = bench("--start=sqlite", f"--set={text}")
    assert done.returncode == 2
    assert "should look like option=value" in done.stderr
