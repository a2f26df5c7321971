"""What the queries of the load name (contract load §4.1, §4.2)."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from attrs import frozen

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import INT64_MAX
from trioworq.core.periods import Period
from trioworq.manage.load import TypeFilter
from trioworq.web.load.times import parse_time
from trioworq.web.messages import Request
from trioworq.web.paths import query_pairs

_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,19})")


@frozen
class Query:
    """Every value of each key, where one is wanted, the last counts, as in the original."""

    values: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, request: Request) -> "Query":
        """Read the query of a request."""
        values: defaultdict[str, list[str]] = defaultdict(list)
        for key, value in query_pairs(request.query_string):
            values[key].append(value)
        return cls(dict(values))

    def last(self, key: str) -> str | None:
        """Return the last value of a key."""
        return self.values[key][-1] if key in self.values else None

    def texts(self, key: str) -> frozenset[str]:
        """Return the values of a key that may be repeated."""
        return frozenset(self.values.get(key, ()))

    def integers(self, key: str) -> frozenset[int]:
        """Return the values of a key that may be repeated and stands for numbers. Raises InvalidRequest."""
        return frozenset(_integer(key, text) for text in self.values.get(key, ()))


def period_of(query: Query, now_ms: int) -> Period:
    """Return the time that a query asks for. Raises InvalidRequest."""
    return Period.between(_time(query, "started", now_ms), _time(query, "ended", now_ms), now_ms)


def types_of(query: Query) -> TypeFilter:
    """Return the job types that a query asks for. Raises InvalidRequest."""
    return TypeFilter(
        ids=query.integers("job_type_id"),
        names=query.texts("job_type_name"),
        categories=query.texts("job_type_category"),
        priorities=query.integers("job_type_priority"),
    )


def _time(query: Query, key: str, now_ms: int) -> int | None:
    text = query.last(key)
    return None if text is None else parse_time(key, text, now_ms)


def _integer(key: str, text: str) -> int:
    match = _INTEGER.fullmatch(text)
    if match is None or int(match[2]) > INT64_MAX:
        raise InvalidRequest(f'Parameter must be a valid integer: "{key}"')
    return int(match[1] + match[2])
