"""How queues and nodes stand, put together from all that the store and the nodes say."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping

from attrs import define, frozen

from trioworq.core.jobs import Kind
from trioworq.core.load import JobCount, QueueEnded
from trioworq.core.nodes import NO_ACTIVITY, Activity, LiveNode, QueueName
from trioworq.core.overview import QueueStatus, Trouble
from trioworq.core.queues import Owner
from trioworq.pauses import Pauses


@frozen
class NodeStatus:
    """A live node, and how many queues it dispatches."""

    id: str
    host: str
    queues: int


@define
class QueueJobs:
    """How many jobs of a queue there are."""

    waiting: int = 0
    deferred: int = 0
    running: int = 0
    failed: int = 0
    finished: int = 0
    oldest_due_ms: int | None = None

    def add(self, count: JobCount) -> None:
        """Add those of one category."""
        self.waiting += count.waiting
        self.deferred += count.deferred
        self.running += count.running
        due = [each for each in (self.oldest_due_ms, count.oldest_due_ms) if each is not None]
        self.oldest_due_ms = min(due, default=None)


def jobs_by_queue(
    counts: Iterable[JobCount],
    ended: Iterable[QueueEnded],
    defined: Iterable[str],
    activities: Mapping[QueueName, Activity],
    pauses: Pauses,
) -> Mapping[QueueName, QueueJobs]:
    """Return every queue that is defined, paused, has jobs, or where something goes on."""
    jobs: defaultdict[QueueName, QueueJobs] = defaultdict(QueueJobs)
    for count in counts:
        jobs[QueueName(count.kind, count.queue)].add(count)
    for each in ended:
        of = jobs[QueueName(each.kind, each.queue)]
        of.failed, of.finished = each.failed, each.finished
    others = (QueueName(Kind.PUSH, name) for name in defined)
    paused = (QueueName(kind, name) for kind, name in pauses.all)
    for queue in (*others, *activities, *paused):
        jobs[queue] = jobs[queue]
    return jobs


def stand(
    jobs: Mapping[QueueName, QueueJobs],
    defined: Collection[str],
    owners: Mapping[str, Owner],
    activities: Mapping[QueueName, Activity],
    pauses: Pauses,
) -> list[QueueStatus]:
    """Return how each queue stands."""
    return [
        _status(queue, of, defined, owners, activities.get(queue, NO_ACTIVITY), pauses)
        for queue, of in jobs.items()
    ]


def _status(
    queue: QueueName,
    jobs: QueueJobs,
    defined: Collection[str],
    owners: Mapping[str, Owner],
    activity: Activity,
    pauses: Pauses,
) -> QueueStatus:
    is_push = queue.kind is Kind.PUSH
    owner = owners.get(queue.name) if is_push else None
    return QueueStatus(
        queue=queue,
        is_defined=not is_push or queue.name in defined,
        is_paused=pauses.is_paused(queue.kind, queue.name),
        node=owner.host if owner else None,
        waiting=jobs.waiting,
        deferred=jobs.deferred,
        running=jobs.running,
        failed=jobs.failed,
        finished=jobs.finished,
        oldest_due_ms=jobs.oldest_due_ms,
        activity=activity,
    )


def place(status: QueueStatus, troubles: Mapping[QueueName, Trouble]) -> tuple[int, int, str]:
    """Order queues: the worst trouble first, then by kind and name, so that nothing moves for nothing."""
    return -troubles[status.queue], status.queue.kind, status.queue.name


def stand_nodes(nodes: Iterable[LiveNode], owners: Mapping[str, Owner]) -> list[NodeStatus]:
    """Return how live nodes stand."""
    held = Counter(owner.node_id for owner in owners.values())
    return [NodeStatus(node.id, node.host, held[node.id]) for node in nodes]
