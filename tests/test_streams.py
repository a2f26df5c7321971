"""The plain connection on a real socket."""

import socket
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from trioworq.streams import ConnectionLost, PlainStream


@pytest.fixture
def pair() -> Iterator[tuple[PlainStream, socket.socket]]:
    """A connection and the other end of it."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    connection = PlainStream(ours)
    with theirs:
        yield connection, theirs
    connection.close()


async def test_sending_waits_for_a_reader(pair: tuple[PlainStream, socket.socket]) -> None:
    """When the kernel takes no more, sending goes on as the other end reads; every byte arrives in order."""
    connection, theirs = pair
    data = bytes(range(256)) * 8000
    received = bytearray()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.send, data)
        while len(received) < len(data):
            await trio.lowlevel.wait_readable(theirs)
            received += theirs.recv(100_000)
    assert received == data


async def test_sending_starts_with_waiting_when_nothing_fits(
    pair: tuple[PlainStream, socket.socket],
) -> None:
    """A socket that is full from the start is waited for."""
    connection, theirs = pair
    with trio.move_on_after(0.05):
        await connection.send(b"x" * 10_000_000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.send, b"end")
        await trio.testing.wait_all_tasks_blocked()
        received = b""
        while not received.endswith(b"end"):
            await trio.lowlevel.wait_readable(theirs)
            received = received[-3:] + theirs.recv(1_000_000)


async def test_an_end_that_is_gone_is_told(
    pair: tuple[PlainStream, socket.socket],
) -> None:
    """Sending to an end that is gone raises ConnectionLost, receiving from it gives nothing."""
    connection, theirs = pair
    theirs.close()
    with pytest.raises(ConnectionLost, match=r"^write: broken pipe$"):
        await connection.send(b"x")
    assert await connection.receive() == b""


async def test_a_connection_lost_while_sending_waits_is_told(
    pair: tuple[PlainStream, socket.socket],
) -> None:
    """The end goes away while the kernel takes no more."""
    connection, theirs = pair

    async def send() -> None:
        with pytest.raises(ConnectionLost, match=r"^write: "):
            await connection.send(b"x" * 10_000_000)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await trio.testing.wait_all_tasks_blocked()
        theirs.close()


async def test_ending_the_sending_leaves_the_receiving(pair: tuple[PlainStream, socket.socket]) -> None:
    """The other end sees the end and may go on sending."""
    stream, theirs = pair
    await stream.send(b"last")
    stream.end_sending()
    assert theirs.recv(10) == b"last"
    assert theirs.recv(10) == b""
    theirs.send(b"more")
    assert await stream.receive() == b"more"


async def test_ending_to_an_end_that_is_gone_is_no_error(pair: tuple[PlainStream, socket.socket]) -> None:
    """Nobody is left to be told."""
    stream, theirs = pair
    theirs.close()
    stream.end_sending()
    stream.end_sending()


async def test_an_end_that_hangs_up_is_noticed_behind_what_it_sent(
    pair: tuple[PlainStream, socket.socket],
) -> None:
    """Unread bytes do not hide it, and are still there to be read."""
    stream, theirs = pair
    theirs.send(b"unread")
    assert not stream.has_hung_up()
    theirs.shutdown(socket.SHUT_WR)
    assert stream.has_hung_up()
    assert await stream.receive() == b"unread"
    assert await stream.receive() == b""


def test_nothing_is_agreed_on_in_the_clear(pair: tuple[PlainStream, socket.socket]) -> None:
    """There was no handshake."""
    assert pair[0].agreed_protocol is None


async def test_a_stream_that_is_closed_has_hung_up(pair: tuple[PlainStream, socket.socket]) -> None:
    """Whoever waits for something on behalf of its peer may ask later than that."""
    stream, _ = pair
    stream.close()
    assert stream.has_hung_up()
