"""Fireworq's JSON shapes: bodies → checked values, values → answers (contract §1.5, §1.6, §1.9–§1.11)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import (
    DEFAULT_PRIORITY,
    INT64_MAX,
    NO_PAYLOAD,
    UINT32_MAX,
    URL_MAX_BYTES,
    FailedJob,
    Job,
    JobState,
    Order,
    Payload,
    PayloadForm,
)
from trioworq.core.queues import QueueDefaults, QueueDefinition, check_name, check_priority, define
from trioworq.core.routing import Routing
from trioworq.core.stats import QueueStats
from trioworq.web.compact import compact
from trioworq.web.fields import Fields
from trioworq.web.lenient import read_object
from trioworq.web.quick import Source, read_job
from trioworq.web.replies import BodyTooLarge

_STATUS = {JobState.WAITING: "claimed", JobState.RUNNING: "grabbed"}
_IS_PAUSED = {"is_paused": True}
_USUAL: Mapping[str, int] = {}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253_402_214_400_000  # 9999-12-31T00:00:00Z: a day short of the last year that RFC 3339 knows


def _make_converter() -> Converter:
    converter = Converter()
    converter.register_unstructure_hook(
        QueueDefinition,
        make_dict_unstructure_fn(
            QueueDefinition,
            converter,
            polling_interval_ms=override(rename="polling_interval"),
            max_dispatches_per_second=override(omit_if_default=True),
            max_burst_size=override(omit_if_default=True),
            priority=override(omit_if_default=True),
        ),
    )
    return converter


_CONVERTER = _make_converter()
_TIME_LENGTH = len("2000-01-01T00:00:00.000")


def read_order(category: str, body: bytes) -> Order:
    """Read a push (contract §1.9). Raises InvalidRequest."""
    return order_of(category, read_job(body) or read_object(body))


def read_item(source: Source) -> Order:
    """Read an item of a batch: a push that names its own category. Raises InvalidRequest."""
    fields = read_job(source) or read_object(bytes(source), what="a job")
    # Unlike a URL it is not repaired, as that might make it another category; nor can a path's be.
    category = fields.exact_text("category")
    if not category:
        raise InvalidRequest("Missing field: category")
    return order_of(category, fields)


def order_of(category: str, fields: Fields) -> Order:
    """Check the fields of a push. Raises InvalidRequest; the checks come in the original's order."""
    order = Order(
        category=category,
        payload=_read_payload(fields),
        url=fields.text("url"),
        run_after_s=fields.unsigned("run_after", INT64_MAX // 1000),
        timeout_s=fields.unsigned("timeout", UINT32_MAX),
        retry_delay_s=fields.unsigned("retry_delay", UINT32_MAX),
        max_retries=fields.unsigned("max_retries", UINT32_MAX),
        priority=_read_priority(fields),
    )
    if not order.url:
        raise InvalidRequest("Missing field: url")
    if len(order.url.encode()) > URL_MAX_BYTES:
        raise InvalidRequest(f"url should have at most {URL_MAX_BYTES} bytes")
    check_name("category", category)
    return order


def check_size(order: Order, max_payload_bytes: int) -> None:
    """Raise BodyTooLarge for a payload that no body may hold.

    It may come out of one all the same: bytes that are not UTF-8 grow threefold when a string is decoded.
    """
    if len(order.payload.body) > max_payload_bytes:
        raise BodyTooLarge(f"A payload should have at most {max_payload_bytes} bytes")


def _read_payload(fields: Fields) -> Payload:
    if fields.is_text("payload"):
        return Payload(PayloadForm.TEXT, fields.text("payload").encode())
    source = fields.source("payload")
    return NO_PAYLOAD if source is None else Payload(PayloadForm.JSON, source)


def _read_priority(fields: Fields) -> int | None:
    priority = fields.integer("priority")
    if priority is not None:
        check_priority(priority)
    return priority


def read_definition(name: str, body: bytes, defaults: QueueDefaults) -> QueueDefinition:
    """Read a queue's definition; a name in the body has no say. Raises InvalidRequest."""
    fields = read_object(body)
    priority = _read_priority(fields)
    return define(
        name,
        defaults=defaults,
        polling_interval_ms=fields.unsigned("polling_interval", UINT32_MAX),
        max_workers=fields.unsigned("max_workers", UINT32_MAX),
        max_dispatches_per_second=fields.number("max_dispatches_per_second"),
        max_burst_size=fields.unsigned("max_burst_size", UINT32_MAX),
        priority=DEFAULT_PRIORITY if priority is None else priority,
    )


def read_routing(category: str, body: bytes) -> Routing:
    """Read a routing; a category in the body has no say. Raises InvalidRequest."""
    queue = read_object(body).text("queue_name")
    if not queue:
        raise InvalidRequest("Missing field: queue_name")
    check_name("category", category)
    return Routing(category=category, queue=queue)


def show_order(job: Job, order: Order) -> dict[str, Any]:
    """Write the answer to a push; every field is always there, but for a priority that is the default."""
    return {
        "id": job.id,
        "queue_name": job.queue,
        "category": order.category,
        "url": order.url,
        "payload": _show_payload(order.payload),
        "run_after": order.run_after_s,
        "timeout": order.timeout_s,
        "retry_delay": order.retry_delay_s,
        "max_retries": order.max_retries,
        **_priority_if_odd(job.priority),
    }


def show_definition(definition: QueueDefinition, *, is_paused: bool = False) -> dict[str, Any]:
    """Write a queue's definition: the throttle only when there is one, the priority if it is no default."""
    shown: dict[str, Any] = _CONVERTER.unstructure(definition)
    return shown | _IS_PAUSED if is_paused else shown


def show_pause(queue: str, *, is_paused: bool) -> dict[str, Any]:
    """Write whether a queue is paused (README 19)."""
    return {"name": queue, "paused": is_paused}


def show_stats(stats: QueueStats, *, is_paused: bool = False) -> dict[str, int]:
    """Write a queue's counters."""
    shown: dict[str, int] = _CONVERTER.unstructure(stats)
    return shown | _IS_PAUSED if is_paused else shown


def show_routing(routing: Routing) -> dict[str, Any]:
    """Write a routing."""
    return {"queue_name": routing.queue, "job_category": routing.category}


def show_job(job: Job) -> dict[str, Any]:
    """Write a job that has not ended."""
    return {
        "id": job.id,
        "category": job.category,
        "url": job.url,
        **_payload_if_any(job.payload),
        "status": _STATUS[job.state],
        "created_at": show_time(job.created_at_ms),
        "next_try": show_time(job.next_try_ms),
        "timeout": job.timeout_s,
        "fail_count": job.fail_count,
        "max_retries": job.max_retries,
        "retry_delay": job.retry_delay_s,
        **_priority_if_odd(job.priority),
    }


def show_failure(failed: FailedJob) -> dict[str, Any]:
    """Write an entry of the failure log."""
    result = failed.result
    return {
        "id": failed.id,
        "job_id": failed.job_id,
        "category": failed.category,
        "url": failed.url,
        **_payload_if_any(failed.payload),
        "result": {"status": result.status.value, "code": result.code, "message": result.message},
        "fail_count": failed.fail_count,
        "failed_at": show_time(failed.failed_at_ms),
        "created_at": show_time(failed.created_at_ms),
        **_priority_if_odd(failed.priority),
    }


def _payload_if_any(payload: Payload) -> Mapping[str, Any]:
    return {} if payload.form is PayloadForm.ABSENT else {"payload": _show_payload(payload)}


def _priority_if_odd(priority: int) -> Mapping[str, int]:
    return _USUAL if priority == DEFAULT_PRIORITY else {"priority": priority}


def _show_payload(payload: Payload) -> Any:
    """Write a payload in the form in which it came; number literals and bytes that are not UTF-8 survive."""
    match payload.form:
        case PayloadForm.ABSENT:
            return None
        case PayloadForm.TEXT:
            return payload.body.decode()
        case PayloadForm.JSON:
            return orjson.Fragment(compact(payload.body))


def show_time(time_ms: int) -> str:
    """Write a time in RFC 3339, local zone, with as many digits of the milliseconds as it needs.

    Times beyond the year 9999, which RFC 3339 cannot write, are shown as its last day.
    """
    moment = (_EPOCH + timedelta(milliseconds=min(time_ms, _LAST_MS))).astimezone()
    text = moment.isoformat(timespec="milliseconds")
    date_time, zone = text[:_TIME_LENGTH], text[_TIME_LENGTH:]
    # A fraction always has three digits here, so no zero of the seconds is lost.
    return date_time.rstrip("0").rstrip(".") + ("Z" if zone == "+00:00" else zone)
