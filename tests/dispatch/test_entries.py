"""The entries of dispatch_allow and dispatch_deny: what is read, what is refused, what they hold for."""

from ipaddress import IPv4Address, IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.config import ConfigError
from trioworq.dispatch.entries import Entry, read_entries

ANYWHERE = IPv4Address("192.0.2.1")


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("10.0.0.0/8", Entry(network=IPv4Network("10.0.0.0/8"))),
        ("10.0.0.0/255.0.0.0", Entry(network=IPv4Network("10.0.0.0/8"))),
        ("10.1.2.3", Entry(network=IPv4Network("10.1.2.3/32"))),
        ("10.0.0.0/8:8080", Entry(network=IPv4Network("10.0.0.0/8"), ports=range(8080, 8081))),
        ("10.1.2.3:1-1023", Entry(network=IPv4Network("10.1.2.3/32"), ports=range(1, 1024))),
        ("fd00::/8", Entry(network=IPv6Network("fd00::/8"))),
        ("FD00::/8", Entry(network=IPv6Network("fd00::/8"))),
        ("::1", Entry(network=IPv6Network("::1/128"))),
        ("::/0", Entry(network=IPv6Network("::/0"))),
        ("[fd00::/8]:80", Entry(network=IPv6Network("fd00::/8"), ports=range(80, 81))),
        ("[::1]", Entry(network=IPv6Network("::1/128"))),
        ("::ffff:10.0.0.0/104", Entry(network=IPv4Network("10.0.0.0/8"))),
        ("::ffff:0:0/96", Entry(network=IPv4Network("0.0.0.0/0"))),
        ("[::ffff:a00:1]:80", Entry(network=IPv4Network("10.0.0.1/32"), ports=range(80, 81))),
        (":6379", Entry(ports=range(6379, 6380))),
        (":0-65535", Entry(ports=range(65536))),
        ("worker", Entry(host="worker")),
        ("my_worker-1.Example", Entry(host="my_worker-1.example")),
        ("worker.example.", Entry(host="worker.example")),
        ("worker.example:443", Entry(host="worker.example", ports=range(443, 444))),
        ("*.internal.example", Entry(host=".internal.example")),
        ("*.example:1-2", Entry(host=".example", ports=range(1, 3))),
        ("EXÄMPLE.com", Entry(host="xn--exmple-cua.com")),
        ("*.faß.de", Entry(host=".xn--fa-hia.de")),
        ("日本語。jp", Entry(host="xn--wgv71a119e.jp")),
        ("1.example", Entry(host="1.example")),
    ],
)
def test_an_entry_is_read(text: str, entry: Entry) -> None:
    """Networks, addresses, hosts and ports are read in each of their spellings."""
    assert read_entries("dispatch_deny", text) == (entry,)


def test_entries_are_separated_by_commas_and_blanks_do_not_count() -> None:
    """A list holds its entries in their order; a text of blanks holds none."""
    entries = Entry(network=IPv6Network("::1/128")), Entry(host="a.example"), Entry(ports=range(80, 81))
    assert read_entries("dispatch_allow", " ::1, a.example\n,\t:80 ") == entries
    assert read_entries("dispatch_allow", "") == read_entries("dispatch_allow", " \n") == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (",", "'' should be a network, an address, a host name"),
        ("10.0.0.0/8,", "'' should be a network"),
        ("[::1", "'[::1' should be a network"),
        ("[::1]80", "'[::1]80' should be a network"),
        ("[::1]:80:90", "'[::1]:80:90' should be a network"),
        ("10.0.0.1/8", "'10.0.0.1/8' should be an address or a network"),
        ("10.0.0.0/33", "'10.0.0.0/33' should be an address"),
        ("10.0.0", "'10.0.0' should be an address"),
        ("0x0a000001", "'0x0a000001' should be an address"),
        ("167772161", "'167772161' should be an address"),
        ("010.0.0.1", "'010.0.0.1' should be an address"),
        ("10.0.0.1.", "'10.0.0.1.' should be an address"),
        ("*.0.0.1", "'*.0.0.1' should be an address"),
        ("worker.example/8", "'worker.example/8' should be an address"),
        ("http://worker", "'http://worker' should end in a port"),
        ("http://[::1]", "'http://[::1]' should be a network"),
        ("[]:80", "'[]:80' should be an address"),
        ("[worker]:80", "'[worker]:80' should be an address"),
        ("fe80::1%eth0", "'fe80::1%eth0' should have no zone"),
        ("::1:x", "'::1:x' should be an address"),
        (":", "':' should end in a port"),
        ("worker:", "'worker:' should end in a port"),
        (":70000", "':70000' should end in a port"),
        (":2-1", "':2-1' should end in a port"),
        (":1-2-3", "':1-2-3' should end in a port"),
        (":-1", "':-1' should end in a port"),
        (":٣", "':٣' should end in a port"),
        ("*", "'*' should be a host name"),
        ("*.", "'*.' should be a host name"),
        ("*.*.example", "'*.*.example' should be a host name"),
        ("a*.example", "'a*.example' should be a host name"),
        ("a..example", "'a..example' should be a host name"),
        (".example", "'.example' should be a host name"),
        ("a b", "'a b' should be a host name"),
        ("a\nb", r"'a\nb' should be a host name"),
        ("user@worker", "'user@worker' should be a host name"),
        ("ä" + "b" * 70, "should be a host name"),
        ("１.２.３.４", "'１.２.３.４' should be a host name"),
        ("a,10.0.0.0/x,b", "'10.0.0.0/x' should be an address"),
    ],
)
def test_a_bad_entry_is_refused_by_its_name(text: str, reason: str) -> None:
    """One line names the option, the entry and what it should be."""
    with pytest.raises(ConfigError) as refusal:
        read_entries("dispatch_deny", text)
    line = str(refusal.value)
    assert line.startswith("dispatch_deny: ")
    assert reason in line
    assert "\n" not in line


@given(st.text() | st.text(alphabet="0123456789abcdefx.:/[]*%-, \n"))
def test_any_text_is_a_list_or_one_line(text: str) -> None:
    """Reading a list ends in entries or in a ConfigError of one line, never in anything else."""
    line = ""
    try:
        read_entries("dispatch_allow", text)
    except ConfigError as refusal:
        line = str(refusal)
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "host", "port", "holds"),
    [
        ("worker.example", "worker.example", 80, True),
        ("worker.example", "Worker.EXAMPLE.", 80, True),
        ("worker.example", "a.worker.example", 80, False),
        ("worker.example", "worker.example.evil.test", 80, False),
        ("*.internal.example", "a.internal.example", 80, True),
        ("*.internal.example", "A.b.Internal.Example.", 80, True),
        ("*.internal.example", "internal.example", 80, False),
        ("*.internal.example", ".internal.example", 80, False),
        ("*.internal.example", "evilinternal.example", 80, False),
        ("exämple.com", "xn--exmple-cua.com", 80, True),
        ("exämple.com", "XN--EXMPLE-CUA.com.", 80, True),
        ("worker.example:8000-8080", "worker.example", 8080, True),
        ("worker.example:8000-8080", "worker.example", 8081, False),
        (":6379", "anything", 6379, True),
        (":6379", "anything", 80, False),
        ("192.0.2.0/24", "anything", 80, True),
        ("192.0.2.0/24:80", "anything", 80, True),
        ("192.0.2.0/24:80", "anything", 81, False),
        ("198.51.100.0/24", "anything", 80, False),
        ("::/0", "anything", 80, False),
    ],
)
def test_an_entry_holds_for_what_it_names(text: str, host: str, port: int, holds: bool) -> None:
    """Hosts are compared whatever their case, ports and networks by what they contain."""
    (entry,) = read_entries("dispatch_allow", text)
    assert entry.holds_for(host, ANYWHERE, port) is holds
