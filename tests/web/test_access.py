"""API tokens at the port, in both lanes and over HTTP/2: who is let in, and what the others learn."""

from collections.abc import AsyncIterator, Callable

import h2.config
import h2.connection
import h2.events
import pytest
import trio
from attrs import evolve

from tests.dispatch.push_side import hanging, open_push_side
from tests.pull.pull_side import open_pull_side
from tests.web.endpoints import answer_ok
from tests.web.exchanges import Seen, bytewise, converse, echo_routes, split_answers, whole
from tests.web.face import (
    CONFIG,
    WITHOUT_CONSOLE,
    Answer,
    Face,
    Served,
    open_face,
    open_served,
    parse,
    read_until,
    routes_of,
)
from tests.web.witness import WitnessedStream
from trioworq.web.guard import Guard
from trioworq.web.messages import VARIABLE_PART, Route, Scope
from trioworq.web.replies import is_pull
from trioworq.web.tokens import new_token, parse_tokens

Cut = Callable[[bytes], list[bytes]]

pytestmark = pytest.mark.usefixtures("lane")

MADE = {scope: new_token(scope.value, scope.value) for scope in Scope}
TOKENS = parse_tokens(line for _, line in MADE.values())
UNKNOWN, _ = new_token("unknown", "admin")

NEEDED = 'Bearer realm="trioworq"'
REFUSED = 'Bearer realm="trioworq", error="invalid_token"'


def bearer(scope: Scope) -> str:
    """Return the header of a token that allows this."""
    return f"Authorization: Bearer {MADE[scope][0]}"


def judgement(answer: Answer) -> tuple[int, str | None]:
    """Shorten an answer to (status, challenge)."""
    return answer.status, answer.headers.get("www-authenticate")


@pytest.fixture
async def face() -> AsyncIterator[Face]:
    """Fireworq's API behind tokens."""
    async with open_face(guard=Guard(TOKENS)) as face:
        yield face


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A server that echoes, to administrators."""
    async with open_served(echo_routes(), evolve(CONFIG, max_body_bytes=1000), guard=Guard(TOKENS)) as served:
        yield served


ENQUEUING = ("/enqueue", "/enqueue/batch", "/v1/enqueue", "/v1/enqueue/batch", "/v1/queues/jobs")
OPEN = {"/livez", "/readyz", "/health", "/v1/health"}


def expected_scope(route: Route) -> Scope:
    """Say what a route should ask for, by the rule that docs/api.md gives."""
    if route.method == "POST" and route.path.partition("/{")[0] in ("/job", "/jobs", *ENQUEUING):
        return Scope.PUSH
    if route.path.endswith(("/pause", "/resume")):
        return Scope.ADMIN
    if is_pull(route.path):
        return Scope.WORK
    return Scope.READ if route.method in ("GET", "OPTIONS") else Scope.ADMIN


async def test_each_route_asks_for_its_scope() -> None:
    """All but those of health, without a token and with one of each kind; GET mostly stands for HEAD too."""
    async with open_push_side(hanging()) as side, open_pull_side(side.store) as pull_side:
        all_routes = routes_of(side, pull_side, WITHOUT_CONSOLE)
    routes = [evolve(route, endpoint=answer_ok) for route in all_routes if route.scope is not None]
    assert {route.path for route in all_routes} - {route.path for route in routes} == OPEN
    async with open_served(routes, guard=Guard(TOKENS), is_watched=False) as served:
        for route in routes:
            target = VARIABLE_PART.sub("x", route.path)
            for method in (
                (route.method, "HEAD") if route.method == "GET" and route.is_safe else (route.method,)
            ):
                scope = expected_scope(route)
                assert judgement(await served.ask(method, target)) == (401, NEEDED), route
                stranger = await served.ask(method, target, b"", f"Authorization: Bearer {UNKNOWN}")
                assert judgement(stranger) == (401, REFUSED), route
                for shown in Scope:
                    answer = await served.ask(method, target, b"", bearer(shown))
                    if shown in (scope, Scope.ADMIN):
                        assert judgement(answer) == (200, None), route
                    else:
                        challenge = f'{NEEDED}, error="insufficient_scope", scope="{scope.value}"'
                        assert judgement(answer) == (403, challenge), route


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/queue/none", 404),
        ("GET", "/queues/", 404),
        ("PATCH", "/queues", 405),
        ("OPTIONS", "/queues", 405),
        ("TRACE", "/queues", 405),
        ("POST", "/queues", 405),
        ("BREW", "/job/c", 405),
        ("GET", "/job/c", 405),
        ("OPTIONS", "*", 400),
        ("GET", "/queue/%zz", 400),
    ],
)
async def test_nobody_learns_without_a_token_what_there_is(
    face: Face, method: str, target: str, status: int
) -> None:
    """Unknown paths, wrong methods and broken targets are refused like any other, to the byte."""
    usual = await face.ask("GET", "/queues")
    odd = await face.ask(method, target)
    assert (usual.status, odd.status) == (401, 401)
    assert odd.body == usual.body
    assert {**odd.headers, "date": ""} == {**usual.headers, "date": ""}
    assert (await face.ask(method, target, b"", bearer(Scope.READ))).status == status
    assert face.errors == []


@pytest.mark.parametrize(
    "target", ["//queues", "/a/../queues", "/./queues", "http://other/queues", "/%71ueues", "/queues?x=1"]
)
async def test_no_spelling_of_a_path_leads_round_the_guard(face: Face, target: str) -> None:
    """What is matched is what is judged."""
    assert judgement(await face.ask("GET", target)) == (401, NEEDED)
    assert (await face.ask("GET", target, b"", bearer(Scope.PUSH))).status == 403
    assert (await face.ask("GET", target, b"", bearer(Scope.READ))).status == 200


@pytest.mark.parametrize("method", ["delete", "Delete", "put", "get", "post"])
async def test_a_method_in_small_letters_is_none(face: Face, method: str) -> None:
    """A filter in front may not take it for what it is not (RFC 9110, §9.1)."""
    assert (await face.ask(method, "/queue/default", b"{}", bearer(Scope.ADMIN))).status == 400
    assert (await face.ask(method, "/job/c", b'{"url":"u"}', bearer(Scope.ADMIN))).status == 400
    assert [queue.name for queue in await face.store.queues()] == ["default"]
    assert await face.jobs() == []


def post(*lines: str, body: bytes = b"") -> bytes:
    """Write a push."""
    head = ["POST /job/c HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *lines, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


@pytest.mark.parametrize(
    "lines",
    [
        [bearer(Scope.PUSH), bearer(Scope.PUSH)],
        [bearer(Scope.READ), bearer(Scope.PUSH)],
        [bearer(Scope.PUSH), "authorization:"],
        ["Authorization: Basic eDp5", bearer(Scope.PUSH)],
        [bearer(Scope.PUSH) + ", " + bearer(Scope.PUSH)],
        [bearer(Scope.PUSH).replace("Bearer ", "Bearer\t")],
        [bearer(Scope.PUSH).replace("Bearer ", "")],
        [bearer(Scope.PUSH).replace("Authorization", "Proxy-Authorization")],
        [bearer(Scope.PUSH).replace("Authorization: ", "X-Authorization: ")],
        [f"Cookie: token={MADE[Scope.PUSH][0]}"],
        ["Authorization: Bearer \xff\xfe"],
        ["Authorization: Bearer " + "x" * 20_000],
    ],
)
async def test_odd_credentials_are_none(face: Face, lines: list[str]) -> None:
    """Two of them for example, which two programs could read differently; nothing is stored."""
    for cut in (whole, bytewise) if len(lines[0]) < 500 else (whole,):
        [answer] = await converse(face, cut(post("Connection: close", *lines, body=b'{"url":"u"}')))
        assert answer.status == 401
    assert await face.jobs() == []
    assert face.errors == []


@pytest.mark.parametrize(
    "line",
    [
        bearer(Scope.PUSH),
        bearer(Scope.PUSH).replace("Bearer", "bearer"),
        bearer(Scope.PUSH).replace("Bearer", "BEARER  "),
        bearer(Scope.PUSH).replace("Authorization: ", "AUTHORIZATION:") + " \t",
    ],
    ids=["usual", "small", "large", "blanks"],
)
async def test_usual_credentials_pass_in_any_spelling(face: Face, line: str) -> None:
    """Names of headers and schemes have no case (RFC 9110, §11.1)."""
    for cut in (whole, bytewise):
        [answer] = await converse(face, cut(post("Connection: close", line, body=b'{"url":"u"}')))
        assert answer.status == 200
    assert len(await face.jobs()) == 2


@pytest.mark.parametrize(
    "target", ["/job/c?access_token={}", "/job/c?token={}", "/{}", "/job/c?Authorization=Bearer+{}"]
)
async def test_a_token_in_the_target_is_none(face: Face, target: str) -> None:
    """Targets are logged and kept by others (RFC 6750, §2.3)."""
    answer = await face.ask("POST", target.format(MADE[Scope.ADMIN][0]), b'{"url":"u"}')
    assert judgement(answer) == (401, NEEDED)


@pytest.mark.parametrize("path", ["/echo", "/nothing"])
@pytest.mark.parametrize(
    "announced", ["Content-Length: 1000", "Content-Length: 16000000000", "Transfer-Encoding: chunked"]
)
async def test_a_refusal_does_not_wait_for_the_body(served: Served, path: str, announced: str) -> None:
    """Nor does it look at its size; it ends the connection, for where the body ends nobody knows."""
    with trio.fail_after(10):
        async with await served.connect() as stream:
            await stream.send_all(f"POST {path} HTTP/1.1\r\nHost: x\r\n{announced}\r\n\r\n".encode())
            answer = parse(await read_until(stream, b"needed\n"))
            assert judgement(answer) == (401, NEEDED)
            assert answer.headers["connection"] == "close"
            assert await stream.receive_some() == b""


async def test_a_client_that_sends_on_can_read_its_refusal(served: Served) -> None:
    """One that looks for the answer only after megabytes of body meets no error and finds it."""
    async with await served.connect() as stream:
        await stream.send_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 13107200\r\n\r\n")
        for _ in range(200):
            await stream.send_all(b"x" * 65_536)
        assert (await read_until(stream, b"needed\n")).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("cut", [whole, bytewise])
async def test_each_request_of_a_connection_is_judged(served: Served, cut: Cut) -> None:
    """What one has shown is of no use to the next; a refusal without a body leaves the connection open."""
    right, wrong = bearer(Scope.ADMIN), bearer(Scope.READ)

    def ask(*lines: str, target: str = "/echo", body: str = "") -> bytes:
        head = [f"POST {target} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *lines, "", body]
        return "\r\n".join(head).encode()

    run = [ask(right, body="a"), ask(), ask(right), ask(wrong), ask(target="/nothing"), ask(right, body="b")]
    answers: list[Seen] = await converse(served, cut(b"".join([*run, ask(body="c"), ask(right)])))
    assert [answer.status for answer in answers] == [200, 401, 200, 403, 401, 200, 401]


async def read_status(stream: WitnessedStream) -> int:
    """Read one answer to its end and return its status."""
    raw = b""
    while True:
        raw += await stream.receive_some()
        answer = parse(raw)
        if b"\r\n\r\n" in raw and len(answer.body) == int(answer.headers["content-length"]):
            return answer.status


async def test_tokens_that_change_count_from_the_next_request_on() -> None:
    """On connections that are open too."""
    other, line = new_token("other", "read")
    guard = Guard(TOKENS)
    async with open_face(guard=guard) as face, await face.connect() as stream:

        async def status(header: str) -> int:
            await stream.send_all(f"GET /queue/none HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode())
            return await read_status(stream)

        old, new = bearer(Scope.READ), f"Authorization: Bearer {other}"
        assert (await status(old), await status(new)) == (404, 401)
        guard.use(parse_tokens([line]))
        assert (await status(old), await status(new)) == (401, 404)


async def test_without_tokens_credentials_count_for_nothing() -> None:
    """Wrong, odd and double ones are passed over."""
    async with open_face() as face:
        for lines in ([], ["Authorization: Bearer x"], [bearer(Scope.PUSH)] * 2, ["Authorization: ?"]):
            assert (await face.ask("POST", "/job/c", b'{"url":"u"}', *lines)).status == 200
    assert len(face.access_lines) == 4


async def test_refusals_are_logged_and_no_token_is(face: Face) -> None:
    """The access log says who was refused what; what was shown stays out of it (I14)."""
    await face.ask("GET", "/queues")
    await face.ask("GET", "/nothing")
    await face.ask("GET", "/queues", b"", f"Authorization: Bearer {UNKNOWN}")
    await face.ask("POST", "/job/c", b"{}", bearer(Scope.READ))
    settings = await face.ask("GET", "/settings", b"", bearer(Scope.ADMIN))
    assert [line["status"] for line in face.access_lines] == [401, 401, 401, 403, 200]
    shown = str(face.access_lines) + str(face.errors) + str(settings)
    for token in (UNKNOWN, MADE[Scope.READ][0], MADE[Scope.ADMIN][0]):
        assert token not in shown


# HTTP/2.


class Client2:
    """One connection of HTTP/2."""

    def __init__(self, stream: WitnessedStream) -> None:
        self.stream = stream
        self.connection = h2.connection.H2Connection(
            h2.config.H2Configuration(
                validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding=None
            )
        )

    def ask(
        self,
        *headers: tuple[bytes, bytes],
        method: bytes = b"GET",
        path: bytes = b"/version",
        is_whole: bool = True,
    ) -> int:
        """Begin a request; return its stream's id."""
        names = [(b":method", method), (b":path", path), (b":scheme", b"http"), (b":authority", b"x")]
        stream_id = self.connection.get_next_available_stream_id()
        self.connection.send_headers(stream_id, [*names, *headers], end_stream=is_whole)
        return stream_id

    async def outcomes(self, count: int) -> dict[int, int | str]:
        """Return how `count` requests ended: their status, or that the server has reset them."""
        seen: dict[int, int | str] = {}
        with trio.fail_after(10):
            while len(seen) < count:
                await self.stream.send_all(self.connection.data_to_send())
                received = await self.stream.receive_some()
                assert received
                for event in self.connection.receive_data(received):
                    if isinstance(event, h2.events.ResponseReceived):
                        seen[event.stream_id] = int(dict(event.headers)[b":status"])
                    elif isinstance(event, h2.events.StreamReset):
                        seen[event.stream_id] = "reset"
        return seen


def header(scope: Scope) -> tuple[bytes, bytes]:
    """Return the header of a token as HTTP/2 has it."""
    return (b"authorization", b"Bearer " + MADE[scope][0].encode())


async def test_each_stream_of_http_2_is_judged(face: Face) -> None:
    """By its own headers; a method in small letters is reset, and the connection goes on."""
    async with await face.connect() as stream:
        client = Client2(stream)
        client.connection.initiate_connection()
        expected = {
            client.ask(header(Scope.READ)): 200,
            client.ask(): 401,
            client.ask(header(Scope.PUSH)): 403,
            client.ask(path=b"/nothing"): 401,
            client.ask(header(Scope.READ), header(Scope.READ)): 401,
            client.ask(header(Scope.ADMIN), method=b"get"): "reset",
            client.ask(header(Scope.ADMIN), method=b"delete", path=b"/queue/default"): "reset",
            client.ask(header(Scope.ADMIN)): 200,
        }
        assert await client.outcomes(len(expected)) == expected
    assert [queue.name for queue in await face.store.queues()] == ["default"]
    assert face.errors == []


async def test_a_refusal_over_http_2_does_not_wait_for_the_body(face: Face) -> None:
    """It comes while the stream is open, and other streams go on."""
    async with await face.connect() as stream:
        client = Client2(stream)
        client.connection.initiate_connection()
        length = (b"content-length", b"1000")
        refused = client.ask(length, method=b"POST", path=b"/job/c", is_whole=False)
        assert await client.outcomes(1) == {refused: 401}
        later = client.ask(header(Scope.READ))
        assert await client.outcomes(1) == {later: 200}
    assert face.errors == []


@pytest.mark.parametrize(("scope", "status"), [(None, 401), (Scope.PUSH, 403), (Scope.READ, 200)])
async def test_a_request_that_asks_for_http_2_is_judged_as_any_other(
    face: Face, scope: Scope | None, status: int
) -> None:
    """Its wish is passed over, and nothing behind it is let in for its sake."""
    line = "X-Nothing: x" if scope is None else bearer(scope)
    upgrade = (
        "GET /version HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        f"HTTP2-Settings: \r\n{line}\r\n\r\n"
        "GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    answers = split_answers(await face.exchange(upgrade.encode()))
    assert [answer.status for answer in answers] == [status, 401]
