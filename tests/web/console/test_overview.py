"""Every queue at a glance: what stands in the table, in which order, and for whom."""

import pytest
import trio

from tests.dispatch.push_side import PERMANENT, answering
from tests.web.console.cells import read_cells
from tests.web.console.messages import open_messages
from tests.web.console.site import Browser, Site, open_site
from trioworq.core.failures import EVERY_FAILURE
from trioworq.core.jobs import Kind
from trioworq.web.console.overview import endpoints
from trioworq.web.console.overview.table import Table
from trioworq.web.guard import Guard
from trioworq.web.tokens import new_token, parse_tokens

HOSTILE = "a<script>b\u202ec\"d'&e?f=g/../h"


async def enqueue(site: Site, *keys: str, queue: str = "files") -> None:
    """Enqueue pull jobs."""
    await site.pull_side.enqueue(*keys, queue=queue)


async def test_each_queue_has_its_figures(site: Site, browser: Browser) -> None:
    """Of both kinds, with the ways to its page and to its failures."""
    await site.put_queue("mail", max_workers=2)
    await site.ask("PUT", "/routing/letter", b'{"queue_name": "mail"}')
    for _ in range(3):
        await site.push("letter")
    await site.push("letter", run_after=3600)
    await enqueue(site, "a", "b")
    rows = read_cells((await browser.get()).text).rows
    mail, files = rows["push:mail"], rows["pull:files"]
    assert (mail["kind"], mail["name"], mail["node"]) == ("push", "mail", "host")
    assert (mail["waiting"], mail["running"], mail["deferred"]) == ("1", "2", "1")
    assert (files["kind"], files["name"], files["node"]) == ("pull", "files", "–")
    assert (files["waiting"], files["running"], files["failed"]) == ("2", "0", "0")
    assert mail["name@href"] == "/console/queue?kind=push&name=mail"
    assert files["failed@href"] == "/console/failures?kind=pull&queue=files"
    assert mail["age"] not in ("–", "")


async def test_failures_and_finished_jobs_are_counted() -> None:
    """Also of queues in which nothing else is left."""
    async with open_site(answering(PERMANENT)) as site:
        await site.push()
        with trio.fail_after(10):
            while not await site.management.failed.count(EVERY_FAILURE):
                await trio.sleep(0.01)
        await site.pull_side.enqueue("a", queue="files")
        await site.pull_side.pull.complete("files", "a")
        rows = read_cells((await site.browser.get()).text).rows
        assert rows["push:default"]["failed"] == "1"
        assert rows["pull:files"]["finished"] == "1"


async def test_many_rows_are_written_in_turns_with_others() -> None:
    """None are lost, and their order stays."""
    table = Table(
        {f"push:{number}": {"kind": "push", "state": "ok", "name": f"q{number}"} for number in range(1000)},
        {},
        (),
        0,
    )
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(others)
        rows = await endpoints.written(table, endpoints.Filter("", "", only_trouble=False))
        nursery.cancel_scope.cancel()
    assert list(read_cells(rows).rows) == list(table.rows)
    assert turns >= len(table.rows) // endpoints.ROWS_AT_ONCE // 2


async def test_trouble_is_on_top(site: Site, browser: Browser) -> None:
    """And a word says what is the matter, not a colour alone."""
    await site.put_queue("a")
    await site.put_queue("z")
    await site.side.pauses.pause(Kind.PUSH, "z")
    reader = read_cells((await browser.get()).text)
    assert next(iter(reader.rows)) == "push:z"
    assert [cells["state"] for cells in reader.rows.values()] == ["paused", "ok", "ok"]
    assert reader.page["all-troubled"] == "1"


async def test_totals_are_those_of_all_queues(site: Site, browser: Browser) -> None:
    """Of both kinds together."""
    await enqueue(site, "a", "b")
    await enqueue(site, "c", queue="more")
    await site.push(run_after=3600)
    page = read_cells((await browser.get()).text).page
    assert (page["all-waiting"], page["all-deferred"], page["all-queues"]) == ("3", "1", "3")


async def test_rows_are_filtered_by_the_address(site: Site, browser: Browser) -> None:
    """As the page's script filters them: by part of the name, kind and trouble; the others stay, unseen."""
    await site.put_queue("Mail")
    await enqueue(site, "a", queue="mailbox")
    await site.side.pauses.pause(Kind.PULL, "mailbox")
    for query, seen in [
        ("", {"push:Mail", "push:default", "pull:mailbox"}),
        ("?q=mAIL", {"push:Mail", "pull:mailbox"}),
        ("?q=mail&kind=push", {"push:Mail"}),
        ("?trouble=1", {"pull:mailbox"}),
        ("?kind=odd", {"push:Mail", "push:default", "pull:mailbox"}),
        ("?q=%ff", set()),
    ]:
        reader = read_cells((await browser.get(f"/console{query}")).text)
        assert reader.rows.keys() - reader.hidden == seen, query


async def test_names_are_shown_as_what_they_are(site: Site, browser: Browser) -> None:
    """Neither markup nor a turn of the text's direction, and the link leads to that very queue."""
    await enqueue(site, "a", queue=HOSTILE)
    page = (await browser.get()).text
    cells = read_cells(page).rows[f"pull:{HOSTILE}"]
    assert "<script>b" not in page
    assert cells["name"] == HOSTILE.replace("\u202e", "⟦U+202E⟧")
    assert "%3Cscript%3Eb%E2%80%AEc%22d%27%26e%3Ff%3Dg%2F..%2Fh" in (cells["name@href"] or "")
    assert (await browser.get(cells["name@href"] or "")).status_code == 200


async def test_who_has_no_job_yet_is_told_how_to_make_one(site: Site, browser: Browser) -> None:
    """Until there is one."""
    page = await browser.get()
    assert "first@hidden" not in read_cells(page.text).page
    assert f"http://127.0.0.1:{site.port}</bdi>/job/greeting" in page.text
    await enqueue(site, "a")
    with trio.fail_after(10):
        while "first@hidden" not in read_cells((await browser.get()).text).page:
            await trio.sleep(0.05)


async def test_queues_are_made_by_those_who_may() -> None:
    """Others do not see the way."""
    token, line = new_token("reader", "read")
    async with open_site(guard=Guard(parse_tokens([line]))) as site:
        page = await site.browser.get(Authorization=f"Bearer {token}")
        assert page.status_code == 200
        assert "/console/queue?new" not in page.text


async def test_a_store_that_is_slow_to_count_does_not_keep_the_page_away(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes with what was known last, and says so."""
    await enqueue(site, "a")
    await browser.get()
    monkeypatch.setattr(endpoints, "PATIENCE_S", 0.0)
    reader = read_cells((await browser.get()).text)
    assert reader.page["trouble"] == "The store has not told yet how queues stand"
    assert reader.rows["pull:files"]["waiting"] == "1"
    assert reader.page["seen@data-ms"]


async def test_an_open_overview_is_sent_all_at_first_and_then_what_changes(site: Site) -> None:
    """As events, each a line of JSON."""
    await enqueue(site, "a")
    async with open_messages(site, "view=overview") as messages:
        first = await messages.next()
        await enqueue(site, "b")
        later = await messages.next()
        while "waiting" not in later["rows"].get("pull:files", {}):
            later = await messages.next()
    assert first["rows"]["pull:files"]["waiting"] == "1"
    assert first["rows"]["pull:files"]["name"] == "files"
    assert first["order"] == ["push:default", "pull:files"]
    assert later["rows"]["pull:files"]["waiting"] == "2"
    assert "name" not in later["rows"]["pull:files"]


async def test_the_row_that_scripts_make_new_ones_of_says_nothing(browser: Browser) -> None:
    """It is filled in with what they are sent."""
    template = (await browser.get()).text.split('<template id="queue-row">')[1].split("</template>")[0]
    cells = read_cells(template.replace('data-key=""', 'data-key="new"')).rows["new"]
    assert {text for name, text in cells.items() if "@" not in name} == {""}
