"""The page of a queue: how it stands, its definition, and what is done to it as a whole."""

import re

import pytest

from tests.web.console.cells import read_cells
from tests.web.console.form_fields import fields_of, wrong_fields
from tests.web.console.messages import open_messages
from tests.web.console.site import Browser, Site, open_site
from trioworq.config import Console
from trioworq.core.jobs import Kind
from trioworq.core.nodes import Activity, QueueName
from trioworq.core.queues import QueueDefinition
from trioworq.core.routing import Routing
from trioworq.manage.feed import Snapshot
from trioworq.web.console.queue.live import trace_columns, trace_of
from trioworq.web.guard import Guard
from trioworq.web.tokens import new_token, parse_tokens

QUEUE = "/console/queue"
DEFINE = f"{QUEUE}/define"
NEW = f"{QUEUE}/new"
HOSTILE = "a<script>b\u202ec\"d'&e?f=g/../h"


async def test_a_push_queue_is_shown(site: Site, browser: Browser) -> None:
    """How it stands, its definition, the categories that lead to it, and what this node has counted."""
    await site.put_queue("mail", max_workers=1, max_dispatches_per_second=2.5, max_burst_size=7)
    await site.queues.routings.put(Routing("letter", "mail"))
    for _ in range(3):
        await site.push("letter")
    page = (await browser.get(f"{QUEUE}?kind=push&name=mail")).text
    cells = read_cells(page).page
    assert (cells["waiting"], cells["running"], cells["node"]) == ("2", "1", "host")
    assert "2.5/s, bursts of 7" in page
    assert "<bdi>letter</bdi>" in page
    assert "<dt>Jobs pushed</dt><dd>3</dd>" in page


async def test_a_pull_queue_has_neither_definition_nor_routings(site: Site, browser: Browser) -> None:
    """But it can be paused, and jobs be written for it."""
    await site.pull_side.enqueue("a", queue="files")
    page = (await browser.get(f"{QUEUE}?kind=pull&name=files")).text
    assert read_cells(page).page["waiting"] == "1"
    assert f'action="{QUEUE}/pause"' in page
    assert DEFINE not in page
    assert f"{QUEUE}/delete" not in page
    assert "Categories that lead here" not in page


async def test_what_is_in_no_queue_is_not_there(browser: Browser) -> None:
    """A push queue has to be defined; a pull queue may be empty."""
    missing = await browser.get(f"{QUEUE}?name=nothing")
    assert missing.status_code == 404
    assert f"{QUEUE}?new=1&amp;name=nothing" in missing.text
    assert (await browser.get(f"{QUEUE}?kind=pull&name=nothing")).status_code == 200


@pytest.mark.parametrize(
    "query", ["", "?name=", "?kind=odd&name=a", "?name=%ff", f"?name={'a' * 300}", "?name=%00"]
)
async def test_what_names_no_queue_is_refused(browser: Browser, query: str) -> None:
    """In words, on a page."""
    answer = await browser.get(f"{QUEUE}{query}")
    assert answer.status_code == 400
    assert "<h1>Bad Request</h1>" in answer.text


async def test_a_hostile_name_is_shown_and_led_by(site: Site, browser: Browser) -> None:
    """In the page, its title, its forms and its ways on."""
    await site.queues.definitions.define(QueueDefinition(HOSTILE, 200, 1))
    page = await browser.get(f"{QUEUE}?name=a%3Cscript%3Eb%E2%80%AEc%22d%27%26e%3Ff%3Dg%2F..%2Fh")
    assert page.status_code == 200
    assert "<script>b" not in page.text
    assert "\u202e" not in re.sub(r'value="[^"]*"', "", page.text)
    paused = await browser.post(f"{QUEUE}/pause", {**fields_of(page.text, f"{QUEUE}/pause")})
    assert paused.status_code == 303
    assert site.side.pauses.is_paused(Kind.PUSH, HOSTILE)
    assert (await browser.get(paused.headers["location"])).status_code == 200


@pytest.mark.parametrize(("kind", "name"), [("push", "default"), ("pull", "files")])
async def test_a_queue_is_paused_and_resumed(site: Site, browser: Browser, kind: str, name: str) -> None:
    """The page says so at once, though how all queues stand is looked at once a second."""
    of = Kind.PUSH if kind == "push" else Kind.PULL
    await site.pull_side.enqueue("a", queue="files")
    fields = {"kind": kind, "name": name}
    there = f"{QUEUE}?kind={kind}&name={name}"
    await browser.get(there)
    paused = await browser.post(f"{QUEUE}/pause", fields)
    assert (paused.status_code, paused.headers["location"]) == (303, there)
    assert site.side.pauses.is_paused(of, name)
    page = (await browser.get(there)).text
    assert read_cells(page).page["state"] == "paused"
    assert "The queue is paused" in page
    await browser.post(f"{QUEUE}/resume", fields_of(page, f"{QUEUE}/resume"))
    assert not site.side.pauses.is_paused(of, name)


async def test_a_push_queue_that_is_not_defined_cannot_be_paused(site: Site, browser: Browser) -> None:
    """It has nothing to be paused."""
    answer = await browser.post(f"{QUEUE}/pause", {"kind": "push", "name": "nothing"})
    assert answer.status_code == 404
    assert "No such queue: nothing" in answer.text


async def test_a_definition_is_edited_in_place(site: Site, browser: Browser) -> None:
    """The form has what is in force; what is saved is in force at once."""
    await site.put_queue("mail", max_workers=3, polling_interval=70, priority=5)
    page = (await browser.get(f"{QUEUE}?name=mail&edit=1")).text
    fields = fields_of(page, DEFINE)
    assert fields == {
        "kind": "push",
        "name": "mail",
        "max_workers": "3",
        "polling_interval": "70",
        "max_dispatches_per_second": "",
        "max_burst_size": "",
        "priority": "5",
    }
    changed = fields | {"max_workers": "4", "max_dispatches_per_second": "1.5", "max_burst_size": "2"}
    saved = await browser.post(DEFINE, changed)
    assert (saved.status_code, saved.headers["location"]) == (303, f"{QUEUE}?kind=push&name=mail")
    definition = site.queues.definitions.running["mail"].definition
    assert (definition.max_workers, definition.priority) == (4, 5)
    assert (definition.max_dispatches_per_second, definition.max_burst_size) == (1.5, 2)


async def test_a_rate_limit_is_edited_as_exactly_as_it_is_kept(site: Site, browser: Browser) -> None:
    """Who changes something else does not change it by rounding."""
    for rate in (0.123456789, 1234567.25, 1e22):
        await site.put_queue("mail", max_dispatches_per_second=rate, max_burst_size=7)
        fields = fields_of((await browser.get(f"{QUEUE}?name=mail&edit=1")).text, DEFINE)
        await browser.post(DEFINE, fields | {"max_workers": "4"})
        definition = site.queues.definitions.running["mail"].definition
        assert (definition.max_workers, definition.max_dispatches_per_second) == (4, rate)


async def test_the_form_comes_and_goes_without_the_page(site: Site, browser: Browser) -> None:
    """As the part that takes the other's place."""
    form = await browser.get(f"{QUEUE}?name=default&edit=1", HX_Request="true", HX_Target="definition")
    assert form.text.lstrip().startswith('<section id="definition"')
    assert fields_of(form.text, DEFINE)["max_workers"] == "20"
    shown = await browser.get(f"{QUEUE}?name=default", HX_Request="true", HX_Target="definition")
    assert shown.text.lstrip().startswith('<section id="definition"')
    assert DEFINE not in shown.text


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("max_workers", "many", "max_workers should be an unsigned integer"),
        ("max_workers", "10001", "max_workers should be at most 10000"),
        ("polling_interval", "-1", "polling_interval should be an unsigned integer"),
        ("max_dispatches_per_second", "3", "Cannot configure MaxDispatchesPerSecond without MaxBurstSize"),
        ("max_burst_size", "3", "Cannot configure MaxBurstSize without MaxDispatchesPerSecond"),
        ("priority", "1e9", "priority should be an integer"),
        ("priority", "]", "priority should be an integer"),
    ],
)
async def test_what_is_wrong_with_a_definition_is_said_in_the_form(
    site: Site, browser: Browser, field: str, value: str, words: str
) -> None:
    """In the words of the API, by the field that it is about, with what was typed kept."""
    typed = fields_of((await browser.get(f"{QUEUE}?name=default&edit=1")).text, DEFINE) | {"priority": "7"}
    answer = await browser.post(DEFINE, typed | {field: value})
    assert answer.status_code == 400
    assert words in answer.text
    assert wrong_fields(answer.text, DEFINE) == {field}
    assert fields_of(answer.text, DEFINE) == typed | {field: value}
    assert site.queues.definitions.running["default"].definition.priority == 100


async def test_a_queue_is_made(site: Site, browser: Browser) -> None:
    """With the defaults where nothing is said."""
    form = fields_of((await browser.get(f"{QUEUE}?new=1&name=mail")).text, NEW)
    assert (form["name"], form["max_workers"]) == ("mail", "20")
    made = await browser.post(NEW, form | {"max_workers": "", "priority": "-3"})
    assert (made.status_code, made.headers["location"]) == (303, f"{QUEUE}?kind=push&name=mail")
    definition = site.queues.definitions.running["mail"].definition
    assert (definition.max_workers, definition.priority) == (20, -3)
    page = await browser.get(made.headers["location"])
    assert read_cells(page.text).page["state"] == "ok"
    assert read_cells(page.text).page["marks"] == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("default", "There is a queue of this name already"),
        ("", "The queue name should have 1 to 255 bytes"),
        ("a" * 256, "The queue name should have 1 to 255 bytes"),
        ("a\x00b", "The queue name contains a NUL"),
    ],
)
async def test_a_name_that_no_new_queue_may_have_is_refused_in_the_form(
    site: Site, browser: Browser, name: str, words: str
) -> None:
    """What is there is not defined anew by mistake."""
    answer = await browser.post(NEW, {"name": name, "max_workers": "1"})
    assert answer.status_code == 400
    assert words in answer.text
    assert wrong_fields(answer.text, NEW) == {"name"}
    assert fields_of(answer.text, NEW)["max_workers"] == "1"
    assert site.queues.definitions.running["default"].definition.max_workers == 20


async def test_before_a_definition_is_deleted_it_is_said_what_stays(site: Site, browser: Browser) -> None:
    """Jobs and routings; they are there afterwards, and the queue can be defined again."""
    await site.put_queue("mail", max_workers=1)
    await site.queues.routings.put(Routing("letter", "mail"))
    await site.push("letter")
    await site.push("letter", run_after=3600)
    page = (await browser.get(f"{QUEUE}/delete?name=mail")).text
    assert "1 that wait" in page
    assert "1 that run" in page
    assert "1 category stays routed to it" in page
    deleted = await browser.post(f"{QUEUE}/delete", fields_of(page, f"{QUEUE}/delete"))
    assert (deleted.status_code, deleted.headers["location"]) == (303, "/console")
    assert "mail" not in site.queues.definitions.running
    assert len(await site.jobs("mail")) == 2
    left = await browser.get(f"{QUEUE}?name=mail")
    assert left.status_code == 200
    assert "This queue is not defined" in left.text
    assert f"{QUEUE}?new=1&amp;name=mail" in left.text
    assert f"{QUEUE}/pause" not in left.text


async def test_a_definition_that_is_gone_is_not_asked_about(browser: Browser) -> None:
    """Nor is deleting it again a mistake."""
    assert (await browser.get(f"{QUEUE}/delete?name=nothing")).status_code == 404
    answer = await browser.post(f"{QUEUE}/delete", {"kind": "push", "name": "nothing"})
    assert answer.status_code == 303
    assert "was not defined" in (await browser.get(answer.headers["location"])).text


async def test_who_may_only_look_sees_no_controls() -> None:
    """Neither forms nor ways to them; what is posted all the same changes nothing."""
    token, line = new_token("reader", "read")
    async with open_site(guard=Guard(parse_tokens([line]))) as site:
        reader = {"Authorization": f"Bearer {token}"}
        for path in (f"{QUEUE}?name=default&edit=1", f"{QUEUE}?name=default&tab=deferred", f"{QUEUE}?new=1"):
            page = (await site.browser.get(path, **reader)).text
            assert f'method="post" action="{QUEUE}' not in page
            assert f"{QUEUE}/delete" not in page
        for change in ("new", "define", "delete", "pause", "resume"):
            answer = await site.browser.post(
                f"{QUEUE}/{change}", {"kind": "push", "name": "default"}, **reader
            )
            assert answer.status_code == 403, change
        assert not site.side.pauses.size


async def test_a_console_to_read_has_queues_without_changes() -> None:
    """For whomever."""
    async with open_site(console=Console.READ_ONLY) as site:
        page = (await site.browser.get(f"{QUEUE}?name=default&edit=1")).text
        assert f'action="{QUEUE}' not in page.replace(f'method="get" action="{QUEUE}"', "")
        assert (await site.browser.post(f"{QUEUE}/pause", {"name": "default"})).status_code in (404, 405)


async def test_the_load_is_shown_as_far_as_it_was_sampled(site: Site, browser: Browser) -> None:
    """With how often that is done where there is nothing yet, and that it is not where it is off."""
    assert "one is every 1 min" in (await browser.get(f"{QUEUE}?name=default")).text
    async with open_site(load_interval=0) as other:
        assert "No samples are taken" in (await other.browser.get(f"{QUEUE}?name=default")).text


async def test_an_open_page_is_sent_what_changes(site: Site) -> None:
    """The cells at first, then those that have changed, and the figures for the plots."""
    async with open_messages(site, "view=queue&kind=pull&name=files") as messages:
        first = await messages.next()
        assert first["cells"]["waiting"] == "0"
        assert first["now"][1:] == [0, 0, 0]
        assert len(first["trace"]) == 4
        await site.pull_side.enqueue("a", queue="files")
        later = await messages.next()
        while "waiting" not in later["cells"]:
            later = await messages.next()
        assert later["cells"]["waiting"] == "1"
        assert "deferred" in first["cells"]
        assert "deferred" not in later["cells"]
        assert later["now"][1:] == [1, 0, 0]
        await site.side.pauses.pause(Kind.PULL, "files")
        while later["cells"].get("state") != "paused":
            later = await messages.next()
        assert (later["cells"]["pause@hidden"], later["cells"]["resume@hidden"]) == ("", None)


def test_what_went_on_has_its_times() -> None:
    """The last point is that of now, and they are as far from each other as they are noted."""
    mail = QueueName(Kind.PUSH, "mail")
    points = (Activity(pushed=1), Activity(completed=2), Activity(failed=3))
    snapshot = Snapshot(number=1, time_ms=100_000, traces={mail: points})
    trace = trace_of(mail, snapshot)
    assert trace_columns(trace) == [[90, 95, 100], [1, 0, 0], [0, 2, 0], [0, 0, 3]]
    assert trace_columns(trace_of(QueueName(Kind.PULL, "mail"), snapshot)) == [[], [], [], []]


@pytest.mark.parametrize("query", ["view=queue", "view=queue&kind=odd&name=a", "view=queue&name=%ff"])
async def test_a_page_of_no_queue_is_sent_nothing(browser: Browser, query: str) -> None:
    """It is refused as the page is."""
    assert (await browser.get(f"/console/live?{query}")).status_code == 400
