"""DSNs in Go's form and as URLs."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trioworq.stores.interface import StoreRefused
from trioworq.stores.mysql.dsn import CONNECT_S, DEFAULT_SOCKET, STATEMENT_S, Dsn, Tls, parse


@pytest.mark.parametrize(
    ("text", "dsn"),
    [
        ("user:pw@tcp(db.test:3307)/jobs", Dsn("jobs", "user", "pw", "db.test", 3307)),
        ("user@tcp(db.test)/jobs", Dsn("jobs", "user", "", "db.test", 3306)),
        ("tcp(localhost:3306)/fireworq", Dsn("fireworq", host="localhost")),
        ("tcp/jobs", Dsn("jobs")),
        ("/jobs", Dsn("jobs")),
        ("user:pw@/jobs", Dsn("jobs", "user", "pw")),
        ("user:p:w@x/y(z)@tcp(h)/jobs", Dsn("jobs", "user", "p:w@x/y(z)", "h")),
        ("user:%41@tcp(h)/%41?", Dsn("A", "user", "%41", "h")),
        ("tcp([::1]:3307)/jobs", Dsn("jobs", host="::1", port=3307)),
        ("tcp([fe80::1%25eth0])/jobs", Dsn("jobs", host="fe80::1%25eth0")),
        ("u@unix(/run/mysqld/mysqld.sock)/jobs", Dsn("jobs", "u", socket_path="/run/mysqld/mysqld.sock")),
        ("unix/jobs", Dsn("jobs", socket_path=DEFAULT_SOCKET)),
        ("mysql://user:pw@db.test:3307/jobs", Dsn("jobs", "user", "pw", "db.test", 3307)),
        ("mysql://user@db.test/jobs", Dsn("jobs", "user", "", "db.test")),
        ("mysql:///jobs", Dsn("jobs")),
        ("mysql://u%40x:p%2Fw%3A@[::1]:1/j%20s", Dsn("j s", "u@x", "p/w:", "::1", 1)),
        ("/jobs?tls=true", Dsn("jobs", tls=Tls.VERIFIED)),
        ("/jobs?tls=skip-verify", Dsn("jobs", tls=Tls.UNCHECKED)),
        ("/jobs?tls=preferred", Dsn("jobs", tls=Tls.PREFERRED)),
        ("/jobs?tls=0", Dsn("jobs", tls=Tls.OFF)),
        ("/jobs?timeout=1m30s", Dsn("jobs", connect_s=90.0)),
        ("/jobs?timeout=0", Dsn("jobs", connect_s=CONNECT_S)),
        ("/jobs?readTimeout=2.5s&writeTimeout=500ms", Dsn("jobs", statement_s=2.5)),
        ("/jobs?readTimeout=0s", Dsn("jobs", statement_s=STATEMENT_S)),
        ("/jobs?parseTime=true&loc=Asia%2FTokyo&charset=utf8mb4,utf8&collation=x", Dsn("jobs")),
        ("/jobs?interpolateParams=true&allowNativePasswords=true&maxAllowedPacket=0", Dsn("jobs")),
    ],
)
def test_dsn_is_read_as_the_go_driver_reads_it(text: str, dsn: Dsn) -> None:
    """Every part has its place, and Go's default when it is missing."""
    assert parse(text) == dsn


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "slash"),
        ("user:sesame@tcp(h)", "slash"),
        ("user:sesame@tcp(h)/", "name is missing"),
        ("mysql://user:sesame@h", "name is missing"),
        ("user:sesame@tcp(h/jobs", "closing bracket"),
        ("user:sesame@udp(h)/jobs", "tcp or unix"),
        ("user:sesame@tcp(h:port)/jobs", "host:port"),
        ("user:sesame@tcp(h:99999)/jobs", "host:port"),
        ("user:sesame@tcp(::1)/jobs", "host:port"),
        ("user:sesame@tcp([::1)/jobs", "square brackets"),
        ("mysql://user:sesame@h:0/jobs", "host:port"),
        ("user:sesame@tcp(h)/jobs?tls=custom", "option tls"),
        ("user:sesame@tcp(h)/jobs?timeout=10", "option timeout"),
        ("user:sesame@tcp(h)/jobs?readTimeout=-1s", "option readTimeout"),
        ("user:sesame@tcp(h)/jobs?color=red", "unknown option 'color'"),
        ("user:sesame@tcp(h)/jobs?allowCleartextPasswords=true", "'allowCleartextPasswords'"),
        ("user:sesame@tcp(h)/jobs?tls", "has no value"),
        ("user:/?sesame=x@tcp(h)", "after the last slash"),
        ("user:sesame@tcp(h)/jobs%00", "characters"),
        ("user:sesame\n@tcp(h)/jobs", "characters"),
        ("user:sesame@tcp(h)/\ud800", "characters"),
        ("mysql://user:sesame%ff@h/jobs", "not UTF-8"),
    ],
)
def test_dsn_that_cannot_be_read_is_refused_without_showing_the_password(text: str, problem: str) -> None:
    """One line says what is wrong and how to write it (I14)."""
    with pytest.raises(StoreRefused) as refusal:
        parse(text)
    message = str(refusal.value)
    assert problem in message
    assert message.startswith("mysql_dsn: ")
    assert "sesame" not in message
    assert "\n" not in message


def test_password_is_not_shown_by_the_dsn_itself() -> None:
    """A DSN that ends up in a message or a traceback keeps its secret."""
    assert "sesame" not in repr(parse("user:sesame@tcp(h)/jobs"))


@given(st.text() | st.from_regex(r"(mysql://)?\w*:?\w*@?(tcp|unix)?\(?[\w:\[\].]*\)?/\w*(\?\w+=\w*)?"))
@example("mysql://")
@example("(")
@example("tcp([)/x")
def test_any_text_is_a_dsn_or_refused(text: str) -> None:
    """No text makes the reader fail in another way."""
    try:
        dsn = parse(text)
    except StoreRefused:
        return
    assert dsn.database
    assert 0 < dsn.port < 65_536
