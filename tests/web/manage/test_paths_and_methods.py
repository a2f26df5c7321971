"""What the job management API answers to ids, paths and methods that are odd (contract jobs §3.1, §5.1)."""

from urllib.parse import quote

import orjson
import pytest

from tests.web.face import Face, open_face
from tests.web.manage.managed import JOBS, not_failed

pytestmark = pytest.mark.usefixtures("lane")

IDS = [
    "abc-123", "0", "-1", "+1", "01", "1.0", "1e3", "0x1", " 1", "1 ", "1_0", "٣", "clear", "retry-all",
    "é💥", "9223372036854775807", "9223372036854775808", "9" * 5000, "a\r\nb\x00\x1b", 'a"}', "<script>", "%",
]  # fmt: skip


def detail(body: bytes) -> str:
    """Return what is wrong."""
    shown = orjson.loads(body)
    assert list(shown) == ["detail"]
    return str(shown["detail"])


@pytest.mark.parametrize("job_id", IDS, ids=lambda job_id: ascii(job_id[:20]))
async def test_an_id_that_no_job_has_is_a_404(face: Face, job_id: str) -> None:
    """Whatever it is, in the words for jobs that are not there; nothing in it ends the JSON."""
    target = quote(job_id, safe="")
    for method, path in (("POST", f"/failed/{target}/retry"), ("DELETE", f"/failed/{target}")):
        if path in ("/failed/clear", "/failed/retry-all"):
            continue
        answer = await face.ask(method, JOBS + path)
        assert (answer.status, detail(answer.body)) == not_failed(job_id)
    answer = await face.ask("GET", f"{JOBS}/status/{target}")
    assert answer.status == 404
    assert detail(answer.body).startswith(f"Job {job_id} not found: ")
    assert face.errors == []


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/failed", "GET, HEAD"),
        ("DELETE", "/failed", "GET, HEAD"),
        ("GET", "/failed/7", "DELETE"),
        ("POST", "/failed/7", "DELETE"),
        ("GET", "/failed/7/retry", "POST"),
        ("GET", "/failed/clear", "DELETE"),
        ("POST", "/failed/clear", "DELETE"),
        ("GET", "/failed/retry-all", "POST"),
        ("DELETE", "/failed/retry-all", "POST"),
        ("POST", "/status/7", "GET, HEAD"),
        ("DELETE", "/stats", "GET, HEAD"),
        ("BREW", "/stats", "GET, HEAD"),
    ],
)
@pytest.mark.parametrize("end", ["", "/"])
async def test_a_method_that_a_path_does_not_take_is_a_405(
    face: Face, method: str, path: str, allow: str, end: str
) -> None:
    """It says which ones the path takes."""
    answer = await face.ask(method, JOBS + path + end)
    assert (answer.status, answer.headers["allow"]) == (405, allow)
    assert answer.body == b'{"detail":"Method Not Allowed"}'


@pytest.mark.parametrize(
    "path", ["", "/", "/nothing", "/failed/7/nothing", "/failed/a%2Fb", "/status", "/status/", "/status/a/b"]
)
async def test_a_path_that_is_not_there_is_a_404(face: Face, path: str) -> None:
    """In the original's words; a slash in an id makes another path."""
    answer = await face.ask("GET", JOBS + path)
    assert (answer.status, answer.body) == (404, b'{"detail":"Not Found"}')
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/failed", 200),
        ("POST", "/failed/retry-all", 200),
        ("DELETE", "/failed/clear", 200),
        ("GET", "/stats", 200),
        ("POST", "/failed/7/retry", 404),
        ("DELETE", "/failed/7", 404),
        ("GET", "/status/7", 404),
    ],
)
async def test_a_slash_at_the_end_is_nothing(face: Face, method: str, path: str, status: int) -> None:
    """The answer is that of the path without, directly."""
    plain = await face.ask(method, JOBS + path)
    assert plain.status == status
    for spelling in (f"{path}/", f"{path}//", f"{path}%2F"):
        answer = await face.ask(method, JOBS + spelling)
        assert (answer.status, answer.body) == (plain.status, plain.body)


@pytest.mark.parametrize("job_id", ["x%2F..%2Fclear", "%2E%2E/failed/clear", "./clear", "/clear"])
async def test_no_id_leads_to_all_failed_jobs(face: Face, job_id: str) -> None:
    """What somebody sent as an id is never taken for the word for all."""
    answer = await face.ask("DELETE", f"{JOBS}/failed/{job_id}")
    assert (answer.status, answer.body) == (404, b'{"detail":"Not Found"}')


async def test_head_is_answered_where_get_is(face: Face) -> None:
    """With the same head and no body."""
    for path, status in (("/failed", 200), ("/stats", 200), ("/status/7", 404)):
        get, head = await face.ask("GET", JOBS + path), await face.ask("HEAD", JOBS + path)
        assert (head.status, head.body) == (status, b"")
        assert head.headers["content-length"] == str(len(get.body))


async def test_a_body_is_not_looked_at(face: Face) -> None:
    """Whatever its type."""
    for body in (b"{}", b'{"dry_run": true}', b"\xff", b"{"):
        answer = await face.ask("POST", f"{JOBS}/failed/retry-all", body, "Content-Type: application/json")
        assert answer.status == 200


async def test_a_body_that_is_too_large_is_refused_as_elsewhere() -> None:
    """In the shape of this API."""
    async with open_face(max_body_bytes=1000) as face:
        answer = await face.ask("POST", f"{JOBS}/failed/retry-all", b"x" * 1001)
        assert (answer.status, detail(answer.body)) == (413, "A body should have at most 1000 bytes")


@pytest.mark.parametrize("target", [f"{JOBS}/failed/%zz/retry", f"{JOBS}/status/%FF"])
async def test_a_path_that_cannot_be_decoded_is_a_400(face: Face, target: str) -> None:
    """In the shape of this API too."""
    answer = await face.ask("POST", target)
    assert answer.status == 400
    assert detail(answer.body).startswith("The path ")


async def test_queries_that_mean_nothing_are_passed_over(face: Face) -> None:
    """Unknown keys, and an escape that is broken."""
    for query in ("?", "?x=1&&=&y", "?%zz", "?que=default"):
        assert (await face.ask("GET", f"{JOBS}/failed{query}")).status == 200


async def test_requests_are_in_the_access_log(face: Face) -> None:
    """Like all others."""
    await face.ask("GET", f"{JOBS}/stats?queue=q")
    await face.ask("DELETE", f"{JOBS}/failed/7")
    assert [(line["method"], line["url"], line["status"]) for line in face.access_lines] == [
        ("GET", f"{JOBS}/stats?queue=q", 200),
        ("DELETE", f"{JOBS}/failed/7", 404),
    ]


async def test_without_a_default_queue_the_counts_of_all_are_called_default() -> None:
    """The name of the default queue stands for all else."""
    for name, shown in (("", "default"), ("mail", "mail")):
        async with open_face(default_queue=name) as face:
            answer = await face.ask("GET", f"{JOBS}/stats")
            assert orjson.loads(answer.body)["queue_name"] == shown
