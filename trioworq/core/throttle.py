"""A token bucket: in any window of t seconds at most rate * t + burst dispatches (I6)."""

from attrs import define

# Added to a wait, so that rounding never leaves a waiter a hair short of its token, to be told again and
# again to wait for less than the clock's last digit.
_ROUNDING_S = 1e-6


@define
class TokenBucket:
    """Tokens for dispatches; times are any clock's seconds, as long as it is always the same clock."""

    rate_per_s: float
    burst: int
    _tokens: float
    _updated_at_s: float

    @classmethod
    def full(cls, rate_per_s: float, burst: int, now_s: float) -> "TokenBucket":
        """Return a bucket that holds `burst` tokens."""
        return cls(rate_per_s, burst, float(burst), now_s)

    def reshaped(self, rate_per_s: float, burst: int, now_s: float) -> "TokenBucket":
        """Return a bucket of the new shape with the tokens of this one: a change of the queue earns none."""
        self._refill(now_s)
        return TokenBucket(rate_per_s, burst, min(self._tokens, burst), now_s)

    def empty(self, now_s: float) -> None:
        """Lose all tokens."""
        self._tokens, self._updated_at_s = 0.0, now_s

    def available(self, now_s: float) -> int:
        """Count the whole tokens in the bucket."""
        self._refill(now_s)
        return int(self._tokens)

    def take(self, count: int, now_s: float) -> None:
        """Take `count` tokens, which must be available."""
        self._refill(now_s)
        if count > self._tokens:
            raise ValueError(f"{count} tokens asked for, {self._tokens} available")
        self._tokens -= count

    def wait_s(self, now_s: float) -> float:
        """Seconds until a whole token is available; 0 when one is."""
        self._refill(now_s)
        missing = 1.0 - self._tokens
        return missing / self.rate_per_s + _ROUNDING_S if missing > 0 else 0.0

    def _refill(self, now_s: float) -> None:
        # A clock that stands still or steps back adds nothing and takes nothing.
        elapsed_s = max(0.0, now_s - self._updated_at_s)
        self._tokens = min(float(self.burst), self._tokens + elapsed_s * self.rate_per_s)
        self._updated_at_s = now_s
