"""Queues paused through one daemon, as another on the same database and the next process see it."""

import time
from pathlib import Path
from typing import Any

from tests.process.running_daemon import RecordingWorker, RunningDaemon, running_daemon, wait_until

# A pause reaches the others within a second; what a busy machine may add to that.
WITHIN_S = 1.0
MARGIN_S = 2.0

PUSH = "/queue/default"
PULL = "/v1/queues/q"


def change(node: RunningDaemon, path: str) -> dict[str, Any]:
    """Pause or resume a queue and return the answer."""
    answer = node.request("POST", path)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def is_paused(node: RunningDaemon) -> bool:
    """Whether a node says that its default queue is paused."""
    return bool(node.request("GET", PUSH).json().get("is_paused", False))


def paused_queues(node: RunningDaemon) -> int:
    """Return how many queues a node counts as paused."""
    lines = node.request("GET", "/metrics").text.splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith("trioworq_paused_queues ")]
    return int(float(value))


def enqueue(node: RunningDaemon, key: str) -> None:
    """Enqueue a pull job."""
    assert node.request("POST", "/enqueue", {"id": key, "queue": "q", "timeout": 30}).status_code == 202


def fetched(node: RunningDaemon) -> bool:
    """Whether a node hands out a job."""
    return node.request("GET", "/next?queue=q").status_code == 200


def test_a_pause_outlives_the_daemon(
    store_options: list[str], worker: RecordingWorker, tmp_path: Path
) -> None:
    """Even one that is killed: the next process starts nothing, of either kind, before a queue is resumed."""
    with running_daemon(tmp_path / "a", *store_options) as a:
        assert change(a, f"{PUSH}/pause") == {"name": "default", "paused": True}
        assert change(a, f"{PULL}/pause") == {"name": "q", "paused": True}
        a.push(worker.url, payload="waits")
        enqueue(a, "1")
        a.kill()
    with running_daemon(tmp_path / "b", *store_options) as b:
        wait_until(lambda: b.request("GET", f"{PUSH}/stats").json()["active_nodes"] == 1)
        assert is_paused(b)
        assert paused_queues(b) == 2
        assert not fetched(b)
        # Several looks at the store, and more than a polling interval.
        time.sleep(1)
        assert worker.started == []
        assert change(b, f"{PUSH}/resume") == {"name": "default", "paused": False}
        assert change(b, f"{PULL}/resume") == {"name": "q", "paused": False}
        wait_until(lambda: worker.answered == [b"waits"])
        assert fetched(b)
        assert paused_queues(b) == 0


def test_a_pause_holds_on_every_node_within_a_second(
    store_options: list[str], worker: RecordingWorker, tmp_path: Path
) -> None:
    """Whichever of them dispatches the queue, or is asked for jobs; running jobs go on."""
    with (
        running_daemon(tmp_path / "a", *store_options) as a,
        running_daemon(tmp_path / "b", *store_options) as b,
    ):
        worker.gate.clear()
        a.push(worker.url, payload="runs")
        wait_until(lambda: worker.started == [b"runs"])
        change(a, f"{PUSH}/pause")
        change(a, f"{PULL}/pause")
        wait_until(lambda: paused_queues(b) == 2, WITHIN_S + MARGIN_S)
        for node, number in ((a, "1"), (b, "2")):
            node.push(worker.url, payload=number)
            enqueue(node, number)
        worker.gate.set()
        wait_until(lambda: worker.answered == [b"runs"])
        time.sleep(1)
        assert worker.started == [b"runs"]
        assert not fetched(a)
        assert not fetched(b)
        change(b, f"{PUSH}/resume")
        change(b, f"{PULL}/resume")
        wait_until(lambda: len(worker.answered) == 3, WITHIN_S + MARGIN_S)
        wait_until(lambda: paused_queues(a) == 0, WITHIN_S + MARGIN_S)
        assert fetched(a)
        assert fetched(b)
