"""What paths and queries of the pull side name, and how it is shown (contract pull §2.5, README 13–16)."""

from urllib.parse import quote

import orjson
import pytest

from tests.web.face import Face
from tests.web.pull_client import QUEUE, Client, job, seen

pytestmark = pytest.mark.usefixtures("lane")


@pytest.fixture
def client(face: Face) -> Client:
    """Asks the bare verbs."""
    return Client(face)


NAMES = ["a/b", "a//b", "..", ".", "a/../b", "/", "a b", "ä+%", "?#", "a\nb", "x/", "jobs", "💥" * 63]


@pytest.mark.parametrize("key", NAMES, ids=ascii)
async def test_an_id_in_a_path_may_be_anything_but_empty(face: Face, client: Client, key: str) -> None:
    """Percent-encoded it means itself to the character, slashes and dots too: no other job is meant."""
    jobs = [job(name) for name in ("b", "a/b")] + [job(key)]
    await client.ask("POST", "enqueue/batch", jobs)
    await client.fetch(num_jobs=9)
    target = f"/v1/queues/{QUEUE}/jobs/{quote(key, safe='').replace('.', '%2E')}"
    answers = [
        await face.ask(method, target, body)
        for method, body in (("PATCH", b"7"), ("GET", b""), ("DELETE", b""), ("DELETE", b""))
    ]
    assert [answer.status for answer in answers] == [202, 200, 200, 404]
    shown = orjson.loads(answers[1].body)
    assert (shown["id"], shown["state"]) == (key, 7)
    left = {"b", "a/b"} - {key}
    assert [(await client.complete(name)).status_code for name in left] == [200] * len(left)


@pytest.mark.parametrize("queue", ["a b", "ä+%", "jobs", "?#", "."], ids=ascii)
async def test_a_queue_in_a_path_is_a_segment(face: Face, client: Client, queue: str) -> None:
    """Percent-encoded like an id, and without a slash."""
    await client.enqueue(queue=queue)
    target = f"/v1/queues/{quote(queue, safe='').replace('.', '%2E')}/jobs"
    fetched = orjson.loads((await face.ask("GET", target)).body)
    assert [(each["id"], each["queue"]) for each in fetched] == [("1", queue)]
    assert (await face.ask("DELETE", f"{target}/1")).status == 200


@pytest.mark.parametrize(
    ("verb", "query", "why"),
    [
        ("GET /next", "", "missing field `queue`"),
        ("GET /next", "Queue=q", "missing field `queue`"),
        ("GET /next", "queue=", "1 to 255 bytes"),
        ("GET /next", "queue", "1 to 255 bytes"),
        ("GET /next", "queue=%FF", "not valid UTF-8"),
        ("GET /next", "queue=%ED%A0%80", "not valid UTF-8"),
        ("GET /next", "queue=a%00b", "contains a NUL"),
        ("GET /next", f"queue={'x' * 256}", "1 to 255 bytes"),
        ("PATCH /heartbeat", "queue=q", "missing field `job_id`"),
        ("PATCH /heartbeat", "job_id=1", "missing field `queue`"),
        ("DELETE /complete", "queue=q", "missing field `job_id`"),
        ("DELETE /complete", f"queue=q&job_id={'x' * 256}", "0 to 255 bytes"),
        ("DELETE /complete", "queue=q&job_id=%00", "contains a NUL"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_a_bad_query_is_a_400(face: Face, prefix: str, verb: str, query: str, why: str) -> None:
    """In the original's first words."""
    method, path = verb.split()
    answer = await face.ask(method, f"{prefix}{path}?{query}")
    assert (answer.status, answer.body[:25]) == (400, b"Query deserialize error: ")
    assert why in answer.body.decode()


async def test_a_query_is_decoded_as_a_form(face: Face, client: Client) -> None:
    """A plus is a blank; of equal keys the first counts; an id may be empty."""
    for key, query in (("a b+é", "job_id=a+b%2B%C3%A9&job_id=x"), ("", "job_id=")):
        await client.enqueue(key, queue="q r")
        assert (await face.ask("DELETE", f"/complete?queue=q+r&{query}")).status == 200


@pytest.mark.parametrize(
    "target", ["/v1/queues/%00/jobs", f"/v1/queues/{'x' * 256}/jobs", "/v1/queues/q/jobs/%00"]
)
async def test_a_bad_name_in_a_path_is_a_400(face: Face, target: str) -> None:
    """As in a query."""
    answer = await face.ask("GET", target)
    assert (answer.status, answer.body[:25]) == (400, b"Query deserialize error: ")


@pytest.mark.parametrize("target", ["/v1/queues/%zz/jobs", "/v1/queues/%FF/jobs"])
async def test_a_path_that_cannot_be_decoded_is_refused_in_one_line(face: Face, target: str) -> None:
    """Its family can be told all the same."""
    answer = await face.ask("GET", target)
    assert answer.status == 400
    assert b"\n" not in answer.body


@pytest.mark.parametrize(
    "target", ["/next/", "/v1/next/", "/enqueue/batch/", "/v1/queues/q/jobs/", "/health/"]
)
async def test_a_slash_at_the_end_is_another_path(face: Face, target: str) -> None:
    """One that is not there (contract §5.1)."""
    for method in ("GET", "POST", "DELETE"):
        assert (await face.ask(method, target, b"{}")).status == 404


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("a\r\nb", r"a\r\nb"),
        ("\n", r"\n"),
        ("\x1b[2J\x07\x7f", r"\x1b[2J\x07\x7f"),
        ("\x85\u2028\u2029\u202e", r"\x85\u2028\u2029\u202e"),
        ("é\\n\u3000💥", "é\\n\u3000💥"),
    ],
    ids=ascii,
)
async def test_names_in_a_refusal_stay_in_one_line(client: Client, key: str, shown: str) -> None:
    """What would end it, or move a terminal, is escaped; all else is as it was."""
    assert seen(await client.complete(key)) == (404, f"job with id `{shown}` not found in queue `{QUEUE}`.")
    for _ in range(2):
        conflict = await client.enqueue(key)
    assert seen(conflict) == (409, f"job with id `{shown}` already exists in queue `{QUEUE}`.")
