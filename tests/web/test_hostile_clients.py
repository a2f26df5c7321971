"""Hostile clients over HTTP/1, in both lanes: each costs its own connection, for a while, and no more (I13).

Every test goes by `withstand`: others are served meanwhile, and afterwards tasks, files and memory are what
they were and the error log is empty.
"""

import ssl
from collections.abc import AsyncIterator

import httpx2
import pytest
import trustme
from attrs import evolve

from tests.web import hostile_clients as clients
from tests.web.endpoints import answer_ok
from tests.web.exchanges import split_answers
from tests.web.face import CONFIG, Served, open_face, open_served, parse
from tests.web.flatness import LARGE_BYTES, Attack, hostile_routes, withstand
from trioworq.web.messages import Route

pytestmark = pytest.mark.usefixtures("lane")

IMPATIENT = evolve(CONFIG, request_timeout_s=1, keep_alive_timeout_s=1, max_header_bytes=20_000)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A server that echoes what it is pushed, and has little patience."""
    async with open_served(hostile_routes(), IMPATIENT, is_watched=False) as served:
        yield served


@pytest.fixture
async def patient() -> AsyncIterator[Served]:
    """The same for clients that are a burden, and are served all the same."""
    config = evolve(IMPATIENT, request_timeout_s=60)
    async with open_served(hostile_routes(), config, is_watched=False) as served:
        yield served


async def test_a_trickled_head_is_cut_off(served: Served) -> None:
    """However steadily its bytes come, it has one deadline; there is no request to answer."""
    assert await withstand(served, clients.trickle_head) == [b""] * 10


@pytest.mark.parametrize("attack", [clients.trickle_body, clients.trickle_chunks])
async def test_a_trickled_body_is_a_408(served: Served, attack: Attack) -> None:
    """However steadily its bytes come, it has one deadline."""
    for raw in await withstand(served, attack):
        assert parse(raw).status == 408
        assert parse(raw).body == b"408 Request Timeout\n\nThe body did not come in time\n"


@pytest.mark.parametrize("attack", [clients.leave_in_body, clients.reset_in_body])
async def test_half_a_body_is_forgotten_with_its_client(served: Served, attack: Attack) -> None:
    """However the client leaves."""
    await withstand(served, attack, times=50)
    assert served.access_lines == []


async def test_a_body_that_is_promised_and_does_not_come_is_a_408(served: Served) -> None:
    """A client that was told to go on has as long as any other."""
    for raw in await withstand(served, clients.promise_body):
        told, _, refusal = raw.partition(b"\r\n\r\n")
        assert told.startswith(b"HTTP/1.1 100 ")
        assert parse(refusal).status == 408


async def test_hundreds_of_requests_at_once_are_answered_in_turn(patient: Served) -> None:
    """All of them, and in between those of others."""
    for raw in await withstand(patient, clients.pipeline, times=3):
        answers = split_answers(raw)
        assert [answer.status for answer in answers] == [200] * 300


async def test_ten_megabytes_of_nested_arrays_are_refused() -> None:
    """As a payload and as a body, deep or wide, they are a 400, and take no more memory than any text."""
    deep = b"[" * 5_000_000 + b"]" * 5_000_000
    wide = b"[" + b"[]," * 3_300_000 + b"[]]"
    bodies = [b'{"url":"u","payload":' + deep + b"}", deep, wide, b"[" * 10_000_000]

    async def push(served: clients.Server) -> bytes:
        head = b"POST /job/c HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        return b"".join([await clients.say(served, head % len(body), body) for body in bodies])

    async with open_face() as face:
        [raw] = await withstand(face, push, times=1, peak_bytes=80_000_000)
        assert await face.jobs() == []
    assert raw.count(b"HTTP/1.1 400 ") == raw.count(b"400 Bad Request\n\n") == len(bodies)


async def test_a_client_that_reads_no_small_answers_is_asked_no_further(served: Served) -> None:
    """Its requests wait in its own kernel, and then it is cut off."""
    await withstand(served, clients.ask_and_not_read, times=5)


async def test_a_client_that_reads_no_large_answer_is_cut_off(served: Served) -> None:
    """The answer is kept until then, and no longer."""
    for begun in await withstand(served, clients.not_read_large, times=5, peak_bytes=5 * 4 * LARGE_BYTES):
        assert begun.startswith(b"HTTP/1.1 200 ")


async def test_a_client_that_says_nothing_is_closed(served: Served) -> None:
    """After the time that an idle connection has."""
    assert await withstand(served, clients.say_nothing, times=40) == [b""] * 40


@pytest.mark.parametrize("beginning", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
async def test_a_handshake_that_is_never_finished_is_closed(beginning: bytes) -> None:
    """TLS changes nothing: what has not come in time ends the connection."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def shake_half(served: clients.Server) -> bytes:
        return await clients.say(served, beginning)

    async def ask(served: Served) -> None:
        answer = await client.get(f"https://127.0.0.1:{served.port}/version", headers={"Connection": "close"})
        assert answer.status_code == 200

    async with (
        httpx2.AsyncClient(verify=trusting) as client,
        open_served(
            [Route("GET", "/version", answer_ok)], IMPATIENT, tls=context, is_watched=False
        ) as served,
    ):
        assert await withstand(served, shake_half, times=40, bystander=ask) == [b""] * 40


async def test_thousands_of_connections_leave_nothing(served: Served) -> None:
    """They come and go at once, closed or reset."""
    await withstand(served, clients.connect_and_leave, times=20)


async def test_a_reset_in_an_answer_ends_it(served: Served) -> None:
    """What is left of it goes with its client."""
    for begun in await withstand(served, clients.reset_in_answer, peak_bytes=10 * 4 * LARGE_BYTES):
        assert begun.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("attack", [clients.flood_header, clients.flood_headers, clients.flood_target])
async def test_a_head_without_end_is_a_431(served: Served, attack: Attack) -> None:
    """As soon as it is too long, whichever part of it is."""
    for raw in await withstand(served, attack):
        assert (parse(raw).status, parse(raw).body) == (431, b"431 Request Header Fields Too Large\n")


@pytest.mark.parametrize("attack", [clients.flood_extension, clients.flood_trailers])
async def test_chunk_framing_without_end_is_a_431(served: Served, attack: Attack) -> None:
    """What is no body has the limit of a head; nothing behind it is a request."""
    for raw in await withstand(served, attack):
        assert raw.count(b"HTTP/1.1") == 1
        assert parse(raw).status == 431


async def test_chunks_with_long_extensions_are_a_body(patient: Served) -> None:
    """They are taken for what they hold, and take no more memory than that."""
    for raw in await withstand(patient, clients.flood_extensions, times=3):
        assert parse(raw).status == 200


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_framing_that_contradicts_itself_is_a_400(served: Served, framing: bytes) -> None:
    """The refusal ends the connection, whatever comes behind."""

    async def contradict(served: clients.Server) -> bytes:
        return await clients.say(served, clients.HEAD + framing + clients.GET * 100)

    for raw in await withstand(served, contradict, times=30):
        assert raw.count(b"HTTP/1.1 ") == 1
        assert parse(raw).status in (400, 501)
        assert parse(raw).headers["connection"] == "close"


async def test_an_upgrade_to_websockets_is_passed_over(served: Served) -> None:
    """What the client sends in the hope of it is no request."""
    for raw in await withstand(served, clients.upgrade_to_websocket):
        answered, refused = split_answers(raw)
        assert (answered.status, refused.status) == (200, 400)


async def test_an_upgrade_to_http_2_with_bad_settings_is_passed_over(served: Served) -> None:
    """The request is answered in HTTP/1.1."""
    for raw in await withstand(served, clients.upgrade_badly):
        assert parse(raw).status == 200
