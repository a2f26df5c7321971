"""relay-rs's endpoints, through both lanes, over real jobs (contract pull §2.2–§2.5, README 11–18)."""

import httpx2
import orjson
import pytest

from tests.dispatch.push_side import open_memory_store
from tests.dispatch.tripping_store import TrippingStore
from tests.pull.pull_side import open_pull_side
from tests.web.face import CONFIG, Face, open_face, open_served
from tests.web.pull_client import ACCEPTED, EXISTS, QUEUE, STALE, Client, job, not_found, seen
from trioworq.web.messages import TEXT
from trioworq.web.pull import endpoints

pytestmark = pytest.mark.usefixtures("lane")


@pytest.fixture(params=["", "/v1"], ids=["bare", "v1"])
def prefix(request: pytest.FixtureRequest) -> str:
    """Each way to write a verb's path."""
    prefix: str = request.param
    return prefix


@pytest.fixture
def client(face: Face) -> Client:
    """Asks the bare verbs."""
    return Client(face)


async def test_a_job_goes_its_way(face: Face, prefix: str) -> None:
    """Enqueued, fetched, kept and completed: every status, and empty bodies but for the job itself."""
    client = Client(face, prefix)
    enqueued = await client.enqueue(max_retries=0, payload="RAW JSON", run_at="2022-01-02T03:04:05Z")
    assert seen(enqueued) == ACCEPTED
    assert enqueued.headers["content-type"] == TEXT
    job_id = enqueued.headers["trioworq-job-id"]
    answer = await client.ask("GET", "next", queue=QUEUE)
    assert answer.headers["content-type"] == "application/json"
    assert seen(answer) == (
        200,
        '[{"id":"1","queue":"my-queue","timeout":30,"max_retries":0,"payload":"RAW JSON",'
        f'"run_at":"2022-01-02T03:04:05.000000Z","run_id":"{job_id}-1","attempt":1,"job_id":"{job_id}"}}]',
    )
    assert await client.fetch() == []
    assert seen(await client.heartbeat()) == ACCEPTED
    assert seen(await client.complete()) == (200, "")
    assert seen(await client.complete()) == not_found()
    assert face.errors == []


async def test_a_job_that_is_there_is_in_conflict(client: Client) -> None:
    """Whether it waits or is handed out; another queue has its own ids, and once it is gone it may come."""
    await client.enqueue()
    assert seen(await client.enqueue()) == EXISTS
    await client.fetch()
    assert seen(await client.enqueue()) == EXISTS
    assert seen(await client.enqueue(queue="other")) == ACCEPTED
    await client.complete()
    assert seen(await client.enqueue()) == ACCEPTED


async def test_a_batch_skips_what_is_there(face: Face, prefix: str) -> None:
    """And of equal ids the later; nothing is said of it."""
    client = Client(face, prefix)
    await client.enqueue("1", payload="old")
    jobs = [job("1", payload="new"), job("2", payload="first"), job("2", payload="second"), job("3")]
    answer = await client.ask("POST", "enqueue/batch", jobs)
    assert seen(answer) == ACCEPTED
    assert "trioworq-job-id" not in answer.headers
    fetched = await client.fetch(num_jobs=10)
    assert [(each["id"], each["payload"]) for each in fetched] == [("1", "old"), ("2", "first"), ("3", None)]
    assert seen(await client.ask("POST", "enqueue/batch", [])) == ACCEPTED


@pytest.mark.parametrize("path", ["enqueue/batch", "v1/queues/jobs"])
async def test_a_batch_with_a_bad_job_stores_nothing(client: Client, path: str) -> None:
    """Nor one that has too many, or is no array."""
    for body in ([job("1"), {"id": "2"}], job("1"), b"[" + orjson.dumps(job("1")), None):
        answer = await client.ask("POST", path, body)
        assert answer.status_code == 400
        assert answer.text.startswith("Json deserialize error: ")
    assert await client.fetch() == []


@pytest.mark.parametrize("path", ["/enqueue/batch", "/v1/enqueue/batch", "/v1/queues/jobs"])
async def test_a_batch_with_too_many_jobs_is_a_413(path: str) -> None:
    """The limit is an option."""
    async with open_face(max_batch_jobs=2) as face:
        client = Client(face)
        answer = await face.client.post(path, content=orjson.dumps([job(str(number)) for number in range(3)]))
        assert seen(answer) == (413, "A batch should have at most 2 jobs")
        assert await client.fetch() == []


async def test_an_array_of_one_may_be_in_conflict(face: Face, client: Client) -> None:
    """Of more, those that are there are skipped (contract pull §2.2)."""

    async def enqueue(*keys: str) -> httpx2.Response:
        return await face.client.post("/v1/queues/jobs", content=orjson.dumps([job(key) for key in keys]))

    first = await enqueue("1")
    assert seen(first) == ACCEPTED
    assert seen(await enqueue("1")) == EXISTS
    assert seen(await enqueue("1", "2")) == ACCEPTED
    assert seen(await enqueue()) == ACCEPTED
    assert [each["id"] for each in await client.fetch(num_jobs=9)] == ["1", "2"]
    assert (await client.read()).json()["job_id"] == first.headers["trioworq-job-id"]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "x"])
async def test_a_content_type_means_nothing(face: Face, client: Client, content_type: str | None) -> None:
    """A body is JSON whatever it is called (contract §5.2, 17)."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = await face.client.post("/enqueue", content=orjson.dumps(job()), headers=headers)
    assert seen(answer) == ACCEPTED
    answer = await face.client.patch(f"/heartbeat?queue={QUEUE}&job_id=1", content=b"{}", headers=headers)
    assert seen(answer) == not_found()


@pytest.mark.parametrize("verb", ["enqueue", "reschedule"])
async def test_a_bad_body_is_a_400(face: Face, prefix: str, verb: str) -> None:
    """One line, which nothing ends, in the original's first words."""
    client = Client(face, prefix)
    for body in (b"", b"{", b"[]", b"null", {"id": "1"}, job(timeout="30"), job(timeout=30.0), job(queue="")):
        answer = await client.ask("POST", verb, body)
        assert answer.status_code == 400
        assert answer.text.startswith("Json deserialize error: ")
        assert "\n" not in answer.text
        assert answer.headers["content-type"] == TEXT
    assert face.errors == []


async def test_a_payload_comes_back_to_the_byte(face: Face, client: Client) -> None:
    """Blanks, number literals, the order of keys and equal ones, escapes."""
    payload = b'{ "b" : 1.0,\n"a":1e400, "a":"\\u00e9\\/", "n":123456789012345678901234567890 }'
    body = b'{"id":"1","queue":"my-queue","timeout":30,"payload":%b}' % payload
    assert seen(await client.ask("POST", "enqueue", body)) == ACCEPTED
    assert b'"payload":' + payload + b"," in (await client.read()).content
    fetched = await client.ask("GET", "next", queue=QUEUE)
    assert b'"payload":' + payload + b"," in fetched.content


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("num_jobs=2", ["1", "2"]),
        ("num_jobs=1", ["1"]),
        ("", ["1"]),
        ("num_jobs=0", []),
        ("num_jobs=0002", ["1", "2"]),
        ("num_jobs=4294967295", ["1", "2", "3"]),
        ("num_jobs=2&num_jobs=x", ["1", "2"]),
        ("other=x", ["1"]),
    ],
)
async def test_as_many_jobs_are_fetched_as_are_asked_for(
    face: Face, client: Client, query: str, keys: list[str]
) -> None:
    """By the verb and at the queue's own path; what does not come now comes later."""
    for target in (f"/next?queue={QUEUE}&", f"/v1/queues/{QUEUE}/jobs?"):
        await client.ask("POST", "enqueue/batch", [job(key) for key in "123"])
        answer = await face.client.get(target + query)
        assert [each["id"] for each in (answer.json() if answer.content else [])] == keys
        assert len(await client.fetch(num_jobs=9)) == 3 - len(keys)
        for key in "123":
            await client.complete(key)


@pytest.mark.parametrize("number", ["", "-1", "1.0", "x", "4294967296", "9" * 5000, "1 ", "1e1", "%D9%A1"])
async def test_an_odd_number_of_jobs_is_a_400(face: Face, number: str) -> None:
    """Nothing is fetched."""
    for target in (f"/next?queue={QUEUE}&", f"/v1/next?queue={QUEUE}&", f"/v1/queues/{QUEUE}/jobs?"):
        answer = await face.ask("GET", f"{target}num_jobs={number.replace(' ', '+')}")
        assert (answer.status, answer.body[:25]) == (400, b"Query deserialize error: ")


@pytest.mark.parametrize("wait", ["", "-1", "1.5", "x", "+1", "1s", "%D9%A1"])
async def test_an_odd_wait_is_a_400(face: Face, wait: str) -> None:
    """Only digits are a number of seconds (README 14)."""
    for target in (f"/next?queue={QUEUE}&", f"/v1/queues/{QUEUE}/jobs?"):
        answer = await face.ask("GET", f"{target}wait={wait}")
        assert (answer.status, answer.body[:25]) == (400, b"Query deserialize error: ")


async def test_more_than_a_thousand_jobs_are_never_fetched_at_once(client: Client) -> None:
    """The rest comes with the next (README 15)."""
    for start in (0, 1000):
        jobs = [job(str(start + number)) for number in range(1000)]
        assert seen(await client.ask("POST", "enqueue/batch", jobs)) == ACCEPTED
    assert [each["id"] for each in await client.fetch(num_jobs=5000)] == [str(key) for key in range(1000)]


async def test_jobs_come_by_priority_then_time_then_number(client: Client) -> None:
    """And an answer is in that order; those that are not due do not come."""
    past, long_past, future = "2022-01-02T00:00:00Z", "2021-01-02T00:00:00Z", "2999-01-01T00:00:00Z"
    jobs = [
        job("a"),
        job("b", run_at=past),
        job("c", run_at=long_past),
        job("d", run_at=past),
        job("e", priority=5),
        job("f", priority=101, run_at=long_past),
        job("g", run_at=future, priority=1),
    ]
    await client.ask("POST", "enqueue/batch", jobs)
    assert [each["id"] for each in await client.fetch(num_jobs=4)] == ["e", "c", "b", "d"]
    fetched = await client.fetch(num_jobs=4)
    assert [(each["id"], each.get("priority")) for each in fetched] == [("a", None), ("f", 101)]


async def test_a_head_hands_out_no_job(face: Face, client: Client) -> None:
    """It is a 405 (RFC 9110, §9.2.1)."""
    await client.enqueue()
    for target in (f"/next?queue={QUEUE}", f"/v1/next?queue={QUEUE}", f"/v1/queues/{QUEUE}/jobs"):
        answer = await face.client.head(target)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert [each["attempt"] for each in await client.fetch()] == [1]


async def test_a_heartbeat_needs_a_job_that_is_handed_out(face: Face, prefix: str) -> None:
    """One that waits is as good as none."""
    client = Client(face, prefix)
    assert seen(await client.heartbeat()) == not_found()
    await client.enqueue()
    assert seen(await client.heartbeat()) == not_found()
    await client.fetch()
    assert seen(await client.heartbeat()) == ACCEPTED


async def test_a_heartbeat_saves_what_it_brings(client: Client) -> None:
    """To the byte; without a body what is saved stays, and null clears it."""
    await client.enqueue()
    await client.fetch()
    assert "state" not in (await client.read()).json()
    for body, state in (
        (b"", None),
        (b' { "page" : 1.0 }\n', b'"state":{ "page" : 1.0 },'),
        (b"", b'"state":{ "page" : 1.0 },'),
        (b'"x"', b'"state":"x",'),
        (b"null", None),
        (b"0", b'"state":0,'),
    ):
        assert seen(await client.heartbeat("1", body)) == ACCEPTED
        shown = (await client.read()).content
        assert state in shown if state else b'"state"' not in shown


@pytest.mark.parametrize("body", [b"{", b"1 2", b" ", b"\xff", b"NaN"])
async def test_a_heartbeat_that_is_no_json_changes_nothing(client: Client, body: bytes) -> None:
    """It is a 400 (contract pull §2.5)."""
    await client.enqueue()
    await client.fetch()
    await client.heartbeat("1", b"7")
    answer = await client.heartbeat("1", body)
    assert answer.status_code == 400
    assert answer.text.startswith("Json deserialize error: ")
    assert (await client.read()).json()["state"] == 7


async def test_a_job_is_completed_whether_or_not_it_is_handed_out(face: Face, prefix: str) -> None:
    """Once."""
    client = Client(face, prefix)
    await client.enqueue()
    assert seen(await client.complete()) == (200, "")
    assert await client.fetch() == []
    await client.enqueue()
    await client.fetch()
    assert seen(await client.complete()) == (200, "")
    assert seen(await client.complete()) == not_found()


async def test_a_job_is_rescheduled(face: Face, prefix: str) -> None:
    """What it brings takes the place of what was; it keeps its number, and its tries begin anew."""
    client = Client(face, prefix)
    await client.enqueue(max_retries=1, payload=[1], priority=5)
    [before] = await client.fetch()
    await client.heartbeat("1", b"7")
    assert seen(await client.reschedule(timeout=60, max_retries=9, payload=[2])) == ACCEPTED
    [after] = await client.fetch()
    assert "state" not in after
    assert (after["timeout"], after["max_retries"], after["payload"]) == (60, 9, [2])
    assert (after["priority"], after["attempt"]) == (5, 1)
    assert after["job_id"] == before["job_id"]
    assert after["run_id"] != before["run_id"]
    assert (
        seen(await client.reschedule(state={"page": 8}, priority=7, run_at="2999-01-01T00:00:00Z"))
        == ACCEPTED
    )
    assert await client.fetch() == []
    shown = (await client.read()).json()
    assert (shown["state"], shown["priority"], shown["payload"]) == ({"page": 8}, 7, None)
    assert shown["run_at"] == "2999-01-01T00:00:00.000000Z"


async def test_only_a_job_that_is_handed_out_is_rescheduled(face: Face, client: Client) -> None:
    """By the verb and by the later route."""

    async def put() -> httpx2.Response:
        return await face.client.put("/v1/queues/jobs", content=orjson.dumps(job()))

    for ask in (client.reschedule, put):
        assert seen(await ask()) == not_found()
        await client.enqueue()
        assert seen(await ask()) == not_found()
        await client.fetch()
        assert seen(await ask()) == ACCEPTED
        await client.complete()


async def test_a_state_is_no_part_of_a_new_job(client: Client) -> None:
    """It is passed over (contract pull §2.3)."""
    await client.enqueue(state={"page": 7})
    await client.ask("POST", "enqueue/batch", [job("2", state=7)])
    assert ["state" in each for each in await client.fetch(num_jobs=2)] == [False, False]


async def test_a_run_that_is_over_changes_nothing(client: Client) -> None:
    """Nor one that never was; the present one does (I3, README 13)."""
    await client.enqueue()
    [first] = await client.fetch()
    run_id = first["run_id"]
    assert seen(await client.heartbeat("1", b"7", run_id=run_id)) == ACCEPTED
    assert seen(await client.ask("POST", "reschedule", job(), run_id=run_id)) == ACCEPTED
    [second] = await client.fetch()
    for stale in (run_id, "", "x", "0-0", "99-1"):
        assert seen(await client.heartbeat("1", b"8", run_id=stale)) == STALE
        assert seen(await client.complete(run_id=stale)) == STALE
        assert seen(await client.reschedule(run_id=stale)) == STALE
        assert seen(await client.ask("POST", "reschedule", job(), run_id=stale)) == STALE
    assert "state" not in (await client.read()).json()
    assert seen(await client.reschedule(run_id=second["run_id"])) == ACCEPTED
    assert seen(await client.heartbeat(run_id=second["run_id"])) == STALE
    [third] = await client.fetch()
    assert seen(await client.complete(run_id=third["run_id"])) == (200, "")
    assert seen(await client.complete(run_id=third["run_id"])) == not_found()


async def test_a_job_can_be_read(face: Face, client: Client) -> None:
    """As `next` shows it; `run_id` is there only while it is handed out. HEAD tells whether it exists."""
    assert seen(await client.read()) == not_found()
    assert (await face.client.head(f"/v1/queues/{QUEUE}/jobs/1")).status_code == 404
    await client.enqueue(payload={"n": 1})
    waiting = (await client.read()).json()
    assert (await face.client.head(f"/v1/queues/{QUEUE}/jobs/1")).status_code == 200
    [fetched] = await client.fetch()
    assert (await client.read()).json() == fetched
    assert waiting == {**{name: each for name, each in fetched.items() if name != "run_id"}, "attempt": 0}


async def test_health_is_for_everybody(face: Face, prefix: str) -> None:
    """It is empty, answers HEAD, and is not in the access log."""
    for method in ("GET", "HEAD"):
        assert seen(await Client(face, prefix).ask(method, "health")) == (200, "")
    assert face.access_lines == []


async def test_push_and_pull_queues_of_one_name_share_nothing(face: Face, client: Client) -> None:
    """A queue of either kind is no queue of the other (README 11)."""
    await face.push("any")
    await client.enqueue(queue="default")
    assert len(await client.fetch(queue="default", num_jobs=9)) == 1
    assert len(await face.jobs()) == 1
    await client.enqueue(queue="only-pull")
    assert (await face.client.get("/queue/only-pull")).status_code == 404


async def test_a_request_is_in_the_access_log(face: Face, client: Client) -> None:
    """With its target and status, as any other."""
    await client.enqueue()
    await client.fetch()
    lines = [(line["method"], line["url"], line["status"]) for line in face.access_lines]
    assert lines == [("POST", "/enqueue", 202), ("GET", f"/next?queue={QUEUE}", 200)]


async def test_a_store_out_of_reach_is_a_429() -> None:
    """On every path, as clients try again after that; nothing was stored (contract §5.2, 4)."""
    async with open_memory_store() as real:
        tripping = TrippingStore(real)
        async with open_pull_side(tripping.store) as side:
            async with open_served(endpoints.routes(side.pull, side.pauses, CONFIG)) as served:
                tripping.unplug("enqueue", "take", "change", "outlook", "pull_job")
                for method, target, body in (
                    ("POST", "/enqueue", orjson.dumps(job())),
                    ("POST", "/v1/enqueue/batch", orjson.dumps([job()])),
                    ("GET", f"/next?queue={QUEUE}", b""),
                    ("GET", f"/v1/queues/{QUEUE}/jobs?wait=30", b""),
                    ("PATCH", f"/heartbeat?queue={QUEUE}&job_id=1", b"7"),
                    ("POST", "/reschedule", orjson.dumps(job())),
                    ("DELETE", f"/v1/complete?queue={QUEUE}&job_id=1", b""),
                    ("GET", f"/v1/queues/{QUEUE}/jobs/1", b""),
                ):
                    answer = await served.client.request(method, target, content=body)
                    assert seen(answer) == (429, "The store is out of reach for now; nothing was stored")
                    assert answer.headers["retry-after"] == "1"
                tripping.plug_in()
                answer = await served.client.post("/enqueue", content=orjson.dumps(job()))
                assert seen(answer) == ACCEPTED
            assert served.errors == []
