"""New jobs that are made as others are or were, whatever has become of those."""

from collections.abc import AsyncIterator

import pytest
import trio

from tests.web.console.form_fields import fields_of
from tests.web.console.site import Site, open_site
from tests.web.manage.managed import WORKER, Managed, obedient
from trioworq.core.jobs import KEPT_PAYLOAD_BYTES, NO_PAYLOAD, FailedJob, Job, Order, Payload, PayloadForm
from trioworq.core.pull import PullJob
from trioworq.web.console.new_job.likeness import SHOWN_PAYLOAD_BYTES
from trioworq.web.guard import Guard
from trioworq.web.tokens import new_token, parse_tokens

PUSH = "/console/new/push"
PULL = "/console/new/pull"
SETTINGS = {"run_after": 3600, "timeout": 20, "max_retries": 3, "retry_delay": 7, "priority": 5}


@pytest.fixture
async def managed() -> AsyncIterator[Managed]:
    """The console, with workers that do as they are told."""
    workers = obedient()
    async with open_site(workers) as site:
        yield Managed(site, workers)


def site_of(managed: Managed) -> Site:
    """Return the console."""
    assert isinstance(managed.face, Site)
    return managed.face


async def form_like(managed: Managed, job_id: str, action: str = PUSH) -> tuple[str, dict[str, str]]:
    """Return the page for a job like another, and what its form holds."""
    answer = await site_of(managed).browser.get(f"/console/new?from={job_id}")
    assert answer.status_code == 200, answer.text
    return answer.text, fields_of(answer.text, action)


async def made(managed: Managed, action: str, form: dict[str, str]) -> Job | PullJob:
    """Send a form, and return the job."""
    site = site_of(managed)
    answer = await site.browser.post(action, form)
    assert answer.status_code == 303, answer.text
    job = await site.management.jobs.find(answer.headers["location"].partition("=")[2])
    assert isinstance(job, Job | PullJob)
    return job


async def test_a_job_like_one_that_waits_has_all_of_it(managed: Managed) -> None:
    """But for when it is to run, which was reckoned from another time."""
    payload = {"first": "line\nand second", "n": 1}
    job_id = await managed.push("mail", "hang", payload=payload, **SETTINGS)
    page, form = await form_like(managed, job_id)
    assert f'/console/job?id={job_id}"' in page
    copy = await made(managed, PUSH, form | {"run_after": "60"})
    job = await site_of(managed).management.jobs.find(job_id)
    assert isinstance(job, Job)
    assert isinstance(copy, Job)
    for name in (
        "queue",
        "category",
        "url",
        "payload",
        "timeout_s",
        "max_retries",
        "retry_delay_s",
        "priority",
    ):
        assert getattr(copy, name) == getattr(job, name), name


@pytest.mark.parametrize("text", ["", "\nbegins with a line end", "tab\tand <b> & \"quotes'", "é 日本 🙂"])
async def test_a_text_is_sent_as_it_came(managed: Managed, text: str) -> None:
    """Through the field of a form, which has its own mind about line ends."""
    job_id = await managed.push("mail", "hang", payload=text, **SETTINGS)
    _, form = await form_like(managed, job_id)
    copy = await made(managed, PUSH, form | {"run_after": "60"})
    assert copy.payload == Payload(PayloadForm.TEXT, text.encode())


async def test_a_job_like_one_that_failed_says_what_is_not_remembered(managed: Managed) -> None:
    """Its timeout and retries."""
    (job_id,) = await managed.fail("mail", payload=[1, 2], priority=5, max_retries=0)
    page, form = await form_like(managed, job_id)
    assert "Timeout and retries are not remembered" in page
    assert (form["category"], form["url"], form["payload"]) == ("mail", f"{WORKER}fail", "[1,2]")
    assert (form["priority"], form["max_retries"]) == ("5", "")


async def test_a_job_like_one_that_finished_has_its_payload(managed: Managed) -> None:
    """As far as it is remembered: a large one is not."""
    small = await managed.push("mail", "succeed", payload={"a": 1})
    large = await managed.push("mail", "succeed", payload="x" * (KEPT_PAYLOAD_BYTES + 1))
    for job_id in (small, large):
        await managed.reach(job_id, "finished")
    _, form = await form_like(managed, small)
    assert form["payload"] == '{"a":1}'
    page, form = await form_like(managed, large)
    assert "too large to be remembered; it is left out" in page
    assert (form["category"], form["payload"]) == ("mail", "")


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ("a\0b", "bytes that no form can hold"),
        ("x" * (SHOWN_PAYLOAD_BYTES + 1), f"has {SHOWN_PAYLOAD_BYTES + 1} bytes, too many for a form"),
        ("a\r\nb", "lines ended with CR LF"),
        ("a\rb", "bytes that no form can hold"),
    ],
    ids=["a NUL", "too large", "other line ends", "a CR alone"],
)
async def test_a_payload_that_a_form_would_change_is_told_of(
    managed: Managed, payload: str, says: str
) -> None:
    """Rather than sent on changed without a word."""
    page, _ = await form_like(managed, await managed.push("mail", "hang", payload=payload, run_after=60))
    assert says in page


async def test_bytes_that_are_no_text_are_told_of(managed: Managed) -> None:
    """A payload's strings may hold any."""
    body = b'{"url": "http://worker/hang", "run_after": 60, "payload": ["\xff"]}'
    answer = await managed.face.client.post("/job/mail", content=body)
    page, form = await form_like(managed, answer.text.split('"id":')[1].split(",")[0])
    assert "bytes that no form can hold" in page
    assert form["payload"] == ""


async def test_a_pull_job_like_one_that_waits_has_another_id(managed: Managed) -> None:
    """As its queue has that one already; the rest is the same."""
    job_id = await managed.enqueue("t-1", "trades", payload={"a": 1}, max_retries=-1, timeout=9, priority=5)
    _, form = await form_like(managed, job_id, PULL)
    assert form.pop("id") not in ("", "t-1")
    job = await made(managed, PULL, form | {"id": "t-2"})
    assert isinstance(job, PullJob)
    assert (job.queue, job.key, job.payload) == ("trades", "t-2", b'{"a":1}')
    assert (job.timeout_s, job.max_retries, job.priority) == (9, -1, 5)


async def test_a_pull_job_like_one_that_ended_has_its_id(managed: Managed) -> None:
    """It is free again."""
    (failed,) = await managed.fail_pull("t-1", queue="trades", payload="text")
    page, form = await form_like(managed, failed, PULL)
    assert "Timeout and retries are not remembered" in page
    assert (form["queue"], form["id"], form["payload"], form["timeout"]) == ("trades", "t-1", '"text"', "60")
    assert (await made(managed, PULL, form)).payload == b'"text"'


@pytest.mark.parametrize("is_instead", [True, False])
async def test_a_job_may_take_the_place_of_one_that_failed(managed: Managed, is_instead: bool) -> None:
    """Which is deleted if that is ticked, and not before the new one is there."""
    site = site_of(managed)
    (failed,) = await managed.fail("mail", payload=[1])
    _, form = await form_like(managed, failed)
    ticked = form | ({"instead": "1"} if is_instead else {"instead": ""})
    broken = await site.browser.post(PUSH, {**ticked, "url": ""})
    assert fields_of(broken.text, PUSH)["failed"] == failed
    assert ("checked> Delete failed job" in broken.text) == is_instead
    assert await managed.failed() == [failed]
    await made(managed, PUSH, {**ticked, "url": f"{WORKER}hang"})
    assert await managed.failed() == ([] if is_instead else [failed])


async def test_a_failed_job_that_is_gone_already_keeps_no_new_one_away(managed: Managed) -> None:
    """Somebody else may have been quicker; what came of it is said."""
    (failed,) = await managed.fail_pull("t-1", queue="trades")
    _, form = await form_like(managed, failed, PULL)
    await site_of(managed).management.failed.delete(failed)
    job = await made(managed, PULL, form | {"instead": "1"})
    page = (await site_of(managed).browser.get(f"/console/job?id={job.id}")).text
    assert f"failed job {failed} could not be deleted, or was not there any more" in page


async def test_who_may_push_alone_deletes_nothing() -> None:
    """Whatever is sent; nor is it offered."""
    token, line = new_token("pusher", "read,push")
    async with open_site(obedient(), guard=Guard(parse_tokens([line]))) as site:
        await site.browser.log_in(token)
        job = await site.queues.push(Order("mail", f"{WORKER}fail", NO_PAYLOAD))
        with trio.fail_after(10):
            while not isinstance(await site.management.jobs.find(str(job.id)), FailedJob):
                await trio.sleep(0.01)
        page = (await site.browser.get(f"/console/new?from={job.id}")).text
        form = fields_of(page, PUSH) | {"instead": "1", "url": f"{WORKER}hang"}
        assert ('name="instead"' in page, form["failed"]) == (False, str(job.id))
        assert (await site.browser.post(PUSH, form)).status_code == 303
        assert isinstance(await site.management.jobs.find(str(job.id)), FailedJob)


@pytest.mark.parametrize("job_id", ["4711", "0", "-1", "x", "", "9" * 30, "%ff", "1%00"])
async def test_no_job_is_like_one_that_is_not_there(managed: Managed, job_id: str) -> None:
    """That it is not remembered is said."""
    answer = await site_of(managed).browser.get(f"/console/new?from={job_id}")
    assert answer.status_code == 404
    assert "not remembered" in answer.text


async def test_nothing_of_a_hostile_job_is_markup(managed: Managed) -> None:
    """In whatever field it stands."""
    hostile = "</textarea><script>alert(1)</script>\"'"
    job_id = await managed.push("%3Cscript%3E", "hang", payload=hostile, run_after=60)
    page, form = await form_like(managed, job_id)
    assert "<script>" not in page
    assert (form["payload"], form["category"]) == (hostile, "<script>")
