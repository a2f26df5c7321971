"""Jobs handed in by hand: what becomes of what was typed, and what is said to what cannot be."""

import re

import pytest

from tests.web.console.form_fields import fields_of, focused_field, wrong_fields
from tests.web.console.site import Browser, Site, open_site
from trioworq.config import Console
from trioworq.core.jobs import Job, Kind, Payload, PayloadForm
from trioworq.core.pull import PullJob
from trioworq.core.routing import Routing
from trioworq.web.guard import Guard
from trioworq.web.tokens import new_token, parse_tokens

PUSH = "/console/new/push"
PULL = "/console/new/pull"
PUSHED = {"category": "mail", "url": "http://worker/", "payload": "", "form": "json"}
PULLED = {"queue": "trades", "id": "t-1", "payload": "", "form": "json", "timeout": "60"}


async def made(site: Site, path: str, fields: dict[str, str]) -> Job | PullJob:
    """Submit a form, and return the job that it leads to."""
    answer = await site.browser.post(path, fields)
    assert answer.status_code == 303, answer.text
    location = re.fullmatch(r"/console/job\?id=([0-9]+)", answer.headers["location"])
    assert location is not None
    job = await site.management.jobs.find(location[1])
    assert isinstance(job, Job | PullJob)
    return job


async def test_a_job_is_pushed_as_typed(site: Site) -> None:
    """Each field is what the API's of that name is, and the payload's bytes are those that were typed."""
    payload = '{"to": "ann", "n": 12345678901234567890.10}'
    numbers = {"run_after": "5", "timeout": "20", "max_retries": "3", "retry_delay": " 7 ", "priority": "-1"}
    job = await made(site, PUSH, {**PUSHED, "payload": payload, **numbers})
    assert isinstance(job, Job)
    assert (job.queue, job.category, job.url) == ("default", "mail", "http://worker/")
    assert job.payload == Payload(PayloadForm.JSON, payload.encode())
    assert job.next_try_ms == job.created_at_ms + 5000
    assert (job.timeout_s, job.max_retries, job.retry_delay_s, job.priority) == (20, 3, 7, -1)


async def test_fields_that_are_left_empty_are_not_given(site: Site) -> None:
    """No payload, no retries, and the priority of the queue."""
    await site.put_queue("urgent", priority=7)
    await site.queues.routings.put(Routing("mail", "urgent"))
    empty = dict.fromkeys(("run_after", "timeout", "max_retries", "retry_delay", "priority"), " ")
    job = await made(site, PUSH, PUSHED | empty)
    assert isinstance(job, Job)
    assert job.payload.form is PayloadForm.ABSENT
    assert (job.max_retries, job.timeout_s, job.priority) == (0, 0, 7)


async def test_text_goes_as_its_bytes(site: Site) -> None:
    """With the line ends that were typed, not those that forms are sent with; JSON in it stays text."""
    job = await made(site, PUSH, {**PUSHED, "payload": ' {"a":\r\n"é"}\r\n', "form": "text"})
    assert job.payload == Payload(PayloadForm.TEXT, ' {"a":\n"é"}\n'.encode())


async def test_a_payload_adds_no_fields_of_its_own(site: Site, browser: Browser) -> None:
    """What would be valid inside of the body is none as a value."""
    answer = await browser.post(PUSH, {**PUSHED, "payload": '1, "url": "http://other/"'})
    assert answer.status_code == 400
    assert await site.jobs() == []


async def test_the_page_says_once_where_the_job_is(site: Site, browser: Browser) -> None:
    """It is the job's own."""
    answer = await browser.post(PUSH, PUSHED)
    (job,) = await site.jobs()
    page = await browser.get(answer.headers["location"])
    assert f"Job {job.id} is in queue default" in page.text


async def test_a_job_that_may_be_forgotten_at_once_leads_back_to_the_form() -> None:
    """Where nothing is remembered of what finished there may be no page of it."""
    async with open_site(finished_ttl=0) as site:
        answer = await site.browser.post(PUSH, PUSHED)
        assert answer.headers["location"] == "/console/new"
        assert "is in queue default" in (await site.browser.get("/console/new")).text


@pytest.mark.parametrize(
    ("typed", "says", "wrong"),
    [
        ({"url": ""}, "Missing field: url", {"url"}),
        ({"category": ""}, "The category should have 1 to 255 bytes, not 0", {"category"}),
        ({"timeout": "soon"}, "timeout should be an unsigned integer, not string", {"timeout"}),
        ({"timeout": "007"}, "timeout should be an unsigned integer, not string", {"timeout"}),
        ({"max_retries": "-1"}, "max_retries should be an unsigned integer, not number -1", {"max_retries"}),
        ({"run_after": "9" * 19}, "run_after should be at most", {"run_after"}),
        ({"priority": "1.5"}, "priority should be an integer, not string", {"priority"}),
        ({"priority": "1000001"}, "priority should be between -1000000 and 1000000", {"priority"}),
        ({"payload": "{"}, "payload is no JSON: unexpected EOF", {"payload"}),
        (
            {"payload": '{\r\n  "a": 1,\r\n  b}'},
            "name enclosed in double quotes at line 3, column 3",
            {"payload"},
        ),
        ({"payload": "nothing"}, "payload is no JSON: Expecting value at line 1, column 1", {"payload"}),
        ({"payload": "[1]\r\n2"}, "payload is no JSON: trailing characters at line 2, column 1", {"payload"}),
        ({"payload": "[" * 100_000}, "payload is no JSON: nested too deeply", {"payload"}),
    ],
)
async def test_what_cannot_be_pushed_is_refused_beside_the_form(
    site: Site, browser: Browser, typed: dict[str, str], says: str, wrong: set[str]
) -> None:
    """In the words of the API, with what was typed; broken JSON with its line and column."""
    answer = await browser.post(PUSH, PUSHED | typed)
    assert answer.status_code == 400
    assert says in answer.text
    form = fields_of(answer.text, PUSH)
    assert {name: form[name] for name in typed} == typed
    assert wrong_fields(answer.text, PUSH) == {focused_field(answer.text, PUSH)} == wrong
    assert await site.jobs() == []


async def test_a_category_that_leads_nowhere_is_refused_beside_the_form() -> None:
    """Without a default queue."""
    async with open_site(default_queue="") as site:
        answer = await site.browser.post(PUSH, PUSHED)
        assert answer.status_code == 400
        assert "No routing of job category &#39;mail&#39; exists" in answer.text


async def test_a_job_is_enqueued_as_typed(site: Site) -> None:
    """Each field is what the API's of that name is."""
    more = {"payload": '{"a": 1}', "max_retries": "-1", "run_at": "2100-01-01T00:00:00Z", "priority": "3"}
    job = await made(site, PULL, PULLED | more)
    assert isinstance(job, PullJob)
    assert (job.queue, job.key, job.payload) == ("trades", "t-1", b'{"a": 1}')
    assert (job.timeout_s, job.max_retries, job.priority) == (60, -1, 3)
    assert job.run_at_ms == 4_102_444_800_000


async def test_text_for_workers_that_fetch_is_a_json_string(site: Site) -> None:
    """As all of their payloads are JSON; none is null."""
    assert (await made(site, PULL, {**PULLED, "payload": "a\r\nb", "form": "text"})).payload == b'"a\\nb"'
    assert (await made(site, PULL, {**PULLED, "id": "t-2"})).payload == b"null"


async def test_an_id_that_the_queue_has_is_refused_beside_the_form(site: Site, browser: Browser) -> None:
    """The job that has it stays as it is."""
    await site.pull_side.enqueue("t-1", queue="trades", payload=b"1")
    answer = await browser.post(PULL, {**PULLED, "payload": "2"})
    assert answer.status_code == 400
    assert "job with id `t-1` already exists in queue `trades`." in answer.text
    assert (fields_of(answer.text, PULL)["payload"], wrong_fields(answer.text, PULL)) == ("2", {"id"})
    job = await site.store.pull_job("trades", "t-1")
    assert job is not None
    assert job.payload == b"1"


@pytest.mark.parametrize(
    ("typed", "says", "wrong"),
    [
        ({"queue": ""}, "missing field `queue`", {"queue"}),
        ({"timeout": ""}, "missing field `timeout`", {"timeout"}),
        ({"timeout": "x"}, "expected an integer from -2147483648 to 2147483647 for `timeout`", {"timeout"}),
        ({"run_at": "tomorrow"}, "run_at should be a time in RFC 3339", {"run_at"}),
        ({"id": "x" * 256}, "The id should have 0 to 255 bytes, not 256", {"id"}),
        ({"payload": "}"}, "payload is no JSON: Expecting value at line 1, column 1", {"payload"}),
    ],
)
async def test_what_cannot_be_enqueued_is_refused_beside_the_form(
    site: Site, browser: Browser, typed: dict[str, str], says: str, wrong: set[str]
) -> None:
    """In the words of the API, with what was typed."""
    answer = await browser.post(PULL, PULLED | typed)
    assert answer.status_code == 400
    assert says in answer.text
    form = fields_of(answer.text, PULL)
    assert {name: form[name] for name in typed} == typed
    assert wrong_fields(answer.text, PULL) == {focused_field(answer.text, PULL)} == wrong
    assert await site.store.outlook(["trades"]) == await site.store.outlook([])


@pytest.mark.parametrize(("kind", "action"), [("push", PUSH), ("pull", PULL), ("other", PUSH), ("", PUSH)])
async def test_a_form_is_empty_at_first(browser: Browser, kind: str, action: str) -> None:
    """But for an id that no job has, and a timeout, without which there is no pull job."""
    form = fields_of((await browser.get(f"/console/new?kind={kind}")).text, action)
    filled = {name for name, value in form.items() if value}
    assert filled == ({"form"} if action == PUSH else {"form", "id", "timeout"})


async def test_a_link_may_name_the_queue_or_the_category(browser: Browser) -> None:
    """And nothing else of a job."""
    given = "queue=%22trades&category=mail&url=http://x/&payload=1&priority=1&form=text"
    pulled = fields_of((await browser.get(f"/console/new?kind=pull&{given}")).text, PULL)
    pushed = fields_of((await browser.get(f"/console/new?{given}")).text, PUSH)
    assert (pulled["queue"], pushed["category"]) == ('"trades', "mail")
    assert [pushed[name] for name in ("url", "payload", "priority", "form")] == ["", "", "", "json"]


async def test_two_forms_have_two_ids(browser: Browser) -> None:
    """So that both can be sent as they are."""
    ids = {fields_of((await browser.get("/console/new?kind=pull")).text, PULL)["id"] for _ in range(2)}
    assert len(ids) == 2


async def test_where_a_category_leads_is_told_while_it_is_typed(site: Site, browser: Browser) -> None:
    """To a queue, perhaps a paused one, or nowhere."""
    await site.put_queue("<b>")
    await site.queues.routings.put(Routing("mail", "<b>"))
    await site.side.pauses.pause(Kind.PUSH, "<b>")
    told = {
        category: (await browser.get(f"{PUSH.replace('push', 'queue')}?category={category}")).text
        for category in ("mail", "other", "")
    }
    assert "queue?kind=push&amp;name=%3Cb%3E" in told["mail"]
    assert ("paused" in told["mail"], "paused" in told["other"]) == (True, False)
    assert ">default<" in told["other"].replace("<bdi>", "").replace("</bdi>", "")
    assert "The category decides" in told[""]
    await site.queues.definitions.undefine("<b>")
    gone = (await browser.get("/console/new/queue?category=mail")).text
    assert "This queue is not defined" in gone


async def test_who_may_only_read_gets_no_form() -> None:
    """And pushes nothing without one either; who may push too does."""
    made = {scopes: new_token(scopes.replace(",", "-"), scopes) for scopes in ("read", "read,push")}
    async with open_site(guard=Guard(parse_tokens(line for _, line in made.values()))) as site:
        await site.browser.log_in(made["read"][0])
        assert PUSH not in (await site.browser.get("/console/new")).text
        for path, fields in ((PUSH, PUSHED), (PULL, PULLED)):
            assert (await site.browser.post(path, fields)).status_code == 403
        async with site.other_browser() as browser:
            await browser.log_in(made["read,push"][0])
            assert PUSH in (await browser.get("/console/new")).text
            assert (await browser.post(PUSH, PUSHED)).status_code == 303


async def test_a_console_that_only_shows_has_no_way_to_push() -> None:
    """Neither form nor route."""
    async with open_site(console=Console.READ_ONLY) as site:
        assert PUSH not in (await site.browser.get("/console/new")).text
        assert (await site.browser.post(PUSH, PUSHED)).status_code in (404, 405)
