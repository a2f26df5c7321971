"""Pushing jobs over HTTP (contract §1.9), and the JSON that clients may send (contract §1.4)."""

import orjson
import pytest

from tests.web.face import Face, open_face
from trioworq.core.jobs import Payload, PayloadForm

pytestmark = pytest.mark.usefixtures("lane")

U32 = 4_294_967_295


async def test_an_answer_has_every_field_in_order(face: Face) -> None:
    """A push is answered with all nine fields, given or not."""
    answer = await face.client.post("/job/mail", content=b'{"url": "http://w/"}')
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    job_id = (await face.jobs())[0].id
    assert answer.content == (
        b'{"id":%d,"queue_name":"default","category":"mail","url":"http://w/","payload":null,'
        b'"run_after":0,"timeout":0,"retry_delay":0,"max_retries":0}' % job_id
    )
    assert answer.headers["content-length"] == str(len(answer.content))


async def test_what_is_asked_for_is_stored(face: Face) -> None:
    """Numbers reach the store as they were sent, and `id`, `category` and `queue_name` are ignored."""
    body = (
        b'{"url": "http://w/", "run_after": 60, "timeout": 5, "retry_delay": 7, "max_retries": 3,'
        b' "category": "other", "id": 99, "queue_name": "none"}'
    )
    shown = (await face.client.post("/job/mail", content=body)).json()
    [job] = await face.jobs()
    assert (job.category, job.queue, job.timeout_s, job.retry_delay_s) == ("mail", "default", 5, 7)
    assert (job.retries_left, job.next_try_ms - job.created_at_ms) == (3, 60_000)
    assert (shown["run_after"], shown["timeout"], shown["retry_delay"], shown["max_retries"]) == (60, 5, 7, 3)
    assert shown["category"] == "mail"


@pytest.mark.parametrize(
    ("sent", "form", "stored", "echoed"),
    [
        (b'"plain \\u3042 \\"quoted\\""', PayloadForm.TEXT, 'plain あ "quoted"'.encode(), None),
        (b'""', PayloadForm.TEXT, b"", b'""'),
        (b'"\\ud800x"', PayloadForm.TEXT, "\ufffdx".encode(), None),
        (b'"\xff\xfe"', PayloadForm.TEXT, "\ufffd\ufffd".encode(), None),
        (b'{ "b" : 1.0,\n"a": 2e5 }', PayloadForm.JSON, b'{ "b" : 1.0,\n"a": 2e5 }', b'{"b":1.0,"a":2e5}'),
        (b"[ 98765432109876543210]", PayloadForm.JSON, b"[ 98765432109876543210]", b"[98765432109876543210]"),
        (b'{"a b": "c  d"}', PayloadForm.JSON, b'{"a b": "c  d"}', b'{"a b":"c  d"}'),
        (b"true", PayloadForm.JSON, b"true", b"true"),
        (b"-0", PayloadForm.JSON, b"-0", b"-0"),
        (b'["\xff"]', PayloadForm.JSON, b'["\xff"]', b'["\xff"]'),
        (b"null", PayloadForm.ABSENT, b"", b"null"),
    ],
)  # fmt: skip
async def test_a_payload_keeps_its_bytes(
    face: Face, sent: bytes, form: PayloadForm, stored: bytes, echoed: bytes | None
) -> None:
    """The worker gets a string decoded and all else as sent; the answer shows it without blanks."""
    answer = await face.client.post("/job/c", content=b'{"payload": %s, "url": "u"}' % sent)
    assert answer.status_code == 200
    [job] = await face.jobs()
    assert job.payload == Payload(form, stored)
    shown = echoed if echoed is not None else orjson.dumps(stored.decode())
    assert b'"payload":%s,"run_after"' % shown in answer.content


@pytest.mark.parametrize(
    "body",
    [
        b'{"URL": "http://w/"}',
        b'{"url": "http://lost/", "Url": "http://w/"}',
        b'{"url": "http://w/", "url": null}',
        b'{"url": "http://w/"} and more',
        b'\n {"url":"http://w/","unknown":[1]}',
        b'{"url":"http://w/","timeout":null,"max_retries":null,"retry_delay":null,"run_after":null}',
    ],
)
async def test_json_is_read_leniently(face: Face, body: bytes) -> None:
    """Keys match in any case, the later wins, null is absent, the unknown and what follows are ignored."""
    answer = await face.client.post("/job/c", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 200
    assert answer.json()["url"] == "http://w/"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/html; charset=utf-16",
        "nonsense",
    ],
)
async def test_a_body_is_json_whatever_it_is_called(face: Face, content_type: str) -> None:
    """curl calls it a form, the console calls it text (contract §1.1)."""
    body = b'{"url": "http://w/?a=b&c=d"}'
    answer = await face.client.post("/job/c", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 200
    assert answer.json()["url"] == "http://w/?a=b&c=d"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "EOF"),
        (b"  \n", "EOF"),
        (b"null", "Missing field: url"),
        (b"{}", "Missing field: url"),
        (b'{"url": ""}', "Missing field: url"),
        (b'{"url": null}', "Missing field: url"),
        (b'{"url": "http://w/"', "unexpected EOF"),
        (b'{"url": "http://w', "unexpected EOF"),
        (b'{"url": "http://w/", ', "unexpected EOF"),
        (b"{", "unexpected EOF"),
        (b"[]", "not array"),
        (b'"x"', "not string"),
        (b"5", "not number"),
        (b"true", "not bool"),
        (b"nonsense", "invalid JSON"),
        (b"{url: 1}", "invalid JSON"),
        (b'{"url" 1}', "invalid JSON"),
        (b'{"url": "u" "x": 1}', "invalid JSON"),
        (b'{"url": "u",}', "invalid JSON"),
        (b'{"url": "a\nb"}', "invalid JSON"),
        (b'{"url": 5}', "url should be a string, not number 5"),
        (b'{"url": ["u"]}', "url should be a string, not array"),
        (b'{"url": "u", "payload": NaN}', "NaN"),
        (b'{"url": "u", "payload": [Infinity]}', "Infinity"),
        (b'{"url": "u", "payload": [1,]}', "invalid JSON"),
        (b'{"url": "u", "payload": 01}', "invalid JSON"),
        (b'\xef\xbb\xbf{"url": "u"}', "invalid JSON"),
    ],
)
async def test_a_broken_body_is_refused(face: Face, body: bytes, detail: str) -> None:
    """What cannot be read as a push is a 400 with the reason, and nothing is stored."""
    answer = await face.client.post("/job/c", content=body)
    assert answer.status_code == 400
    assert answer.text.startswith("400 Bad Request\n\n")
    assert answer.text.endswith("\n")
    assert detail in answer.text
    assert await face.jobs() == []


@pytest.mark.parametrize("field", ["run_after", "timeout", "retry_delay", "max_retries"])
@pytest.mark.parametrize(
    "value", ["-1", "-0", "1.5", "1.0", "1e3", '"5"', "true", "[]", "{}", "18446744073709551616", "9" * 5000]
)
async def test_a_number_that_is_not_a_plain_unsigned_one_is_refused(
    face: Face, field: str, value: str
) -> None:
    """Only digits within 64 bits are a number (contract §1.4); nothing is stored."""
    answer = await face.client.post("/job/c", content=f'{{"url": "u", "{field}": {value}}}'.encode())
    assert answer.status_code == 400
    assert field in answer.text
    assert await face.jobs() == []


@pytest.mark.parametrize("field", ["timeout", "retry_delay", "max_retries"])
async def test_numbers_have_32_bits(face: Face, field: str) -> None:
    """The greatest number is taken and the next is refused."""
    taken = await face.client.post("/job/c", content=f'{{"url":"u","run_after":9,"{field}":{U32}}}'.encode())
    refused = await face.client.post("/job/c", content=f'{{"url":"u","{field}":{U32 + 1}}}'.encode())
    assert (taken.status_code, refused.status_code) == (200, 400)
    assert taken.json()[field] == U32
    assert len(await face.jobs()) == 1


async def test_run_after_must_fit_the_clock(face: Face) -> None:
    """A time beyond 64 bits of milliseconds is refused, one just within is stored and shown."""
    edge = (2**63 - 1 - face.queues.now_ms()) // 1000
    taken = await face.client.post("/job/c", content=b'{"url":"u","run_after":%d}' % (edge - 60))
    for too_far in (edge + 60, 9223372036854775, 9223372036854776, 2**64 - 1):
        answer = await face.client.post("/job/c", content=b'{"url":"u","run_after":%d}' % too_far)
        assert answer.status_code == 400
        assert "run_after" in answer.text
    assert taken.status_code == 200
    shown = (await face.client.get("/queue/default/deferred")).json()["jobs"]
    assert [job["next_try"][:4] for job in shown] == ["9999"]


async def test_a_url_is_not_judged_but_measured(face: Face) -> None:
    """Any text is taken as a URL up to the store's limit; whether it works shows when it is called."""
    for url in ("not a url", "ftp://x/", ":", "x" * 65_535):
        assert (await face.client.post("/job/c", content=orjson.dumps({"url": url}))).status_code == 200
    answer = await face.client.post("/job/c", content=orjson.dumps({"url": "x" * 65_536}))
    assert answer.status_code == 400
    assert len(await face.jobs()) == 4


@pytest.mark.parametrize(
    ("target", "category"),
    [
        ("/job/a/b/c", "a/b/c"),
        ("/job/a%2Fb/c", "a/b/c"),
        ("/job/a/", "a/"),
        ("/job/%E3%81%82%20x", "あ x"),
        ("/job/a%0Ab%0A", "a\nb\n"),
        ("/job/%25", "%"),
        ("/job/" + "c" * 255, "c" * 255),
        ("//job//a/../b", "b"),
        ("/job/./c?ignored=1", "c"),
        ("http://anywhere/job/c", "c"),
    ],
)
async def test_a_category_may_hold_anything(face: Face, target: str, category: str) -> None:
    """The category is all the rest of the decoded, cleaned path; an unclean path loses no body."""
    answer = await face.ask("POST", target, b'{"url": "u"}')
    assert answer.status == 200
    [job] = await face.jobs()
    assert job.category == category


@pytest.mark.parametrize("target", ["/job/" + "c" * 256, "/job/" + "%E3%81%82" * 86, "/job/a%00b"])
async def test_a_category_that_no_store_can_hold_is_refused(face: Face, target: str) -> None:
    """More than 255 bytes, or a NUL, is a 400 and nothing is stored."""
    answer = await face.ask("POST", target, b'{"url": "u"}')
    assert (answer.status, answer.body[:17]) == (400, b"400 Bad Request\n\n")
    assert await face.jobs() == []


async def test_a_routing_decides_the_queue() -> None:
    """A category goes where its routing says, else to the default queue; without one it is a 404."""
    async with open_face(default_queue="") as face:
        lost = await face.client.post("/job/mail", content=b'{"url": "u"}')
        assert lost.status_code == 404
        assert lost.text == "404 Not Found\n\nNo routing of job category 'mail' exists\n"
        await face.put_queue("fast")
        await face.client.put("/routing/mail", content=b'{"queue_name": "fast"}')
        found = await face.client.post("/job/mail", content=b'{"url": "u"}')
        assert found.json()["queue_name"] == "fast"
        assert len(await face.jobs("fast")) == 1


async def test_a_push_through_a_routing_whose_queue_is_gone_is_a_404(face: Face) -> None:
    """The routing outlives its queue, but takes no job (README 25)."""
    await face.put_queue("gone")
    await face.client.put("/routing/mail", content=b'{"queue_name": "gone"}')
    await face.client.delete("/queue/gone")
    answer = await face.client.post("/job/mail", content=b'{"url": "u"}')
    assert answer.status_code == 404
    assert answer.text == "404 Not Found\n\nNo such queue: gone\n"
    assert await face.jobs("gone") == await face.jobs() == []


async def test_ids_grow_from_one(face: Face) -> None:
    """Ids are whole numbers above zero, and each is greater than the one before."""
    ids = [await face.push() for _ in range(3)]
    assert ids[0] >= 1
    assert ids == sorted(set(ids))


async def test_a_payload_over_the_cap_is_refused() -> None:
    """A payload that grows over the cap by being decoded is a 413, and nothing is stored."""
    async with open_face(max_body_bytes=1000) as face:
        body = b'{"url": "u", "payload": "' + b"\xff" * 500 + b'"}'
        answer = await face.client.post("/job/c", content=body)
        assert answer.status_code == 413
        assert answer.text.startswith("413 ")
        assert await face.jobs() == []


async def test_only_post_pushes(face: Face) -> None:
    """Every other method is a 405 that names POST."""
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = await face.client.request(method, "/job/c", content=b'{"url": "u"}')
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert await face.jobs() == []
