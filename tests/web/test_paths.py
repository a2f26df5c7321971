"""Request targets on their own (contract §1.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.errors import InvalidRequest
from trioworq.web.paths import clean, decode_path, decode_query, query_pairs


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/", "/"),
        (b"/queues", "/queues"),
        (b"/queues/", "/queues/"),
        (b"//queues", "/queues"),
        (b"/a/../b", "/b"),
        (b"/./x", "/x"),
        (b"/../../x", "/x"),
        (b"/a//b///", "/a/b/"),
        (b"/a/..", "/"),
        (b"/a/.hidden", "/a/.hidden"),
        (b"/a/..b", "/a/..b"),
        (b"//", "/"),
        (b"/a%2Fb%20%E3%81%82", "/a/b あ"),
        (b"/a%2F..%2Fb", "/b"),
        (b"http://host:80/a", "/a"),
        (b"http://host", "/"),
        (b"/x/../v1//next", "/v1/next"),
        (b"/api/v1/jobs/failed/", "/api/v1/jobs/failed"),
        (b"/api//v1/jobs//failed//", "/api/v1/jobs/failed"),
        (b"/api/v1/jobs/failed//", "/api/v1/jobs/failed"),
        (b"/x/../api/v1/jobs/failed%2F", "/api/v1/jobs/failed"),
        (b"/api/v1/jobs/", "/api/v1/jobs"),
        (b"/api/v1/", "/api/v1/"),
        (b"/api/", "/api/"),
        (b"/api/v12/", "/api/v12/"),
    ],
)
def test_a_target_is_decoded_and_cleaned(target: bytes, path: str) -> None:
    """Escapes are decoded first; empty, `.` and `..` segments go; a slash at the end mostly stays."""
    assert decode_path(target) == path


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/v1/queues/q/jobs/a//b/", "/v1/queues/q/jobs/a//b/"),
        (b"/v1/queues/q/jobs/a%2F..%2Fb", "/v1/queues/q/jobs/a/../b"),
        (b"/v1/queues/q/jobs/%2E", "/v1/queues/q/jobs/."),
        (b"http://host/v1//next", "/v1//next"),
        (b"/api/v1/jobs/failed/x%2F..%2Fclear", "/api/v1/jobs/failed/x/../clear"),
        (b"/api/v1/jobs/failed/%2E%2E/stats", "/api/v1/jobs/failed/../stats"),
    ],
)
def test_a_path_of_jobs_is_decoded_and_otherwise_left_alone(target: bytes, path: str) -> None:
    """An id may have slashes and dots; without them it would be another's, or the word for all."""
    assert decode_path(target) == path


@pytest.mark.parametrize(
    "target", [b"", b"*", b"host:80", b"/%", b"/%4", b"/%zz", b"/%FF", b"/%E3%81", b"/\xff"]
)
def test_a_target_that_cannot_be_decoded_is_refused(target: bytes) -> None:
    """Nothing is guessed."""
    with pytest.raises(InvalidRequest):
        decode_path(target)


@given(st.binary())
def test_any_target_is_a_path_or_refused(target: bytes) -> None:
    """A path begins with a slash and, but for those of jobs, is clean."""
    try:
        path = decode_path(target)
    except InvalidRequest:
        return
    assert path.startswith("/")
    assert clean(path) == path or path.startswith("/v1/")


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        (b"", {}),
        (b"a=1&a=2&b=", {"a": "1", "b": ""}),
        (b"a=%2B+x", {"a": "+ x"}),
        (b"flag", {"flag": ""}),
        (b"a=%FF", {"a": "\udcff"}),
        (b"a=\xff", {"a": "ÿ"}),
        (b"&&=&", {"": ""}),
    ],
)
def test_the_first_of_equal_parameters_counts(query: bytes, pairs: dict[str, str]) -> None:
    """Anything can be read as a query."""
    assert decode_query(query) == pairs


def test_all_of_a_query_can_be_read() -> None:
    """Equal keys stay, in their order."""
    assert query_pairs(b"b=2&a=%FF&b=&&b=1%2B+") == [("b", "2"), ("a", "\udcff"), ("b", ""), ("b", "1+ ")]
    assert query_pairs(b"") == []
