"""Which failures are meant: as queries and forms name them, and as people read it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from attrs import frozen
from markupsafe import Markup, escape

from trioworq.core.errors import InvalidRequest
from trioworq.core.failures import FailureFilter
from trioworq.core.jobs import Kind, read_job_id
from trioworq.web.console.numbers import count, moment
from trioworq.web.console.shown import shown
from trioworq.web.fields import replaced
from trioworq.web.moments import parse_moment, show_without_zone

# The fields of a query or a form that have a part in it.
FIELDS = ("kind", "queue", "category", "error", "text", "since", "from", "to", "jobs", "newest")
# A page repeats what is searched for in each of its links.
MAX_CHARACTERS = 1000
# How many jobs can be named one by one.
MAX_JOBS = 200

_TEXTS = ("queue", "category", "error", "text")
_KINDS = {"push": Kind.PUSH, "pull": Kind.PULL}
_WITHOUT_SECONDS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
_NUMBER = re.compile(r"[0-9]{1,18}")

_Fields = Mapping[str, str]


class Since(Enum):
    """How long ago a job may have failed, at most; by its name in queries."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def length_ms(self) -> int:
        """How long it is."""
        return {"hour": 3_600_000, "day": 86_400_000, "week": 604_800_000}[self.value]


def fields_of(given: _Fields) -> dict[str, str]:
    """Return what a query or a form says of a choice; what is empty has not been filled in.

    But an empty error is one: that of failures which are older than errors are kept. And no jobs are not all.
    """
    texts = {name: replaced(given[name]) for name in FIELDS if name in given}
    return {name: text for name, text in texts.items() if text or name in ("error", "jobs")}


def read_choice(given: _Fields, now_ms: int) -> FailureFilter:
    """Return which failures are meant at a time. Raises InvalidRequest."""
    fields = fields_of(given)
    if any(len(fields.get(name, "")) > MAX_CHARACTERS for name in _TEXTS):
        raise InvalidRequest(f"What is searched for should have at most {MAX_CHARACTERS} characters")
    after_ms = _moment(fields, "from")
    if after_ms is None and "since" in fields:
        after_ms = now_ms - _since(fields["since"]).length_ms
    return FailureFilter(
        kind=_kind(fields),
        queue=fields.get("queue"),
        category=fields.get("category"),
        error=fields.get("error"),
        text=fields.get("text"),
        failed_after_ms=after_ms,
        failed_before_ms=_moment(fields, "to"),
        job_ids=read_ids(fields["jobs"].split(",")) if "jobs" in fields else None,
        newest_id=_newest(fields),
    )


def write_choice(wanted: FailureFilter) -> dict[str, str]:
    """Return the fields that name these failures, whenever they are read."""
    ids = None if wanted.job_ids is None else ",".join(map(str, sorted(wanted.job_ids)))
    fields = {
        "kind": None if wanted.kind is None else wanted.kind.name.lower(),
        "queue": wanted.queue,
        "category": wanted.category,
        "error": wanted.error,
        "text": wanted.text,
        "from": _written(wanted.failed_after_ms),
        "to": _written(wanted.failed_before_ms),
        "jobs": ids,
        "newest": None if wanted.newest_id is None else str(wanted.newest_id),
    }
    return {name: text for name, text in fields.items() if text is not None}


@frozen
class Term:
    """A part of a choice as people read it; `field` is the one that says so."""

    field: str
    label: str
    value: Markup


def terms_of(wanted: FailureFilter) -> Sequence[Term]:
    """Say which failures are meant; nothing where all are."""
    ids, kind = wanted.job_ids, wanted.kind
    terms = (
        Term("jobs", "Selected", Markup("") if ids is None else escape(_jobs(len(ids)))),
        Term("kind", "Kind", Markup("") if kind is None else escape(f"{kind.name.lower()} jobs")),
        Term("queue", "Queue", _quoted(wanted.queue)),
        Term("category", "Category", _quoted(wanted.category)),
        Term("error", "Error", Markup("not known") if wanted.error == "" else _quoted(wanted.error)),
        Term("text", "With the text", _quoted(wanted.text)),
        Term("from", "Failed from", _moment_shown(wanted.failed_after_ms)),
        Term("to", "Failed before", _moment_shown(wanted.failed_before_ms)),
    )
    return [term for term in terms if term.value]


def read_ids(texts: Iterable[str]) -> frozenset[int]:
    """Return jobs by their ids. Raises InvalidRequest."""
    ids = [read_job_id(text) for text in texts]
    if len(ids) > MAX_JOBS:
        raise InvalidRequest(f"At most {MAX_JOBS} jobs can be named one by one")
    if None in ids:
        raise InvalidRequest("What is selected should be ids of jobs")
    return frozenset(number for number in ids if number is not None)


def _kind(fields: _Fields) -> Kind | None:
    name = fields.get("kind")
    if name is None:
        return None
    if name not in _KINDS:
        raise InvalidRequest("The kind should be push or pull")
    return _KINDS[name]


def _since(text: str) -> Since:
    try:
        return Since(text)
    except ValueError:
        raise InvalidRequest("What failed can be that of the last hour, day or week") from None


def _moment(fields: _Fields, name: str) -> int | None:
    """Read a time in UTC; browsers leave out seconds that are 0."""
    text = fields.get(name)
    if text is None:
        return None
    return parse_moment(name, f"{text}:00" if _WITHOUT_SECONDS.fullmatch(text) else text)


def _newest(fields: _Fields) -> int | None:
    text = fields.get("newest")
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise InvalidRequest("The newest failure should be a number")
    return int(text)


def _written(time_ms: int | None) -> str | None:
    return None if time_ms is None else show_without_zone(time_ms, "milliseconds") + "Z"


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{count(number)} jobs"


def _quoted(text: str | None) -> Markup:
    return Markup("") if text is None else shown(text)


def _moment_shown(time_ms: int | None) -> Markup:
    return Markup("") if time_ms is None else moment(time_ms)
