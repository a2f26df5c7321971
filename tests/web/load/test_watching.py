"""What both paths have in common: spellings, methods, links, errors (contract load §4.1, one-port §5.1)."""

import ssl

import httpx2
import orjson
import pytest
import trustme

from tests.dispatch.push_side import hanging, open_push_side
from tests.pull.pull_side import open_pull_side
from tests.web.face import Face, open_face, open_served, parse, routes_of
from trioworq.core.load import Load, LoadSample
from trioworq.web.guard import Guard
from trioworq.web.tokens import new_token, parse_tokens

PATHS = ("/v6/load", "/v6/load/", "/v6/queue/status", "/v6/queue/status/")

each_path = pytest.mark.parametrize("path", PATHS)


async def fill(face: Face) -> None:
    """Have two items at each path, and so two pages of one."""
    now_ms = face.queues.now_ms()
    for time_ms in (now_ms - 1, now_ms):
        await face.store.add_load(LoadSample(time_ms, Load(), {}))
    await face.pull_side.enqueue("a", queue="first")
    await face.pull_side.enqueue("a", queue="second")


@pytest.mark.usefixtures("lane")
@each_path
async def test_links_keep_the_spelling_of_a_path(face: Face, path: str) -> None:
    """With its slash or without, a query is answered directly, and what leads on is spelled alike."""
    await fill(face)
    answer = await face.ask("GET", f"{path}?page_size=1&b=2&a=1&b=1")
    shown = orjson.loads(answer.body)
    assert (answer.status, shown["count"]) == (200, 2)
    assert shown["next"] == f"http://x{path}?a=1&b=2&b=1&page=2&page_size=1"


@each_path
async def test_an_unclean_path_is_linked_to_as_it_is_read(face: Face, path: str) -> None:
    """Whatever the target was; a host in it is not the one that was asked."""
    await fill(face)
    for target in (path.replace("/v6", "//x/..//v6/."), path.replace("v", "%76"), f"http://other{path}"):
        shown = orjson.loads((await face.ask("GET", f"{target}?page_size=1&page=2")).body)
        assert shown["previous"] == f"http://x{path}?page_size=1"


@each_path
async def test_a_header_puts_nothing_into_a_link(face: Face, path: str) -> None:
    """Neither a host that is none nor what proxies say: nobody is asked to trust them."""
    await fill(face)
    head = f"GET {path}?page_size=1 HTTP/1.1\r\nConnection: close\r\n"
    for host in ("evil.example/?", 'x"><script>', "user@x", "a b", "\xff", ""):
        answer = parse(await face.exchange(f"{head}Host: {host}\r\n\r\n".encode("latin-1")))
        assert (answer.status, orjson.loads(answer.body)["next"]) == (200, f"{path}?page=2&page_size=1")
    spoofed = "X-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\nForwarded: host=evil;proto=https\r\n"
    answer = parse(await face.exchange(f"{head}Host: x\r\n{spoofed}\r\n".encode()))
    assert orjson.loads(answer.body)["next"] == f"http://x{path}?page=2&page_size=1"


async def test_a_request_without_a_host_gets_links_without_one(face: Face) -> None:
    """As HTTP/1.0 allows."""
    await fill(face)
    answer = parse(await face.exchange(b"GET /v6/load/?page_size=1 HTTP/1.0\r\n\r\n"))
    assert (answer.status, orjson.loads(answer.body)["next"]) == (200, "/v6/load/?page=2&page_size=1")


@pytest.mark.parametrize("http2", [False, True])
async def test_links_lead_back_over_tls(http2: bool) -> None:
    """By HTTPS, to the host and the port that the client named, in HTTP/2 too."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with (
        open_push_side(hanging()) as side,
        open_pull_side(side.store) as pull_side,
        open_served(routes_of(side, pull_side), tls=context) as served,
        httpx2.AsyncClient(
            base_url=f"https://127.0.0.1:{served.port}", verify=trusting, http2=http2
        ) as client,
    ):
        await pull_side.enqueue("a", queue="first")
        await pull_side.enqueue("a", queue="second")
        first = await client.get("/v6/queue/status/?page_size=1")
        assert first.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
        link = first.json()["next"]
        assert link == f"https://127.0.0.1:{served.port}/v6/queue/status/?page=2&page_size=1"
        assert (await client.get(link)).json()["results"][0]["job_type"]["name"] == "second"


@each_path
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
async def test_nothing_can_be_changed(face: Face, path: str, method: str) -> None:
    """Other methods are a 405 in the original's words, with those that are taken."""
    answer = await face.ask(method, path, b"{}")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == b'{"detail":"Method \\"%b\\" not allowed."}' % method.encode()


@each_path
async def test_options_tell_what_is_there(face: Face, path: str) -> None:
    """And which methods there are."""
    answer = await face.client.options(path)
    assert (answer.status_code, answer.headers["allow"]) == (200, "GET, HEAD, OPTIONS")
    assert answer.json()["name"] == ("Job Load" if "load" in path else "Queue Status")
    assert answer.json()["renders"] == ["application/json"]


@each_path
async def test_head_is_get_without_a_body(face: Face, path: str) -> None:
    """It has the same status and headers, errors included."""
    for query, status in (("", 200), ("?page=2", 404)):
        shown = await face.client.get(path + query)
        head = await face.client.head(path + query)
        assert (head.status_code, head.content) == (status, b"")
        assert head.headers["content-length"] == shown.headers["content-length"]


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    ["/v6/", "/v6/loads", "/v6/load/x", "/v6/load//x/", "/v6/queue", "/v6/queue/", "/v6/queue/status/1"],
)
async def test_other_paths_are_not_found(face: Face, path: str, method: str) -> None:
    """In the original's words, whatever the method is."""
    answer = await face.ask(method, path)
    assert (answer.status, answer.body) == (404, b'{"detail":"Not found."}')


@pytest.mark.parametrize("path", ["/v7/load/", "/v5/queue/status/", "/load/", "/v6"])
async def test_other_versions_are_not_served(face: Face, path: str) -> None:
    """They belong to no API here."""
    answer = await face.client.get(path)
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")


@each_path
async def test_tokens_have_to_allow_reading(path: str) -> None:
    """Refusals have the shape of all errors here."""
    reader, line = new_token("reader", "read")
    pusher, other_line = new_token("pusher", "push,work")
    async with open_face(guard=Guard(parse_tokens([line, other_line]))) as face:
        for method in ("GET", "HEAD", "OPTIONS"):
            statuses = [
                (await face.ask(method, path, b"", *headers)).status
                for headers in ([], [f"Authorization: Bearer {pusher}"], [f"Authorization: Bearer {reader}"])
            ]
            assert statuses == [401, 403, 200]
        refusal = await face.ask("GET", path)
        assert refusal.body == b'{"detail":"An API token is needed"}'


async def test_requests_are_in_the_access_log(face: Face) -> None:
    """As they were asked."""
    await face.client.get("/v6/load/?started=PT3H0M0S&page=7")
    assert [(line["url"], line["status"]) for line in face.access_lines] == [
        ("/v6/load/?started=PT3H0M0S&page=7", 404)
    ]
