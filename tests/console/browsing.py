"""A person at a browser, who notices whatever the browser complains of."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

from attrs import define, field
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Dialog,
    Page,
    Request,
    Response,
    ViewportSize,
    sync_playwright,
)
from playwright.sync_api import TimeoutError as NotInTime

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 20_000
DRAWN_MS = 5_000
MOST_STOPS = 100
WIDE, NARROW = ViewportSize(width=1280, height=800), ViewportSize(width=360, height=740)

_WATCH_POLICY = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`)
})
"""
_OUTLINE = "getComputedStyle(document.activeElement).outlineStyle"
# On a phone tables are cards, which are not to be scrolled sideways by themselves either.
_FITS = """() => {
  const isPhone = matchMedia("(max-width: 640px)").matches
  const cards = isPhone ? document.querySelectorAll(".table:has(table.cards)") : []
  return [document.scrollingElement, ...cards].every((each) => each.scrollWidth <= each.clientWidth)
}"""

Role = Literal["button", "link"]


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Run Chromium."""
    program = shutil.which("chromium")
    assert program, "the console's tests need a browser: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@define(eq=False)
class Visitor:
    """One tab of a visitor to `site`, in a context of its own.

    `complaints` are errors and warnings of the console, uncaught errors, dialogs, and requests to anywhere
    but the site; those that match one of `excused` are none. A visitor who `agrees` says yes to dialogs.
    """

    context: BrowserContext
    page: Page
    site: str
    agrees: bool = False
    excused: list[str] = field(factory=list)
    complaints: list[str] = field(factory=list)

    def open(self, path: str, status: int = 200) -> None:
        """Go to a page of the site."""
        answer = self.page.goto(self.site + path)
        assert answer is not None
        assert answer.status == status, f"{path} was answered {answer.status}"

    def follow(self, act: Callable[[], object]) -> Response:
        """Do what leads to another page, wait for it, and return its answer."""
        with (
            self.page.expect_event("domcontentloaded"),
            self.page.expect_event("response", _is_of_page) as found,
        ):
            act()
        answer: Response = found.value
        return answer

    def click(self, name: str, role: Role = "button") -> Response:
        """Click on what has a name and leads to another page; see `follow`."""
        return self.follow(lambda: self.page.get_by_role(role, name=name, exact=True).first.click())

    def tab_to(self, text: str) -> None:
        """Press Tab until the focus is, visibly, on what has a text."""
        for _ in range(MOST_STOPS):
            self.page.keyboard.press("Tab")
            focused = self.page.locator(":focus")
            if focused.count() and text in (focused.inner_text(), focused.get_attribute("aria-label")):
                assert self.page.evaluate(_OUTLINE) != "none", f"nothing shows that {text} has the focus"
                return
        raise AssertionError(f"Tab does not lead to {text}")

    def fits(self, size: ViewportSize) -> bool:
        """Whether a window of a size shows the page without scrolling sideways, once it is drawn for it."""
        self.page.set_viewport_size(size)
        with suppress(NotInTime):
            self.page.wait_for_function(_FITS, timeout=DRAWN_MS)
            return True
        return False

    def excuse(self, complaint: str) -> None:
        """Have complaints that match a regular expression be all right from now on, and those so far."""
        self.excused.append(complaint)

    def check(self) -> None:
        """Fail if there was anything to complain of."""
        found = [each for each in self.complaints if not any(re.search(one, each) for one in self.excused)]
        assert not found, "\n".join(found)

    def watch(self) -> None:
        """Begin to notice."""
        page = self.page
        page.add_init_script(_WATCH_POLICY)
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("dialog", lambda dialog: self._answer(dialog))
        page.on("request", lambda request: self._see(request))

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")

    def _answer(self, dialog: Dialog) -> None:
        if self.agrees:
            dialog.accept()
            return
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _see(self, request: Request) -> None:
        if not request.url.startswith(f"{self.site}/console"):
            self.complaints.append(f"request to {request.url}")


def _is_of_page(response: Response) -> bool:
    return response.request.is_navigation_request() and response.status != 303


@contextmanager
def visit(browser: Browser, site: str, **options: Any) -> Iterator[Visitor]:
    """Open a tab; fail at the end if there was anything to complain of."""
    context = browser.new_context(**{"locale": "en-GB", "viewport": WIDE} | options)
    try:
        context.set_default_timeout(PATIENCE_MS)
        visitor = Visitor(context, context.new_page(), site)
        visitor.watch()
        yield visitor
        visitor.check()
    finally:
        context.close()
