"""What a worker's answer means: any bytes give exactly one verdict, never an exception (contract §1.15)."""

import json
from enum import Enum

from attrs import frozen

# A worker may answer with megabytes; the failure log keeps this much of them (contract §1.24).
KEPT_BODY_BYTES = 64 * 1024
KEPT_MESSAGE_CHARACTERS = 64 * 1024
KEPT_STATUS_CHARACTERS = 1024
# How much of the message a job keeps that is tried again.
LAST_ERROR_CHARACTERS = 4096


class ResultStatus(Enum):
    """The verdict on one attempt, by its wire word."""

    SUCCESS = "success"
    FAILURE = "failure"
    PERMANENT_FAILURE = "permanent-failure"
    INTERNAL_FAILURE = "internal-failure"


@frozen
class Result:
    """The verdict on one attempt.

    `code` is the worker's HTTP status, 0 when there was no answer.
    """

    status: ResultStatus
    code: int
    message: str


# What a worker may say itself; internal-failure is ours.
_SPOKEN = {
    "success": ResultStatus.SUCCESS,
    "failure": ResultStatus.FAILURE,
    "permanent-failure": ResultStatus.PERMANENT_FAILURE,
}


def interpret(body: bytes, code: int) -> Result:
    """Read the verdict from a complete answer of a worker; the HTTP status has no say in it.

    `code` is that status and only passed on.
    """
    try:
        status, message = _fields(body)
    except (ValueError, RecursionError) as error:
        reason = str(error) or type(error).__name__
        return Result(ResultStatus.FAILURE, code, _with_body(f"Cannot parse body as JSON: {reason}", body))
    if status not in _SPOKEN:
        shown = status[:KEPT_STATUS_CHARACTERS]
        return Result(ResultStatus.FAILURE, code, _with_body(f"Invalid result status: {shown}", body))
    return Result(_SPOKEN[status], code, _storable(message)[:KEPT_MESSAGE_CHARACTERS])


def unreadable(reason: str, code: int) -> Result:
    """The answer began but its body never came whole."""
    return Result(ResultStatus.FAILURE, code, f"Cannot read body: {_storable(reason)}")


def unreachable(url: str, reason: str) -> Result:
    """No answer came: refused, reset, timed out, or not to be asked at all."""
    message = f'Request failed: Post "{url}": {reason}'
    return Result(ResultStatus.INTERNAL_FAILURE, 0, _storable(message))


def unaddressable(reason: str) -> Result:
    """The job's URL cannot be read as one."""
    return Result(ResultStatus.INTERNAL_FAILURE, 0, f"Cannot create http request: {_storable(reason)}")


def write_last_error(result: Result) -> bytes:
    """Write what a job keeps of its last attempt while it is tried again."""
    kept = [result.status.value, result.code, result.message[:LAST_ERROR_CHARACTERS]]
    return json.dumps(kept, separators=(",", ":")).encode()


def read_last_error(kept: bytes) -> Result:
    """Read what `write_last_error` wrote."""
    status, code, message = json.loads(kept)
    return Result(ResultStatus(status), code, message)


def _fields(body: bytes) -> tuple[str, str]:
    """Return (status, message) of the answer; raise ValueError with the reason when it is not of the form."""
    if not body.strip():
        raise ValueError("unexpected end of JSON input")
    answer = _DECODER.decode(body.decode("utf-8", "replace"))
    if answer is None:
        return "", ""
    if not isinstance(answer, dict):
        raise ValueError(f"expected an object, got {_json_type(answer)}")
    # Keys match whatever their case, and a later one wins over an earlier one (contract §1.4).
    fields = {key.lower(): value for key, value in answer.items() if value is not None}
    for key in ("status", "message"):
        if not isinstance(fields.get(key, ""), str):
            raise ValueError(f"{key} should be a string, got {_json_type(fields[key])}")
    code = fields.get("code", 0)
    if isinstance(code, bool) or not isinstance(code, int):
        raise ValueError(f"code should be an integer, got {_json_type(code)}")
    return fields.get("status", ""), fields.get("message", "")


def _refuse_constant(word: str) -> None:
    raise ValueError(f"invalid value {word}")


# One for all answers: making one costs about as much as reading a short answer.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _json_type(value: object) -> str:
    match value:
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case list():
            return "an array"
        case dict():
            return "an object"
        case _:
            return "a number"


def _with_body(message: str, body: bytes) -> str:
    shown = body[:KEPT_BODY_BYTES].decode("utf-8", "replace")
    return f"{_storable(message)}\nOriginal response body:\n{shown}"


def _storable(text: str) -> str:
    """Text with every lone surrogate replaced, so that it can be written as UTF-8 anywhere."""
    return text.encode("utf-8", "replace").decode()
