"""What looks after the jobs of a push side and a pull side."""

from tests.dispatch.push_side import PushSide
from tests.kept_logs import keep_logs
from tests.pull.pull_side import PullSide
from trioworq.clock import Clock
from trioworq.manage.management import Management, management_of


def management_over(side: PushSide, pull_side: PullSide, clock: Clock | None = None) -> Management:
    """Look after the jobs of two sides that share a store; on a mocked clock they share a `clock` too."""
    clock = clock or Clock()
    return management_of(
        store=side.store,
        queues=side.queues,
        pull=pull_side.pull,
        pauses=side.pauses,
        clock=clock,
        logs=keep_logs(clock).logs,
    )
