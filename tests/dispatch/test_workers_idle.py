"""Which idle connections are kept, which are taken, and which are closed."""

import socket
from collections.abc import Iterator

import pytest
import trio
from trio.testing import MockClock

from trioworq.dispatch.idle import MAX_IDLE, TEND_INTERVAL_S, IdleConnections, Origin
from trioworq.streams import PlainStream

HERE = ("http", "here.example", 80)
THERE = ("https", "there.example", 443)


class Pairs:
    """Connections and the workers' ends of them."""

    def __init__(self) -> None:
        self.workers: list[socket.socket] = []

    def connection(self) -> PlainStream:
        """Return a connection; its worker's end is the last of `workers`."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.workers.append(theirs)
        theirs.setblocking(False)
        return PlainStream(ours)

    def is_open(self, number: int) -> bool:
        """Whether our end of the connection that was made as `number` is open."""
        try:
            return self.workers[number].recv(1) != b""
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False


@pytest.fixture
def pairs() -> Iterator[Pairs]:
    """Connections whose workers' ends are closed at the end."""
    pairs = Pairs()
    yield pairs
    for worker in pairs.workers:
        worker.close()


def filled(pairs: Pairs, idle: IdleConnections, *origins: Origin) -> list[PlainStream]:
    """Give a connection for each origin."""
    connections = [pairs.connection() for _ in origins]
    for origin, connection in zip(origins, connections, strict=True):
        idle.give(origin, connection)
    return connections


async def test_the_last_connection_given_is_the_first_taken(pairs: Pairs) -> None:
    """The warmest connection is used, so that the others can be done without."""
    idle = IdleConnections(10, 0)
    first, second = filled(pairs, idle, HERE, HERE)
    assert [idle.take(HERE), idle.take(HERE), idle.take(HERE)] == [second, first, None]
    first.close()
    second.close()


async def test_a_connection_serves_its_own_origin_only(pairs: Pairs) -> None:
    """Scheme, host and port all have to be the same."""
    idle = IdleConnections(10, 0)
    filled(pairs, idle, HERE)
    assert idle.take(("https", *HERE[1:])) is None
    assert idle.take((*HERE[:2], 81)) is None
    assert idle.take(THERE) is None
    idle.close()


async def test_no_more_wait_for_a_host_than_allowed(autojump_clock: MockClock, pairs: Pairs) -> None:
    """What nobody has taken for a moment is closed, the oldest first; another host's are not counted."""
    idle = IdleConnections(2, 0)
    filled(pairs, idle, HERE, HERE, HERE, HERE, THERE)
    async with trio.open_nursery() as tending:
        tending.start_soon(idle.tend)
        await trio.sleep(TEND_INTERVAL_S + 0.01)
        assert [pairs.is_open(number) for number in range(5)] == [False, False, True, True, True]
        tending.cancel_scope.cancel()
    idle.close()


async def test_connections_in_constant_use_are_kept(autojump_clock: MockClock, pairs: Pairs) -> None:
    """A burst of calls opens its connections once, however many they are (design §7)."""
    idle = IdleConnections(2, 0)
    filled(pairs, idle, *[HERE] * 10)
    async with trio.open_nursery() as tending:
        tending.start_soon(idle.tend)
        for _ in range(100):
            taken = [idle.take(HERE) for _ in range(10)]
            await trio.sleep(TEND_INTERVAL_S / 9)
            for connection in taken:
                assert connection is not None
                idle.give(HERE, connection)
        tending.cancel_scope.cancel()
    assert all(pairs.is_open(number) for number in range(10))
    idle.close()


async def test_none_is_kept_where_none_are_allowed(pairs: Pairs) -> None:
    """A limit of 0 closes every connection after its call."""
    idle = IdleConnections(0, 0)
    filled(pairs, idle, HERE)
    assert not pairs.is_open(0)


async def test_no_more_are_kept_in_all_than_descriptors_allow(mock_clock: MockClock, pairs: Pairs) -> None:
    """However many hosts there are, the oldest idle connection makes room for the newest (I13)."""
    idle = IdleConnections(10, 0)
    for number in range(MAX_IDLE + 5):
        mock_clock.jump(1)
        filled(pairs, idle, ("http", f"host{number}", 80))
    open_ones = [number for number in range(MAX_IDLE + 5) if pairs.is_open(number)]
    assert open_ones == list(range(5, MAX_IDLE + 5))
    idle.close()


async def test_a_full_pool_makes_room_at_the_very_host(mock_clock: MockClock, pairs: Pairs) -> None:
    """It works also when the oldest connection is the only one of the host that gets the newest."""
    idle = IdleConnections(10, 0)
    for number in range(MAX_IDLE):
        mock_clock.jump(1)
        filled(pairs, idle, ("http", f"host{number}", 80))
    (newest,) = filled(pairs, idle, ("http", "host0", 80))
    assert not pairs.is_open(0)
    assert idle.take(("http", "host0", 80)) is newest
    newest.close()
    idle.close()


async def test_an_old_connection_is_not_taken(mock_clock: MockClock, pairs: Pairs) -> None:
    """Past the idle timeout a connection is closed instead of used."""
    idle = IdleConnections(10, 5)
    filled(pairs, idle, HERE)
    mock_clock.jump(5)
    (young,) = filled(pairs, idle, HERE)
    assert idle.take(HERE) is young
    assert idle.take(HERE) is None
    assert not pairs.is_open(0)
    young.close()


async def test_a_closed_or_talking_connection_is_not_taken(pairs: Pairs) -> None:
    """A connection whose worker has closed it or said something unasked is closed instead of used."""
    idle = IdleConnections(10, 0)
    filled(pairs, idle, HERE, HERE)
    pairs.workers[0].close()
    pairs.workers[1].send(b"x")
    assert idle.take(HERE) is None
    assert not pairs.is_open(1)


async def test_a_closed_pool_keeps_nothing(pairs: Pairs) -> None:
    """Closing closes what there is and what comes later."""
    idle = IdleConnections(10, 0)
    filled(pairs, idle, HERE, THERE)
    idle.close()
    filled(pairs, idle, HERE)
    assert [pairs.is_open(number) for number in range(3)] == [False] * 3
    assert idle.take(HERE) is None
