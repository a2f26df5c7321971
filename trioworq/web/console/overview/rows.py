"""What the overview says, cell by cell: one text for pages and for what is sent to open ones."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from trioworq.core.jobs import Kind
from trioworq.core.nodes import NO_ACTIVITY, Activity, QueueName
from trioworq.core.overview import QueueStatus, Trouble
from trioworq.manage.feed import Snapshot
from trioworq.manage.standings import NodeStatus
from trioworq.web.console.numbers import NOTHING, count, duration, rate
from trioworq.web.console.shown import plain
from trioworq.web.console.urls import url

# A cell's name is that of an element, or of one of its attributes behind an @; None is no such attribute.
Cells = Mapping[str, str | None]

_UTC = "%Y-%m-%d %H:%M:%S UTC"

# The word for each state and what it means, also as a class of styles.
STATES: Mapping[Trouble, tuple[str, str]] = {
    Trouble.NONE: ("ok", "Nothing is the matter"),
    Trouble.PAUSED: ("paused", "No jobs are started until the queue is resumed"),
    Trouble.GROWING: ("growing", "More jobs come than are done"),
    Trouble.FAILING: ("failing", "Attempts fail"),
    Trouble.STUCK: ("stuck", "Jobs are due, and none ends"),
    Trouble.NO_NODE: ("no node", "Jobs are due, and no node starts them"),
}


def key_of(queue: QueueName) -> str:
    """Return what a queue's row is known by."""
    return f"{word_of(queue.kind)}:{queue.name}"


def word_of(kind: Kind) -> str:
    """Name a kind of queues, as the console's addresses do."""
    return "push" if kind is Kind.PUSH else "pull"


def name_cells(queue: QueueName) -> Cells:
    """Write what is always the same of a queue."""
    kind, name = word_of(queue.kind), plain(queue.name)
    return {
        "kind": kind,
        "name": name,
        "name@title": name,
        "name@href": url("/console/queue", kind=kind, name=queue.name),
        "failed@href": url("/console/failures", kind=kind, queue=queue.name),
    }


def state_cells(status: QueueStatus, trouble: Trouble, now_ms: int) -> Cells:
    """Write how a queue stands at an instant."""
    state, meaning = STATES[trouble]
    activity = status.activity
    return {
        "state": state,
        "state@data-state": state,
        "state@title": meaning,
        "marks": _marks(status, trouble),
        "node": plain(status.node) if status.node else NOTHING,
        "waiting": count(status.waiting),
        "deferred": count(status.deferred),
        "running": count(status.running),
        "failed": count(status.failed),
        "finished": count(status.finished),
        "pushed": rate(activity.pushed),
        "completed": rate(activity.completed),
        "failing": rate(activity.failed),
        "age": NOTHING if status.oldest_due_ms is None else duration(max(0, now_ms - status.oldest_due_ms)),
        **_worker_cells(status),
    }


def _marks(status: QueueStatus, trouble: Trouble) -> str:
    """Say what a state does not tell of."""
    marks = []
    if status.is_paused and trouble is not Trouble.PAUSED:
        marks.append("paused")
    if not status.is_defined:
        marks.append("not defined")
    return ", ".join(marks)


def _worker_cells(status: QueueStatus) -> Cells:
    """Write the worker slots that are taken and present, or how many clients wait for a job."""
    busy, workers = status.activity.busy, status.activity.workers
    if status.is_push and workers:
        share = min(100, round(100 * busy / workers))
        return {"workers": f"{count(busy)} of {count(workers)}", "bar@hidden": None, "busy@width": str(share)}
    text = f"{count(workers)} waiting" if workers else NOTHING
    return {"workers": text, "bar@hidden": "", "busy@width": "0"}


def total_cells(snapshot: Snapshot) -> Cells:
    """Write what all queues have together, and how the store does."""
    queues = snapshot.queues
    activity = sum((status.activity for status in queues), NO_ACTIVITY)
    troubled = sum(trouble > Trouble.NONE for trouble in snapshot.troubles.values())
    return {
        "all-queues": count(len(queues)),
        "all-troubled": count(troubled),
        "all-troubled@data-any": "" if troubled else None,
        "all-waiting": count(sum(status.waiting for status in queues)),
        "all-deferred": count(sum(status.deferred for status in queues)),
        "all-running": count(sum(status.running for status in queues)),
        "all-failed": count(sum(status.failed for status in queues)),
        **_rate_cells(activity),
        **store_cells(snapshot),
        "first@hidden": None if is_new(snapshot) else "",
    }


def _rate_cells(activity: Activity) -> Cells:
    return {
        "all-pushed": rate(activity.pushed),
        "all-completed": rate(activity.completed),
        "all-failing": rate(activity.failed),
        "all-failing@data-any": "" if activity.failed else None,
    }


def store_cells(snapshot: Snapshot) -> Cells:
    """Write whether the store is away, since when, and how old all figures are then."""
    is_away = bool(snapshot.trouble)
    return {
        "store@hidden": None if is_away else "",
        "trouble": snapshot.trouble,
        **_moment_cells("lost", snapshot.lost_at_ms if is_away else None),
        **_moment_cells("seen", snapshot.seen_ms if is_away else None),
        "figures@data-old": "" if is_away else None,
    }


def _moment_cells(name: str, time_ms: int | None) -> Cells:
    """Write a moment, and hide what tells of it when there is none."""
    return {
        f"{name}-part@hidden": "" if time_ms is None else None,
        name: NOTHING if time_ms is None else f"{datetime.fromtimestamp(time_ms // 1000, UTC):{_UTC}}",
        f"{name}@data-ms": None if time_ms is None else str(time_ms),
    }


def changed(cells: Cells, before: Cells) -> Cells:
    """Return the cells that are not as they were before."""
    return {name: text for name, text in cells.items() if name not in before or before[name] != text}


def is_new(snapshot: Snapshot) -> bool:
    """Whether no job has ever come, for all that is remembered."""
    return snapshot.seen_ms is not None and not any(
        status.waiting or status.deferred or status.running or status.failed or status.finished
        for status in snapshot.queues
    )


def node_texts(nodes: Sequence[NodeStatus]) -> list[tuple[str, str]]:
    """Write the host of each live node and how many queues it has."""
    return [(plain(node.host) or node.id, _queues(node.queues)) for node in nodes]


def _queues(number: int) -> str:
    return "1 queue" if number == 1 else f"{count(number)} queues"
