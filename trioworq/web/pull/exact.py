"""Pull bodies read to the letter, as serde does it (contract pull §2.3, README 16).

Keys match exactly and unknown ones are ignored; a known one twice is an error, as are a null where there has
to be a value, a number in quotes and one with a fraction, bytes that are not UTF-8, and anything behind the
value. `quick` reads what most clients send several times as fast.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from json import JSONDecoder

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import MAX_PRIORITY
from trioworq.core.pull import INT32_MAX, INT32_MIN, PullOrder, Run
from trioworq.core.queues import check_name
from trioworq.web.fields import kind_of
from trioworq.web.moments import parse_moment
from trioworq.web.replies import BodyTooLarge
from trioworq.web.scanner import Scanner

NULL = b"null"

_JOB = frozenset({"id", "queue", "timeout", "max_retries", "payload", "state", "run_at", "priority"})
_INTEGER = re.compile(rb"-?(?:0|[1-9][0-9]{0,9})")
_STRING = JSONDecoder()

_Members = Mapping[str, bytes]


def read_order(body: bytes) -> PullOrder:
    """Read a job to enqueue. Raises InvalidRequest."""
    with _read_whole(body) as scanner:
        return _order_of(_read_members(scanner, _JOB))


def read_orders(body: bytes, most: int) -> list[PullOrder]:
    """Read an array of jobs. Raises InvalidRequest; BodyTooLarge when it has more than `most`."""
    with _read_whole(body) as scanner:
        if scanner.kind != "array":
            raise _mismatch(scanner.value(), "an array of jobs")
        orders: list[PullOrder] = []
        for source in scanner.items():
            if len(orders) == most:
                raise BodyTooLarge(f"A batch should have at most {most} jobs")
            orders.append(_order_of(_read_members(Scanner(source), _JOB)))
        return orders


def read_rescheduling(body: bytes) -> tuple[PullOrder, Run | None]:
    """Read how a job is to wait again, and its run if the body names one. Raises InvalidRequest."""
    with _read_whole(body) as scanner:
        members = _read_members(scanner, _JOB | {"run_id"})
        run_id = _optional_text(members, "run_id")
        return _order_of(members), None if run_id is None else Run.parse(run_id)


def read_value(body: bytes) -> bytes:
    """Return the source of the value that a body is. Raises InvalidRequest."""
    with _read_whole(body) as scanner:
        return scanner.value()


@contextmanager
def _read_whole(body: bytes) -> Iterator[Scanner]:
    """Read a body to its end; what is wrong with it is told in the original's words."""
    try:
        try:
            # A copy of it as text is made for the scanner as well, and goes at once.
            body.decode()
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"invalid unicode at byte {error.start}") from None
        scanner = Scanner(body)
        yield scanner
        scanner.end()
    except InvalidRequest as error:
        raise InvalidRequest(f"Json deserialize error: {error}") from None


def _read_members(scanner: Scanner, known: frozenset[str]) -> _Members:
    if scanner.kind != "object":
        raise _mismatch(scanner.value(), "a job")
    members: dict[str, bytes] = {}
    for key, source in scanner.members():
        if key not in known:
            continue
        if key in members:
            raise InvalidRequest(f"duplicate field `{key}`")
        members[key] = source
    return members


def _order_of(members: _Members) -> PullOrder:
    key, queue = _text(members, "id"), _text(members, "queue")
    check_name("id", key, least_bytes=0)
    check_name("queue", queue)
    run_at = _optional_text(members, "run_at")
    state = members.get("state", NULL)
    priority = members.get("priority", NULL)
    return PullOrder(
        queue=queue,
        key=key,
        payload=members.get("payload", NULL),
        timeout_s=_integer(members, "timeout", INT32_MIN, INT32_MAX),
        max_retries=_integer(members, "max_retries", INT32_MIN, INT32_MAX) if "max_retries" in members else 0,
        run_at_ms=None if run_at is None else parse_moment("run_at", run_at),
        saved_state=None if state == NULL else state,
        priority=None if priority == NULL else _integer(members, "priority", -MAX_PRIORITY, MAX_PRIORITY),
    )


def _text(members: _Members, name: str) -> str:
    source = _member(members, name)
    if not source.startswith(b'"'):
        raise _mismatch(source, f"a string for `{name}`")
    text: str = _STRING.decode(source.decode())
    return text


def _optional_text(members: _Members, name: str) -> str | None:
    return None if members.get(name, NULL) == NULL else _text(members, name)


def _integer(members: _Members, name: str, least: int, most: int) -> int:
    source = _member(members, name)
    if not _INTEGER.fullmatch(source) or not least <= int(source) <= most:
        raise _mismatch(source, f"an integer from {least} to {most} for `{name}`")
    return int(source)


def _member(members: _Members, name: str) -> bytes:
    try:
        return members[name]
    except KeyError:
        raise InvalidRequest(f"missing field `{name}`") from None


def _mismatch(source: bytes, wanted: str) -> InvalidRequest:
    kind = kind_of(source[:1].decode())
    shown = f" {source[:32].decode()}" if kind == "number" else ""
    return InvalidRequest(f"invalid type: {kind}{shown}, expected {wanted}")
