"""Bodies of the pull side → values: read quickly where that is enough, else exactly."""

from trioworq.core.pull import PullOrder, Run
from trioworq.web.pull import exact, quick


class Reader:
    """Reads bodies; each method raises InvalidRequest."""

    def __init__(self, max_batch_jobs: int) -> None:
        self._max_batch_jobs = max_batch_jobs
        self._quick_orders = quick.OrdersReader(max_batch_jobs)

    def order(self, body: bytes) -> PullOrder:
        """Read a job to enqueue."""
        return quick.read_order(body) or exact.read_order(body)

    def orders(self, body: bytes) -> list[PullOrder]:
        """Read an array of jobs to enqueue; raises BodyTooLarge when they are too many for a batch."""
        orders = self._quick_orders.read(body)
        return exact.read_orders(body, self._max_batch_jobs) if orders is None else orders

    def rescheduling(self, body: bytes) -> tuple[PullOrder, Run | None]:
        """Read how a job is to wait again, and the run that it is in if the body says so."""
        return exact.read_rescheduling(body)

    def saved_state(self, body: bytes) -> bytes | None:
        """Read what a heartbeat is to save; None when it says nothing of it."""
        if not body:
            return None
        return quick.read_value(body) or exact.read_value(body)
