"""Which addresses may be called, by `dispatch_allow`, `dispatch_deny`, and what nobody calls unless told to.

Whoever may push chooses the URLs, and names resolve to what their owners like, and to something else the next
time. So what is judged is the very address that a connection is made to, at that moment. A connection that
waits for the next call leads where it led when it was judged, and everything else that the rules look at is
the same for all of its calls: the host and the port are its origin. So it is not judged again.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from attrs import frozen

from trioworq.dispatch.entries import Entry, IPAddress, IPNetwork, read_entries

# Where no workers are, but what may hand out a machine's credentials.
REFUSED_BY_DEFAULT: tuple[IPNetwork, ...] = (
    IPv4Network("169.254.0.0/16"),  # link-local, and with it the metadata of nearly every cloud
    IPv4Network("100.100.100.200"),  # Alibaba Cloud's metadata
    IPv4Network("168.63.129.16"),  # Azure's WireServer
    IPv4Network("192.0.0.192"),  # Oracle Cloud Classic's metadata
    IPv4Network("224.0.0.0/4"),  # multicast
    IPv4Network("255.255.255.255"),  # broadcast
    IPv6Network("fe80::/10"),  # link-local
    IPv6Network("fd00:ec2::/32"),  # AWS: metadata, credentials of pods, time, names
    IPv6Network("fd20:ce::254"),  # Google Cloud's metadata
    IPv6Network("fd00:c1::a9fe:a9fe"),  # Oracle Cloud's metadata
    IPv6Network("fd00:42::42"),  # Scaleway's metadata
    IPv6Network("fd00:a9fe:a9fe::1"),  # Akamai's (Linode's) metadata
    IPv6Network("fd00:100::100:200"),  # Alibaba Cloud's metadata
    IPv6Network("ff00::/8"),  # multicast
)

# IPv6 addresses that are a way to an IPv4 address, and how far that is from their last bit.
_WAYS_TO_IPV4 = (
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64 (RFC 6052)
    (IPv6Network("64:ff9b:1::/48"), 0),  # NAT64 of a network's own (RFC 8215), with a prefix of 96 bits
    (IPv6Network("2002::/16"), 80),  # 6to4 (RFC 3056)
    (IPv6Network("::ffff:0:0:0/96"), 0),  # IPv4-translated (RFC 2765)
    (IPv6Network("::/96"), 0),  # IPv4-compatible (RFC 4291)
)


@frozen
class EgressRules:
    """Which connections to workers may be made.

    Refused is what an entry of `deny` holds for; when `allow` has entries, also what none of them holds for;
    and what is refused by default, unless an entry of `allow` names that or a part of it: an entry with a
    wider network, a host or a port alone does not.
    """

    allow: tuple[Entry, ...] = ()
    deny: tuple[Entry, ...] = ()

    def may_admit(self, host: str, port: int) -> bool:
        """Whether there can be an address at which the host may be called."""
        if any(entry.network is None and entry.is_about(host, port) for entry in self.deny):
            return False
        return not self.allow or any(entry.is_about(host, port) for entry in self.allow)

    def is_known(self, host: str, port: int) -> bool:
        """Whether the host is allowed as such; if not, it depends on where its name leads."""
        return not self.allow or any(
            entry.network is None and entry.is_about(host, port) for entry in self.allow
        )

    def admits(self, host: str, place: str, port: int) -> bool:
        """Whether a connection may be made to `place`, a numeric address, for a URL with this host."""
        try:
            address = _read(place)
        except ValueError:
            return False
        reached = (address, *_ways_on(address))
        if any(entry.holds_for(host, each, port) for entry in self.deny for each in reached):
            return False
        if self.allow and not any(entry.holds_for(host, address, port) for entry in self.allow):
            return False
        return not any(self._refuses_by_default(host, each, port) for each in reached)

    def _refuses_by_default(self, host: str, address: IPAddress, port: int) -> bool:
        narrowest = max((net.prefixlen for net in REFUSED_BY_DEFAULT if address in net), default=None)
        return narrowest is not None and not any(
            # Of two networks that the address is in, the one with the longer prefix is part of the other.
            entry.network is not None and entry.network.prefixlen >= narrowest
            for entry in self.allow
            if entry.holds_for(host, address, port)
        )


def read_egress_rules(allow: str, deny: str) -> EgressRules:
    """Read the two options. Raises ConfigError."""
    return EgressRules(read_entries("dispatch_allow", allow), read_entries("dispatch_deny", deny))


def _read(place: str) -> IPAddress:
    """Return an address; one of IPv4 that is written as one of IPv6 is what it is. Raises ValueError."""
    address = ip_address(place)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _ways_on(address: IPAddress) -> Iterator[IPAddress]:
    """Yield what else is reached by connecting to an address."""
    if address.is_unspecified:
        yield IPv4Address("127.0.0.1") if address.version == 4 else IPv6Address("::1")
    elif not address.is_loopback:
        for network, shift in _WAYS_TO_IPV4:
            if address in network:
                yield IPv4Address(int(address) >> shift & 0xFFFF_FFFF)
