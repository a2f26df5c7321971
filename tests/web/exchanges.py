"""Raw exchanges with a server: requests cut up in many ways, and the answers that came."""

import random
from collections.abc import Sequence
from typing import Any

import orjson
import trio
from attrs import frozen

from tests.web.face import Served, read_all
from trioworq.web.messages import Request, Response, Route

_COMPARED = ("content-type", "content-length", "allow", "retry-after", "x-content-type-options", "connection")


@frozen
class Seen:
    """What a client makes of one answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


async def echo(request: Request) -> Response:
    """Answer all that an endpoint knows of its request."""
    shown = {
        "method": request.method,
        "path": request.path,
        "arguments": dict(request.arguments),
        "query": dict(request.query),
        "query_string": request.query_string.decode("latin-1"),
        "host": request.host.decode("latin-1"),
        "is_secure": request.is_secure,
        "body": request.body.decode("latin-1"),
    }
    return Response(200, orjson.dumps(shown))


def echo_routes() -> list[Route]:
    """Return routes that echo: literal ones, and some with variable parts."""
    return [
        Route("POST", "/echo", echo),
        Route("GET", "/echo", echo),
        Route("POST", "/all/{rest...}", echo),
        Route("PUT", "/one/{name}/end", echo),
    ]


def whole(request: bytes) -> list[bytes]:
    """Cut nothing."""
    return [request]


def bytewise(request: bytes) -> list[bytes]:
    """Cut between all bytes."""
    return [request[index : index + 1] for index in range(len(request))]


def cut_at_random(request: bytes, dice: random.Random) -> list[bytes]:
    """Cut in some places, more often where it may hurt: near line ends."""
    weights = [8 if request[max(0, at - 2) : at + 1].strip(b"\r\n") != request[max(0, at - 2) : at + 1] else 1
               for at in range(1, len(request))]  # fmt: skip
    places = sorted(set(dice.choices(range(1, len(request)), weights, k=dice.randint(1, 8))))
    return [request[start:end] for start, end in zip([0, *places], [*places, len(request)], strict=True)]


async def converse(served: Served, pieces: Sequence[bytes]) -> list[Seen]:
    """Send the pieces one by one, and read all answers until the server closes."""
    received: list[bytes] = []

    async def read() -> None:
        received.append(await read_all(stream))

    with trio.fail_after(20):
        async with await served.connect() as stream, trio.open_nursery() as reading:
            reading.start_soon(read)
            for piece in pieces:
                try:
                    await stream.send_all(piece)
                except trio.BrokenResourceError:
                    break
                for _ in range(4):
                    await trio.lowlevel.checkpoint()
    return split_answers(received[0])


def split_answers(raw: bytes) -> list[Seen]:
    """Read a run of answers; interim ones are passed over."""
    seen: list[Seen] = []
    while raw:
        head, _, raw = raw.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        status = int(status_line.split(" ")[1])
        if status < 200:
            continue
        headers: dict[str, Any] = {
            name.lower(): value for name, value in (line.split(": ", 1) for line in lines)
        }
        assert "date" in headers
        length = int(headers["content-length"])
        body, raw = raw[:length], raw[length:]
        assert len(body) == length, (head, body)
        compared = tuple((name, headers[name]) for name in _COMPARED if name in headers)
        seen.append(Seen(status, compared, body))
    return seen
