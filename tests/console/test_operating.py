"""What operators do on quiet days, on both stores, with scripts and without: queues, routings, jobs."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from attrs import frozen
from playwright.sync_api import Locator, expect

from tests.conftest import lasting_options
from tests.console.browsing import Visitor
from tests.console.conftest import Visit
from tests.console.shop import HOUR_S, Shop, fill, open_shop
from tests.process.running_daemon import wait_until

REFUSED = r"responded with a status of 40[09]"


@frozen
class Way:
    """What an operator has to do with."""

    store: str
    has_scripts: bool


WAYS = {
    "scripts": Way("sqlite", has_scripts=True),
    "no scripts": Way("sqlite", has_scripts=False),
    "mysql": Way("mysql", has_scripts=True),
}


@pytest.fixture(scope="module", params=WAYS.values(), ids=list(WAYS))
def way(request: pytest.FixtureRequest) -> Way:
    """A browser with scripts or without, and either store."""
    found: Way = request.param
    return found


@pytest.fixture(scope="module")
def shop(
    way: Way, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """A shop on that store."""
    options = lasting_options(way.store, request, tmp_path_factory)
    with open_shop(tmp_path_factory.mktemp("shop"), *options) as opened:
        fill(opened)
        yield opened


@pytest.fixture
def operator(visit_site: Visit, shop: Shop, way: Way) -> Visitor:
    """Somebody who means what they do."""
    visitor = visit_site(shop.url, java_script_enabled=way.has_scripts)
    visitor.agrees = True
    return visitor


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name that is as new as the test, and not easy."""
    return f"café & <b>{request.node.callspec.id}"


def told(visitor: Visitor) -> Locator:
    """Return what a page says of the change that led to it."""
    return visitor.page.locator("#told")


def row(visitor: Visitor, text: str) -> Locator:
    """Return the row of a table that has a text."""
    return visitor.page.get_by_role("row").filter(has_text=text)


def test_a_queue_is_made_changed_paused_and_removed(operator: Visitor, shop: Shop, name: str) -> None:
    """What is wrong is said where it was typed, as the API says it, and changes nothing."""
    page, definition = operator.page, f"/queue/{quote(name)}"
    operator.open("/console")
    operator.click("New queue", "link")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Workers").fill("3")
    operator.click("Define")
    expect(told(operator)).to_contain_text("The queue is defined")
    assert shop.ask("GET", definition)["max_workers"] == 3

    operator.excuse(REFUSED)
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Workers").fill("many")
    operator.click("Save")
    wrong = page.get_by_label("Workers")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_have_value("many")
    expect(page.get_by_role("alert").filter(has_text="max_workers")).to_be_visible()
    assert shop.ask("GET", definition)["max_workers"] == 3
    wrong.fill("7")
    operator.click("Save")
    expect(told(operator)).to_contain_text("The definition is in force")
    assert shop.ask("GET", definition)["max_workers"] == 7

    operator.click("Pause")
    expect(told(operator)).to_contain_text("The queue is paused")
    assert shop.ask("GET", definition)["is_paused"]
    operator.click("Resume")
    assert "is_paused" not in shop.ask("GET", definition)

    operator.click("Delete…", "link")
    operator.click("Delete the definition")
    expect(told(operator)).to_contain_text("has been deleted")
    assert shop.daemon.request("GET", definition).status_code == 404


def test_a_pull_queue_is_paused_and_resumed(operator: Visitor, shop: Shop, name: str) -> None:
    """It needs no definition for that."""
    operator.open("/console/queue?kind=pull&name=exports")
    operator.click("Pause")
    expect(told(operator)).to_contain_text("The queue is paused")
    shop.enqueue("exports", name)
    assert shop.daemon.request("GET", "/next?queue=exports").status_code == 204
    operator.click("Resume")
    shop.take("exports")


def test_a_category_is_routed_elsewhere_and_no_more(operator: Visitor, shop: Shop, name: str) -> None:
    """A queue that is not there is refused, and what was typed is still there."""
    page = operator.page
    operator.open("/console/routings")
    operator.excuse(r"responded with a status of 40[04]")
    page.get_by_label("Category", exact=True).fill(name)
    page.get_by_label("Queue", exact=True).fill("no-such-queue")
    operator.click("Save")
    expect(page.locator("#trouble")).to_contain_text("no-such-queue")
    expect(page.get_by_label("Category", exact=True)).to_have_value(name)
    page.get_by_label("Queue", exact=True).fill("mail")
    operator.click("Save")
    expect(row(operator, name)).to_contain_text("mail")
    operator.follow(row(operator, name).get_by_role("link", name="Change").click)
    page.get_by_label("Queue", exact=True).fill("checkout")
    operator.click("Save")
    expect(row(operator, name)).to_contain_text("checkout")
    operator.follow(row(operator, name).get_by_role("button", name="Delete").click)
    expect(row(operator, name)).to_have_count(0)
    assert shop.daemon.request("GET", f"/routing/{quote(name, safe='')}").status_code == 404


def test_a_job_is_hastened_and_another_one_cancelled(operator: Visitor, shop: Shop) -> None:
    """The first runs at once; the second is gone."""
    hastened, cancelled = (shop.push("mail", shop.good, run_after=HOUR_S, payload=[n]) for n in (1, 2))
    operator.open(f"/console/job?id={hastened}")
    operator.click("Run now")
    expect(told(operator)).to_contain_text(f"Job {hastened} is due now")
    wait_until(lambda: _status(shop, hastened) == "finished")
    operator.open(f"/console/job?id={cancelled}")
    operator.excuse("responded with a status of 404")
    operator.click("Cancel")
    assert shop.daemon.request("GET", f"/api/v1/jobs/status/{cancelled}").status_code == 404


def _status(shop: Shop, job_id: int) -> str:
    return str(shop.ask("GET", f"/api/v1/jobs/status/{job_id}")["status"])


def test_a_job_like_another_is_pushed(operator: Visitor, shop: Shop) -> None:
    """It has all that the other one had but for what was changed, and its page comes next."""
    operator.open(f"/console/job?id={shop.ids['failed']}")
    operator.click("New job like this", "link")
    payload = operator.page.get_by_label("Payload", exact=True)
    expect(payload).to_have_value('{"picture":2}')
    payload.fill('{"picture":')
    operator.excuse(REFUSED)
    operator.click("Push")
    expect(payload).to_have_attribute("aria-invalid", "true")
    payload.fill('{"picture": 3}')
    before = len(shop.bad.started)
    operator.click("Push")
    expect(operator.page.get_by_role("heading", level=1)).to_contain_text("Job")
    wait_until(lambda: len(shop.bad.started) == before + 1)
    assert shop.bad.started[-1] == b'{"picture": 3}'


def test_a_pull_job_is_made(operator: Visitor, shop: Shop, name: str) -> None:
    """A worker fetches it as it was typed; the same id again is refused in words."""
    page = operator.page
    operator.open("/console/new?kind=pull")
    operator.excuse(REFUSED)
    fields = {"Queue": name, "Id": name, "Payload": '{"n": 1.50}', "Timeout, s": "30"}
    for label, text in fields.items():
        page.get_by_label(label, exact=True).fill(text)
    operator.click("Enqueue")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Job")
    job = shop.take(name)
    assert (job["id"], job["timeout"], job["payload"]) == (name, 30, {"n": 1.5})
    operator.open("/console/new?kind=pull")
    for label, text in fields.items():
        page.get_by_label(label, exact=True).fill(text)
    operator.click("Enqueue")
    expect(page.locator("#trouble")).to_contain_text("exists")
    expect(page.get_by_label("Payload", exact=True)).to_have_value('{"n": 1.50}')


def test_jobs_are_found_by_their_category_url_and_id(operator: Visitor, shop: Shop) -> None:
    """Those of a list by what they are, each job by its id."""
    page = operator.page
    operator.open("/console/queue?kind=push&name=thumbnails&tab=failed")
    jobs = page.locator("#jobs tbody tr")
    found = jobs.count()
    assert found >= 3
    page.get_by_label("Part of the URL or the message").fill("no such thing")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("No failed job matches.")).to_be_visible()
    page.get_by_label("Part of the URL or the message").fill("printer")
    page.get_by_role("button", name="Search").click()
    expect(jobs).to_have_count(found)
    page.get_by_label("Id", exact=True).fill(str(shop.ids["deferred"]))
    operator.click("Open")
    expect(page.get_by_role("heading", level=1)).to_contain_text(str(shop.ids["deferred"]))


def test_each_job_of_many_pages_is_shown_once(operator: Visitor, shop: Shop) -> None:
    """Pages are as long as a screen or two, and the last has no way on."""
    page, queue = operator.page, f"many-{len(shop.ask('GET', '/queues'))}"
    shop.define(queue)
    shop.ask("POST", f"/queue/{queue}/pause")
    wanted = {shop.push(queue, shop.good) for _ in range(60)}
    operator.open(f"/console/queue?kind=push&name={queue}&tab=waiting")
    links = page.locator("#jobs tbody th a")
    shown = links.all_inner_texts()
    assert len(shown) == 50
    page.get_by_role("link", name="Next").click()
    expect(links.first).not_to_have_text(shown[0])
    shown += links.all_inner_texts()
    assert len(shown) == len(wanted)
    assert {int(text) for text in shown} == wanted
    expect(page.get_by_role("link", name="Next")).to_have_count(0)
