"""Writes as values: what is handed to a store's service task (design §4).

A push is a `NewJob`, a settlement one of `core.retry`, a claim and a hold come from the interface; the
rest is here. The comment beside each kind names the outcome it is answered with.
"""

from attrs import frozen

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import INT64_MAX, NAME_MAX_BYTES, UINT32_MAX, URL_MAX_BYTES, NewJob
from trioworq.core.queues import QueueDefinition
from trioworq.core.retry import Failed, Settlement
from trioworq.core.routing import Routing
from trioworq.stores.interface import Claim, Hold

# What a row takes beside its payload, url and names: enough for bounding a batch.
_ROW_BYTES = 256


@frozen
class DeleteJob:
    """Remove a job, running or not."""

    queue: str
    job_id: int


@frozen
class DeleteFailure:
    """Remove an entry of the failure log."""

    queue: str
    failure_id: int


@frozen
class PutQueue:
    """Define or redefine a queue."""

    definition: QueueDefinition


@frozen
class DeleteQueue:
    """Remove a queue's definition."""

    name: str


@frozen
class PutRouting:
    """Route or re-route a category."""

    routing: Routing


@frozen
class DeleteRouting:
    """Remove a routing."""

    category: str


@frozen
class GiveBack:
    """End every lease of a node."""

    node_id: str


Operation = (
    NewJob  # the job's id
    | Claim  # list[Job]
    | Settlement  # whether it was the running attempt
    | DeleteJob  # Job | None
    | DeleteFailure  # FailedJob | None
    | PutQueue  # whether anything changed
    | DeleteQueue  # QueueDefinition | None
    | PutRouting  # whether anything changed, or NoSuchQueue
    | DeleteRouting  # Routing | None
    | Hold  # dict[str, int]
    | GiveBack  # None
)


def weight(operation: Operation) -> int:
    """Return about how many bytes an operation adds to its transaction."""
    match operation:
        case NewJob():
            names = utf8_size(operation.queue) + utf8_size(operation.category)
            return _ROW_BYTES + names + utf8_size(operation.url) + len(operation.payload.body)
        case Failed():
            return _ROW_BYTES + utf8_size(operation.result.message)
        case Hold():
            return _ROW_BYTES + sum(map(utf8_size, operation.queues))
        case _:
            return _ROW_BYTES


def check_storable(job: NewJob) -> None:
    """Raise InvalidRequest for a job that does not fit the columns, alike in every store."""
    _check_text("queue name", job.queue, NAME_MAX_BYTES)
    _check_text("job category", job.category, NAME_MAX_BYTES)
    _check_text("url", job.url, URL_MAX_BYTES)
    _check_number("timeout", job.timeout_s, UINT32_MAX)
    _check_number("retry_delay", job.retry_delay_s, UINT32_MAX)
    _check_number("max_retries", job.max_retries, UINT32_MAX)
    _check_number("time of creation", job.created_at_ms, INT64_MAX)
    _check_number("time of the first try", job.next_try_ms, INT64_MAX)


def utf8_size(text: str) -> int:
    """Return the length of `text` in UTF-8; what cannot be encoded counts too, it is refused elsewhere."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _check_text(what: str, text: str, most: int) -> None:
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise InvalidRequest(f"The {what} is not valid UTF-8") from None
    if size > most:
        raise InvalidRequest(f"The {what} should have at most {most} bytes, not {size}")


def _check_number(what: str, number: int, most: int) -> None:
    if not 0 <= number <= most:
        raise InvalidRequest(f"The {what} should be between 0 and {most}")
