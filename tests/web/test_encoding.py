"""Answers as bytes."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import pytest

from tests.web.face import parse
from trioworq.web.encoding import Encoder
from trioworq.web.messages import Response


def test_an_answer_is_one_piece_with_all_its_headers() -> None:
    """The head, an empty line, the body."""
    data = Encoder().encode(Response(200, b"{}", headers={"Allow": "GET"}), 0.0, closes=False)
    date = parse(data).headers["date"]
    assert data == (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        b"Date: %s\r\nAllow: GET\r\n\r\n{}" % date.encode()
    )


def test_the_end_is_announced() -> None:
    """A client is told that no answer will follow."""
    assert parse(Encoder().encode(Response(500), 0.0, closes=True)).headers["connection"] == "close"


def test_an_answer_that_can_have_no_body_says_nothing_of_one() -> None:
    """A 204 has neither type nor length."""
    headers = parse(Encoder().encode(Response(204), 0.0, closes=False)).headers
    assert headers.keys() == {"date"}


def test_a_status_without_a_name_is_sent_all_the_same() -> None:
    """The blank behind it stays."""
    assert Encoder().encode(Response(299), 0.0, closes=False).startswith(b"HTTP/1.1 299 \r\n")


def test_the_date_is_of_this_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written anew when a second has passed, and not before."""
    encoder = Encoder()
    dates = []
    for wall_s, now_s in ((1_000_000_000, 5.0), (1_000_000_009, 5.9), (1_000_000_009, 6.0)):
        monkeypatch.setattr("email.utils.time.time", lambda wall_s=wall_s: wall_s)
        dates.append(parse(encoder.encode(Response(200), now_s, closes=False)).headers["date"])
    assert [parsedate_to_datetime(date).timestamp() for date in dates] == [1e9, 1e9, 1e9 + 9]


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nb"}, {"X": "a\x00"}, {"X y": "a"}, {"": "a"}, {"X": "あ"}, {"X:": "a"}, {"X\n": "a"}],
)
def test_a_header_that_cannot_be_sent_is_refused(headers: Mapping[str, str]) -> None:
    """No endpoint can split an answer in two."""
    with pytest.raises(ValueError, match="not a header"):
        Encoder().encode(Response(200, headers=headers), 0.0, closes=False)
