"""What nearly all clients enqueue, read by msgspec many times as fast as the exact reader does it.

Everything here is taken only if the exact reader would take it for the same, and None otherwise. msgspec
knows no duplicates, so quotes are counted: each key and each string takes two at least, so there are more
than the members take that were read if any is there twice.
"""

from collections.abc import Iterable
from itertools import takewhile
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import MAX_PRIORITY, NAME_MAX_BYTES
from trioworq.core.pull import INT32_MAX, INT32_MIN, PullOrder
from trioworq.web.moments import parse_moment
from trioworq.web.pull.exact import NULL

_Int32 = Annotated[int, Meta(ge=INT32_MIN, le=INT32_MAX)]
_Priority = Annotated[int, Meta(ge=-MAX_PRIORITY, le=MAX_PRIORITY)]

_ABSENT = Raw()
_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# Of every job: id, queue and timeout; two of them are strings.
_LEAST_MEMBERS = 3
_LEAST_STRINGS = 2

# So many characters, of four bytes at most.
_SURELY_FITS = NAME_MAX_BYTES // 4


class _Job(Struct, forbid_unknown_fields=True, gc=False):
    id: str
    queue: str
    timeout: _Int32
    max_retries: _Int32 | UnsetType = UNSET
    payload: Raw = _ABSENT
    state: Raw = _ABSENT
    run_at: str | UnsetType | None = UNSET
    priority: _Priority | UnsetType | None = UNSET


_JOB = msgspec.json.Decoder(_Job)
_VALUE = msgspec.json.Decoder(Raw)


def read_order(body: bytes) -> PullOrder | None:
    """Read a job to enqueue; None when that is up to the exact reader."""
    try:
        job = _JOB.decode(body)
    except _REFUSED:
        return None
    orders = _read(body, [job])
    return orders[0] if orders else None


def read_value(body: bytes) -> bytes | None:
    """Return the source of the value that a body is; None when that is up to the exact reader."""
    try:
        value = bytes(_VALUE.decode(body))
    except _REFUSED:
        return None
    return value if _is_utf8(value) else None


class OrdersReader:
    """Reads arrays that have at most so many jobs."""

    def __init__(self, most: int) -> None:
        # A place for each, as a list's length would only be looked at when its millions have been made.
        places = [(f"job{number}", _Job | UnsetType, UNSET) for number in range(most)]
        jobs = msgspec.defstruct("_Jobs", places, array_like=True, forbid_unknown_fields=True, gc=False)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(jobs)

    def read(self, body: bytes) -> list[PullOrder] | None:
        """Read an array of jobs; None when that is up to the exact reader."""
        try:
            jobs = self._decoder.decode(body)
        except _REFUSED:
            return None
        return _read(body, takewhile(lambda job: isinstance(job, _Job), msgspec.structs.astuple(jobs)))


def _read(body: bytes, jobs: Iterable[_Job]) -> list[PullOrder] | None:
    orders: list[PullOrder] = []
    quotes = 0
    for job in jobs:
        order = _order_of(job)
        if order is None:
            return None
        orders.append(order)
        quotes += _quotes_of(job) + order.payload.count(b'"')
        if order.saved_state is not None:
            quotes += order.saved_state.count(b'"')
    return orders if body.count(b'"') == quotes and _is_utf8(body) else None


def _order_of(job: _Job) -> PullOrder | None:
    if not job.queue or not _fits(job.queue) or not _fits(job.id):
        return None
    state = bytes(job.state)
    try:
        run_at_ms = parse_moment("run_at", job.run_at) if isinstance(job.run_at, str) else None
    except InvalidRequest:
        return None
    return PullOrder(
        queue=job.queue,
        key=job.id,
        payload=bytes(job.payload) or NULL,
        timeout_s=job.timeout,
        max_retries=0 if job.max_retries is UNSET else job.max_retries,
        run_at_ms=run_at_ms,
        saved_state=None if state in (b"", NULL) else state,
        priority=None if job.priority is UNSET else job.priority,
    )


def _fits(name: str) -> bool:
    """Whether a store can keep it; the shortest are not measured, as most are that."""
    is_short = len(name) <= _SURELY_FITS or len(name.encode()) <= NAME_MAX_BYTES
    return is_short and "\x00" not in name


def _quotes_of(job: _Job) -> int:
    """Return how many quotes stand outside of payload and state if each member is there once."""
    members = _LEAST_MEMBERS
    for is_given in (
        job.max_retries is not UNSET,
        len(job.payload) > 0,
        len(job.state) > 0,
        job.run_at is not UNSET,
        job.priority is not UNSET,
    ):
        members += is_given
    return 2 * (members + _LEAST_STRINGS + isinstance(job.run_at, str))


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
