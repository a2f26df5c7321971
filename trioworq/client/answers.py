"""What comes back: answers → values, refusals → errors."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from attrs import field, frozen

from trioworq.client.errors import BadAnswer, NotFound, Refused, Unauthorized
from trioworq.client.values import DEFAULT_PRIORITY, Enqueued, Job

MAX_DETAIL = 500

# An escape in JSON that is half of a surrogate pair, and as such no text. Pairs, and all other escapes, are
# matched too, so that what stands in them is not taken for one.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)

_Shape = TypeVar("_Shape")


@frozen
class Answer:
    """An answer to a request; the names of `headers` are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(factory=dict)


@frozen
class NoAnswer:
    """No answer came; `may_be_done` is False if the daemon has certainly not seen the request."""

    reason: str
    may_be_done: bool


class _JobShape(msgspec.Struct, rename={"timeout_s": "timeout"}):
    id: str
    queue: str
    timeout_s: int
    max_retries: int
    run_at: datetime
    payload: msgspec.Raw = msgspec.Raw(b"null")
    state: msgspec.Raw = msgspec.Raw(b"null")
    run_id: str | None = None
    attempt: int = 1
    job_id: str | None = None
    priority: int = DEFAULT_PRIORITY


class _PushedShape(msgspec.Struct):
    id: int


class _ItemShape(msgspec.Struct):
    id: int | None = None
    status: int = 0
    error: str = ""


class _DetailShape(msgspec.Struct):
    detail: str


def decoder(shape: type[_Shape]) -> Callable[[bytes], _Shape]:
    """Return a reader of JSON of that shape. It raises BadAnswer."""
    decode = msgspec.json.Decoder(shape).decode

    def read(body: bytes) -> _Shape:
        try:
            return _read_leniently(decode, body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadAnswer(f"the answer cannot be read: {error}") from error

    return read


def _read_leniently(decode: Callable[[bytes], _Shape], body: bytes) -> _Shape:
    """Read JSON as most readers do: halves of surrogate pairs are U+FFFD.

    The daemon keeps every payload that is JSON, and one must not take along those it was fetched with.
    """
    try:
        return decode(body)
    except msgspec.DecodeError:
        return decode(_ESCAPE.sub(_whole, body))


def _whole(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape["half"] else escape[0]


_read_job = decoder(_JobShape)
_read_jobs = decoder(list[_JobShape])
_read_pushed = decoder(_PushedShape)
_read_items = decoder(list[_ItemShape])
_read_detail = decoder(_DetailShape)


def nothing(_answer: Answer) -> None:
    """Read an answer that says no more than its status."""


def pushed(answer: Answer) -> int:
    """Read the id of a pushed job."""
    return _read_pushed(answer.body).id


def pushed_many(answer: Answer) -> list[int | Refused]:
    """Read what became of each job of a batch, in order."""
    return [
        _refusal_of(item.status, item.error, {}) if item.id is None else item.id
        for item in _read_items(answer.body)
    ]


def enqueued(answer: Answer, key: str) -> Enqueued:
    """Read which job was made."""
    return Enqueued(key, answer.headers.get("trioworq-job-id"))


def jobs(answer: Answer) -> list[Job]:
    """Read the jobs that were handed out."""
    return [] if answer.status == 204 else [_job(shape) for shape in _read_jobs(answer.body)]


def job(answer: Answer) -> Job:
    """Read one job."""
    return _job(_read_job(answer.body))


def _job(shape: _JobShape) -> Job:
    state = bytes(shape.state)
    return Job(
        id=shape.id,
        queue=shape.queue,
        payload_json=bytes(shape.payload),
        state_json=None if state == b"null" else state,
        timeout_s=shape.timeout_s,
        max_retries=shape.max_retries,
        run_at=shape.run_at,
        run_id=shape.run_id,
        attempt=shape.attempt,
        job_id=shape.job_id,
        priority=shape.priority,
    )


def refusal(answer: Answer, conflict: type[Refused]) -> Refused | BadAnswer:
    """Return the error that an answer stands for which is no success; `conflict` is what a 409 means."""
    if 400 <= answer.status < 500:
        return _refusal_of(answer.status, detail_of(answer), {409: conflict})
    return BadAnswer(f"{detail_of(answer)} (HTTP {answer.status})")


def _refusal_of(status: int, detail: str, more: Mapping[int, type[Refused]]) -> Refused:
    kinds: Mapping[int, type[Refused]] = {401: Unauthorized, 403: Unauthorized, 404: NotFound, **more}
    return kinds.get(status, Refused)(status, detail)


def detail_of(answer: Answer) -> str:
    """Return the `detail` of an answer, or the line of its text that says most.

    That is the last, as the first may repeat the status.
    """
    try:
        return _read_detail(answer.body).detail[:MAX_DETAIL]
    except BadAnswer:
        pass  # text, then
    lines: Sequence[str] = answer.body.decode(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][:MAX_DETAIL] if said else "no reason given"
