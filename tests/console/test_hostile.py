"""Jobs whose every text is meant to do harm: nothing of them is run, and no page is broken by them."""

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.console.browsing import NARROW, WIDE, Visitor
from tests.console.pages import at
from tests.console.shop import HOUR_S, Shop
from tests.process.running_daemon import recording_worker

SCRIPT = "</script></pre><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
TEMPLATE = "{{ 7 * 191 }} {% raw %} ${7 * 191} <%= 7 * 191 %>"
DIRECTIONS = "user\u202etxt.exe \u2066x\u2069 \u200f"
CONTROLS = "a\x1b[31mb\x07c\x7f\u0085\u2028d\ufeff"
BIG = "x" * 1_000_000
BYTES = bytes(range(256)) * 4
LINK = "javascript:window.hacked=1"

TEXTS = {"script": SCRIPT, "template": TEMPLATE, "directions": DIRECTIONS, "controls": CONTROLS}
ANSWERS = {
    "script": SCRIPT.encode(),
    "script as message": b'{"status": "permanent-failure", "message": "%s"}' % SCRIPT.encode(),
    "script as status": b'{"status": "<script>window.hacked = 1</script>"}',
    "bytes": b"\xff\xfe\x00" + BYTES,
}


def assert_harmless(visitor: Visitor) -> None:
    """Nothing was run or sent off, and the page is as wide as its window. Dialogs are complaints anyway."""
    page = visitor.page
    assert not page.evaluate("'hacked' in window")
    assert page.locator("main img, main iframe, main object, main script:not([src])").count() == 0
    assert page.locator("a[href^='javascript:' i], form[action^='javascript:' i], base").count() == 0
    assert not _event_handlers(page)
    assert visitor.fits(NARROW)
    assert visitor.fits(WIDE)


def _event_handlers(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('*')].flatMap((each) => each.getAttributeNames())"
        ".filter((name) => name.startsWith('on') || name.startsWith('hx-on'))"
    )
    return found


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_texts_of_a_job_stay_texts(visitor: Visitor, shop: Shop, text: str) -> None:
    """As payload, key, name of a queue, a URL: on its page, in lists and in the form for another one."""
    job_id = shop.daemon.push(f"{LINK}{text}", "mail", payload={text: [text]}, run_after=HOUR_S)
    pulled = shop.enqueue(text, text, payload=text)
    failed = shop.fail_pull_job(f"failed {text}", text)
    for address in (
        *(at("/job", id=each) for each in (job_id, pulled, failed)),
        *(at("/new", from_=each) for each in (job_id, pulled, failed)),
        at("/queue", kind="push", name="mail", tab="deferred"),
        at("/queue", kind="pull", name=text),
        at("/failures", view="jobs", queue=f"failed {text}"),
        at("/failures", text=text),
        at(""),
    ):
        visitor.open(address.path)
        assert_harmless(visitor)
    visitor.open(f"/console/job?id={job_id}")
    assert "1337" not in visitor.page.locator("main").inner_text()


def test_directions_and_controls_are_shown_as_what_they_are(visitor: Visitor, shop: Shop) -> None:
    """None turns the text around it, or hides."""
    pulled = shop.enqueue(DIRECTIONS, "directions", payload=CONTROLS)
    visitor.open(f"/console/job?id={pulled}")
    main = visitor.page.locator("main")
    expect(main).to_contain_text("U+202E")
    assert not set("\u202e\u2066\u200f\x1b\x07\x7f") & set(main.inner_text())


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_what_a_worker_says_stays_a_text(visitor: Visitor, shop: Shop, answer: bytes) -> None:
    """Even where it is no answer at all."""
    queue = f"answers-{sha256(answer).hexdigest()}"
    shop.define(queue)
    with recording_worker(answer) as worker:
        job_id = shop.push(queue, worker)
        shop.wait_for(queue, failed=1)
    for address in (at("/job", id=job_id), at("/failures", queue=queue), at("/failures", view="jobs")):
        visitor.open(address.path)
        assert_harmless(visitor)


def test_a_large_payload_is_shown_in_part_and_downloaded_as_a_whole(visitor: Visitor, shop: Shop) -> None:
    """The file is what was pushed, to the byte, and not for the browser to show."""
    job_id = shop.daemon.push(LINK, "mail", payload={"big": BIG}, run_after=HOUR_S)
    visitor.open(f"/console/job?id={job_id}")
    assert_harmless(visitor)
    shown = visitor.page.get_by_label("Payload", exact=True).inner_text()
    assert 1_000 < len(shown) < 100_000
    assert _download(visitor) == (f"job-{job_id}.json", b'{"big":"%s"}' % BIG.encode())
    headers = visitor.context.request.get(f"{shop.url}/console/job/payload?id={job_id}&part=payload").headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-disposition"].startswith("attachment")


def test_bytes_that_are_no_text_are_shown_as_numbers(visitor: Visitor, shop: Shop) -> None:
    """Rows of older stores may hold any; no API takes them."""
    job_id = shop.daemon.push(LINK, "mail", payload="text", run_after=HOUR_S)
    _overwrite(shop, job_id, BYTES)
    visitor.open(f"/console/job?id={job_id}")
    assert_harmless(visitor)
    expect(visitor.page.get_by_label("Payload", exact=True)).to_contain_text("00 01 02 03")
    assert _download(visitor)[1] == BYTES
    visitor.open(f"/console/new?from={job_id}")
    assert_harmless(visitor)


def _overwrite(shop: Shop, job_id: int, payload: bytes) -> None:
    with closing(sqlite3.connect(shop.daemon.folder / "jobs.db")) as database, database:
        changed = database.execute("UPDATE job SET payload = ? WHERE id = ?", (payload, job_id))
        assert changed.rowcount == 1


def _download(visitor: Visitor) -> tuple[str, bytes]:
    """Return the name and the bytes of the file that the page of a job offers."""
    with visitor.page.expect_download() as found:
        visitor.page.get_by_role("link", name="Download").click()
    return found.value.suggested_filename, Path(found.value.path()).read_bytes()
