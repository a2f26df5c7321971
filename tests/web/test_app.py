"""What holds for every request: matching, refusals in their family's shape, limits, the access log."""

import re

import orjson
import pytest
import trio
from attrs import evolve

from tests.dispatch.push_side import hanging, open_memory_store, open_push_side
from tests.dispatch.tripping_store import TrippingStore
from tests.web.face import CONFIG, Face, open_face, open_served, parse, read_until, until
from trioworq.core.errors import Conflict, InvalidRequest, NotFound
from trioworq.stores.interface import StoreBroken, StoreUnavailable
from trioworq.web import fireworq
from trioworq.web.messages import Request, Response, Route
from trioworq.web.replies import TooManyBodies, is_pull

pytestmark = pytest.mark.usefixtures("lane")

FAMILIES = ["/job/x", "/v1/x", "/api/v1/x", "/v6/x"]


async def echo(request: Request) -> Response:
    """Answer the length of the body."""
    return Response(200, b"%d" % len(request.body))


def raising(error: Exception) -> list[Route]:
    """Routes in every family that fail."""

    async def fail(_request: Request) -> Response:
        raise error

    return [Route("GET", path, fail) for path in FAMILIES]


def in_shape(path: str, status: int, title: str, detail: str) -> bytes:
    """Write a refusal as the path's family does."""
    if path.startswith("/v1/"):
        return (detail or f"{status} {title}").encode()
    if path.startswith(("/api/v1/", "/v6/")):
        return orjson.dumps({"detail": detail or title})
    return (f"{status} {title}\n\n{detail}\n" if detail else f"{status} {title}\n").encode()


@pytest.mark.parametrize(
    "target",
    [
        "/nothing",
        "/queues/",
        "/job",
        "/job/",
        "/routing/",
        "/queue",
        "/queue/",
        "/queue/a%2Fb",
        "/queue/a/b",
        "/queue/q/job/",
        "/queue/a/../",
        "/version/x",
    ],
)
async def test_an_unknown_path_is_a_404(face: Face, target: str) -> None:
    """The text and headers are the original's, and the access log says nothing."""
    for method in ("GET", "POST", "PUT"):
        answer = await face.ask(method, target, b"{}")
        assert (answer.status, answer.body) == (404, b"404 page not found\n")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert face.access_lines == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/x", b'{"detail":"Not Found"}'),
        ("/v6/x", b'{"detail":"Not found."}'),
        ("/v1/x", b"404 page not found"),
        ("/v1/queues//jobs", b"404 page not found"),
    ],
)
async def test_an_unknown_path_is_refused_in_its_familys_shape(face: Face, path: str, body: bytes) -> None:
    """Each family has its own 404."""
    answer = await face.client.get(path)
    assert (answer.status_code, answer.content) == (404, body)
    assert answer.headers["content-type"].startswith("application/json" if body[:1] == b"{" else "text/plain")


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/", "GET, HEAD"),
        ("/queues", "GET, HEAD"),
        ("/queue/q", "DELETE, GET, HEAD, PUT"),
        ("/queue/q/job/1", "DELETE, GET, HEAD"),
        ("/routing/a/b", "DELETE, GET, HEAD, PUT"),
        ("/job/a/b", "POST"),
        ("/enqueue", "POST"),
        ("/enqueue/batch", "POST"),
        ("/next", "GET"),
        ("/v1/next", "GET"),
        ("/v1/queues/q/jobs", "GET"),
        ("/v1/queues/jobs", "POST, PUT"),
        ("/health", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(face: Face, path: str, allow: str) -> None:
    """A 405 has `Allow` and the family's text, and stands in the access log; OPTIONS is no exception."""
    end = "" if is_pull(path) else "\n"
    for method in ("PATCH", "OPTIONS", "TRACE"):
        answer = await face.client.request(method, path)
        assert (answer.status_code, answer.text) == (405, f"405 Method Not Allowed{end}")
        assert answer.headers["allow"] == allow
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert [line["status"] for line in face.access_lines] == [405] * 3


async def test_head_answers_like_get_without_a_body(face: Face) -> None:
    """The length is that of the body left out."""
    for path in ("/version", "/queues", "/queue/default", "/queue/none", "/queue/default/waiting"):
        get, head = await face.client.get(path), await face.client.head(path)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize("target", ["/queue/%", "/queue/%zz", "/queue/%FF", "*", "host:80", "/queue/%E3%81"])
async def test_a_target_that_cannot_be_decoded_is_a_400(face: Face, target: str) -> None:
    """A broken escape or bytes that are not UTF-8 are never a 500."""
    for method in ("GET", "OPTIONS"):
        answer = await face.ask(method, target)
        assert (answer.status, answer.body[:17]) == (400, b"400 Bad Request\n\n")
    assert face.errors == []


@pytest.mark.parametrize("target", ["//queues", "/a/../queues", "/./queues", "/queues?x=%zz&%FF=\\"])
async def test_an_unclean_path_is_answered_directly(face: Face, target: str) -> None:
    """No redirect that could lose a body is needed (README 25)."""
    assert (await face.ask("GET", target)).body.startswith(b'[{"name":"default"')


@pytest.mark.parametrize("host", ["", "a b", "\xff", "x" * 300, "[", "example.com:99999", "a..b"])
async def test_the_host_header_decides_nothing(face: Face, host: str) -> None:
    """Whatever a client calls the server, it is answered or refused, and nothing fails."""
    raw = f"GET /version HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1")
    assert parse(await face.exchange(raw)).status in (200, 400)
    assert face.errors == []


@pytest.mark.parametrize("path", FAMILIES)
@pytest.mark.parametrize(
    ("error", "status", "title", "detail"),
    [
        (InvalidRequest("a reason"), 400, "Bad Request", "a reason"),
        (InvalidRequest(), 400, "Bad Request", ""),
        (NotFound("a thing"), 404, "Not Found", "a thing"),
        (
            StoreUnavailable("db.example:3306 refused"),
            503,
            "Service Unavailable",
            "The store is out of reach for now; nothing was stored",
        ),
        (Conflict("a clash"), 409, "Conflict", "a clash"),
        (TooManyBodies("too many"), 503, "Service Unavailable", "too many"),
        (StoreBroken("secret"), 500, "Internal Server Error", ""),
        (ValueError("secret"), 500, "Internal Server Error", ""),
    ],
)
async def test_an_error_is_answered_in_its_familys_shape(
    path: str, error: Exception, status: int, title: str, detail: str
) -> None:
    """One table turns errors into replies; a fault is logged and says nothing of itself to the client."""
    async with open_served(raising(error)) as served:
        answer = await served.client.get(path)
    if is_pull(path) and status == 503:
        status = 429
    assert (answer.status_code, answer.content) == (status, in_shape(path, status, title, detail))
    assert answer.headers.get("retry-after") == ("1" if status in (429, 503) else None)
    assert [entry["exc_info"] for entry in served.errors] == ([error] if status == 500 else [])


@pytest.mark.parametrize("path", ["/v1/x", "/complete"])
async def test_a_broken_store_is_a_422_where_something_was_to_change_on_the_pull_side(path: str) -> None:
    """It is logged like any fault, and the answer says nothing of it (contract pull §2.5)."""
    error = StoreBroken("secret")
    async with open_served(
        [evolve(raising(error)[0], path=path, method="DELETE")], is_watched=False
    ) as served:
        answer = await served.client.delete(path)
    assert (answer.status_code, answer.text) == (422, "422 Unprocessable Entity")
    assert [entry["exc_info"] for entry in served.errors] == [error]


async def test_a_push_while_the_store_is_out_of_reach_is_a_503() -> None:
    """The client is told to come back, and nothing was stored; later the same push works (design §4)."""
    async with open_memory_store() as real:
        tripping = TrippingStore(real)
        async with (
            open_push_side(hanging(), store=tripping.store) as side,
            open_served(fireworq.routes(side.queues, side.pauses, CONFIG)) as served,
        ):
            tripping.unplug("push")
            answer = await served.client.post("/job/c", content=b'{"url":"u"}')
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
            assert answer.text.startswith("503 Service Unavailable\n\n")
            tripping.plug_in()
            assert (await served.client.post("/job/c", content=b'{"url":"u"}')).status_code == 200
            assert side.queues.all_stats()["default"].total_pushes == 1


def echo_routes() -> list[Route]:
    """Routes in every family that read a body."""
    return [Route("POST", path, echo) for path in FAMILIES]


@pytest.mark.parametrize("path", FAMILIES)
async def test_a_body_over_the_limit_is_a_413(path: str) -> None:
    """Announced or counted, a body of one byte too many is refused; one that just fits is taken."""
    async with open_served(echo_routes(), evolve(CONFIG, max_body_bytes=100)) as served:
        assert (await served.client.post(path, content=b"x" * 100)).content == b"100"
        detail = "A body should have at most 100 bytes"
        expected = (413, in_shape(path, 413, "Request Entity Too Large", detail))
        announced = await served.client.post(path, content=b"x" * 101)
        assert (announced.status_code, announced.content) == expected
        raw = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        counted = parse(await served.exchange(raw + b"65\r\n" + b"x" * 101 + b"\r\n"))
        assert (counted.status, counted.body) == expected


async def test_a_client_that_sends_on_can_read_its_413() -> None:
    """A client that looks for the answer only after megabytes of body meets no error and finds it."""
    async with open_face(max_body_bytes=1000) as face, await face.connect() as stream:
        await stream.send_all(b"POST /job/c HTTP/1.1\r\nHost: x\r\nContent-Length: 13107200\r\n\r\n")
        for _ in range(200):
            await stream.send_all(b"x" * 65_536)
        assert (await read_until(stream, b"1000 bytes\n")).startswith(b"HTTP/1.1 413 ")
        assert await face.jobs() == []


@pytest.mark.parametrize("path", FAMILIES)
async def test_a_body_that_does_not_come_in_time_is_a_408(path: str) -> None:
    """A client that goes quiet in the middle of its body is told so and cut off."""
    async with open_served(echo_routes(), evolve(CONFIG, request_timeout_s=1)) as served:
        raw = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf".encode()
        answer = parse(await served.exchange(raw))
        assert answer.status == 408
        assert answer.body == in_shape(path, 408, "Request Timeout", "The body did not come in time")


@pytest.mark.parametrize(("keep_alive", "header"), [(True, None), (False, "close")])
async def test_connections_are_kept_if_the_option_says_so(keep_alive: bool, header: str | None) -> None:
    """Every handled answer carries `Connection: close` unless keep_alive is on."""
    async with open_face(keep_alive=keep_alive) as face:
        for path in ("/version", "/queue/none"):
            assert (await face.client.get(path)).headers.get("connection") == header


async def test_handled_requests_are_logged(face: Face) -> None:
    """A line has the client, the agent, the method, the target as sent, the status and the duration."""
    target = "/queue/none%20x?limit=1&a=%41"
    await face.ask("GET", target, b"", "User-Agent: tester/1")
    await face.ask("GET", "/version")
    await face.ask("GET", "/stats")
    with_agent, without_agent = face.access_lines
    assert (with_agent["method"], with_agent["url"], with_agent["status"]) == ("GET", target, 404)
    assert with_agent["user_agent"] == "tester/1"
    assert "user_agent" not in without_agent
    assert re.fullmatch(r"127\.0\.0\.1:\d+", with_agent["remote_addr"])
    assert 0 <= with_agent["duration"] < 10_000


async def test_a_client_that_hangs_up_ends_its_request() -> None:
    """The endpoint is cancelled at once, and this is no error."""
    began, ended = trio.Event(), trio.Event()

    async def wait(_request: Request) -> Response:
        began.set()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    async with open_served([Route("GET", "/job/x", wait)]) as served:
        async with await served.connect() as stream:
            await stream.send_all(b"GET /job/x HTTP/1.1\r\nHost: x\r\n\r\n")
            await began.wait()
        with trio.fail_after(10):
            await ended.wait()
    assert served.errors == []


@pytest.mark.parametrize("version", ["13", "12", ""])
async def test_an_upgrade_to_websockets_is_passed_over(face: Face, version: str) -> None:
    """The request is answered as if it had not asked for more, whether or not the asking was in order."""
    raw = (
        "GET /version HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert parse(await face.exchange(raw.encode())).body.startswith(b"Fireworq ")
    assert face.errors == []


async def test_a_crash_of_one_request_leaves_its_connection_usable() -> None:
    """The next request on the same connection is answered."""
    async with open_served(raising(ValueError("x"))) as served, await served.connect() as stream:
        for _ in range(2):
            await stream.send_all(b"GET /job/x HTTP/1.1\r\nHost: x\r\n\r\n")
            await read_until(stream, b"500 Internal Server Error\n")
        await until(lambda: len(served.errors) == 2)


async def test_an_answer_that_cannot_be_sent_is_a_500() -> None:
    """A fault between the endpoint and the framework is logged, and answered in shape."""

    async def misbehave(_request: Request) -> Response:
        return Response(200, headers={"X-Bad": "a\r\nb"})

    async with open_served([Route("GET", "/v6/x", misbehave)]) as served:
        answer = await served.client.get("/v6/x")
    assert (answer.status_code, answer.content) == (500, b'{"detail":"Internal Server Error"}')
    assert [entry["event"] for entry in served.errors] == ["request failed"]
