"""A queue's jobs in five lists: what stands in them, page by page, searched, and what is done to them."""

import re
from html import unescape

import pytest
import trio

from tests.dispatch.push_side import FAILURE, PERMANENT, answering
from tests.web.console.site import Browser, Site, open_site
from trioworq.core.failures import EVERY_FAILURE
from trioworq.core.jobs import Kind
from trioworq.core.load import Load, LoadPoint, LoadSample, TypeName
from trioworq.core.routing import Routing
from trioworq.manage.types import number
from trioworq.stores.browsing import SEARCHED_JOBS
from trioworq.web.console.queue.history import fullest
from trioworq.web.console.queue.listing import TABS

QUEUE = "/console/queue"
_ID = re.compile(r'href="/console/job\?id=(\d+)"')


def ids(page: str) -> list[int]:
    """Return the jobs of a page's list, in its order."""
    return [int(found) for found in _ID.findall(page)]


def next_page(page: str) -> str | None:
    """Return where the list goes on."""
    found = re.search(r'rel="next" href="([^"#]*)#jobs"', page)
    return unescape(found[1]) if found else None


async def every_page(browser: Browser, path: str) -> list[list[int]]:
    """Follow a list to its end."""
    pages = []
    following: str | None = path
    while following:
        answer = await browser.get(following)
        assert answer.status_code == 200
        pages.append(ids(answer.text))
        following = next_page(answer.text)
    return pages


async def test_each_job_is_in_the_list_of_its_state(site: Site, browser: Browser) -> None:
    """Of a push queue, with what it does there and when."""
    await site.put_queue("mail", max_workers=1)
    await site.ask("PUT", "/routing/letter", b'{"queue_name": "mail"}')
    running = await site.push("letter", timeout=60)
    waiting = await site.push("letter", max_retries=3, priority=7, url="http://worker/a?b=<c>")
    deferred = await site.push("letter", run_after=3600)
    pages = {
        tab: (await browser.get(f"{QUEUE}?name=mail&tab={tab}")).text
        for tab in ("waiting", "deferred", "running")
    }
    assert {tab: ids(page) for tab, page in pages.items()} == {
        "waiting": [waiting],
        "deferred": [deferred],
        "running": [running],
    }
    assert "<bdi>http://worker/a?b=&lt;c&gt;</bdi>" in pages["waiting"]
    assert "0 of 4" in pages["waiting"]
    assert '<td class="number" data-label="Priority">7</td>' in pages["waiting"]
    assert "Times out" in pages["running"]
    assert "1 of 1" in pages["running"]


async def test_pull_jobs_are_in_lists_of_their_own(site: Site, browser: Browser) -> None:
    """By their keys, with the end of their leases; those without a last try say so."""
    pull = site.pull_side
    await pull.enqueue("a", queue="files")
    job = await pull.fetch_one("files")
    await pull.enqueue("b", queue="files", max_retries=-1)
    await pull.enqueue("c", queue="files", run_at_ms=pull.after(3600))
    running = (await browser.get(f"{QUEUE}?kind=pull&name=files&tab=running")).text
    assert ids(running) == [job.id]
    assert "Lease ends" in running
    assert f'data-ms="{job.lease_ends_at_ms}"' in running
    waiting = (await browser.get(f"{QUEUE}?kind=pull&name=files")).text
    assert "<bdi>b</bdi>" in waiting
    assert "0 of ∞" in waiting
    assert "<bdi>c</bdi>" in (await browser.get(f"{QUEUE}?kind=pull&name=files&tab=deferred")).text


async def test_ended_jobs_are_listed_newest_first() -> None:
    """Failures with their message, finished ones as far as they are remembered."""
    async with open_site(answering(PERMANENT, PERMANENT, FAILURE)) as site:
        first, second = await site.push(), await site.push()
        with trio.fail_after(10):
            while len(await site.management.failed.list(EVERY_FAILURE, 0, 10)) < 2:
                await trio.sleep(0.01)
        failed = (await site.browser.get(f"{QUEUE}?name=default&tab=failed")).text
        assert ids(failed) == [second, first]
        assert "<bdi>never</bdi>" in failed
        assert ids((await site.browser.get(f"{QUEUE}?kind=pull&name=default&tab=failed")).text) == []
        await site.pull_side.enqueue("a", "b", queue="files")
        await site.pull_side.pull.complete("files", "a")
        finished = (await site.browser.get(f"{QUEUE}?kind=pull&name=files&tab=finished")).text
        assert "<bdi>a</bdi>" in finished
        assert "<bdi>b</bdi>" not in finished


@pytest.mark.parametrize("tab", ["waiting", "deferred"])
async def test_each_job_is_shown_once(site: Site, browser: Browser, tab: str) -> None:
    """Fifty a page, whatever ends or comes meanwhile."""
    later = site.pull_side.after(3600) if tab == "deferred" else None
    await site.pull_side.enqueue(*(f"k{number:03}" for number in range(120)), queue="files", run_at_ms=later)
    pages = await every_page(browser, f"{QUEUE}?kind=pull&name=files&tab={tab}")
    assert [len(page) for page in pages] == [50, 50, 20]
    assert len({job_id for page in pages for job_id in page}) == 120


async def test_a_page_is_a_place_and_not_a_number(site: Site, browser: Browser) -> None:
    """What goes from a page before does not move the next one."""
    await site.pull_side.enqueue(*(f"k{number:03}" for number in range(70)), queue="files")
    first = (await browser.get(f"{QUEUE}?kind=pull&name=files")).text
    for place in range(30):
        await site.pull_side.pull.complete("files", f"k{place:03}")
    second = (await browser.get(next_page(first) or "")).text
    assert len(ids(second)) == 20
    assert not set(ids(first)) & set(ids(second))
    assert "First page" in second


async def test_jobs_are_searched_by_category_and_text(site: Site, browser: Browser) -> None:
    """The whole category and part of the URL, whatever the case; what is typed is kept in the form."""
    await site.put_queue("default", max_workers=1)
    await site.push("busy")
    one = await site.push("letter", url="http://worker/Paper/1")
    two = await site.push("letter", url="http://worker/stone/2")
    three = await site.push("parcel", url="http://worker/paper/3")

    async def found(query: str) -> list[int]:
        return ids((await browser.get(f"{QUEUE}?name=default&{query}")).text)

    assert await found("category=letter") == [one, two]
    assert await found("text=paper") == [one, three]
    assert await found("category=letter&text=paper") == [one]
    assert await found("category=lett") == []
    page = (await browser.get(f"{QUEUE}?name=default&text=%22%3E%3Cscript%3E")).text
    assert 'value="&#34;&gt;&lt;script&gt;"' in page
    assert "No waiting job matches." in page


@pytest.mark.parametrize("text", ["%ff", "%00", "%25_", "%5C", "%27%22", "a" * 5000, "%E2%80%AE"])
@pytest.mark.parametrize("field", ["text", "category"])
async def test_a_search_for_odd_text_finds_nothing(
    site: Site, browser: Browser, field: str, text: str
) -> None:
    """In any list, and nothing in it has a meaning of its own."""
    await site.push(run_after=3600)
    for tab in TABS:
        answer = await browser.get(f"{QUEUE}?name=default&tab={tab}&{field}={text}")
        assert answer.status_code == 200
        assert ids(answer.text) == []


async def test_long_urls_and_messages_are_cut(browser: Browser, site: Site) -> None:
    """Lists of them would take megabytes; the job's page has them whole."""
    await site.push(url=f"http://worker/{'x' * 60_000}", run_after=3600)
    page = (await browser.get(f"{QUEUE}?name=default&tab=deferred")).text
    assert len(ids(page)) == 1
    assert len(page) < 30_000


async def test_a_search_that_goes_through_many_jobs_in_vain_says_so(site: Site, browser: Browser) -> None:
    """And goes on where it stopped."""
    await site.pull_side.enqueue(*(f"k{number}" for number in range(SEARCHED_JOBS)), queue="files")
    await site.pull_side.enqueue("last", queue="files")
    there = f"{QUEUE}?kind=pull&name=files&text=LAST"
    first = (await browser.get(there)).text
    assert ids(first) == []
    assert "Searched 20\u202f000 jobs and found none." in first
    assert "Go on searching" in first
    assert [len(page) for page in await every_page(browser, there)] == [0, 1]


@pytest.mark.parametrize("tab", TABS)
async def test_what_is_no_utf_8_is_searched_for_in_vain(site: Site, browser: Browser, tab: str) -> None:
    """No store takes it, and a browser sends it for no text."""
    answer = await browser.get(f"{QUEUE}?name=default&tab={tab}&category=%FF&text=%ED%A0%80")
    assert answer.status_code == 200
    assert 'value="\ufffd"' in answer.text
    assert 'value="\ufffd\ufffd\ufffd"' in answer.text


async def test_a_broken_place_is_the_beginning(site: Site, browser: Browser) -> None:
    """As in the APIs, and so is a list of which nobody knows."""
    await site.pull_side.enqueue("a", queue="files")
    for query in ("cursor=odd", "tab=odd", "cursor=%00"):
        assert len(ids((await browser.get(f"{QUEUE}?kind=pull&name=files&{query}")).text)) == 1


async def test_a_list_comes_without_the_rest_of_the_page(site: Site, browser: Browser) -> None:
    """For scripts that put it in its place."""
    await site.pull_side.enqueue("a", queue="files")
    part = await browser.get(f"{QUEUE}?kind=pull&name=files", HX_Request="true", HX_Target="jobs")
    assert part.text.lstrip().startswith('<section id="jobs"')
    assert len(ids(part.text)) == 1
    assert "<h1" not in part.text


async def test_a_deferred_job_is_run_now_and_the_list_is_shown_again(site: Site, browser: Browser) -> None:
    """With the page that it was on."""
    await site.pull_side.enqueue("a", queue="files", run_at_ms=site.pull_side.after(3600))
    here = f"{QUEUE}?kind=pull&name=files&tab=deferred"
    page = (await browser.get(here)).text
    (job_id,) = ids(page)
    answer = await browser.post("/console/job/run", _fields(page, "/console/job/run"))
    assert (answer.status_code, answer.headers["location"]) == (303, here)
    assert [job.id for job in await site.pull_side.pull.fetch("files", 1)] == [job_id]


async def test_a_running_job_is_cancelled(site: Site, browser: Browser) -> None:
    """And one that waits is deleted, after a question."""
    await site.push()
    here = f"{QUEUE}?kind=push&name=default&tab=running"
    page = (await browser.get(here)).text
    assert 'data-confirm="Cancel the running job 1?"' in page
    answer = await browser.post("/console/job/delete", _fields(page, "/console/job/delete"))
    assert answer.headers["location"] == here
    assert await site.jobs() == []


def _fields(page: str, action: str) -> dict[str, str]:
    form = page.split(f'action="{action}"', 1)[1].split("</form>", 1)[0]
    return {name: unescape(value) for name, value in re.findall(r'name="(id|back)" value="([^"]*)"', form)}


SAMPLES = [(0, 1), (5, 9), (9, 2), (30, 4)]


def test_of_each_step_of_a_history_the_fullest_sample_is_shown() -> None:
    """So that no peak is lost; steps without a sample have no point."""
    points = [
        LoadPoint(time_ms, Load(queued=queued)) for time_ms, queued in [(0, 1), (5, 9), (9, 2), (30, 4)]
    ]
    assert fullest(points, 10) == [points[1], points[3]]


async def test_the_history_is_that_of_the_queue_alone(site: Site, browser: Browser) -> None:
    """Also where a category or a queue of the other kind has the same name."""
    await site.put_queue("files")
    now_ms = site.queues.now_ms()
    names = [TypeName(Kind.PUSH, "any"), TypeName(Kind.PUSH, "files"), TypeName(Kind.PULL, "files")]
    types = await number(site.store, names)
    await site.queues.routings.put(Routing("any", "files"))
    places = {name: place for place, name in enumerate(names)}
    loads = {job_type.id: Load(queued=1001 + 1000 * places[job_type.type]) for job_type in types}
    await site.store.add_load(LoadSample(now_ms - 1000, sum(loads.values(), Load()), loads))
    shown = {names[place]: f"{1 + place}\u202f001" for place in range(3)}
    push = (await browser.get(f"{QUEUE}?kind=push&name=files")).text
    pull = (await browser.get(f"{QUEUE}?kind=pull&name=files&span=1d")).text
    assert [text for text in shown.values() if f">{text}<" in push] == [shown[names[0]]]
    assert [text for text in shown.values() if f">{text}<" in pull] == [shown[names[2]]]
    assert "The last day" in pull
