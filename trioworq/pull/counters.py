"""What the pull side of this node has done since the process began."""

from attrs import define


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
