"""Jobs that workers fetch: the rules of their leases (contract pull §2.5, §2.6, README 13).

    state      event                       state
    ---------  --------------------------  ------------------------------------------------
    waiting    fetched                     running, until the lease ends
    running    heartbeat                   running, with a lease from now on
    running    lease ended                 waiting, as before: while retries are left
    running    lease ended                 failed: none left
    running    rescheduled                 waiting, as if enqueued anew
    running    returned                    waiting, as if never fetched
    any        completed                   gone

A client's `key` names a job within its queue; its `id` is the store's and never used twice. A run is fenced
by both the id and the attempt: who names an older one changes nothing (I3).
"""

import re
from enum import Enum
from typing import assert_never

from attrs import evolve, frozen

from trioworq.core.jobs import DEFAULT_PRIORITY, INT64_MAX, JobState

INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1

# How many jobs one request may fetch.
MAX_JOBS = 1000

_RUN_ID = re.compile(r"([1-9][0-9]{0,18})-([1-9][0-9]{0,9})")


@frozen
class Run:
    """One run of a job, by the job's id and the number of times that it was handed out until then."""

    job_id: int
    attempt: int

    @property
    def text(self) -> str:
        """The run as clients see it."""
        return f"{self.job_id}-{self.attempt}"

    @classmethod
    def parse(cls, text: str) -> "Run":
        """Read what `text` wrote; anything else is a run that no job has ever had."""
        match = _RUN_ID.fullmatch(text)
        return cls(int(match[1]), int(match[2])) if match else NO_RUN


NO_RUN = Run(0, 0)


@frozen(kw_only=True)
class NewPullJob:
    """A pull job that has been accepted but not stored; `payload` is JSON as it was sent.

    `max_retries` is how often it is tried again after a lease that ended; negative means without end.
    """

    queue: str
    key: str
    payload: bytes
    created_at_ms: int
    run_at_ms: int
    timeout_s: int
    max_retries: int = 0
    priority: int = DEFAULT_PRIORITY

    def stored(self, job_id: int) -> "PullJob":
        """Return the job as it is once it has been stored under `job_id`."""
        return PullJob(
            id=job_id,
            queue=self.queue,
            key=self.key,
            payload=self.payload,
            saved_state=None,
            state=JobState.WAITING,
            priority=self.priority,
            created_at_ms=self.created_at_ms,
            run_at_ms=self.run_at_ms,
            timeout_s=self.timeout_s,
            max_retries=self.max_retries,
            retries_left=retries_at_first(self.max_retries),
            fail_count=0,
            attempt=0,
            lease_ends_at_ms=None,
        )


@frozen(kw_only=True)
class Heartbeat:
    """Keep a run's lease: it ends the job's timeout after `now_ms`.

    `saved_state` is JSON that takes the place of what was saved, None to leave that. With a `run`, only if
    that is the present one.
    """

    queue: str
    key: str
    now_ms: int
    saved_state: bytes | None = None
    run: Run | None = None


@frozen(kw_only=True)
class Completion:
    """End a job for good, whether or not it is handed out; with a `run`, only if that is the present one.

    With a `job_id` only if that job has the key. It is remembered as having finished at `finished_at_ms`;
    None if it is not to be remembered.
    """

    queue: str
    key: str
    run: Run | None = None
    finished_at_ms: int | None = None
    job_id: int | None = None


@frozen(kw_only=True)
class Rescheduling:
    """Have a job that is handed out wait again, as if enqueued anew, under the same id.

    `priority` None leaves it as it is; `saved_state` None clears what was saved.
    """

    queue: str
    key: str
    payload: bytes
    saved_state: bytes | None
    run_at_ms: int
    timeout_s: int
    max_retries: int = 0
    priority: int | None = None
    run: Run | None = None


@frozen(kw_only=True)
class Return:
    """Have a job wait again as if it had never been handed out: its worker never got it (I4)."""

    queue: str
    key: str
    run: Run


@frozen(kw_only=True)
class PullOrder:
    """What a client asks for when it enqueues or reschedules a job.

    `payload` and `saved_state` are JSON as they were sent. `run_at_ms` None is now; `priority` None is the
    default, or what the job has.
    """

    queue: str
    key: str
    payload: bytes
    timeout_s: int
    max_retries: int = 0
    run_at_ms: int | None = None
    saved_state: bytes | None = None
    priority: int | None = None

    def accepted(self, now_ms: int) -> NewPullJob:
        """Return the job that this becomes; it has no saved state yet (contract pull §2.3)."""
        return NewPullJob(
            queue=self.queue,
            key=self.key,
            payload=self.payload,
            created_at_ms=now_ms,
            run_at_ms=now_ms if self.run_at_ms is None else self.run_at_ms,
            timeout_s=self.timeout_s,
            max_retries=self.max_retries,
            priority=DEFAULT_PRIORITY if self.priority is None else self.priority,
        )

    def rescheduling(self, now_ms: int, run: Run | None) -> Rescheduling:
        """Return how the job is to wait again; with a `run`, only if that is the present one."""
        return Rescheduling(
            queue=self.queue,
            key=self.key,
            payload=self.payload,
            saved_state=self.saved_state,
            run_at_ms=now_ms if self.run_at_ms is None else self.run_at_ms,
            timeout_s=self.timeout_s,
            max_retries=self.max_retries,
            priority=self.priority,
            run=run,
        )


@frozen(kw_only=True)
class PullJob:
    """A stored pull job.

    `saved_state` is the JSON that the last heartbeat saved; `attempt` grows whenever the job is handed out,
    `fail_count` with every lease that ended. `lease_ends_at_ms` is None while the job waits; `started_at_ms`
    is when it was last handed out, None if it has not been since it was enqueued or rescheduled.
    """

    id: int
    queue: str
    key: str
    payload: bytes
    saved_state: bytes | None
    state: JobState
    priority: int
    created_at_ms: int
    run_at_ms: int
    timeout_s: int
    max_retries: int
    retries_left: int
    fail_count: int
    attempt: int
    lease_ends_at_ms: int | None
    started_at_ms: int | None = None

    def handed_out(self, now_ms: int) -> "PullJob":
        """Return the job as it is once a worker has it, from `now_ms` on."""
        return evolve(
            self,
            state=JobState.RUNNING,
            attempt=self.attempt + 1,
            lease_ends_at_ms=lease_end_ms(now_ms, self.timeout_s),
            started_at_ms=now_ms,
        )

    @property
    def run(self) -> Run | None:
        """The run that is under way; None while the job waits."""
        return Run(self.id, self.attempt) if self.state is JobState.RUNNING else None

    @property
    def size(self) -> int:
        """How many bytes of JSON it carries."""
        return len(self.payload) + len(self.saved_state or b"")

    def has_lapsed(self, now_ms: int) -> bool:
        """Whether its lease has ended, noticed or not."""
        return self.lease_ends_at_ms is not None and self.lease_ends_at_ms < now_ms

    @property
    def tries(self) -> int:
        """How often it has been tried since it was enqueued or rescheduled, this time included."""
        return self.fail_count + (self.state is JobState.RUNNING)


PullChange = Heartbeat | Completion | Rescheduling | Return


class Verdict(Enum):
    """What becomes of a change."""

    DONE = "done"
    # There is no such job, or it waits and no run was named (contract pull §2.5).
    ABSENT = "absent"
    # The job is there, but its present run is another, or none.
    STALE = "stale"


@frozen
class Standing:
    """What a change is judged by: how the job stands in the store."""

    id: int
    state: JobState
    attempt: int


def judge(change: PullChange, standing: Standing | None) -> Verdict:
    """Say what becomes of a change to the job that stands in the store under its key, if any."""
    if standing is None:
        return Verdict.ABSENT
    if isinstance(change, Completion) and change.job_id not in (None, standing.id):
        return Verdict.ABSENT
    is_running = standing.state is JobState.RUNNING
    if change.run is not None:
        is_current = is_running and change.run == Run(standing.id, standing.attempt)
        return Verdict.DONE if is_current else Verdict.STALE
    return Verdict.DONE if is_running or isinstance(change, Completion) else Verdict.ABSENT


def standing_after(change: PullChange, standing: Standing) -> Standing | None:
    """Return how a job stands after a change that was judged DONE."""
    match change:
        case Completion():
            return None
        case Heartbeat():
            return standing
        case Rescheduling() | Return():
            return Standing(standing.id, JobState.WAITING, standing.attempt)
        case _:
            assert_never(change)


@frozen(kw_only=True)
class TimedOut:
    """A lease has ended: the job waits again, or `is_failed`, and is in the failed store now (I11).

    `fail_count` is how many leases of the job have ended by now.
    """

    id: int
    queue: str
    key: str
    fail_count: int
    is_failed: bool


def retries_at_first(max_retries: int) -> int:
    """Return how many retries a job has that has not been tried; those without end are not counted."""
    return max(max_retries, 0)


def is_exhausted(max_retries: int, retries_left: int) -> bool:
    """Whether a job whose lease has ended has failed; a negative `max_retries` has no end."""
    return max_retries >= 0 and retries_left <= 0


def timeout_message(fail_count: int) -> str:
    """Say why a job failed whose last lease has ended (README 21)."""
    return f"lease timed out after {fail_count} attempt{'' if fail_count == 1 else 's'}"


def lease_end_ms(now_ms: int, timeout_s: int) -> int:
    """Return when a lease ends that begins now; a timeout of 0 or less has passed with the millisecond."""
    return min(now_ms + timeout_s * 1000, INT64_MAX)
