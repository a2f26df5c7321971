"""Bytes that are nearly requests, thrown at the port: the server answers or closes, and lives on (I13)."""

import random
import re
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import orjson
import pytest
import trio
import trio.testing
import trustme
from attrs import evolve, frozen
from hyperframe.frame import GoAwayFrame, PingFrame, PriorityFrame, RstStreamFrame, WindowUpdateFrame

from tests.dispatch.push_side import hanging, open_push_side
from tests.in_use import InUse
from tests.mutations import cut, mutated
from tests.pull.pull_side import open_pull_side
from tests.seeds import seeded_dice
from tests.web import hostile_http2_clients as http2
from tests.web.face import CONFIG, Served, open_served, parse, read_all, routes_of
from tests.web.test_lanes_agree import BROKEN_CHUNKS, ENDING, REFUSED, TAKEN
from trioworq.web.frames import PREFACE

LASTS_S = 3.0
# As many at the least, however slow the machine is.
THROWS = 100
AT_ONCE = 8
MAX_RUN = 4

IMPATIENT = evolve(CONFIG, request_timeout_s=1, keep_alive_timeout_s=1)
MODEST = b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def ask(line: bytes, body: bytes = b"", *headers: bytes) -> bytes:
    """Write a request."""
    lines = [line + b" HTTP/1.1", b"Host: x", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


ORDER = orjson.dumps({"url": "http://worker/", "payload": {"a": [1, 2.5, "é\\u0041", None]}, "run_after": 5})
BATCH = orjson.dumps([{"category": "c", "url": "http://worker/", "payload": "x"}] * 3)

PULL_ORDER = orjson.dumps({"id": "é", "queue": "q", "timeout": 1, "payload": {"a": [1, 2.5, "\\u0041"]}})

HTTP_1: Sequence[bytes] = [
    *[ask(b"POST /enqueue", PULL_ORDER)] * 3,
    *[ask(b"GET /next?queue=q&num_jobs=2")] * 3,
    ask(b"POST /v1/enqueue/batch", b"[%b, %b]" % (PULL_ORDER, PULL_ORDER)),
    ask(b"GET /v1/queues/q/jobs?wait=1"),
    ask(b"PATCH /heartbeat?queue=q&job_id=%C3%A9", b'{"page": 7}'),
    ask(b"PATCH /v1/queues/q/jobs/%C3%A9?run_id=1-1", b"null"),
    ask(b"PUT /v1/queues/jobs", PULL_ORDER),
    ask(b"HEAD /v1/queues/q/jobs/%C3%A9"),
    ask(b"DELETE /complete?queue=q&job_id=%C3%A9"),
    *[ask(b"POST /job/c", ORDER)] * 8,
    *[ask(b"POST /jobs", BATCH)] * 4,
    ask(b"POST /job/a%2Fb?x=%C3%A9", ORDER, b"Expect: 100-continue"),
    b"POST /job/c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;a=b\r\n%s\r\n%x\r\n%s\r\n0\r\nX: y\r\n\r\n" % (ORDER[:5], len(ORDER) - 5, ORDER[5:]),
    ask(b"GET /queues"),
    ask(b"GET /queue/default/waiting?limit=5&order=asc&cursor=MTIsMw=="),
    ask(b"GET /queue/default/job/1"),
    ask(b"DELETE /queue/default/job/99999"),
    ask(b"PUT /routing/c", b'{"queue_name": "default"}'),
    ask(b"HEAD /version"),
    ask(b"GET /v6/load/?started=PT3H0M0S&job_type_name=%C3%A9&job_type_id=1&job_type_id=2&page_size=1"),
    ask(b"GET /v6/queue/status?page=last"),
    ask(b"GET /stats"),
    ask(b"OPTIONS *"),
    *TAKEN.values(),
    *ENDING.values(),
    *REFUSED.values(),
    *BROKEN_CHUNKS.values(),
]

HTTP_2: Sequence[bytes] = [
    http2.headers(1, {**http2.GOOD, b":path": b"/queues"}),
    http2.headers(1, http2.POST, ends=False) + http2.data(1, ORDER),
    http2.headers(3, http2.POST, ends=False)
    + http2.data(3, ORDER[:9], ends=False)
    + http2.data(3, ORDER[9:]),
    http2.headers(5, {**http2.GOOD, b":path": b"/queue/default/waiting", b"user-agent": b"\xe9"}),
    PingFrame(0, b"pingpong").serialize(),
    RstStreamFrame(1, 8).serialize(),
    PriorityFrame(7, depends_on=9, stream_weight=15).serialize(),
    WindowUpdateFrame(0, window_increment=2**30).serialize(),
    GoAwayFrame(0, last_stream_id=1).serialize(),
]


def some_requests(dice: random.Random) -> bytes:
    """Return a run of requests that are nearly in order."""
    count = dice.randint(1, MAX_RUN)
    if dice.random() < 0.3:
        frames = [http2.HELLO[len(PREFACE) :], *dice.choices(HTTP_2, k=2 * count)]
        return PREFACE + b"".join(mutated(frame, dice) for frame in frames)
    return b"".join(mutated(request, dice) for request in dice.choices(HTTP_1, k=count))


@frozen
class Target:
    """A way in: through TLS if a client's context is given."""

    port: int
    trusting: ssl.SSLContext | None

    async def open(self) -> tuple[trio.abc.Stream, trio.SocketStream]:
        """Return a stream to the server, and what it goes through."""
        transport = await trio.open_tcp_stream("127.0.0.1", self.port)
        if self.trusting is None:
            return transport, transport
        secure = trio.SSLStream(transport, self.trusting, server_hostname="127.0.0.1", https_compatible=True)
        await secure.do_handshake()
        return secure, transport

    async def stand_by(self, until_s: float) -> None:
        """Ask for the version again and again until then, and want it soon."""
        while time.monotonic() < until_s:
            with trio.fail_after(10):
                stream, _ = await self.open()
                async with stream:
                    await stream.send_all(MODEST)
                    assert parse(await read_all(stream)).status == 200
            await trio.sleep(0.02)

    async def throw(self, data: bytes, dice: random.Random, *, ends: bool = False) -> bytes:
        """Send what the server takes of the data, and return what comes until it closes."""
        received: list[bytes] = []
        stream, transport = await self.open()

        async def read() -> None:
            received.append(await read_all(stream))

        with trio.fail_after(20):
            async with trio.open_nursery() as reading:
                reading.start_soon(read)
                await send_cut(stream, data, dice)
                if ends:
                    await end(transport)
        await trio.aclose_forcefully(stream)
        return received[0]


async def send_cut(stream: trio.abc.SendStream, data: bytes, dice: random.Random) -> None:
    """Send the data in pieces, as far as they are taken."""
    with suppress(trio.BrokenResourceError):
        for piece in cut(data, dice):
            await stream.send_all(piece)
            await trio.lowlevel.checkpoint()


async def end(transport: trio.SocketStream) -> None:
    """Say that no more will come."""
    with suppress(trio.BrokenResourceError):
        await transport.send_eof()


@asynccontextmanager
async def open_target(*, secure: bool) -> AsyncIterator[tuple[Served, Target]]:
    """Serve Fireworq's API, with as many jobs as there are workers for, which hang."""
    own, trusting = certificate() if secure else (None, None)
    async with open_push_side(hanging()) as side, open_pull_side(side.store) as pull_side:
        for _ in range(25):
            await side.push()
        routes = routes_of(side, pull_side, IMPATIENT)
        async with open_served(routes, IMPATIENT, tls=own, is_watched=False) as served:
            yield served, Target(served.port, trusting)


def certificate() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return what a server shows, and what a client trusts."""
    authority = trustme.CA()
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(own)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    return own, trusting


@pytest.mark.usefixtures("lane")
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
async def test_any_bytes_are_answered_or_end_their_connection(secure: bool) -> None:
    """No answer is a 500, nothing is logged as a failure, nothing stays behind, and others are served."""
    dice = seeded_dice()
    answers: list[bytes] = []
    async with open_target(secure=secure) as (served, target):

        async def throw() -> None:
            while time.monotonic() < ends_at or len(answers) < THROWS:
                data = some_requests(dice)
                # Whoever waits for what does not come is waited for; most should not, or this would be slow.
                answers.append(await target.throw(data, dice, ends=dice.random() < 0.8))
                assert served.errors == [], data

        await target.throw(MODEST, dice)
        await trio.testing.wait_all_tasks_blocked(0.05)
        before = InUse.now()
        ends_at = time.monotonic() + LASTS_S
        async with trio.open_nursery() as clients:
            clients.start_soon(target.stand_by, ends_at)
            for _ in range(AT_ONCE):
                clients.start_soon(throw)
        await before.wait_until_no_more()
        assert {line["status"] for line in served.access_lines} >= {200, 400}
        assert 500 not in {line["status"] for line in served.access_lines}
    assert not any(re.match(rb"HTTP/1.1 5(?!01)", answer) for answer in answers)


@pytest.mark.usefixtures("lane")
async def test_any_bytes_in_place_of_a_handshake_end_their_connection() -> None:
    """Be they nearly a handshake or none at all."""
    dice = seeded_dice()
    async with open_target(secure=True) as (served, target):
        raw, hello = Target(target.port, None), client_hello(target.trusting)
        await target.throw(MODEST, dice)
        await trio.testing.wait_all_tasks_blocked(0.05)
        before = InUse.now()
        ends_at = time.monotonic() + LASTS_S / 2
        while time.monotonic() < ends_at:
            beginning = mutated(dice.choice([hello, hello, MODEST]), dice)
            data = beginning + dice.choice([b"", MODEST])
            assert b"HTTP/1.1 " not in await raw.throw(data, dice, ends=dice.random() < 0.8)
            assert served.errors == [], beginning
        await before.wait_until_no_more()
        assert b"HTTP/1.1 200 " in await target.throw(MODEST, dice)


def client_hello(context: ssl.SSLContext | None) -> bytes:
    """Return what a client of TLS says first."""
    assert context is not None
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read()
