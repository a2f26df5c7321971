"""The requests to workers, to the byte, and what redirects make of them."""

import pytest

from trioworq.dispatch.hops import Hop
from trioworq.dispatch.targets import UnusableUrl, parse


def test_a_post_has_exactly_the_headers_of_the_contract() -> None:
    """The request is the one of contract §1.14, head and body in one piece."""
    request = Hop(parse("http://h:8080/p?q=1#f"), b'{"a":1}').encode("Fireworq/1.5.1", keep_alive=True)
    assert request == (
        b"POST /p?q=1 HTTP/1.1\r\n"
        b"Host: h:8080\r\n"
        b"User-Agent: Fireworq/1.5.1\r\n"
        b"Content-Length: 7\r\n"
        b"Content-Type: application/json\r\n"
        b"Accept-Encoding: gzip\r\n"
        b"\r\n"
        b'{"a":1}'
    )


def test_without_keep_alive_the_worker_is_told_to_close() -> None:
    """`Connection: close` is sent unless connections are kept."""
    assert b"\r\nConnection: close\r\n" in Hop(parse("http://h/"), b"x").encode("x", keep_alive=False)


def test_an_empty_payload_is_announced_as_empty() -> None:
    """Content-Length and Content-Type are there for an empty body too."""
    request = Hop(parse("http://h/"), b"").encode("x", keep_alive=True)
    assert b"\r\nContent-Length: 0\r\n" in request
    assert b"\r\nContent-Type: application/json\r\n" in request
    assert request.endswith(b"\r\n\r\n")


def test_userinfo_is_sent_as_authorization_and_nowhere_else() -> None:
    """Credentials leave the URL and become a header."""
    request = Hop(parse("http://user:secret@h/"), b"").encode("x", keep_alive=True)
    assert b"\r\nAuthorization: Basic dXNlcjpzZWNyZXQ=\r\n" in request
    assert b"secret" not in request


@pytest.mark.parametrize("code", [301, 302, 303])
def test_a_see_other_makes_the_post_a_get_without_body(code: int) -> None:
    """301, 302 and 303 are followed by GET: no body, the content type kept, where it came from added."""
    hop = Hop(parse("http://user:secret@h/a?b#c"), b"body").redirected(code, b"/y")
    assert hop.encode("ua", keep_alive=True) == (
        b"GET /y HTTP/1.1\r\n"
        b"Host: h\r\n"
        b"User-Agent: ua\r\n"
        b"Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"
        b"Content-Type: application/json\r\n"
        b"Referer: http://h/a?b\r\n"
        b"Accept-Encoding: gzip\r\n"
        b"\r\n"
    )


@pytest.mark.parametrize("code", [307, 308])
def test_a_temporary_redirect_repeats_the_post(code: int) -> None:
    """307 and 308 are followed by the same POST with the same body."""
    request = Hop(parse("http://h/a"), b"body").redirected(code, b"/y").encode("ua", keep_alive=True)
    assert request.startswith(b"POST /y HTTP/1.1\r\n")
    assert request.endswith(b"\r\n\r\nbody")


def test_what_became_a_get_stays_a_get() -> None:
    """A 307 after a 303 does not bring the body back."""
    hop = Hop(parse("http://h/a"), b"body").redirected(303, b"/y").redirected(307, b"/z")
    assert hop.encode("ua", keep_alive=True).startswith(b"GET /z HTTP/1.1\r\n")


def test_another_host_is_told_no_credentials() -> None:
    """Neither Authorization nor Referer carries the userinfo to another host."""
    hop = Hop(parse("http://user:secret@h/a"), b"").redirected(307, b"http://other/y")
    request = hop.encode("ua", keep_alive=True)
    assert b"Authorization" not in request
    assert b"\r\nReferer: http://h/a\r\n" in request


@pytest.mark.parametrize(
    ("start", "location", "referer"),
    [
        ("https://h/a", b"http://h/b", None),
        ("https://h/a", b"https://h/b", "https://h/a"),
        ("http://h/a", b"https://h/b", "http://h/a"),
    ],
)
def test_a_secret_page_is_not_named_in_the_clear(start: str, location: bytes, referer: str | None) -> None:
    """No Referer goes from https to http."""
    assert Hop(parse(start), b"").redirected(302, location).referer == referer


def test_a_redirect_to_another_scheme_is_refused() -> None:
    """Only http and https are followed; the error shows where it led, without a password."""
    with pytest.raises(UnusableUrl, match='unsupported protocol scheme "ftp"') as caught:
        Hop(parse("http://h/"), b"").redirected(302, b"ftp://u:secret@x/")
    assert caught.value.shown == "ftp://u:xxxxx@x/"


def test_a_redirect_to_nonsense_is_refused() -> None:
    """A location that is no URL ends the call."""
    with pytest.raises(UnusableUrl, match="failed to parse Location header: ") as caught:
        Hop(parse("http://u:secret@h/"), b"").redirected(302, b"http://a b/")
    assert caught.value.shown == "http://u:xxxxx@h/"
