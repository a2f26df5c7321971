"""Queues and routings changed on one of two daemons that share a store."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.process.running_daemon import RecordingWorker, RunningDaemon, running_daemon, wait_until

REFRESH_MS = 400
# What a busy machine may add to the interval.
MARGIN_S = 3.0


@pytest.fixture
def nodes(store_options: list[str], tmp_path: Path) -> Iterator[list[RunningDaemon]]:
    """Two daemons on one store, without a default queue."""
    options = [*store_options, "--queue-default=", f"--config-refresh-interval={REFRESH_MS}"]
    with ExitStack() as stack:
        yield [stack.enter_context(running_daemon(tmp_path / name, *options)) for name in "ab"]


def in_force(condition: Callable[[], Any]) -> None:
    """Wait until what was changed elsewhere is in force; fail when it takes longer than the interval."""
    wait_until(condition, REFRESH_MS / 1000 + MARGIN_S)


def put(node: RunningDaemon, path: str, body: dict[str, Any]) -> None:
    """Define or route something."""
    answer = node.request("PUT", path, body)
    assert answer.status_code == 200, answer.text


def most_workers(nodes: list[RunningDaemon]) -> int:
    """Return the workers of queue q on the node that dispatches it."""
    return max(int(node.request("GET", "/queue/q/stats").json()["total_workers"]) for node in nodes)


def test_queues_and_routings_follow_each_other_on_all_nodes(
    nodes: list[RunningDaemon], worker: RecordingWorker
) -> None:
    """Made, changed and deleted on one, in force on the other; a push needs not even wait for that."""
    a, b = nodes
    put(a, "/queue/q", {"max_workers": 3})
    put(a, "/routing/x", {"queue_name": "q"})
    b.push(worker.url, "x", payload="at once")
    wait_until(lambda: worker.answered == [b"at once"])

    put(a, "/queue/q", {"max_workers": 5})
    put(a, "/queue/r", {})
    put(a, "/routing/x", {"queue_name": "r"})
    in_force(lambda: b.request("GET", "/routing/x").json()["queue_name"] == "r")
    in_force(lambda: most_workers(nodes) == 5)

    a.request("DELETE", "/routing/x")
    a.request("DELETE", "/queue/q")
    in_force(lambda: b.request("GET", "/routing/x").status_code == 404)
    in_force(lambda: "q" not in b.request("GET", "/queues/stats").json())
    assert b.request("POST", "/job/x", {"url": worker.url}).status_code == 404


def test_a_queue_made_anew_on_another_node_keeps_its_jobs_and_counters(
    nodes: list[RunningDaemon], worker: RecordingWorker
) -> None:
    """A running job goes on through it, one that waits runs after it, and no other queue notices (W7)."""
    a, b = nodes
    for name in ("q", "other"):
        put(a, f"/queue/{name}", {"max_workers": 1})
        put(a, f"/routing/{name}", {"queue_name": name})
    worker.gate.clear()
    for payload in ("runs", "waits"):
        a.push(worker.url, "q", payload=payload)
    a.push(worker.url, "other", payload="elsewhere")
    wait_until(lambda: len(worker.started) == 2)
    started_at = time.monotonic()
    b.request("DELETE", "/queue/q")
    in_force(lambda: a.request("GET", "/queue/q/stats").status_code == 404)
    put(b, "/queue/q", {"max_workers": 2})
    in_force(lambda: a.request("GET", "/queue/q/stats").status_code == 200)
    assert time.monotonic() - started_at < 2 * (REFRESH_MS / 1000 + MARGIN_S)
    wait_until(lambda: len(worker.started) == 3)
    worker.gate.set()
    wait_until(lambda: len(worker.answered) == 3)
    assert sorted(worker.answered) == [b"elsewhere", b"runs", b"waits"]
    wait_until(lambda: [a.ids(kind, "q") for kind in ("grabbed", "waiting")] == [[], []])
    stats = [node.request("GET", "/queues/stats").json() for node in nodes]
    assert sum(each["q"]["total_pushes"] for each in stats) == 2
    assert sum(each["q"]["total_successes"] for each in stats) == 2
    assert sum(each["other"]["total_successes"] for each in stats) == 1
