"""A server under attack: what it has in use is counted while a modest client is served (I13)."""

import time
from collections.abc import Awaitable, Callable

import trio
import trio.testing

from tests.in_use import InUse, flat
from tests.web.exchanges import echo
from tests.web.face import Served
from tests.web.hostile_clients import Server
from trioworq.web.messages import Request, Response, Route

Attack = Callable[[Server], Awaitable[bytes]]
Bystander = Callable[[Served], Awaitable[None]]


LARGE_BYTES = 6_000_000


async def large(_request: Request) -> Response:
    """Answer more than the socket buffers of both sides hold."""
    return Response(200, b"x" * LARGE_BYTES)


def hostile_routes() -> list[Route]:
    """Return what hostile clients ask for."""
    return [
        Route("POST", "/job/{category...}", echo),
        Route("GET", "/version", echo),
        Route("GET", "/queue/{q}/grabbed", large),
    ]


async def withstand(
    served: Served,
    attack: Attack,
    *,
    times: int = 10,
    bystander: Bystander | None = None,
    peak_bytes: int = 8_000_000,
    bystander_s: float = 15.0,
) -> list[bytes]:
    """Let many clients do as `attack` does, and return what they were answered.

    Meanwhile `bystander`, a modest client that asks for the version unless given, is served again and again,
    each time within `bystander_s`. Afterwards there are no more tasks, files and memory in use than before,
    nothing was logged as a failure, and no more than `peak_bytes` were in use at any time.
    """
    bystander = bystander or ask_modestly
    await bystander(served)
    await trio.testing.wait_all_tasks_blocked(0.05)
    before = InUse.now()
    # What is loaded or made on first use is no leak.
    await attack(served)
    await before.wait_until_no_more()
    answers: list[bytes] = []
    async with flat(before, peak_bytes=peak_bytes, records=[served.access_lines], kept=answers):
        await _attack_together(served, attack, times, bystander, bystander_s, answers)
    assert served.errors == [], served.errors
    return answers


async def _attack_together(
    served: Served, attack: Attack, times: int, bystander: Bystander, bystander_s: float, answers: list[bytes]
) -> None:
    async def run() -> None:
        answers.append(await attack(served))

    async def stand_by() -> None:
        while len(answers) < times:
            started_at = time.monotonic()
            await bystander(served)
            assert time.monotonic() - started_at < bystander_s
            await trio.sleep(0.01)

    with trio.fail_after(60):
        async with trio.open_nursery() as clients:
            clients.start_soon(stand_by)
            for _ in range(times):
                clients.start_soon(run)


async def ask_modestly(served: Served) -> None:
    """Ask for the version on a new connection."""
    assert (await served.ask("GET", "/version")).status == 200
