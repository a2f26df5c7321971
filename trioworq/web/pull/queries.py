"""What the paths and queries of the pull side name (contract pull §2.5, README 13–16)."""

import re
from collections.abc import Mapping

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import UINT32_MAX
from trioworq.core.pull import MAX_JOBS, Run
from trioworq.core.queues import check_name
from trioworq.web.messages import Request

MAX_WAIT_S = 60

# As the original reads numbers, leading zeros are nothing. More digits than these are too many for it.
_NUMBER = re.compile(r"0*([0-9]{1,10})")
_DIGITS = re.compile(r"[0-9]+")


def queue_of(request: Request) -> str:
    """Return the queue that a request names, in its path or else in its query. Raises InvalidRequest."""
    return _name(request, "queue", "q", least_bytes=1)


def job_of(request: Request) -> tuple[str, str]:
    """Return the queue and the id that a request names. Raises InvalidRequest."""
    return queue_of(request), _name(request, "job_id", "job_id", least_bytes=0)


def run_of(query: Mapping[str, str]) -> Run | None:
    """Return the run that a query names, if it does."""
    text = query.get("run_id")
    return None if text is None else Run.parse(text)


def limit_of(query: Mapping[str, str]) -> int:
    """Return how many jobs a client wants, as far as it may have them. Raises InvalidRequest."""
    match = _NUMBER.fullmatch(query.get("num_jobs", "1"))
    if match is None or int(match[1]) > UINT32_MAX:
        raise _refusal(f"`num_jobs` should be an integer from 0 to {UINT32_MAX}")
    return min(int(match[1]), MAX_JOBS)


def wait_of(query: Mapping[str, str]) -> int:
    """Return for how many seconds a client wants to wait, as far as it may. Raises InvalidRequest."""
    text = query.get("wait", "0")
    if not _DIGITS.fullmatch(text):
        raise _refusal("`wait` should be a number of seconds")
    match = _NUMBER.fullmatch(text)
    return MAX_WAIT_S if match is None else min(int(match[1]), MAX_WAIT_S)


def _name(request: Request, in_query: str, in_path: str, *, least_bytes: int) -> str:
    name = request.arguments.get(in_path) if request.arguments else request.query.get(in_query)
    if name is None:
        raise _refusal(f"missing field `{in_query}`")
    try:
        check_name(in_query, name, least_bytes=least_bytes)
    except InvalidRequest as error:
        raise _refusal(str(error)) from None
    return name


def _refusal(reason: str) -> InvalidRequest:
    return InvalidRequest(f"Query deserialize error: {reason}")
