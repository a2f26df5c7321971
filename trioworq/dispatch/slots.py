"""How many jobs of a queue may start now: its worker slots, its throttle, and what waits for the store."""

import trio

from trioworq.core.queues import QueueDefinition
from trioworq.core.throttle import TokenBucket

# The most that one claim takes, so that a claim stays a short transaction.
CLAIM_LIMIT = 200
# For each worker so many outcomes may wait for the store before nothing more is started.
SETTLING_FACTOR = 4

_NEVER = float("inf")


class Slots:
    """The worker slots of a queue, and the tokens of its throttle, if it has one. Nothing here waits."""

    def __init__(self, definition: QueueDefinition) -> None:
        self._slots = trio.CapacityLimiter(definition.max_workers)
        self._bucket = _bucket(definition, None)

    @property
    def busy(self) -> int:
        """Count the slots that are taken."""
        return self._slots.borrowed_tokens

    @property
    def are_throttled(self) -> bool:
        """Whether a free slot is not enough to start a job."""
        return self._bucket is not None

    def redefine(self, definition: QueueDefinition) -> None:
        """Follow a changed definition; slots beyond its number are free once they are given back."""
        self._bucket = _bucket(definition, self._bucket)
        self._slots.total_tokens = definition.max_workers

    def start_empty(self) -> None:
        """Have the throttle begin without a token: another node may just have spent them all (I6)."""
        if self._bucket is not None:
            self._bucket.empty(trio.current_time())

    def room(self, *, settling: int) -> int:
        """Count the jobs that could start now, while `settling` outcomes wait for the store."""
        # They hold no slots, but may not become ever more (I13).
        unstored = SETTLING_FACTOR * int(self._slots.total_tokens) - settling
        return max(0, min(CLAIM_LIMIT, int(self._slots.available_tokens), unstored, self._tokens()))

    def admit(self, calls: int) -> bool:
        """Whether the newest of `calls` jobs may start: its slot may be older than the definition (I6)."""
        return calls <= self._slots.total_tokens and self._tokens() > 0

    def _tokens(self) -> int:
        """Count the jobs that the throttle lets start now, as far as anybody asks."""
        return CLAIM_LIMIT if self._bucket is None else self._bucket.available(trio.current_time())

    def wait_s(self) -> float:
        """Seconds until the throttle lets a free slot be used; infinite when that is not what is missing."""
        if self._bucket is None or self._slots.available_tokens < 1:
            return _NEVER
        # With a token at hand it is something else that is waited for: a lease, or the end.
        return self._bucket.wait_s(trio.current_time()) or _NEVER

    def take(self, holder: object) -> None:
        """Take a slot; there must be one. Raises WouldBlock."""
        self._slots.acquire_on_behalf_of_nowait(holder)

    def give(self, holder: object) -> None:
        """Give back the slot that `holder` has."""
        self._slots.release_on_behalf_of(holder)

    def spend(self) -> None:
        """Take the throttle's token for a job that starts; there must be one. Raises ValueError."""
        if self._bucket is not None:
            self._bucket.take(1, trio.current_time())


def _bucket(definition: QueueDefinition, bucket: TokenBucket | None) -> TokenBucket | None:
    """Return the throttle that a definition asks for, with the tokens of the one before it, if any."""
    if not definition.is_throttled:
        return None
    rate, burst = definition.max_dispatches_per_second, definition.max_burst_size
    now_s = trio.current_time()
    if bucket is None:
        return TokenBucket.full(rate, burst, now_s)
    return bucket.reshaped(rate, burst, now_s)
