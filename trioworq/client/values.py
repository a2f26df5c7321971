"""What goes in and what comes out: jobs as their users see them. Times are in seconds, payloads any JSON."""

import json
import os
import time
from datetime import datetime
from enum import Enum
from functools import cached_property
from typing import Any
from uuid import UUID

from attrs import field, frozen

DEFAULT_TIMEOUT_S = 30
DEFAULT_PRIORITY = 100


class Unchanged(Enum):
    """The type of UNCHANGED, which stands for leaving something as it is: None is a value of JSON."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED


def new_id() -> str:
    """Return a UUID of version 7 (RFC 9562): in the order of time, so that indexes grow at their ends."""
    random = int.from_bytes(os.urandom(10), "big")
    number = (time.time_ns() // 1_000_000) << 80 | random
    number = number & ~(0xF << 76) | 7 << 76  # the version
    number = number & ~(0b11 << 62) | 0b10 << 62  # the variant
    return str(UUID(int=number))


@frozen(kw_only=True)
class NewPush:
    """A job to be pushed to a worker's `url`; all numbers are whole seconds.

    `payload` is what the worker gets: any JSON, or bytes that are JSON already. `run_after_s` is how long it
    waits first, `timeout_s` how long one attempt may take (0: as long as the daemon allows), `retry_delay_s`
    the time between attempts, `max_retries` how many may follow a failed one. Of due jobs those of the lowest
    `priority` go first; None is the queue's.
    """

    category: str
    url: str
    payload: Any = None
    run_after_s: int = 0
    timeout_s: int = 0
    retry_delay_s: int = 0
    max_retries: int = 0
    priority: int | None = None


@frozen(kw_only=True)
class NewJob:
    """A job for workers that fetch.

    `id` names it within its queue, which has one job of a name at a time. `payload` is any JSON, or bytes
    that are JSON already. A worker that says nothing of the job for `timeout_s` whole seconds has lost it,
    and it is tried again, `max_retries` times; without end if that is negative. `run_at`, which has a zone,
    is when it may be fetched first; None is now. Of due jobs those of the lowest `priority` go first.
    """

    queue: str
    payload: Any = None
    id: str = field(factory=new_id)
    timeout_s: int = DEFAULT_TIMEOUT_S
    max_retries: int = 0
    run_at: datetime | None = field(default=None)
    priority: int | None = None

    @run_at.validator
    def _check_run_at(self, _attribute: object, value: datetime | None) -> None:
        if value is not None and value.tzinfo is None:
            raise ValueError("run_at has no time zone")


@frozen
class Enqueued:
    """A job that is stored: its `id` in its queue, and the daemon's own `job_id`.

    `job_id` is None when the answer that told it was lost.
    """

    id: str
    job_id: str | None


@frozen(kw_only=True)
class Job:
    """A job as `next` hands it out, and as it is read.

    `run_id` names the run that the lease is for; it goes along with whatever is said of the job, so that what
    comes too late changes nothing. It is None while the job waits. `attempt` counts from 1. `state_json` is
    what was saved for the next try, None if nothing was. Payload and state are as they were sent, but that
    halves of surrogate pairs, which are no text, may be U+FFFD.
    """

    id: str
    queue: str
    payload_json: bytes
    state_json: bytes | None
    timeout_s: int
    max_retries: int
    run_at: datetime
    run_id: str | None
    attempt: int
    job_id: str | None
    priority: int

    @cached_property
    def payload(self) -> Any:
        """The payload, decoded when it is first looked at; whole numbers keep every digit.

        Raises ValueError for a number of more digits than Python reads, RecursionError for deep nesting.
        """
        return json.loads(self.payload_json)

    @cached_property
    def state(self) -> Any:
        """The saved state, decoded when it is first looked at; None if there is none."""
        return None if self.state_json is None else json.loads(self.state_json)


def to_json(value: Any) -> bytes:
    """Return a value as JSON; bytes are JSON already. Raises TypeError and ValueError for what JSON lacks."""
    if isinstance(value, bytes):
        return value
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
