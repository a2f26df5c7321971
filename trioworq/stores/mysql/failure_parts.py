"""Which failures are meant, as ranges of the indexes of a MySQL or MariaDB database."""

from collections.abc import Sequence
from enum import Enum, auto

from attrs import frozen

from trioworq.core.failures import FailureFilter
from trioworq.core.jobs import Kind
from trioworq.stores.mysql.ranges import Condition, Range, holds


class Purpose(Enum):
    """What failures are sought for: to be read in the order of their ids, to be counted, to be grouped."""

    LIST = auto()
    COUNT = auto()
    GROUP = auto()


@frozen
class Part:
    """A range of an index, read from that alone, and the `rest` of what is to hold of its failures."""

    range: Range
    rest: Sequence[Condition] = ()

    @property
    def wanted(self) -> Range:
        """What is meant of the range."""
        return self.range.also(*self.rest)


def parts(wanted: FailureFilter, purpose: Purpose) -> list[Part]:
    """Return what a filter lets in; no failure is in two of the parts."""
    if wanted.job_ids is not None and not wanted.job_ids:
        return []
    kinds = [kind for kind in Kind if wanted.kind in {None, kind}]
    if wanted.category is not None:
        kinds = [kind for kind in kinds if kind is Kind.PUSH]
    return [_part(wanted, kind, purpose) for kind in kinds]


def wanted_ranges(wanted: FailureFilter, purpose: Purpose) -> list[Range]:
    """Return what a filter lets in, whether an index tells or a row."""
    return [part.wanted for part in parts(wanted, purpose)]


def _part(wanted: FailureFilter, kind: Kind, purpose: Purpose) -> Part:
    category = wanted.category
    # All of their failures have the empty one.
    if kind is Kind.PULL and wanted.error is not None:
        category = ""
    of_group = {"queue": wanted.queue, "category": category, "error": wanted.error}
    index = _index(wanted, purpose, is_group=None not in of_group.values())
    within = ("queue", "category", "error") if index == "failure_error" else ("queue",)
    kept = [Condition("kind = %s", (kind.value,)), *_jobs(wanted)]
    kept += [Condition(f"{name} = %s", (of_group[name],)) for name in within if of_group[name] is not None]
    rest = [
        Condition(f"{name} = %s", (value,))
        for name, value in of_group.items()
        if name not in within and value is not None
    ]
    if wanted.text is not None:
        rest.append(holds(wanted.text, "result_message", "url", "pull_key"))
    first, *others = [*kept, *_limits(wanted)]
    return Part(Range(f"failure FORCE INDEX ({index})", first).also(*others), rest)


def _index(wanted: FailureFilter, purpose: Purpose, *, is_group: bool) -> str:
    if wanted.job_id is not None or wanted.job_ids is not None:
        return "failure_job"
    if is_group:
        return "failure_error"
    # Others are not in the order of the ids there; and rows are read in the order in which they lie.
    by_error = purpose is Purpose.GROUP or (purpose is Purpose.COUNT and wanted.error is not None)
    if by_error and wanted.text is None:
        return "failure_error"
    return "failure_all" if wanted.queue is None else "failure_failed"


def _jobs(wanted: FailureFilter) -> list[Condition]:
    conditions = []
    if wanted.job_id is not None:
        conditions.append(Condition("job_id = %s", (wanted.job_id,)))
    if wanted.job_ids is not None:
        places = ", ".join(["%s"] * len(wanted.job_ids))
        conditions.append(Condition(f"job_id IN ({places})", tuple(sorted(wanted.job_ids))))
    return conditions


def _limits(wanted: FailureFilter) -> list[Condition]:
    given = [
        ("failed_at >= %s", wanted.failed_after_ms),
        ("failed_at < %s", wanted.failed_before_ms),
        ("id <= %s", wanted.newest_id),
    ]
    return [Condition(condition, (value,)) for condition, value in given if value is not None]
