"""The failures page: groups, lists, filters."""

import re
from urllib.parse import quote, urlencode

import pytest
import trio

from tests.web.console.managed_site import ManagedSite, open_managed_site
from tests.web.console.page import Page
from trioworq.config import Console
from trioworq.web.console.failures.endpoints import ROWS
from trioworq.web.guard import Guard
from trioworq.web.tokens import new_token, parse_tokens

EVIL = "<script>alert(1)</script>\u202e\"'&?#/.."


def jobs_of(page: Page) -> list[str]:
    """Return the ids of the jobs that a list links to, in their order."""
    return [words for words, address in page.links if address.startswith("/console/job?")]


async def test_without_failures_there_is_nothing_to_do(managed: ManagedSite) -> None:
    """In both views."""
    for path in ("/console/failures", "/console/failures?view=jobs"):
        page = await managed.visit(path)
        assert "0 failed jobs" in page.text
        assert "Nothing has failed" in page.text
        assert not [words for words, _ in page.links if "Retry" in words or "Delete" in words]


async def test_failures_of_the_same_cause_are_a_group(managed: ManagedSite) -> None:
    """That with the most is first, with its share; it leads to its jobs."""
    await managed.fail_with("order 17 not found", 1, "billing")
    mails = await managed.fail_with("mailbox 5 is full", 3, "mail")
    [pulled] = await managed.fail_pull("k")
    page = await managed.visit("/console/failures")
    assert "5 failed jobs" in page.text
    groups = [words for words, address in page.links if "view=jobs&" in address]
    assert groups[0] == "mailbox # is full"
    assert set(groups[1:]) == {"order # not found", "lease timed out after # attempt"}
    assert re.search(r"mailbox # is full default push mail 3 60 % ", page.text)
    assert jobs_of(await managed.visit(page.link("mailbox # is full"))) == mails[::-1]
    of_pull = await managed.visit(page.link("lease timed out after # attempt"))
    assert jobs_of(of_pull) == [pulled]
    assert f"{pulled} " in of_pull.text
    assert "q pull k lease timed out" in of_pull.text


async def test_what_is_in_small_groups_is_counted_too(managed: ManagedSite) -> None:
    """Where there are more groups than a page has."""
    for number in range(ROWS + 2):
        await managed.push("any", f"fail/{'x' * (number + 1)}")
    await wait_for_failures(managed, ROWS + 2)
    assert "And 2 more in smaller groups" in (await managed.visit("/console/failures")).text


async def wait_for_failures(managed: ManagedSite, count: int) -> None:
    """Wait until so many jobs have failed."""
    with trio.fail_after(30):
        while await managed.count_failed() < count:
            await trio.sleep(0.01)


FOUND_BY: dict[str, set[str]] = {
    "kind=push": {"mail", "bill"},
    "kind=pull": {"pull"},
    "queue=default": {"mail", "bill"},
    "queue=q": {"pull"},
    "queue=Q": set(),
    "category=mail": {"mail"},
    "category=ma": set(),
    "error=mailbox+%23+is+full": {"mail"},
    "error=": set(),
    "text=MAILBOX+5": {"mail"},
    "text=the-key": {"pull"},
    "text=100%25": set(),
    "since=hour": {"mail", "bill", "pull"},
    "to=2020-01-01T00:00": set(),
    "from=2020-01-01T00:00": {"mail", "bill", "pull"},
    "from=9999-01-01T00:00": set(),
    "kind=push&category=bill&text=order": {"bill"},
    "queue=&category=&text=&from=&to=&since=&kind=": {"mail", "bill", "pull"},
}


async def test_failures_are_found_by_what_is_known_of_them(managed: ManagedSite) -> None:
    """The number and both views are of those alone."""
    [mail] = await managed.fail_with("mailbox 5 is full", category="mail")
    [bill] = await managed.fail_with("order 17 not found", category="bill")
    [pull] = await managed.fail_pull("the-key")
    ids = {"mail": mail, "bill": bill, "pull": pull}
    for query, found in FOUND_BY.items():
        listed = await managed.visit(f"/console/failures?view=jobs&{query}")
        assert set(jobs_of(listed)) == {ids[name] for name in found}, query
        grouped = await managed.visit(f"/console/failures?{query}")
        for page in (listed, grouped):
            assert f"{len(found)} failed job" in page.text, query


@pytest.mark.parametrize(
    "query", ["kind=x", "since=x", "from=x", "to=2020-02-31T00:00", "jobs=x", "text=" + "x" * 1001]
)
@pytest.mark.parametrize("view", ["", "&view=jobs"])
async def test_a_wrong_filter_is_said_beside_it(managed: ManagedSite, query: str, view: str) -> None:
    """What was filled in stays; nothing is shown as if all were meant."""
    await managed.fail_with("no")
    answer = await managed.browser.get(f"/console/failures?{query}&queue=abc{view}")
    assert answer.status_code == 400
    assert 'id="filter-problem" role="alert"' in answer.text
    assert 'value="abc"' in answer.text
    assert "Retry" not in answer.text


async def test_pages_show_each_failure_once(managed: ManagedSite) -> None:
    """The newest first, while others fail."""
    count = 2 * ROWS + 10
    ids = [await managed.push("any", "fail") for _ in range(count)]
    await wait_for_failures(managed, count)
    page = await managed.visit("/console/failures?view=jobs&category=any")
    seen = jobs_of(page)
    assert len(seen) == ROWS
    late = await managed.fail_with("late")
    while "Older" in dict(page.links):
        page = await managed.visit(page.link("Older"))
        seen += jobs_of(page)
    assert sorted(seen, key=int) == ids
    assert jobs_of(await managed.visit(page.link("Newest")))[0] == late[0]


@pytest.mark.parametrize("cursor", ["x", "%ff", "MSwx", "LTEsLTE="])
async def test_a_broken_place_in_the_list_is_its_beginning(managed: ManagedSite, cursor: str) -> None:
    """As in the APIs."""
    [job_id] = await managed.fail_with("no")
    page = await managed.visit(f"/console/failures?view=jobs&cursor={cursor}")
    assert jobs_of(page) in ([job_id], [])


async def test_what_others_wrote_is_harmless(managed: ManagedSite) -> None:
    """And leads where it should all the same."""
    await managed.fail_with(EVIL, category=quote(EVIL, safe=""), payload=EVIL)
    [pulled] = await managed.fail_pull(EVIL, queue=EVIL)
    for path in ("/console/failures", "/console/failures?view=jobs",
                 f"/console/failures?{urlencode({'queue': EVIL, 'text': EVIL, 'error': EVIL})}"):  # fmt: skip
        answer = await managed.browser.get(path)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "\u202e" not in re.sub(r'value="[^"]*"', "", answer.text)
    page = await managed.visit("/console/failures")
    assert jobs_of(await managed.visit(page.link("lease timed out after # attempt"))) == [pulled]


@pytest.mark.parametrize("query", ["queue=%ff", "text=%ff%00", "view=%ff", "error=%00"])
async def test_odd_bytes_find_nothing(managed: ManagedSite, query: str) -> None:
    """Nor do they harm."""
    await managed.fail_with("no")
    answer = await managed.browser.get(f"/console/failures?{query}")
    assert answer.status_code == 200


async def test_what_failed_is_retried_from_the_list(managed: ManagedSite) -> None:
    """The list is shown again, as it was."""
    [job_id] = await managed.fail_with("no", category="mail")
    page = await managed.visit("/console/failures?view=jobs&category=mail")
    page = await managed.follow(page.form("Retry"))
    assert f"Job {job_id} waits to be run again" in page.text
    assert "Category mail" in page.text


async def test_who_may_only_read_sees_failures_and_no_controls() -> None:
    """And learns nothing of what would be done."""
    (reader, line) = new_token("r", "read")
    async with open_managed_site(guard=Guard(parse_tokens([line]))) as managed:
        await managed.browser.log_in(reader)
        for view in ("", "?view=jobs"):
            page = await managed.visit(f"/console/failures{view}")
            assert page.buttons == ["Log out"]
            assert not [words for words, _ in page.links if "Retry" in words or "Delete" in words]
        await managed.visit("/console/failures/confirm?action=retry", 403)


async def test_a_console_to_look_at_has_no_controls() -> None:
    """Nor the page that asks before it is done."""
    async with open_managed_site(console=Console.READ_ONLY) as managed:
        await managed.fail_with("no")
        for view in ("", "?view=jobs"):
            page = await managed.visit(f"/console/failures{view}")
            assert page.buttons == []
            assert not [words for words, _ in page.links if "Retry" in words or "Delete" in words]
        await managed.visit("/console/failures/confirm?action=retry", 404)
