"""Many failures run again or removed at once: counted, confirmed, watched."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlencode

import pytest
import trio
from attrs import define, field

from tests.dispatch.push_side import open_memory_store
from tests.web.console.managed_site import ManagedSite, open_managed_site
from tests.web.console.page import read, submit
from trioworq.core.failures import EVERY_FAILURE
from trioworq.manage.sweeps import MAX_SWEEPS, SweepKind
from trioworq.stores.interface import Store

CONFIRM = "/console/failures/confirm"


async def progress_of(managed: ManagedSite, address: str) -> str:
    """Wait until a sweep is over; return what its page says then."""
    with trio.fail_after(30):
        while "data-refresh" in (html := (await managed.browser.get(address)).text):
            await trio.sleep(0.01)
    return read(html).text


async def test_all_that_match_are_retried_after_their_number_was_confirmed(managed: ManagedSite) -> None:
    """No more and no less, and what comes of it is shown."""
    await managed.fail_with("mailbox 5 is full", 3, "mail")
    [other] = await managed.fail_with("no", category="other")
    page = await managed.visit("/console/failures?category=mail")
    page = await managed.visit(page.link("Retry all 3…"))
    assert "3 failed jobs will wait again" in page.text
    assert "Category mail" in page.text
    answer = await submit(managed.browser, page.form("Retry 3 failed jobs"))
    assert answer.status_code == 303
    assert "3 of 3" in (text := await progress_of(managed, answer.headers["location"]))
    assert "Done. 3 wait again." in text
    await wait_for_calls(managed, 7)
    assert other in await managed.failed()


async def wait_for_calls(managed: ManagedSite, count: int) -> None:
    """Wait until workers have been called so often."""
    with trio.fail_after(10):
        await managed.workers.wait_for_calls(count)


async def test_what_fails_after_it_was_counted_is_left(managed: ManagedSite) -> None:
    """Even if it does before the number is confirmed."""
    await managed.fail_with("no", 2)
    page = await managed.visit(f"{CONFIRM}?action=delete")
    [late] = await managed.fail_with("no")
    answer = await submit(managed.browser, page.form("Delete 2 failed jobs"))
    assert "Done. 2 have been removed." in await progress_of(managed, answer.headers["location"])
    assert await managed.failed() == [late]


async def test_those_that_are_ticked_are_meant(managed: ManagedSite) -> None:
    """And no others."""
    first, second, third = await managed.fail_with("no", 3)
    page = await managed.visit(f"{CONFIRM}?action=delete&ticked=1&job={first}&job={third}")
    assert "2 failed jobs will be removed for good" in page.text
    assert "Selected 2 jobs" in page.text
    answer = await submit(managed.browser, page.form("Delete 2 failed jobs"))
    await progress_of(managed, answer.headers["location"])
    assert await managed.failed() == [second]


async def test_when_none_is_ticked_nothing_is_asked(managed: ManagedSite) -> None:
    """It does not stand for all."""
    await managed.fail_with("no")
    back = "/console/failures?view=jobs&kind=push"
    answer = await managed.browser.get(
        f"{CONFIRM}?{urlencode({'action': 'delete', 'ticked': 1, 'back': back})}"
    )
    assert (answer.status_code, answer.headers["location"]) == (303, back)
    assert "No job was selected" in (await managed.visit(back)).text


async def test_pull_jobs_are_retried_too(managed: ManagedSite) -> None:
    """By their queue; one that cannot be is named with the reason."""
    free, taken = await managed.fail_pull("free", "taken")
    await managed.enqueue("taken")
    page = await managed.visit(f"{CONFIRM}?action=retry&kind=pull&queue=q")
    answer = await submit(managed.browser, page.form("Retry 2 failed jobs"))
    text = await progress_of(managed, answer.headers["location"])
    assert "Done. 1 waits again, 1 could not." in text
    assert f"Not done: 1 {taken} Job {taken} cannot be requeued: queue q has another job" in text
    assert (await managed.status(free))["status"] == "queued"


async def test_nothing_that_matches_is_said_to_be_nothing(managed: ManagedSite) -> None:
    """There is no button then."""
    page = await managed.visit(f"{CONFIRM}?action=retry&queue=none")
    assert "No failed job matches" in page.text
    assert page.buttons == []


@pytest.mark.parametrize(
    "query", ["", "action=x", "action=retry&kind=x", "action=retry&job=x", "action=retry&jobs=1,x"]
)
async def test_what_is_wrong_is_refused(managed: ManagedSite, query: str) -> None:
    """Before anything is counted."""
    await managed.visit(f"{CONFIRM}?{query}", 400)


@pytest.mark.parametrize(
    "fields",
    [{}, {"action": "delete"}, {"action": "x", "newest": "9"}, {"action": "delete", "newest": "x"},
     {"action": "delete", "newest": "9", "jobs": ""  , "kind": "no"}],
)  # fmt: skip
async def test_nothing_is_done_that_was_not_counted(managed: ManagedSite, fields: dict[str, str]) -> None:
    """A form that does not say up to which failure is refused."""
    [job_id] = await managed.fail_with("no")
    assert (await managed.browser.post("/console/failures/sweep", fields)).status_code == 400
    assert await managed.failed() == [job_id]


@define(eq=False)
class GatedStore:
    """Stands in front of a store, and holds up what removes failures until it is let through."""

    _real: Store
    gate: trio.Event = field(factory=trio.Event)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def forget_failures(self, failure_ids: list[int]) -> Any:
        """Remove failures, later."""
        await self.gate.wait()
        return await self._real.forget_failures(failure_ids)


@asynccontextmanager
async def open_gated() -> AsyncIterator[tuple[ManagedSite, trio.Event]]:
    """Serve a console whose sweeps get nowhere until the gate is opened."""
    async with open_memory_store() as store:
        gated = GatedStore(store)
        async with open_managed_site(store=cast("Store", gated)) as managed:
            yield managed, gated.gate


async def test_a_sweep_is_watched_and_stopped() -> None:
    """While it is at work the failures page leads to it; what was under way at its stop is counted."""
    async with open_gated() as (managed, gate):
        await managed.fail_with("no", 2)
        page = await managed.visit(f"{CONFIRM}?action=delete")
        address = (await submit(managed.browser, page.form("Delete 2 failed jobs"))).headers["location"]
        page = await managed.visit(address)
        assert "0 of 2" in page.text
        failures = await managed.visit("/console/failures")
        assert "Deleting 2 failed jobs: 0 so far" in failures.text
        watched = await managed.visit(failures.link("Watch"))
        assert watched.form("Stop").fields[1:] == page.form("Stop").fields[1:]
        await managed.follow(page.form("Stop"))
        gate.set()
        text = await progress_of(managed, address)
        assert "It ended before its time: stopped. 2 have been removed." in text
        assert await managed.count_failed() == 0


async def test_a_page_that_is_open_asks_how_far_it_is() -> None:
    """Until it is over."""
    async with open_gated() as (managed, gate):
        await managed.fail_with("no", 2)
        page = await managed.visit(f"{CONFIRM}?action=delete")
        address = (await submit(managed.browser, page.form("Delete 2 failed jobs"))).headers["location"]
        sweep_id = address.partition("id=")[2].partition("&")[0]
        part = f"/console/failures/sweep/progress?id={sweep_id}"
        html = (await managed.browser.get(part)).text
        assert f'hx-get="{part}"' in html
        assert "<html" not in html
        gate.set()
        assert "Done. 2 have been removed." in await progress_of(managed, part)
        assert 'role="status"' in (await managed.browser.get(part)).text


async def test_too_many_at_a_time_are_refused_in_words() -> None:
    """The number stays confirmed, to be tried again."""
    async with open_gated() as (managed, gate):
        await managed.fail_with("no", 2)
        for _ in range(MAX_SWEEPS):
            managed.site.management.sweeps.start(SweepKind.DELETE, EVERY_FAILURE, 2)
        page = await managed.visit(f"{CONFIRM}?action=delete")
        answer = await submit(managed.browser, page.form("Delete 2 failed jobs"))
        assert answer.status_code == 409
        page = read(answer.text)
        assert "try again later" in page.text
        gate.set()
        with trio.fail_after(10):
            while not all(sweep.is_over for sweep in managed.site.management.sweeps.all()):
                await trio.sleep(0.01)
        answer = await submit(managed.browser, page.form("Delete 2 failed jobs"))
        assert answer.status_code == 303


async def test_a_sweep_that_is_not_known_here_says_what_is_left(managed: ManagedSite) -> None:
    """As after a restart: its address tells what it was about, so it can be gone on with."""
    await managed.fail_with("no", 2, "mail")
    await managed.fail_with("no", 1, "other")
    page = await managed.visit("/console/failures/sweep?id=x&action=retry&category=mail&newest=100", 404)
    assert "not known here" in page.text
    assert "2 failed jobs are left" in page.text
    page = await managed.visit(page.link("Go on…"))
    assert "Retry 2 failed jobs" in page.buttons
    page = await managed.visit("/console/failures/sweep?id=x&action=delete&category=none", 404)
    assert "No failed job is left" in page.text
    answer = await managed.browser.get("/console/failures/sweep/progress?id=x")
    assert answer.headers["hx-refresh"] == "true"
    answer = await managed.browser.post("/console/failures/sweep/stop", {"id": "x"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/failures")


async def test_a_sweep_without_words_is_refused(managed: ManagedSite) -> None:
    """An address that says nothing is no sweep's."""
    await managed.visit("/console/failures/sweep", 400)
