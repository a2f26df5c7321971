"""The entries of `dispatch_allow` and `dispatch_deny`: how they are read, and what they hold for."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import idna
from attrs import frozen

from trioworq.config import ConfigError

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

_MAPPED = IPv6Network("::ffff:0:0/96")
_MAX_PORT = 65_535

_ENTRY = re.compile(r"(?:\[(?P<literal>[^\[\]]*)\]|(?P<place>[^\[\]:]*))(?::(?P<ports>[^:]*))?")
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
# The system's resolver reads what ends like this as an address or not at all: 10.1, 0x7f000001, 2852039166.
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")


@frozen
class Entry:
    """One entry: a network, a host or neither, and perhaps the ports that it is about.

    `host` is in lower case and without a dot at its end; one that begins with a dot stands for all the
    names that end in it.
    """

    network: IPNetwork | None = None
    host: str | None = None
    ports: range | None = None

    def is_about(self, host: str, port: int) -> bool:
        """Whether the entry may hold for a host and a port, if the address is right."""
        if self.ports is not None and port not in self.ports:
            return False
        if self.host is None:
            return True
        name = host.lower().removesuffix(".")
        if self.host.startswith("."):
            return name.endswith(self.host) and name != self.host
        return name == self.host

    def holds_for(self, host: str, address: IPAddress, port: int) -> bool:
        """Whether the entry holds for a connection to an address and a port, on behalf of a host."""
        return self.is_about(host, port) and (self.network is None or address in self.network)


def read_entries(option: str, text: str) -> tuple[Entry, ...]:
    """Read a list, separated by commas. Raises ConfigError, which names the option and the bad entry."""
    if not text.strip():
        return ()
    entries = []
    for part in text.split(","):
        entry = part.strip()
        try:
            entries.append(_read_entry(entry))
        except ValueError as error:
            raise ConfigError(f"{option}: {entry!r} {error}") from None
    return tuple(entries)


def _read_entry(text: str) -> Entry:
    if text.count(":") > 1 and "[" not in text:
        return Entry(network=_read_network(text))
    match = _ENTRY.fullmatch(text)
    if match is None or not text:
        raise ValueError(
            "should be a network, an address, a host name or *.domain, alone or with a port such as :80, "
            "or such a port alone; IPv6 takes brackets before a port"
        )
    ports = None if match["ports"] is None else _read_ports(match["ports"])
    if match["literal"] is not None:
        return Entry(network=_read_network(match["literal"]), ports=ports)
    place = match["place"].lower()
    if not place:
        return Entry(ports=ports)
    if "/" in place or _NUMERIC.fullmatch(place):
        return Entry(network=_read_network(place), ports=ports)
    return Entry(host=_read_host(place), ports=ports)


def _read_network(text: str) -> IPNetwork:
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError(
            "should be an address or a network such as 10.0.0.0/8, whose bits behind the prefix are 0"
        ) from None
    if "%" in text:
        raise ValueError("should have no zone: an address is judged whatever its zone")
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        first = IPv4Address(int(network.network_address) & 0xFFFF_FFFF)
        return IPv4Network((first, network.prefixlen - _MAPPED.prefixlen))
    return network


def _read_ports(text: str) -> range:
    match = _PORTS.fullmatch(text)
    if match is not None:
        low, high = int(match[1]), int(match[2] or match[1])
        if low <= high <= _MAX_PORT:
            return range(low, high + 1)
    raise ValueError(f"should end in a port or a range such as :8000-8080, up to {_MAX_PORT}")


def _read_host(pattern: str) -> str:
    name = pattern.removeprefix("*.")
    try:
        # As the hosts of URLs are read.
        ascii_name = name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
    except UnicodeError:
        ascii_name = ""
    ascii_name = ascii_name.removesuffix(".")
    if not _NAME.fullmatch(ascii_name) or _NUMERIC.fullmatch(ascii_name):
        raise ValueError("should be a host name, such as worker.example, or *. and a domain")
    return ascii_name if name == pattern else f".{ascii_name}"
