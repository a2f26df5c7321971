"""The load over time: which samples and types are shown, and how."""

import json
import re
from html import unescape
from typing import Any

import pytest

from tests.web.console.site import Browser, Site, open_site
from tests.web.load.samples import sample
from trioworq.core.jobs import Kind
from trioworq.core.load import JobType, Load, LoadPoint, LoadSpread, TypeName
from trioworq.web.console.load.layers import MEASURES, stack_of
from trioworq.web.console.load.spans import MOST_TYPES, POINTS, SPANS, gap_ms

MINUTE_MS = 60_000
MAIL, NEWS = TypeName(Kind.PUSH, "mail"), TypeName(Kind.PUSH, "news")
TRADES = TypeName(Kind.PULL, "trades")


def spread(*loads: tuple[Load, Load]) -> LoadSpread:
    """Return totals, and beside them the load of one type."""
    points = [LoadPoint(number * MINUTE_MS, total) for number, (total, _) in enumerate(loads)]
    return LoadSpread(points, {JobType(1, MAIL): [of_mail for _, of_mail in loads]})


async def page(browser: Browser, **query: str) -> str:
    """Return the page."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    answer = await browser.get(f"/console/load?{asked}")
    assert answer.status_code == 200, answer.text
    return answer.text


def plot_of(text: str) -> Any:
    """Return what is drawn."""
    found = re.search(r'data-plot="([^"]*)"', text)
    assert found is not None
    return json.loads(unescape(found[1]))


def legend_of(text: str) -> list[tuple[str, str, list[str]]]:
    """Return the name, the kind and the numbers of each layer."""
    rows = re.findall(r'<tr><th scope="row" class="name">(.*?)</tr>', text, re.DOTALL)
    shown = [
        [part.strip() for part in re.sub("<[^>]*>", "|", row).split("|") if part.strip()] for row in rows
    ]
    return [(row[0], row[1] if len(row) == 5 else "", row[-3:]) for row in shown]


async def fill(site: Site, *loads: dict[TypeName, Load], step_ms: int = MINUTE_MS) -> int:
    """Have a sample for each of these, the last one now; return when that is."""
    now_ms = site.queues.now_ms()
    for number, load in enumerate(reversed(loads)):
        await sample(site.store, now_ms - number * step_ms, load)
    return now_ms


def test_others_are_what_the_shown_types_leave_of_the_totals() -> None:
    """So layers always add up; none is made for nothing."""
    stack = stack_of(spread((Load(1, 2, 3), Load(0, 2, 1)), (Load(5, 0, 0), Load(5, 0, 0))), MEASURES["all"])
    assert [(layer.type, list(layer.values)) for layer in stack.layers] == [(MAIL, [3, 5]), (None, [3, 0])]
    stack = stack_of(spread((Load(0, 2, 3), Load(0, 2, 1))), MEASURES["queued"])
    assert [(layer.type, list(layer.values)) for layer in stack.layers] == [(MAIL, [2])]


def test_layers_are_ordered_by_what_is_measured() -> None:
    """The store puts those first that have the most jobs of all states."""
    loads = {JobType(1, MAIL): [Load(9, 1, 0)], JobType(2, NEWS): [Load(0, 3, 0)]}
    stack = stack_of(LoadSpread([LoadPoint(0, Load(9, 4, 0))], loads), MEASURES["queued"])
    assert [layer.type for layer in stack.layers] == [NEWS, MAIL]


@pytest.mark.parametrize("interval_s", [0, 1, 7, 60, 3600, 86_400])
@pytest.mark.parametrize("span", SPANS.values(), ids=lambda span: span.name)
def test_a_span_has_as_many_points_as_can_be_told_apart(span: Any, interval_s: int) -> None:
    """Steps of whole samples, or smaller ones; a moment later they are the same."""
    query = span.query(1_800_000_000_000, interval_s)
    assert span.length_ms <= query.last_ms - query.first_ms < span.length_ms + query.step_ms
    assert (query.last_ms - query.first_ms) / query.step_ms <= POINTS + 2
    assert query.first_ms % query.step_ms == 0
    interval_ms = interval_s * 1000
    assert query.step_ms < interval_ms or not interval_s or query.step_ms % interval_ms == 0
    assert gap_ms(query, interval_s) > 2 * max(query.step_ms, interval_ms)
    assert query.most == MOST_TYPES


async def test_the_load_is_shown_by_type(site: Site, browser: Browser) -> None:
    """The fullest first, with what there was last, on average and at the most."""
    first = {MAIL: Load(10, 20, 30), TRADES: Load(0, 1, 1)}
    now_ms = await fill(site, first, {MAIL: Load(0, 10, 0), TRADES: Load(0, 0, 4)})
    text = await page(browser, span="1h")
    assert legend_of(text) == [("mail", "push", ["10", "35", "60"]), ("trades", "pull", ["4", "3", "4"])]
    assert plot_of(text)["layers"] == [[60, 10], [2, 4]]
    assert plot_of(text)["times"] == [(now_ms - MINUTE_MS) / 1000, now_ms / 1000]
    assert 'href="/console/queue?kind=pull&amp;name=trades"' in text


@pytest.mark.parametrize(
    ("measure", "values"), [("pending", [[10]]), ("queued", [[20], [1]]), ("running", [[30], [2]])]
)
async def test_jobs_of_one_state_are_shown_alone(
    site: Site, browser: Browser, measure: str, values: list[list[int]]
) -> None:
    """Types that have none are left out."""
    await fill(site, {MAIL: Load(10, 20, 30), TRADES: Load(0, 1, 2)})
    assert plot_of(await page(browser, show=measure))["layers"] == values


async def test_many_types_are_shown_as_eleven_and_the_others(site: Site, browser: Browser) -> None:
    """Which add up to the totals."""
    await fill(site, {TypeName(Kind.PUSH, f"type {number:02}"): Load(number) for number in range(1, 21)})
    legend = legend_of(await page(browser))
    assert [name for name, _, _ in legend] == [*(f"type {n:02}" for n in range(20, 9, -1)), "all others"]
    assert legend[-1][2] == ["45", "45", "45"]


async def test_the_table_has_the_same_figures(site: Site, browser: Browser) -> None:
    """The latest first, without the plot."""
    await fill(site, {MAIL: Load(1)}, {MAIL: Load(2), TRADES: Load(5)})
    text = await page(browser, view="table", span="1h")
    rows = [re.findall(r'<td class="number">(\d+)</td>', row) for row in text.split("<tr>")]
    assert [row for row in rows if row] == [["7", "5", "2"], ["1", "0", "1"]]
    assert "data-plot=" not in text


async def test_only_samples_of_the_span_are_shown(site: Site, browser: Browser) -> None:
    """One for each step."""
    await fill(site, *[{MAIL: Load(number)} for number in range(121)])
    assert len(plot_of(await page(browser, span="1h"))["times"]) in (61, 62)
    assert len(plot_of(await page(browser, span="1w"))["times"]) in (4, 5)


async def test_what_is_not_known_of_is_taken_for_the_usual(site: Site, browser: Browser) -> None:
    """Any query is answered with a page."""
    await fill(site, {MAIL: Load(1)})
    usual = plot_of(await page(browser))
    odd = await page(browser, span="1y%ff", show="%00", view="%3Cscript%3E")
    assert plot_of(odd)["layers"] == usual["layers"]
    assert "Jobs by type, the last 6 hours" in odd


async def test_a_name_is_shown_as_it_is(site: Site, browser: Browser) -> None:
    """It is no markup, and turns no text around, in either view."""
    await fill(site, {TypeName(Kind.PUSH, "<script>\u202e"): Load(1), TypeName(Kind.PULL, '"><b>'): Load(2)})
    for view in ("plot", "table"):
        text = await page(browser, view=view)
        assert "&lt;script&gt;" in text
        assert ("<script>" in text, '"><b>' in text, "\u202e" in text) == (False, False, False)
        assert "⟦U+202E⟧" in text


async def test_it_is_said_what_a_point_is(browser: Browser) -> None:
    """One sample of its step, and how often one is taken."""
    text = await page(browser, span="1w")
    assert "Each point is one sample, the first within 34 min; one is taken every 1 min." in text
    assert "There is no sample of that time." in text


async def test_it_is_said_when_no_samples_are_taken() -> None:
    """Those from before are shown all the same."""
    async with open_site(load_interval=0) as site:
        await fill(site, {MAIL: Load(3)})
        text = await page(site.browser)
        assert "No samples are taken" in text
        assert plot_of(text)["layers"] == [[3]]


async def test_short_spans_are_looked_at_again_every_minute(browser: Browser) -> None:
    """A month does not change in a minute, and costs more."""
    assert ["every 60s" in await page(browser, span=name) for name in SPANS] == [
        True,
        True,
        False,
        False,
        False,
    ]
