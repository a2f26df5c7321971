"""Which queue is meant, and how it stands."""

from collections.abc import Mapping

from attrs import evolve, frozen

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import Kind
from trioworq.core.nodes import QueueName
from trioworq.core.overview import QueueStatus, Trouble, trouble_of
from trioworq.core.queues import check_name
from trioworq.manage.feed import Snapshot
from trioworq.web.console.desk import Desk
from trioworq.web.console.overview.rows import word_of
from trioworq.web.console.urls import url
from trioworq.web.replies import CONSOLE

QUEUE = f"{CONSOLE}/queue"

_KINDS = {"": Kind.PUSH, "push": Kind.PUSH, "pull": Kind.PULL}


def read_queue(fields: Mapping[str, str]) -> QueueName:
    """Read which queue a query or a form is about. Raises InvalidRequest."""
    kind = _KINDS.get(fields.get("kind", ""))
    if kind is None:
        raise InvalidRequest("kind should be push or pull")
    name = fields.get("name", "")
    check_name("queue name", name)
    return QueueName(kind, name)


def address_of(queue: QueueName, **query: object) -> str:
    """Return where a queue's page is."""
    return url(QUEUE, kind=word_of(queue.kind), name=queue.name, **query)


@frozen
class Standing:
    """How a queue stands; `is_known` is whether there is anything of it at all."""

    status: QueueStatus
    trouble: Trouble
    is_known: bool


def standing_of(queue: QueueName, snapshot: Snapshot, desk: Desk) -> Standing:
    """Say how a queue stood when all were looked at, but for what this node knows to the moment."""
    seen = next((status for status in snapshot.queues if status.queue == queue), None)
    status = evolve(
        seen or QueueStatus(queue=queue),
        is_defined=queue.kind is Kind.PULL or queue.name in desk.queues.definitions.running,
        is_paused=desk.management.pauses.is_paused(queue.kind, queue.name),
    )
    trouble = snapshot.troubles.get(queue, Trouble.NONE)
    if status != seen:
        trouble = trouble_of(status, growing=trouble is Trouble.GROWING, now_ms=snapshot.time_ms)
    return Standing(status, trouble, is_known=seen is not None)
