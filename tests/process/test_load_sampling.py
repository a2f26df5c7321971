"""Who writes down the load, and when: one node of all that share a store, once an interval (load §4.2)."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.process.running_daemon import RunningDaemon, running_daemon, wait_until

INTERVAL_S = 1
# A sample may be early by a fifth of a second, and as late as the machine is busy.
APART_S = 0.7
# How long another node leaves the load to one that has gone, and what a busy machine adds to that.
TAKEN_OVER_S = 20.0
FAR_S = 3600
# How long a node has, to take a sample that it should not.
SILENCE_S = 1.5

Start = Callable[..., RunningDaemon]


@pytest.fixture
def start(store_options: list[str], tmp_path: Path) -> Iterator[Start]:
    """Start a daemon on the one store, by the name of its folder and the interval of its samples."""
    with ExitStack() as stack:

        def started(name: str, interval_s: int = INTERVAL_S) -> RunningDaemon:
            options = [*store_options, f"--load-interval={interval_s}"]
            return stack.enter_context(running_daemon(tmp_path / name, *options))

        yield started


def points(daemon: RunningDaemon, query: str = "") -> list[dict[str, Any]]:
    """Return the samples of the last hour."""
    answer = daemon.request("GET", f"/v6/load/?started=PT1H&page_size=1000{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def moments(daemon: RunningDaemon) -> list[float]:
    """Return when samples were taken, in seconds."""
    return [datetime.fromisoformat(point["time"]).timestamp() for point in points(daemon)]


def wait_for_more(daemon: RunningDaemon, more: int) -> list[float]:
    """Wait until so many more samples have been taken, and return all."""
    wanted = len(moments(daemon)) + more
    wait_until(lambda: len(moments(daemon)) >= wanted, TAKEN_OVER_S + more * INTERVAL_S)
    return moments(daemon)


def assert_apart(taken_s: list[float]) -> None:
    """No two samples belong to one interval."""
    assert min(later - earlier for earlier, later in pairwise(taken_s)) >= APART_S


def test_a_sample_is_taken_at_the_start(start: Start) -> None:
    """Though the next one is an hour away."""
    before_s = time.time()  # noqa: TID251  # what the daemon's clock is compared with
    daemon = start("a", FAR_S)
    wait_until(lambda: len(points(daemon)) == 1)
    (taken_s,) = moments(daemon)
    assert before_s - 1 <= taken_s <= before_s + TAKEN_OVER_S


def test_a_node_that_starts_takes_no_sample_while_the_last_is_young(start: Start) -> None:
    """Neither one that starts again nor another one; each knows of the first one's."""
    first = start("a", FAR_S)
    wait_until(lambda: len(points(first)) == 1)
    others = [start("b", FAR_S)]
    first.kill()
    others.append(start("a", FAR_S))
    ends_at_s = time.monotonic() + SILENCE_S
    while time.monotonic() < ends_at_s:
        assert [len(points(daemon)) for daemon in others] == [1, 1]


def test_two_nodes_take_one_sample_an_interval(start: Start) -> None:
    """Both show the same ones, however long they both run."""
    nodes = [start("a"), start("b")]
    taken_s = wait_for_more(nodes[0], 6)
    assert_apart(taken_s)
    assert moments(nodes[1])[: len(taken_s)] == taken_s


def test_when_a_node_is_killed_the_other_goes_on_sampling(start: Start) -> None:
    """Whichever of them it was; and still once an interval when it is back."""
    first, second = start("a"), start("b")
    wait_for_more(first, 2)
    first.kill()
    wait_for_more(second, 2)
    first = start("a")
    wait_for_more(first, 2)
    second.kill()
    assert_apart(wait_for_more(first, 2))


def test_all_job_types_of_a_sample_have_its_time(start: Start) -> None:
    """So their loads add up to the whole, instant by instant."""
    daemon = start("a")
    for number in range(3):
        daemon.push("http://127.0.0.1:1", f"type-{number}", run_after=FAR_S)
    wait_until(lambda: points(daemon)[-1]["pending_count"] == 3)
    wait_for_more(daemon, 2)
    whole = points(daemon)
    parts = [points(daemon, f"&job_type_name=type-{number}")[: len(whole)] for number in range(3)]
    for part in parts:
        assert [point["time"] for point in part] == [point["time"] for point in whole]
    added = [sum(point["pending_count"] for point in column) for column in zip(*parts, strict=True)]
    assert added == [point["pending_count"] for point in whole]
