"""When a call is asked again, and what comes of it in the end: rules alone, no clock and no network."""

from typing import Generic, TypeVar

from attrs import define, field, frozen

from trioworq.client.answers import Answer, NoAnswer, detail_of, refusal
from trioworq.client.calls import Call
from trioworq.client.errors import Unavailable

T = TypeVar("T")

# Busy, out of reach for now: nothing was changed.
_NOT_NOW = frozenset({429, 503})
# A proxy that has not heard from the daemon: it may have acted.
_NO_WORD = frozenset({502, 504})


@frozen(kw_only=True)
class Retry:
    """How long a call is tried, and how often.

    A call that fails for a reason that may pass is repeated, after a pause, as long as no more than `total_s`
    seconds have gone by since it began; 0 means once. The pauses begin with `first_delay_s` and double up to
    `max_delay_s`, each less up to half of itself by chance; one that the daemon asks for (`Retry-After`) is
    not cut short.
    """

    total_s: float = 30.0
    first_delay_s: float = 0.1
    max_delay_s: float = 5.0

    def delay_s(self, failures: int, chance: float) -> float:
        """Return the pause after so many failures, at least one; `chance` is from 0 to 1."""
        # A power of two beyond any delay would be a number beyond any float.
        longest = min(self.max_delay_s, self.first_delay_s * 2.0 ** min(failures - 1, 64))
        return longest * (1 - chance / 2)


STANDARD_RETRY = Retry()


@frozen
class Done(Generic[T]):
    """The call has succeeded."""

    value: T


@frozen
class Again:
    """The call is to be asked once more, after a pause."""

    delay_s: float


@define(eq=False)
class Course(Generic[T]):
    """The course of one call: how often it failed, and whether it may have been carried out all the same.

    `began_s` is by the clock that `judge` is told the time of.
    """

    call: Call[T]
    retry: Retry
    began_s: float
    _failures: int = field(default=0, init=False)
    _may_be_done: bool = field(default=False, init=False)

    def judge(self, outcome: Answer | NoAnswer, now_s: float, chance: float) -> Done[T] | Again:
        """Say what follows from an attempt.

        Raises Unavailable when time is up, or when the call cannot be repeated safely; Refused, BadAnswer.
        """
        if isinstance(outcome, NoAnswer):
            return self._repeat(outcome.reason, outcome.may_be_done, 0, now_s, chance)
        if 200 <= outcome.status < 300 or (self._may_be_done and outcome.status == self.call.echo):
            return Done(self.call.read(outcome))
        if outcome.status in _NOT_NOW | _NO_WORD:
            reason = f"{detail_of(outcome)} (HTTP {outcome.status})"
            may_be_done = outcome.status in _NO_WORD or not self.call.is_whole
            return self._repeat(reason, may_be_done, _asked_for_s(outcome), now_s, chance)
        raise refusal(outcome, self.call.conflict)

    def _repeat(self, reason: str, may_be_done: bool, least_s: float, now_s: float, chance: float) -> Again:
        self._failures += 1
        self._may_be_done |= may_be_done
        delay_s = max(least_s, self.retry.delay_s(self._failures, chance))
        is_safe = self.call.is_repeatable or not may_be_done
        if not is_safe or now_s + delay_s > self.began_s + self.retry.total_s:
            raise Unavailable(reason, may_be_done=self._may_be_done)
        return Again(delay_s)


def _asked_for_s(answer: Answer) -> float:
    """Return the pause that an answer asks for in seconds; a date counts as none, clocks differ."""
    text = answer.headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0
