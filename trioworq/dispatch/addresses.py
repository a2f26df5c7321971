"""Names to addresses. The system's resolver blocks and cannot be cancelled, so it runs in threads: one for
a name, whoever asks for it, and a bounded number for all.
"""

import contextlib
import socket
from collections.abc import Callable
from typing import Any

import trio
from attrs import define, field, frozen
from outcome import Outcome

# Lookups that hang keep their threads; others are turned away only when this many do.
MAX_LOOKUPS = 64

# A name's owner may give it thousands of addresses, and each is judged while everything else waits.
MAX_FOUND = 64

GetAddrInfo = Callable[..., list[Any]]


class LookupFailed(Exception):
    """The name has no address, or none can be found out."""


@frozen
class Address:
    """What a socket connects to."""

    family: socket.AddressFamily
    place: tuple[Any, ...]


@define(eq=False)
class _Lookup:
    done: trio.Event = field(factory=trio.Event)
    addresses: list[Address] = field(factory=list)
    failure: str = "no such host"


class Lookups:
    """The lookups under way."""

    def __init__(self, getaddrinfo: GetAddrInfo) -> None:
        self._getaddrinfo = getaddrinfo
        self._under_way: dict[tuple[str, int], _Lookup] = {}
        self._waiting_for_room = trio.lowlevel.ParkingLot()

    async def find(self, host: str, port: int) -> list[Address]:
        """Return the addresses of a host, the preferred first; at least one, at most MAX_FOUND.

        Raises LookupFailed.

        If cancelled: the lookup goes on in its thread, and serves whoever asks next for as long as it does.
        """
        numeric = _numeric(host, port)
        if numeric:
            await trio.lowlevel.checkpoint()
            return numeric
        key = host, port
        while (lookup := self._under_way.get(key)) is None:
            if len(self._under_way) < MAX_LOOKUPS:
                self._start(key)
            else:
                await self._waiting_for_room.park()
        await lookup.done.wait()
        if not lookup.addresses:
            raise LookupFailed(f"lookup {host}: {lookup.failure}")
        return lookup.addresses

    def _start(self, key: tuple[str, int]) -> None:
        token = trio.lowlevel.current_trio_token()
        self._under_way[key] = _Lookup()

        def look_up() -> list[Address]:
            return _addresses(self._getaddrinfo(key[0].encode("ascii"), key[1], type=socket.SOCK_STREAM))

        def deliver(found: Outcome[list[Address]]) -> None:
            # A lookup that hangs may outlive the daemon's tasks.
            with contextlib.suppress(trio.RunFinishedError):
                token.run_sync_soon(self._finish, key, found)

        trio.lowlevel.start_thread_soon(look_up, deliver, name=f"lookup {key[0]}")

    def _finish(self, key: tuple[str, int], found: Outcome[list[Address]]) -> None:
        lookup = self._under_way.pop(key)
        try:
            lookup.addresses = found.unwrap()
        except (OSError, UnicodeError) as error:
            lookup.failure = getattr(error, "strerror", None) or str(error)
        lookup.done.set()
        self._waiting_for_room.unpark_all()


def _numeric(host: str, port: int) -> list[Address]:
    """Return the address that is written out in `host`; nothing when it is a name."""
    try:
        return _addresses(
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        )
    except (OSError, UnicodeError):
        return []


def _addresses(rows: list[Any]) -> list[Address]:
    return [Address(row[0], row[4]) for row in rows[:MAX_FOUND]]
