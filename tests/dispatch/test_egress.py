"""Which addresses may be called: the rules, the defaults, and every spelling of an address."""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trioworq.config import ConfigError
from trioworq.dispatch.egress import REFUSED_BY_DEFAULT, EgressRules, read_egress_rules
from trioworq.dispatch.targets import UnreadableUrl, UnusableUrl, parse

REFUSED = [
    "169.254.169.254", "169.254.170.2", "169.254.0.0", "169.254.255.255", "100.100.100.200", "168.63.129.16",
    "192.0.0.192", "224.0.0.1", "239.255.255.255", "255.255.255.255", "fe80::1", "fe80::a9fe:a9fe",
    "fe80::1%eth0", "fe80::1%1", "febf:ffff::1", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
    "fd00:c1::a9fe:a9fe", "fd00:42::42", "fd00:a9fe:a9fe::1", "fd00:100::100:200", "ff02::1", "ff0e::1",
    "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::ffff:0:169.254.169.254", "::169.254.169.254",
    "64:ff9b::169.254.169.254", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:2:3::a9fe:a9fe",
    "2002:a9fe:a9fe::1", "2002:6464:64c8::", "::ffff:255.255.255.255",
]  # fmt: skip
ADMITTED = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "::", "::1", "10.0.0.1", "172.17.0.1", "192.168.1.1", "100.64.0.1",
    "100.100.100.201", "169.253.255.255", "169.255.0.0", "8.8.8.8", "fd00::1", "fd20:ce::255",
    "2606:4700::1111", "::ffff:10.0.0.1", "::ffff:0.0.0.0", "64:ff9b::8.8.8.8", "2002:808:808::1", "fec0::1",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_link_local_metadata_multicast_and_broadcast_are_refused_by_default(address: str) -> None:
    """Whether written as themselves or inside an IPv6 address, on any port, for any host."""
    assert not EgressRules().admits("any.example", address, 80)


@pytest.mark.parametrize("address", ADMITTED)
def test_loopback_private_and_public_addresses_are_admitted_by_default(address: str) -> None:
    """Workers live there."""
    assert EgressRules().admits("any.example", address, 80)


@pytest.mark.parametrize("place", ["", "worker.example", "localhost", "0xa9fea9fe", "1.2.3", "::g"])
def test_what_is_no_numeric_address_is_refused(place: str) -> None:
    """Nothing is connected to that would have to be looked up once more."""
    assert not EgressRules().admits("any.example", place, 80)


@pytest.mark.parametrize(
    ("allow", "deny", "host", "address", "port", "is_admitted"),
    [
        # deny: networks, ports, hosts, and both
        ("", "127.0.0.0/8", "h", "127.0.0.1", 80, False),
        ("", "127.0.0.0/8", "h", "::1", 80, True),
        ("", "127.0.0.0/8", "h", "10.0.0.1", 80, True),
        ("", ":6379", "h", "10.0.0.1", 6379, False),
        ("", ":6379", "h", "10.0.0.1", 80, True),
        ("", "10.0.0.0/8:22", "h", "10.0.0.1", 22, False),
        ("", "10.0.0.0/8:22", "h", "10.0.0.1", 80, True),
        ("", "*.internal.example", "a.internal.example", "8.8.8.8", 80, False),
        # deny: other ways to a denied address
        ("", "127.0.0.0/8", "h", "0.0.0.0", 80, False),
        ("", "0.0.0.0", "h", "0.0.0.0", 80, False),
        ("", "::1", "h", "::", 80, False),
        ("", "127.0.0.0/8", "h", "::ffff:0.0.0.0", 80, False),
        ("", "127.0.0.0/8", "h", "::ffff:127.0.0.1", 80, False),
        ("", "10.0.0.0/8", "h", "64:ff9b::10.0.0.1", 80, False),
        ("", "10.0.0.0/8", "h", "2002:a00:1::", 80, False),
        ("", "10.0.0.0/8", "h", "::10.0.0.1", 80, False),
        ("", "2002::/16", "h", "2002:808:808::1", 80, False),
        ("", "::ffff:10.0.0.0/104", "h", "10.0.0.1", 80, False),
        ("", "::/0", "h", "::ffff:10.0.0.1", 80, True),
        ("", "0.0.0.0/8", "h", "::1", 80, True),
        ("", "fc00::/7", "h", "fd00::1%eth0", 80, False),
        # allow: nothing else
        ("10.0.0.0/8", "", "h", "10.0.0.1", 80, True),
        ("10.0.0.0/8", "", "h", "::ffff:10.0.0.1", 80, True),
        ("10.0.0.0/8", "", "h", "64:ff9b::10.0.0.1", 80, False),
        ("10.0.0.0/8", "", "h", "127.0.0.1", 80, False),
        ("127.0.0.1", "", "h", "0.0.0.0", 80, False),
        ("10.0.0.0/8:80", "", "h", "10.0.0.1", 81, False),
        ("::/0", "", "h", "::ffff:10.0.0.1", 80, False),
        (":80", "", "h", "8.8.8.8", 80, True),
        (":80", "", "h", "8.8.8.8", 81, False),
        ("a.example, 10.0.0.0/8", "", "a.example", "8.8.8.8", 80, True),
        ("a.example, 10.0.0.0/8", "", "b.example", "8.8.8.8", 80, False),
        ("a.example, 10.0.0.0/8", "", "b.example", "10.0.0.1", 80, True),
        # deny wins
        ("10.0.0.0/8", "10.1.0.0/16", "h", "10.0.0.1", 80, True),
        ("10.0.0.0/8", "10.1.0.0/16", "h", "10.1.0.1", 80, False),
        ("a.example", "10.0.0.0/8", "a.example", "10.0.0.1", 80, False),
        ("10.0.0.1", "a.example", "a.example", "10.0.0.1", 80, False),
        ("169.254.169.254", "169.254.169.254", "h", "169.254.169.254", 80, False),
        # what is refused by default has to be named
        ("169.254.169.254", "", "h", "169.254.169.254", 80, True),
        ("169.254.0.0/16", "", "h", "169.254.169.254", 80, True),
        ("169.254.169.254", "", "h", "::ffff:169.254.169.254", 80, True),
        ("169.254.169.254", "", "h", "169.254.169.253", 80, False),
        ("169.254.169.254:80", "", "h", "169.254.169.254", 81, False),
        ("169.0.0.0/8", "", "h", "169.254.169.254", 80, False),
        ("0.0.0.0/0", "", "h", "169.254.169.254", 80, False),
        ("0.0.0.0/0, 169.254.169.254", "", "h", "169.254.169.254", 80, True),
        ("metadata.example", "", "metadata.example", "169.254.169.254", 80, False),
        (":80", "", "h", "169.254.169.254", 80, False),
        ("100.64.0.0/10", "", "h", "100.100.100.200", 80, False),
        ("100.100.100.200", "", "h", "100.100.100.200", 80, True),
        ("fc00::/7", "", "h", "fd00:ec2::254", 80, False),
        ("fd00:ec2::254", "", "h", "fd00:ec2::254", 80, True),
        ("fd00:ec2::254", "", "h", "fd00:ec2::23", 80, False),
        ("fe80::/10", "", "h", "fe80::1%eth0", 80, True),
        ("64:ff9b::/96", "", "h", "64:ff9b::169.254.169.254", 80, False),
        ("64:ff9b::/96, 169.254.169.254", "", "h", "64:ff9b::169.254.169.254", 80, True),
    ],
)
def test_the_rules_decide(
    allow: str, deny: str, host: str, address: str, port: int, is_admitted: bool
) -> None:
    """Deny wins; an allow list admits nothing else; what is refused by default has to be named in it."""
    assert read_egress_rules(allow, deny).admits(host, address, port) is is_admitted


@pytest.mark.parametrize(
    ("allow", "deny", "host", "port", "may_be_admitted", "is_known"),
    [
        ("", "", "h", 80, True, True),
        ("", "h", "h", 80, False, True),
        ("", "h:81", "h", 80, True, True),
        ("", "10.0.0.0/8", "h", 80, True, True),
        ("", ":80", "h", 80, False, True),
        ("h", "", "h", 80, True, True),
        ("h:81", "", "h", 80, False, False),
        ("other", "", "h", 80, False, False),
        ("other, 10.0.0.0/8", "", "h", 80, True, False),
        ("10.0.0.0/8:81", "", "h", 80, False, False),
    ],
)
def test_what_can_be_decided_by_host_and_port_needs_no_address(
    allow: str, deny: str, host: str, port: int, may_be_admitted: bool, is_known: bool
) -> None:
    """A host that cannot be admitted whatever its address need not be looked up."""
    egress = read_egress_rules(allow, deny)
    assert (egress.may_admit(host, port), egress.is_known(host, port)) == (may_be_admitted, is_known)


@pytest.mark.parametrize("option", ["dispatch_allow", "dispatch_deny"])
def test_a_bad_entry_names_its_option(option: str) -> None:
    """Each of the two lists is read, and refused by its own name."""
    lists = {"dispatch_allow": "10.0.0.0/8", "dispatch_deny": "a.example"} | {option: "10.0.0.0/99"}
    with pytest.raises(ConfigError, match=f"^{option}: '10.0.0.0/99' should be"):
        read_egress_rules(lists["dispatch_allow"], lists["dispatch_deny"])


def in_any(networks: tuple[IPv4Network, ...]) -> st.SearchStrategy[IPv4Address]:
    """Draw an address of one of the networks."""
    return st.sampled_from(networks).flatmap(
        lambda net: st.integers(int(net.network_address), int(net.broadcast_address)).map(IPv4Address)
    )


def number_forms(number: int) -> st.SearchStrategy[str]:
    """Draw a way to write a number that the system's resolver understands."""
    return st.sampled_from([str(number), hex(number), hex(number).upper(), oct(number).replace("o", "")])


@st.composite
def hosts_of(draw: st.DrawFn, addresses: st.SearchStrategy[IPv4Address]) -> str:
    """Draw a URL's host that means one of the addresses, in one of the many ways to write it."""
    address = draw(addresses)
    number, octets = int(address), address.packed
    shape = draw(st.sampled_from(["dotted", "three", "two", "one", "mapped", "nat64", "6to4", "compatible"]))
    match shape:
        case "dotted":
            return ".".join(draw(number_forms(octet)) for octet in octets)
        case "three":
            parts = [octets[0], octets[1], number & 0xFFFF]
            return ".".join(draw(number_forms(part)) for part in parts)
        case "two":
            return ".".join(draw(number_forms(part)) for part in (octets[0], number & 0xFFFFFF))
        case "one":
            return draw(number_forms(number))
        case "6to4":
            rest = draw(st.integers(0, 2**80 - 1))
            embedding = IPv6Address((0x2002 << 112) | (number << 80) | rest)
        case _:
            prefixes = {"mapped": "::ffff:0:0", "nat64": "64:ff9b::", "compatible": "::"}
            embedding = IPv6Address(int(IPv6Address(prefixes[shape])) | number)
    spelling = draw(st.sampled_from([str(embedding), embedding.exploded, str(embedding).upper()]))
    return f"[{spelling}{draw(st.sampled_from(['', '%25lo', '%251']))}]"


def resolved(host: str) -> list[str]:
    """Return the addresses that the system gives for a host in a URL; none when that is not to be asked."""
    try:
        target = parse(f"http://{host}/")
        rows = socket.getaddrinfo(
            target.host, target.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
    except (UnreadableUrl, UnusableUrl, OSError):
        return []
    return [str(row[4][0]) for row in rows]


REFUSED_IPV4 = tuple(network for network in REFUSED_BY_DEFAULT if isinstance(network, IPv4Network))


@given(hosts_of(in_any(REFUSED_IPV4)))
def test_no_spelling_of_a_refused_address_is_admitted(host: str) -> None:
    """Decimal, octal, hexadecimal, short, or inside IPv6: whatever the system makes of it is judged."""
    places = resolved(host)
    assume(places)
    assert not any(EgressRules().admits(host, place, 80) for place in places)


@given(hosts_of(in_any((IPv4Network("10.0.0.0/8"), IPv4Network("127.0.0.0/8"), IPv4Network("0.0.0.0/32")))))
def test_no_spelling_of_a_denied_address_is_admitted(host: str) -> None:
    """The networks of dispatch_deny are as tight as those refused by default."""
    egress = read_egress_rules("", "10.0.0.0/8, 127.0.0.0/8, 0.0.0.0, ::1")
    places = resolved(host)
    assume(places)
    assert not any(egress.admits(host, place, 80) for place in places)
