"""A real daemon, attacked by hostile clients of every kind at once: others are served, and it does not grow.

That is I13. What the attacks are, and what each is answered, is in tests/web/test_hostile_clients.py and
test_hostile_http2.py.
"""

import random
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import httpx2
import psutil
import trio
from attrs import frozen

from tests.process.running_daemon import RecordingWorker, RunningDaemon, running_daemon
from tests.seeds import seeded_dice
from tests.web import hostile_clients as http1
from tests.web import hostile_http2_clients as http2

LASTS_S = 10.0
AT_ONCE = 12
BYSTANDER_S = 15.0
# The allocator keeps what the worst moment took, and a worse one may come late; a leak grows in each round.
ROUNDS = 4
GROWTH_BYTES = 15_000_000
STILL_LOOKS = 6
OPTIONS = ["--request-timeout-s=1", "--keep-alive-timeout-s=1", "--max-bodies-bytes=20000000"]

ATTACKS: Sequence[Callable[[http1.Server], Awaitable[bytes]]] = [
    http1.trickle_head, http1.trickle_body, http1.trickle_chunks, http1.leave_in_body, http1.reset_in_body,
    http1.promise_body, http1.pipeline, http1.ask_and_not_read, http1.not_read_large, http1.say_nothing,
    http1.reset_in_answer, http1.connect_and_leave, http1.flood_header, http1.flood_headers,
    http1.flood_target, http1.flood_extension, http1.flood_extensions, http1.flood_trailers,
    http1.upgrade_to_websocket, http1.upgrade_badly, http2.reset_rapidly, http2.flood_settings,
    http2.flood_pings, http2.flood_unread, http2.flood_priorities, http2.flood_continuations,
    http2.flood_empty_data, http2.compress_wildly, http2.announce_a_long_frame, http2.take_nothing,
    http2.take_little, http2.begin_bodies, http2.overflow_the_window, http2.ask_for_what_is_no_path,
    http2.tunnel, http2.leave_after_asking,
]  # fmt: skip


@frozen
class Target:
    """The daemon, as the attacks see it."""

    port: int


@frozen
class Size:
    """What the daemon has in use."""

    bytes: int
    files: int
    tasks: int

    @classmethod
    def of(cls, daemon: RunningDaemon) -> "Size":
        """Measure."""
        process = psutil.Process(daemon.process.pid)
        # In this order: the question opens a connection.
        resident, files = process.memory_info().rss, process.num_fds()
        return cls(resident, files, httpx2.get(f"{daemon.url}/stats").json()["goroutine_num"])


async def test_a_daemon_under_attack_serves_others_and_does_not_grow(
    worker: RecordingWorker, tmp_path: Path
) -> None:
    """Rounds of all attacks leave no more files and tasks in use, and sooner or later no more memory."""
    dice = seeded_dice()
    with running_daemon(tmp_path, "--driver=in-memory", *OPTIONS) as daemon:
        worker.gate.clear()
        daemon.push(worker.url, payload="x" * 6_000_000)
        target = Target(int(daemon.url.rpartition(":")[2]))
        await attack(target, dice, 0)
        sizes = [await settled(daemon)]
        for _ in range(ROUNDS):
            await attack(target, dice, LASTS_S)
            sizes.append(await settled(daemon))
            assert sizes[-1].files <= sizes[0].files
            assert sizes[-1].tasks <= sizes[0].tasks
            if sizes[-1].bytes < sizes[-2].bytes + GROWTH_BYTES:
                break
        else:
            raise AssertionError(f"it grows: {sizes}")
        worker.gate.set()
        assert daemon.stop() == 0
        assert {line["level"] for line in daemon.lines("error")} <= {"debug", "info"}
    assert 500 not in {line["status"] for line in daemon.lines("access")}


async def attack(target: Target, dice: random.Random, lasts_s: float) -> None:
    """Run all attacks, in any order and a few at once, again and again for that long, while others ask."""
    ends_at = time.monotonic() + lasts_s
    waiting = dice.sample(ATTACKS, len(ATTACKS))

    async def run() -> None:
        while waiting or time.monotonic() < ends_at:
            await (waiting.pop() if waiting else dice.choice(ATTACKS))(target)

    async with trio.open_nursery() as clients:
        clients.start_soon(stand_by, target, ends_at)
        for _ in range(AT_ONCE):
            clients.start_soon(run)


async def stand_by(target: Target, until_s: float) -> None:
    """Ask for the version on a new connection, again and again until then, and want it soon."""
    while time.monotonic() < until_s:
        with trio.fail_after(BYSTANDER_S):
            raw = await http1.say(target, http1.GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert raw.startswith(b"HTTP/1.1 200 ")
        await trio.sleep(0.02)


async def settled(daemon: RunningDaemon) -> Size:
    """Wait until no more clients are being forgotten, and measure."""
    sizes = [Size.of(daemon)]
    with trio.move_on_after(20):
        # As many looks as take longer than any time that a client has.
        while (
            len(sizes) < STILL_LOOKS or len({(size.files, size.tasks) for size in sizes[-STILL_LOOKS:]}) > 1
        ):
            await trio.sleep(0.5)
            sizes.append(Size.of(daemon))
    return sizes[-1]
