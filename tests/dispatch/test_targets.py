"""URLs of jobs: what is asked, what is refused, and that nothing else gets on the wire."""

import base64
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trioworq.dispatch.targets import UnreadableUrl, UnusableUrl, join, masked, parse


@pytest.mark.parametrize(
    ("url", "host", "port", "host_header", "path"),
    [
        ("http://example.com", "example.com", 80, "example.com", "/"),
        ("https://example.com", "example.com", 443, "example.com", "/"),
        ("HTTP://Example.com/A", "Example.com", 80, "Example.com", "/A"),
        ("http://example.com:8080/x", "example.com", 8080, "example.com:8080", "/x"),
        ("http://example.com:/x", "example.com", 80, "example.com", "/x"),
        ("http://example.com:0080/", "example.com", 80, "example.com:0080", "/"),
        ("http://127.0.0.1:1/x", "127.0.0.1", 1, "127.0.0.1:1", "/x"),
        ("http://[::1]:8080/x", "::1", 8080, "[::1]:8080", "/x"),
        ("http://[fe80::1%25eth0]/", "fe80::1%eth0", 80, "[fe80::1]", "/"),
        ("http://exämple.com/", "xn--exmple-cua.com", 80, "xn--exmple-cua.com", "/"),
        ("http://faß.de/", "xn--fa-hia.de", 80, "xn--fa-hia.de", "/"),
        ("http://日本語。jp/", "xn--wgv71a119e.jp", 80, "xn--wgv71a119e.jp", "/"),
        ("http://ex%C3%A4mple.com/", "xn--exmple-cua.com", 80, "xn--exmple-cua.com", "/"),
        ("http://h/a/../b//c", "h", 80, "h", "/a/../b//c"),
        ("http://h//x", "h", 80, "h", "//x"),
        ("http://h?q=1", "h", 80, "h", "/?q=1"),
        ("http://h/?", "h", 80, "h", "/?"),
        ("http://h/p?a=b&c=d#frag", "h", 80, "h", "/p?a=b&c=d"),
        ("http://h/p#a\nb", "h", 80, "h", "/p"),
        ("http://h/a b", "h", 80, "h", "/a%20b"),
        ("http://h/a%20b%2Fc", "h", 80, "h", "/a%20b%2Fc"),
        ("http://h/ä?ö=ü", "h", 80, "h", "/%C3%A4?%C3%B6=%C3%BC"),
        ('http://h/"<>?"<> ', "h", 80, "h", "/%22%3C%3E?%22%3C%3E%20"),
        ("http://h/?100%", "h", 80, "h", "/?100%"),
        ("http://h/a;b=c,d!$&'()*+@:~[]", "h", 80, "h", "/a;b=c,d!$&'()*+@:~[]"),
    ],
)
def test_a_url_says_where_to_connect_and_what_to_ask(
    url: str, host: str, port: int, host_header: str, path: str
) -> None:
    """Host, port, Host header and request path are those that Go's client would use."""
    target = parse(url)
    assert (target.host, target.port, target.host_header, target.path) == (host, port, host_header, path)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (":", "missing protocol scheme"),
        ("://h/", "missing protocol scheme"),
        ("127.0.0.1:80/x", "first path segment in URL cannot contain colon"),
        ("http://h/\r\nX: y", "invalid control character in URL"),
        ("http://h/\x00", "invalid control character in URL"),
        ("http://h/\x7f", "invalid control character in URL"),
        ("http://h\t/", "invalid control character in URL"),
        ("http://h/?a\nb", "invalid control character in URL"),
        ("http://h/%zz", "invalid URL escape"),
        ("http://h/%2", "invalid URL escape"),
        ("http://h/#%2", "invalid URL escape in fragment"),
        ("http://h/\ud800", "invalid UTF-8 in URL"),
        ("http://a b/", "invalid character in host name"),
        ("http://a\\b/", "invalid character in host name"),
        ('http://a"b/', "invalid character in host name"),
        ("http://a%20b/", "invalid URL escape in host name"),
        ("http://%ff/", "invalid international host name"),
        ("http://ä" + "b" * 70 + ".com/", "invalid international host name"),
        ("http://" + "a" * 256 + "/", "host name too long"),
        ("http://h:1x/", "invalid host or port"),
        ("http://h:-1/", "invalid host or port"),
        ("http://::1/", "invalid host or port"),
        ("http://[::1/", "invalid host or port"),
        ("http://[::1]x/", "invalid host or port"),
        ("http://[::g]/", "invalid IPv6 address"),
        ("http://[]/", "invalid IPv6 address"),
        ("http://[::1%25]/", "invalid IPv6 zone"),
        ("http://[fe80::1%25 x]/", "invalid IPv6 zone"),
        ("http://u:p w@h/", "invalid userinfo"),
        ("http://u:é@h/", "invalid userinfo"),
        ("http://u:%z@h/", "invalid URL escape"),
        ("ftp://a b/", "invalid character in host name"),
    ],
)
def test_a_text_that_is_no_url_is_refused(url: str, reason: str) -> None:
    """What Go's url.Parse refuses is refused, with a reason."""
    with pytest.raises(UnreadableUrl) as caught:
        parse(url)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", 'unsupported protocol scheme ""'),
        ("not a url", 'unsupported protocol scheme ""'),
        ("/path", 'unsupported protocol scheme ""'),
        ("//h/x", 'unsupported protocol scheme ""'),
        ("ftp://x/", 'unsupported protocol scheme "ftp"'),
        ("localhost:8080/x", 'unsupported protocol scheme "localhost"'),
        ("mailto:a@b", 'unsupported protocol scheme "mailto"'),
        ("http:", "http: no Host in request URL"),
        ("http:///x", "http: no Host in request URL"),
        ("http:x", "http: no Host in request URL"),
        ("http://:80/", "http: no Host in request URL"),
        ("http://u:p@/", "http: no Host in request URL"),
        ("http://h:65536/", "dial tcp: invalid port"),
        ("http://h:" + "9" * 9000 + "/", "dial tcp: invalid port"),
    ],
)
def test_a_url_that_cannot_be_posted_to_is_refused(url: str, reason: str) -> None:
    """A URL with another scheme, without a host or with an impossible port is named for what it is."""
    with pytest.raises(UnusableUrl) as caught:
        parse(url)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("userinfo", "credentials"),
    [
        ("user:secret", b"user:secret"),
        ("user", b"user:"),
        ("", b":"),
        ("u:p:q", b"u:p:q"),
        ("u%40x:p%3a%C3%A9%00", b"u@x:p:\xc3\xa9\x00"),
        ("a@b:c", b"a@b:c"),
    ],
)
def test_userinfo_becomes_basic_authorization(userinfo: str, credentials: bytes) -> None:
    """User and password are percent-decoded and sent as Basic credentials."""
    authorization = parse(f"http://{userinfo}@h/").authorization
    assert authorization is not None
    scheme, _, encoded = authorization.partition(" ")
    assert (scheme, base64.b64decode(encoded)) == ("Basic", credentials)


def test_a_url_without_userinfo_asks_for_no_authorization() -> None:
    """No credentials, no header."""
    assert parse("http://h/").authorization is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:secret@h/x?y#z", "http://user:xxxxx@h/x?y#z"),
        ("http://a@b:sec@ret@h/", "http://a@b:xxxxx@h/"),
        ("//user:secret@h/", "//user:xxxxx@h/"),
        ("ftp://user:secret@h/", "ftp://user:xxxxx@h/"),
        ("http://:secret@h/", "http://:xxxxx@h/"),
        ("http://user@h/", "http://user@h/"),
        ("http://h:80/a:b@c?d:e@f", "http://h:80/a:b@c?d:e@f"),
        ("http://h/", "http://h/"),
    ],
)
def test_a_shown_url_has_no_password(url: str, shown: str) -> None:
    """The password is masked, and nothing else is changed."""
    assert masked(url) == shown


@given(st.text(alphabet=st.characters(exclude_characters="/?#"), max_size=20))
def test_no_error_names_the_password(noise: str) -> None:
    """However broken a URL with a password is, neither its error nor its shown form holds the password."""
    url = f"http://{noise}:pw5ecret{noise}@h:x{noise}/"
    try:
        shown = parse(url).shown
    except UnusableUrl as error:
        shown = error.shown + str(error)
    except UnreadableUrl as error:
        shown = str(error)
    assert "pw5ecret" not in shown


_WIRE_SAFE = re.compile(r"[\x21-\x7e]+")


@given(
    st.one_of(
        st.text(),
        st.builds("http://{}/{}?{}".format, st.text(), st.text(), st.text()),
        st.builds("http://u:{}@h:{}/".format, st.text(), st.text()),
        st.builds("http://h/{}".format, st.text(alphabet="\r\n\x00 :/?#%@äx")),
    )
)
@example("http://h/\r\nHost: evil")
@example("http://h\x85/")
@example("http://h/\u2028")
def test_what_a_target_puts_on_the_wire_has_no_blanks_and_no_control_characters(url: str) -> None:
    """Any text is refused or becomes a target whose every part is printable ASCII (no header injection)."""
    try:
        target = parse(url)
    except (UnreadableUrl, UnusableUrl):
        return
    for part in (target.host_header, target.path, target.public_url):
        assert _WIRE_SAFE.fullmatch(part)
    assert target.path.startswith("/")
    assert re.fullmatch(r"Basic [A-Za-z0-9+/=]+", target.authorization or "Basic x")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        (b"/y", "http://h:81/y"),
        (b"y", "http://h:81/a/y"),
        (b"../y?z", "http://h:81/y?z"),
        (b"?z=1", "http://h:81/a/b?z=1"),
        (b"//other/y", "http://other/y"),
        (b"https://other/y", "https://other/y"),
        (b"/a b\xc3\xa4\xff", "http://h:81/a%20b%C3%A4%FF"),
        (b"/y#z", "http://h:81/y"),
        (b"http://\xc3\xa4.com/", "http://xn--4ca.com/"),
    ],
)
def test_a_location_is_read_relative_to_where_it_came_from(location: bytes, expected: str) -> None:
    """Relative, rooted and absolute locations lead where RFC 3986 says, whatever bytes they hold."""
    assert join(parse("http://h:81/a/b?c"), location).public_url == expected


def test_a_redirect_keeps_credentials_on_its_host_only() -> None:
    """A location without a host keeps the userinfo; one with a host has only its own."""
    start = parse("http://u:p@h/a")
    assert join(start, b"/b").userinfo == "u:p"
    assert join(start, b"//other/b").userinfo is None
    assert join(start, b"http://h/b").userinfo is None
    assert join(start, b"http://x:y@h/b").userinfo == "x:y"


@pytest.mark.parametrize(
    "location", [b"http://[::1/", b"http://a b/", b"http://h:x/", b"/%zz", b"http://[v1.x]/"]
)
def test_a_broken_location_is_refused(location: bytes) -> None:
    """A location that is no URL is named so."""
    with pytest.raises(UnreadableUrl):
        join(parse("http://h/"), location)


@given(st.binary())
def test_any_location_leads_somewhere_safe_or_is_refused(location: bytes) -> None:
    """No bytes of a worker raise anything but the two refusals."""
    try:
        target = join(parse("http://u:p@h/a"), location)
    except (UnreadableUrl, UnusableUrl):
        return
    assert _WIRE_SAFE.fullmatch(target.public_url)
