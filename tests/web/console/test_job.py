"""A job's page: what is known of it, and what people do to it."""

import json
from urllib.parse import quote

import orjson
import pytest
import trio

from tests.web.console.managed_site import ManagedSite, open_managed_site
from tests.web.console.page import read
from trioworq.config import Console
from trioworq.core.jobs import Kind
from trioworq.web.guard import Guard
from trioworq.web.tokens import new_token, parse_tokens

EVIL = "<script>alert(1)</script>\u202e\x07\"'&"
EVIL_SHOWN = "<script>alert(1)</script>⟦U+202E⟧⟦U+0007⟧"


async def test_a_deferred_job_can_be_run_now(managed: ManagedSite) -> None:
    """Until then its next attempt is counted down to; afterwards it has ended."""
    job_id = await managed.push("mail", "succeed", run_after=3600, max_retries=3)
    page = await managed.visit(f"/console/job?id={job_id}")
    for words in (f"Job {job_id}", "deferred", "Push job of default", "mail", "http://worker/succeed",
                  "First attempt", "in 59 min", "3 of 3 left"):  # fmt: skip
        assert words in page.text
    told = await managed.follow(page.form("Run now"))
    assert f"Job {job_id} is due now" in told.text
    await managed.reach(job_id, "finished")
    page = await managed.visit(f"/console/job?id={job_id}")
    assert "Run now" not in page.buttons
    assert "finished" in page.text
    assert "What its worker said success HTTP 200 done" in page.text.replace("done success", "success")


async def test_a_failed_job_tells_what_its_worker_answered(managed: ManagedSite) -> None:
    """Its message, and the body that made no sense."""
    [job_id] = await managed.fail_with("Cannot parse\nOriginal response body:\n<html>no &amp; no</html>")
    page = await managed.visit(f"/console/job?id={job_id}")
    assert (
        "permanent-failure HTTP 200 Cannot parse Original response body <html>no &amp; no</html>" in page.text
    )
    assert page.buttons == ["Retry", "Delete"]


async def test_a_job_that_is_tried_again_tells_what_went_wrong(managed: ManagedSite) -> None:
    """Whoever looks why it hangs does not have to wait until it has failed for good."""
    job_id = await managed.push("any", "stumble/out%20of%20paper", max_retries=3, retry_delay=3600)
    await managed.reach(job_id, "scheduled")
    page = await managed.visit(f"/console/job?id={job_id}")
    assert "Its last error failed failure HTTP 200 out of paper" in page.text


async def test_a_failed_job_can_be_retried(managed: ManagedSite) -> None:
    """It is tried again at once, and fails again here."""
    [job_id] = await managed.fail_with("no")
    page = await managed.visit(f"/console/job?id={job_id}")
    told = await managed.follow(page.form("Retry"))
    assert f"Job {job_id} waits to be run again" in told.text
    await managed.reach(job_id, "failed")
    assert len(managed.workers.calls) == 2


async def test_a_job_that_runs_can_be_cancelled(managed: ManagedSite) -> None:
    """Its call is cut off, and nothing is left of it."""
    job_id = await managed.push("any", "hang", timeout=100)
    await managed.reach(job_id, "started")
    page = await managed.visit(f"/console/job?id={job_id}")
    assert "running" in page.text
    assert "Times out" in page.text
    answer = await managed.browser.post_bare("/console/job/delete", page.form("Cancel").fields)
    assert answer.status_code == 303
    with trio.fail_after(10):
        while managed.workers.in_flight:
            await trio.sleep(0.01)
    gone = await managed.visit(answer.headers["location"])
    assert f"Job {job_id} has been deleted" in gone.text


async def test_a_pull_job_has_a_lease_and_a_saved_state(managed: ManagedSite) -> None:
    """Both are shown, and the state can be had whole."""
    job_id = await managed.enqueue("my-key", queue="films", timeout=300, max_retries=-1)
    await managed.face.client.get("/next?queue=films")
    state = {"frame": 10**30}
    beat = await managed.face.client.patch("/heartbeat?queue=films&job_id=my-key", content=json.dumps(state))
    assert beat.is_success, beat.text
    page = await managed.visit(f"/console/job?id={job_id}")
    for words in ("running", "Pull job of films", "Key my-key", "Retries without end", "Timeout 5 min",
                  "Lease ends", "Saved state", f'{{ "frame": {10**30} }}'):  # fmt: skip
        assert words in page.text
    answer = await managed.browser.get(f"/console/job/payload?id={job_id}&part=state")
    assert answer.content == b'{"frame": %d}' % 10**30


async def test_a_payload_is_shown_as_it_was_sent(managed: ManagedSite) -> None:
    """On lines of its own, with every digit of its numbers."""
    body = b'{"url":"http://worker/hang","payload":{"n":12345678901234567890,"f":[1.10]}}'
    answer = await managed.face.client.post("/job/any", content=body)
    html = (await managed.browser.get(f"/console/job?id={answer.json()['id']}")).text
    lines = '{\n  "n": 12345678901234567890,\n  "f": [\n    1.10\n  ]\n}'
    assert lines.replace('"', "&#34;") in html


async def test_a_large_payload_is_shown_in_part_and_had_whole(managed: ManagedSite) -> None:
    """As a file that no browser takes for a page."""
    payload = "<script>" + "x" * 200_000
    job_id = await managed.push("any", "hang", payload=payload)
    answer = await managed.browser.get(f"/console/job?id={job_id}")
    assert len(answer.content) < 100_000
    page = read(answer.text)
    assert "200 008 bytes; this is the first 65 536 of them" in page.text.replace("\u202f", " ")
    answer = await managed.browser.get(page.link("Download all"))
    assert answer.text == payload
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == f'attachment; filename="job-{job_id}.bin"'
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_payload_that_is_not_remembered_is_said_to_be(managed: ManagedSite) -> None:
    """There is nothing to download then."""
    job_id = await managed.push("any", "succeed", payload="x" * 100_000)
    await managed.reach(job_id, "finished")
    page = await managed.visit(f"/console/job?id={job_id}")
    assert "too large to be remembered" in page.text
    await managed.visit(f"/console/job/payload?id={job_id}", 404)
    await managed.visit(f"/console/job/payload?id={job_id}&part=state", 404)


async def test_what_others_wrote_is_harmless(managed: ManagedSite) -> None:
    """Markup is shown as text, and what turns the direction by its number."""
    pull_id = await managed.enqueue(EVIL, queue=EVIL, payload=EVIL)
    [push_id] = await managed.fail_with(EVIL, category=quote("<b>\u202e"), payload={EVIL: EVIL})
    for job_id in (pull_id, push_id):
        answer = await managed.browser.get(f"/console/job?id={job_id}")
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "\u202e" not in answer.text
        assert "\x07" not in answer.text
        assert EVIL_SHOWN in read(answer.text).text.replace("> ", ">").replace("⟧ ", "⟧")


@pytest.mark.parametrize("job_id", ["999", "0", "-1", "abc", "%ff", "9" * 30, quote(EVIL), "1/../2"])
async def test_an_unknown_job_can_be_searched_for(managed: ManagedSite, job_id: str) -> None:
    """Whatever was asked for."""
    page = await managed.visit(f"/console/job?id={job_id}", 404)
    assert "No such job" in page.text
    assert [(form.method, form.action) for form in page.forms] == [("get", "/console/job")]
    await managed.visit(f"/console/job/payload?id={job_id}", 404)


async def test_without_an_id_there_is_the_search(managed: ManagedSite) -> None:
    """It finds jobs of both kinds."""
    page = await managed.visit("/console/job")
    assert "Find a job" in page.text
    assert page.forms[0].action == "/console/job"


async def test_what_cannot_be_done_is_said_on_the_jobs_page(managed: ManagedSite) -> None:
    """With the job as it stands."""
    job_id = await managed.push("any", "hang")
    await managed.reach(job_id, "started")
    answer = await managed.browser.post("/console/job/run", {"id": job_id})
    assert (answer.status_code, f"Job {job_id} does not wait" in answer.text) == (409, True)
    answer = await managed.browser.post("/console/job/retry", {"id": job_id})
    assert answer.status_code == 404
    assert "not found in failed jobs registry" in answer.text
    assert "Attempt began" in answer.text


async def test_a_failed_job_whose_key_is_taken_stays_failed(managed: ManagedSite) -> None:
    """Its page says so."""
    [job_id] = await managed.fail_pull("again")
    await managed.enqueue("again")
    answer = await managed.browser.post("/console/job/retry", {"id": job_id})
    assert answer.status_code == 409
    assert "queue q has another job with the id again" in read(answer.text).text
    assert await managed.failed() == [job_id]


@pytest.mark.parametrize("what", ["run", "retry", "delete"])
@pytest.mark.parametrize("job_id", ["", "999", "x", EVIL])
async def test_nothing_is_done_to_no_job(managed: ManagedSite, what: str, job_id: str) -> None:
    """The search is offered."""
    answer = await managed.browser.post(f"/console/job/{what}", {"id": job_id})
    assert answer.status_code == 404
    assert "No such job" in answer.text


@pytest.mark.parametrize(
    ("back", "location"),
    [
        ("/console/failures?view=jobs&queue=a%20b", "/console/failures?view=jobs&queue=a%20b"),
        ("https://evil.example/", "/console"),
        ("//evil.example/", "/console"),
        ("/settings", "/console"),
    ],
)
async def test_what_is_done_in_a_list_leads_back_there(
    managed: ManagedSite, back: str, location: str
) -> None:
    """And to no other site."""
    [job_id] = await managed.fail_with("no")
    answer = await managed.browser.post("/console/job/delete", {"id": job_id, "back": back})
    assert (answer.status_code, answer.headers["location"]) == (303, location)
    assert await managed.failed() == []


async def test_a_page_that_is_open_is_told_of_changes_alone(managed: ManagedSite) -> None:
    """Nothing while nothing changes, then the new stage, which asks for more until the job has ended."""
    job_id = await managed.push("any", "fail", run_after=3600)
    html = (await managed.browser.get(f"/console/job?id={job_id}")).text
    address = html.partition('hx-get="')[2].partition('"')[0].replace("&amp;", "&")
    assert (await managed.browser.get(address)).status_code == 204
    await managed.browser.post("/console/job/run", {"id": job_id})
    await managed.reach(job_id, "failed")
    answer = await managed.browser.get(address)
    assert answer.status_code == 200
    assert "no such thing" in answer.text
    assert "hx-get" not in answer.text
    assert "<html" not in answer.text


async def test_an_open_page_learns_that_its_job_is_gone(managed: ManagedSite) -> None:
    """And asks no more."""
    answer = await managed.browser.get("/console/job/stage?id=999&seen=x")
    assert answer.status_code == 200
    assert "not there any more" in answer.text
    assert "hx-get" not in answer.text


@pytest.mark.parametrize("kind", Kind)
async def test_a_job_of_a_paused_queue_says_so(managed: ManagedSite, kind: Kind) -> None:
    """It may be the reason why it waits."""
    name = "default" if kind is Kind.PUSH else "q"
    await managed.site.management.pauses.pause(kind, name)
    job_id = await (managed.push("any", "succeed") if kind is Kind.PUSH else managed.enqueue("k"))
    page = await managed.visit(f"/console/job?id={job_id}")
    assert "Its queue is paused, so it waits" in page.text


async def test_who_may_only_read_changes_nothing() -> None:
    """There are no buttons, and what they would ask for is refused."""
    (reader, line), (admin, other) = new_token("r", "read"), new_token("a", "admin")
    async with open_managed_site(guard=Guard(parse_tokens([line, other]))) as managed:
        management = managed.site.management
        headers = {"Authorization": f"Bearer {admin}"}
        body = orjson.dumps({"url": "http://worker/fail", "run_after": 3600})
        job_id = (await managed.face.client.post("/job/any", content=body, headers=headers)).json()["id"]
        await managed.browser.log_in(reader)
        page = await managed.visit(f"/console/job?id={job_id}")
        assert "deferred" in page.text
        assert page.buttons == ["Log out"]
        assert "New job like this" not in page.text
        for what in ("run", "retry", "delete"):
            answer = await managed.browser.post(f"/console/job/{what}", {"id": str(job_id)})
            assert answer.status_code == 403
        assert (await management.jobs.find(str(job_id))).queue == "default"


async def test_a_console_to_look_at_has_no_way_to_change_a_job() -> None:
    """Neither buttons nor what they would ask for."""
    async with open_managed_site(console=Console.READ_ONLY) as managed:
        job_id = await managed.push("any", "fail", run_after=3600)
        page = await managed.visit(f"/console/job?id={job_id}")
        assert page.buttons == []
        for what in ("run", "retry", "delete"):
            answer = await managed.browser.post(f"/console/job/{what}", {"id": job_id})
            assert answer.status_code in {404, 405}
