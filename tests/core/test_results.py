"""Verdicts: any bytes give exactly one (contract §1.15)."""

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trioworq.core.results import (
    KEPT_BODY_BYTES,
    KEPT_MESSAGE_CHARACTERS,
    KEPT_STATUS_CHARACTERS,
    LAST_ERROR_CHARACTERS,
    Result,
    ResultStatus,
    interpret,
    read_last_error,
    unaddressable,
    unreachable,
    unreadable,
    write_last_error,
)

SUCCESS = Result(ResultStatus.SUCCESS, 200, "")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("success", ResultStatus.SUCCESS),
        ("failure", ResultStatus.FAILURE),
        ("permanent-failure", ResultStatus.PERMANENT_FAILURE),
    ],
)
@pytest.mark.parametrize("code", [200, 404, 500])
def test_a_worker_decides_by_its_status_word_alone(word: str, status: ResultStatus, code: int) -> None:
    """Status and message are as sent; the HTTP code is passed on and decides nothing."""
    body = json.dumps({"status": word, "message": "said\nso"}).encode()
    assert interpret(body, code) == Result(status, code, "said\nso")


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"success"}',
        b' \r\n\t{"status":"success"}\n ',
        b'{"Status":"success","MESSAGE":""}',
        b'{"STATUS":"success","message":null}',
        b'{"status":"failure","Status":"success"}',
        b'{"status":"success","code":0}',
        b'{"status":"success","code":-3}',
        b'{"status":"success","code":null}',
        b'{"status":"success","other":[1,{"a":1e9}]}',
        b'{"st\\u0061tus":"success"}',
    ],
)
def test_these_are_successes(body: bytes) -> None:
    """Blanks round the object, keys in any case, null for absent, and unknown keys do no harm."""
    assert interpret(body, 200) == SUCCESS


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"status":"internal-failure"}', "internal-failure"),
        (b'{"status":"Success"}', "Success"),
        (b'{"status":"success "}', "success "),
        (b'{"status":""}', ""),
        (b'{"status":null}', ""),
        (b'{"message":"no status"}', ""),
        (b"{}", ""),
        (b"null", ""),
    ],
)
def test_another_status_is_a_failure(body: bytes, status: str) -> None:
    """A status that a worker may not give, or none, is a failure that shows the answer."""
    message = f"Invalid result status: {status}\nOriginal response body:\n{body.decode()}"
    assert interpret(body, 200) == Result(ResultStatus.FAILURE, 200, message)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "unexpected end of JSON input"),
        (b" \n", "unexpected end of JSON input"),
        (b"<html>", ""),
        (b"success", ""),
        (b'{"status":"success"', ""),
        (b'{"status":"success"} x', ""),
        (b'{"status":"success"}{}', ""),
        (b'\xef\xbb\xbf{"status":"success"}', ""),
        (b"[]", "expected an object, got an array"),
        (b'"success"', "expected an object, got a string"),
        (b"1", "expected an object, got a number"),
        (b"true", "expected an object, got a boolean"),
        (b'{"status":1}', "status should be a string, got a number"),
        (b'{"status":["success"]}', "status should be a string, got an array"),
        (b'{"status":"success","message":1}', "message should be a string, got a number"),
        (b'{"status":"success","message":{}}', "message should be a string, got an object"),
        (b'{"status":"success","code":"1"}', "code should be an integer, got a string"),
        (b'{"status":"success","code":1.5}', "code should be an integer, got a number"),
        (b'{"status":"success","code":true}', "code should be an integer, got a boolean"),
        (b'{"status":"success","x":NaN}', "invalid value NaN"),
        (b'{"status":"success","x":-Infinity}', "invalid value -Infinity"),
        (b'{"status":"success","message":"a\nb"}', ""),
    ],
)
def test_what_is_no_such_object_is_a_failure(body: bytes, reason: str) -> None:
    """Anything but one JSON object of the form is a failure that says why and shows the answer."""
    result = interpret(body, 204)
    assert (result.status, result.code) == (ResultStatus.FAILURE, 204)
    first, _, rest = result.message.partition("\n")
    assert first.startswith(f"Cannot parse body as JSON: {reason}")
    assert len(first) > len("Cannot parse body as JSON: ")
    assert rest == "Original response body:\n" + body.decode()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"status":"success","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"status":"success","code":' + b"9" * 100_000 + b"}",
    ],
)
def test_an_answer_made_to_hurt_is_a_failure(body: bytes) -> None:
    """Nesting and numbers without end are refused like any other nonsense."""
    result = interpret(body, 200)
    assert result.status is ResultStatus.FAILURE
    assert result.message.startswith("Cannot parse body as JSON: ")


def test_invalid_utf8_is_replaced() -> None:
    """A message with broken bytes is kept as far as it can be."""
    assert interpret(b'{"status":"failure","message":"a\xffb"}', 200).message == "a\ufffdb"


def test_lone_surrogates_are_replaced() -> None:
    """A message can be written as UTF-8 whatever escapes it was made of."""
    assert interpret(b'{"status":"failure","message":"a\\ud800b"}', 200).message == "a?b"


def test_what_is_kept_of_an_answer_is_bounded() -> None:
    """Megabytes of message, status or nonsense leave a bounded message."""
    huge = "x" * (KEPT_MESSAGE_CHARACTERS + 10)
    said = interpret(json.dumps({"status": "failure", "message": huge}).encode(), 200)
    assert said.message == huge[:KEPT_MESSAGE_CHARACTERS]
    for body in (json.dumps({"status": huge}).encode(), huge.encode()):
        message = interpret(body, 200).message
        assert len(message) < KEPT_BODY_BYTES + KEPT_STATUS_CHARACTERS + 200
        assert message.endswith(body[:KEPT_BODY_BYTES].decode())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
_ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["success", "failure", "permanent-failure", "internal-failure"]) | _JSON,
        "Status": _JSON,
        "message": _JSON,
        "code": _JSON,
    },
)


@given(
    st.binary()
    | _JSON.map(lambda value: json.dumps(value).encode())
    | _ANSWERS.map(lambda value: json.dumps(value).encode()),
    st.integers(100, 999),
)
@example(b'{"status":"\\ud800"}', 200)
@example(b"\xff", 200)
def test_any_bytes_give_one_verdict(body: bytes, code: int) -> None:
    """Nothing that a worker says raises; the verdict is one of three, storable, and carries the code."""
    result = interpret(body, code)
    assert result.status in set(ResultStatus) - {ResultStatus.INTERNAL_FAILURE}
    assert result.code == code
    assert result.message.encode().decode() == result.message


def test_a_body_that_never_came_whole_is_a_failure_with_the_code() -> None:
    """The worker answered, so its code is known."""
    assert unreadable("unexpected EOF", 202) == Result(
        ResultStatus.FAILURE, 202, "Cannot read body: unexpected EOF"
    )


def test_no_answer_is_an_internal_failure_without_a_code() -> None:
    """The message names the URL and the reason."""
    assert unreachable("http://h/", "EOF") == Result(
        ResultStatus.INTERNAL_FAILURE, 0, 'Request failed: Post "http://h/": EOF'
    )


def test_a_url_that_is_none_is_an_internal_failure() -> None:
    """The request could not even be made."""
    assert unaddressable("missing protocol scheme") == Result(
        ResultStatus.INTERNAL_FAILURE, 0, "Cannot create http request: missing protocol scheme"
    )


@pytest.mark.parametrize("make", [unaddressable, lambda text: unreadable(text, 200)])
def test_every_reason_can_be_stored(make: Callable[[str], Result]) -> None:
    """Lone surrogates in a reason are replaced."""
    assert make("\ud800").message.endswith("?")


@given(st.sampled_from(ResultStatus), st.integers(0, 999), st.text(max_size=LAST_ERROR_CHARACTERS))
def test_a_last_error_is_read_as_it_was_written(status: ResultStatus, code: int, message: str) -> None:
    """Whatever a worker has said."""
    assert read_last_error(write_last_error(Result(status, code, message))) == Result(status, code, message)


def test_of_a_long_message_the_beginning_is_kept() -> None:
    """A job that is tried again a thousand times does not write megabytes each time."""
    long = Result(ResultStatus.FAILURE, 200, "x" * (LAST_ERROR_CHARACTERS + 1))
    assert read_last_error(write_last_error(long)).message == "x" * LAST_ERROR_CHARACTERS
