"""How what is shown is written: names of all kinds, moments, durations, counts, addresses."""

import re
from contextlib import suppress
from urllib.parse import parse_qsl

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from trioworq.core.errors import InvalidRequest
from trioworq.web.console.cookies import told_cookie, told_of
from trioworq.web.console.forms import MAX_FIELDS, Form
from trioworq.web.console.numbers import count, duration, moment, rate
from trioworq.web.console.shown import plain, shown, shown_lines
from trioworq.web.console.templates import render
from trioworq.web.console.urls import local, url
from trioworq.web.messages import Headers, Request
from trioworq.web.paths import decode_query

THIN = "\N{NARROW NO-BREAK SPACE}"
# Any text, lone surrogates included.
TEXTS = st.text(st.characters())
FORM = Request(
    "POST",
    "/console/x",
    {},
    {},
    b"",
    headers=Headers([(b"Content-Type", b"application/x-www-form-urlencoded")]),
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("mail", "<bdi>mail</bdi>"),
        ("", "<bdi></bdi>"),
        ("<script>&\"'", "<bdi>&lt;script&gt;&amp;&#34;&#39;</bdi>"),
        ("a\u202eb", '<bdi>a<span class="odd">⟦U+202E⟧</span>b</bdi>'),
        ("\x00", '<bdi><span class="odd">⟦U+0000⟧</span></bdi>'),
        ("a\nb", '<bdi>a<span class="odd">⟦U+000A⟧</span>b</bdi>'),
        ("\ud800", '<bdi><span class="odd">⟦U+D800⟧</span></bdi>'),
        ("\u200b\ufeff", '<bdi><span class="odd">⟦U+200B⟧</span><span class="odd">⟦U+FEFF⟧</span></bdi>'),
        ("\U000e0041", '<bdi><span class="odd">⟦U+E0041⟧</span></bdi>'),
        ("日本語 émail 👩‍💻", "<bdi>日本語 émail 👩‍💻</bdi>"),
    ],
)
def test_a_name_is_shown_as_it_is_and_what_cannot_be_seen_by_its_number(text: str, written: str) -> None:
    """It stays text, in one line, and turns nothing beside it."""
    assert shown(text) == written


@given(TEXTS)
def test_any_text_is_written_without_harm(text: str) -> None:
    """As markup, in lines, in a title: no tag of its own, nothing unseen, and it can be sent."""
    for written in (shown(text), shown_lines(text)):
        assert isinstance(written, Markup)
        rest = re.sub(r'</?bdi>|<span class="odd">⟦U\+[0-9A-F]{4,6}⟧</span>', "", written)
        assert not re.search("[<>\"'\x00\u202a-\u202e\u2066-\u2069\ud800-\udfff]", rest)
        written.encode()
    assert "\n" not in plain(text)
    plain(text).encode()


def test_lines_keep_their_ends() -> None:
    """A payload of several lines is read as such."""
    assert shown_lines("a\n\tb\r") == 'a\n\tb<span class="odd">⟦U+000D⟧</span>'


@pytest.mark.parametrize(
    ("time_ms", "written"),
    [
        (None, "–"),
        (0, '<time datetime="1970-01-01T00:00:00.000Z" data-ms="0">1970-01-01 00:00:00 UTC</time>'),
        (
            1_600_000_000_219,
            '<time datetime="2020-09-13T12:26:40.219Z" data-ms="1600000000219">'
            "2020-09-13 12:26:40 UTC</time>",
        ),
        (2**63 - 1, f"{count(2**63 - 1)} ms"),
        (-(2**63), f"{count(-(2**63))} ms"),
    ],
)
def test_a_moment_is_in_utc_for_scripts_to_turn(time_ms: int | None, written: str) -> None:
    """One beyond the calendar is a number."""
    assert moment(time_ms) == written


@pytest.mark.parametrize(
    ("length_ms", "written"),
    [
        (None, "–"), (0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (9949, "9.9 s"), (10_000, "10 s"),
        (59_999, "59 s"), (200_000, "3 min 20 s"), (180_000, "3 min"), (3_600_000, "1 h"),
        (3_661_000, "1 h 1 min"),
        (86_400_000 * 3 + 3_600_000 * 5, "3 d 5 h"), (-200_000, "−3 min 20 s"), (86_401_000, "1 d"),
    ],
)  # fmt: skip
def test_a_duration_has_its_two_greatest_units(length_ms: int | None, written: str) -> None:
    """Short ones have a digit more."""
    assert duration(length_ms) == written


@pytest.mark.parametrize(
    ("number", "written"),
    [(None, "–"), (0, "0"), (999, "999"), (1234567, f"1{THIN}234{THIN}567"), (-1000, f"-1{THIN}000")],
)
def test_a_count_is_in_groups_of_three(number: int | None, written: str) -> None:
    """They do not break across lines."""
    assert count(number) == written


@pytest.mark.parametrize(
    ("per_second", "written"),
    [
        (None, "–"),
        (0, "0/s"),
        (0.04, "0.0/s"),
        (2.25, "2.2/s"),
        (99.94, "99.9/s"),
        (12345.6, f"12{THIN}346/s"),
    ],
)
def test_a_rate_has_a_digit_where_that_tells_something(per_second: float | None, written: str) -> None:
    """Large ones are whole."""
    assert rate(per_second) == written


def test_an_address_has_what_is_known() -> None:
    """What is None has no place."""
    assert url("/console/queue", kind="push", name="a/b & c", cursor=None) == (
        "/console/queue?kind=push&name=a%2Fb+%26+c"
    )
    assert url("/console") == "/console"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name_comes_back_from_an_address(name: str) -> None:
    """And such an address is one of the console's, to which a login may lead."""
    address = url("/console/queue", name=name)
    assert decode_query(address.partition("?")[2].encode()) == {"name": name}
    assert local(address) == address


@given(TEXTS)
def test_any_text_makes_an_address(name: str) -> None:
    """Bytes that were no UTF-8 come back as they were; what never was a byte is replaced."""
    assert len(parse_qsl(url("/console", name=f"x{name}").partition("?")[2])) == 1
    assert decode_query(url("/console", name="\udcff").partition("?")[2].encode()) == {"name": "\udcff"}


@given(TEXTS)
def test_a_message_for_the_next_page_comes_through(message: str) -> None:
    """Cut off where it is long, so that browsers keep it."""
    cookie = told_cookie(message)
    assert len(cookie) < 4096
    request = evolve(FORM, headers=Headers([(b"Cookie", cookie.partition(";")[0].encode())]))
    assert told_of(request) == message[:300].encode("utf-8", "replace").decode()


def test_a_form_has_its_fields_in_order() -> None:
    """A name may have several, and what is not there is empty."""
    form = Form.of(evolve(FORM, body=b"a=1&b=&a=%C3%A9+2&=x&c"))
    assert (form.text("a"), form.texts("a")) == ("1", ["1", "é 2"])
    assert (form.text("b", "x"), form.text("d", "x"), form.texts("d"), form.text("c", "x")) == (
        "",
        "x",
        (),
        "",
    )


def test_a_form_has_so_many_fields_and_no_more() -> None:
    """The rest would cost time and memory."""
    body = b"&".join([b"a=1"] * MAX_FIELDS)
    assert len(Form.of(evolve(FORM, body=body)).texts("a")) == MAX_FIELDS
    with pytest.raises(InvalidRequest, match="at most"):
        Form.of(evolve(FORM, body=body + b"&b=1"))


@given(st.binary())
def test_any_body_is_a_form_or_refused(body: bytes) -> None:
    """Nothing else comes of it."""
    with suppress(InvalidRequest):
        Form.of(evolve(FORM, body=body)).text("a")


def test_macros_escape_what_they_are_given() -> None:
    """Names and messages of others stand in many places."""
    evil = "\"><script>\u202e\ud800'"
    page = render("layout/refusal.html", {**LAYOUT, "detail": evil, "title": evil, "told": evil}).decode()
    assert "<script>" not in page.replace('<script src="/console/static/', "")
    assert "\u202e" not in page
    assert page.count("⟦U+202E⟧") == 3


LAYOUT = {
    "code": 400,
    "phrase": "Bad Request",
    "again": "",
    "csrf": "0" * 32,
    "is_logged_in": False,
    "path": "/console",
    "rights": {"can_see": True, "can_push": False},
}
