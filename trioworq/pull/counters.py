"""What the pull side of this node has done since the process began."""

from collections import defaultdict

from attrs import define, field


@define(eq=False)
class QueueRecent:
    """What has gone on in one queue of late; `failed` are leases that ended."""

    enqueued: int = 0
    completed: int = 0
    failed: int = 0


@define(eq=False)
class PullCounters:
    """Jobs of all pull queues; `fetched` counts a job each time that it is handed out."""

    enqueued: int = 0
    fetched: int = 0
    heartbeats: int = 0
    completed: int = 0
    rescheduled: int = 0
    # Handed out to somebody who had left, and given back.
    returned: int = 0
    # Leases that ended, with another try to follow.
    timed_out: int = 0
    # And those that were the last.
    failed: int = 0

    # By queue, since it was taken last: names are the clients' choice, so none is kept for long.
    _recent: defaultdict[str, QueueRecent] = field(factory=lambda: defaultdict(QueueRecent), init=False)

    def recent(self, queue: str) -> QueueRecent:
        """Return where to count what goes on in a queue now."""
        return self._recent[queue]

    def take_recent(self) -> dict[str, QueueRecent]:
        """Return what has gone on by queue since the last time, and begin anew."""
        recent, self._recent = self._recent, defaultdict(QueueRecent)
        return recent
