"""Pages → pictures."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode

from attrs import frozen
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

Theme = Literal["light", "dark"]
SIZE = ViewportSize(width=1280, height=800)
MOST_BYTES = 100_000
COLOURS = 128
JUDGED_MS = 60_000


def _leave(_page: Page) -> None:
    """Do nothing."""


@frozen
class Picture:
    """One file: `path` is below /console; `prepare` is given the page before it is taken."""

    name: str
    path: str
    theme: Theme = "light"
    prepare: Callable[[Page], None] = _leave


def pictures(failed_id: str) -> tuple[Picture, ...]:
    """Return all that the documentation shows; `failed_id` is that of a failed job."""
    return (
        Picture("overview", "", prepare=_wait_until_judged),
        Picture("overview-dark", "", theme="dark", prepare=_wait_until_judged),
        Picture(
            "queue", f"/queue?{urlencode({'kind': 'push', 'name': 'thumbnails'})}", prepare=_wait_until_live
        ),
        Picture("failures", "/failures"),
        Picture("job", f"/job?id={failed_id}"),
        Picture("routings", "/routings"),
        Picture("new-job", f"/new?from={failed_id}"),
        Picture("load", "/load?span=1w"),
        Picture("settings", "/settings"),
        Picture("about", "/about"),
    )


def take(browser: Browser, url: str, picture: Picture, folder: Path) -> Path:
    """Write a picture into a folder, and return its path."""
    context = browser.new_context(
        viewport=SIZE, color_scheme=picture.theme, locale="en-GB", timezone_id="UTC", reduced_motion="reduce"
    )
    with context:
        page = context.new_page()
        answer = page.goto(f"{url}/console{picture.path}")
        assert answer is not None
        assert answer.ok, f"{picture.path} was answered {answer.status}"
        picture.prepare(page)
        path = folder / f"{picture.name}.png"
        taken = Image.open(BytesIO(page.screenshot()))
    taken.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES, f"{path} is too large"
    return path


def _wait_until_live(page: Page) -> None:
    expect(page.locator("html[data-connection=live]")).to_be_attached()


def _wait_until_judged(page: Page) -> None:
    """Wait for what can be said only after a while: that a backlog grows."""
    expect(page.locator("[data-state=growing]")).to_be_visible(timeout=JUDGED_MS)
