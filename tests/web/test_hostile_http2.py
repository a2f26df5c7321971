"""Hostile clients over HTTP/2: each costs its own connection, for a while, and no more (I13).

Every test goes by `withstand`: others are served meanwhile, and afterwards tasks, files and memory are what
they were and the error log is empty.
"""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
from attrs import evolve
from hyperframe.frame import Frame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame

from tests.web import hostile_http2_clients as clients
from tests.web.face import CONFIG, Served, open_served
from tests.web.flatness import LARGE_BYTES, Attack, hostile_routes, withstand
from trioworq.web.bodies import MAX_STREAMS

PATIENT = evolve(CONFIG, max_header_bytes=20_000)
IMPATIENT = evolve(PATIENT, request_timeout_s=1, keep_alive_timeout_s=1)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A server that echoes what it is pushed, and has little patience."""
    async with open_served(hostile_routes(), IMPATIENT, is_watched=False) as served:
        yield served


def frames(raw: bytes) -> list[Frame]:
    """Read what the server sent."""
    found = []
    while raw:
        frame, size = Frame.parse_frame_header(memoryview(raw[:9]))
        frame.parse_body(memoryview(raw[9 : 9 + size]))
        found.append(frame)
        raw = raw[9 + size :]
    return found


def kinds(raw: bytes) -> Counter[type[Frame]]:
    """Count what the server sent."""
    return Counter(map(type, frames(raw)))


async def test_requests_that_are_taken_back_at_once_leave_nothing(served: Served) -> None:
    """Hundreds of them are begun and ended."""
    await withstand(served, clients.reset_rapidly, times=3)


async def test_settings_without_end_are_acknowledged(served: Served) -> None:
    """Each, in turn with what others want, and as long as a client has time."""
    for raw in await withstand(served, clients.flood_settings, times=3):
        acknowledged = [frame for frame in frames(raw) if isinstance(frame, SettingsFrame) and frame.flags]
        assert 0 < len(acknowledged) <= 3001


async def test_pings_without_end_are_answered(served: Served) -> None:
    """Each, in turn with what others want, and as long as a client has time."""
    for raw in await withstand(served, clients.flood_pings, times=3):
        assert kinds(raw)[PingFrame] <= 3000
        assert kinds(raw)[GoAwayFrame] == 0


async def test_answers_to_pings_that_nobody_reads_are_not_kept(served: Served) -> None:
    """While they cannot be sent nothing more is read, and soon the client is cut off."""
    await withstand(served, clients.flood_unread, times=5)


async def test_priorities_are_forgotten_at_once(served: Served) -> None:
    """What they depend on may never come."""
    for raw in await withstand(served, clients.flood_priorities, times=3):
        assert kinds(raw)[GoAwayFrame] == 0


@pytest.mark.parametrize(
    "attack",
    [
        clients.flood_continuations,
        clients.compress_wildly,
        clients.announce_a_long_frame,
        clients.overflow_the_window,
    ],
)
async def test_what_is_too_much_ends_its_connection(attack: Attack) -> None:
    """The client is told, in the time that it has for a request, and nothing of it is kept."""
    async with open_served(hostile_routes(), PATIENT, is_watched=False) as served:
        for raw in await withstand(served, attack, peak_bytes=4_000_000):
            assert kinds(raw)[GoAwayFrame] == 1


async def test_a_body_of_nothing_without_end_is_a_408(served: Served) -> None:
    """Empty frames are no progress."""
    for raw in await withstand(served, clients.flood_empty_data, times=3):
        assert kinds(raw)[HeadersFrame] == 1
    assert {line["status"] for line in served.access_lines} <= {200, 408}


@pytest.mark.parametrize("attack", [clients.take_nothing, clients.take_little])
async def test_a_client_that_takes_no_answers_is_cut_off(served: Served, attack: Attack) -> None:
    """After the time that a client has for them, which grows by no byte that it takes."""
    await withstand(served, attack, times=3, peak_bytes=3 * 5 * LARGE_BYTES)


async def test_bodies_that_never_end_are_cut_off(served: Served) -> None:
    """All of a connection's together have as long as one."""
    for raw in await withstand(served, clients.begin_bodies, times=3):
        assert kinds(raw)[HeadersFrame] == MAX_STREAMS


async def test_what_is_no_path_resets_its_stream(served: Served) -> None:
    """The connection goes on."""
    for raw in await withstand(served, clients.ask_for_what_is_no_path):
        assert kinds(raw)[RstStreamFrame] == 1
        assert kinds(raw)[GoAwayFrame] == 0


async def test_a_tunnel_is_refused(served: Served) -> None:
    """Nothing here leads anywhere else."""
    for raw in await withstand(served, clients.tunnel):
        assert kinds(raw)[RstStreamFrame] + kinds(raw)[GoAwayFrame] == 1


async def test_a_client_that_asks_and_goes_leaves_nothing(served: Served) -> None:
    """What it asked for is given up."""
    await withstand(served, clients.leave_after_asking, times=10)
