"""A page as a browser reads it: its words, its links, its forms."""

from collections.abc import Sequence
from html.parser import HTMLParser

import httpx2
from attrs import define, field

from tests.web.console.site import Browser

_WITHOUT_END = {"input", "meta", "link", "img", "br"}
_UNSEEN = {"head", "script", "option"}


@define
class PageForm:
    """A form: what it sends without being touched, and what its buttons say."""

    method: str
    action: str
    fields: list[tuple[str, str]] = field(factory=list)
    buttons: list[str] = field(factory=list)


@define
class Page:
    """What has been read of a page so far."""

    words: list[str] = field(factory=list)
    links: list[tuple[str, str]] = field(factory=list)
    forms: list[PageForm] = field(factory=list)

    @property
    def text(self) -> str:
        """All that can be read, in one line."""
        return " ".join(" ".join(self.words).split())

    def link(self, words: str) -> str:
        """Return where the only link with these words leads."""
        (address,) = [address for text, address in self.links if text == words]
        return address

    def form(self, button: str) -> PageForm:
        """Return the only form with a button that says this."""
        (form,) = [form for form in self.forms if button in form.buttons]
        return form

    @property
    def buttons(self) -> Sequence[str]:
        """What the buttons of all forms to be posted say."""
        return [words for form in self.forms if form.method == "post" for words in form.buttons]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._open: list[str] = []
        self._words: list[str] = []
        self._address = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in _WITHOUT_END:
            self._open.append(tag)
        if tag in {"a", "button"}:
            self._words, self._address = [], given.get("href", "")
        elif tag == "form":
            self.page.forms.append(PageForm(given.get("method", "get"), given["action"]))
        elif tag == "input" and given.get("type") == "hidden":
            self.page.forms[-1].fields.append((given["name"], given["value"]))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        words = " ".join(" ".join(self._words).split())
        if tag == "a":
            self.page.links.append((words, self._address))
        elif tag == "button" and self.page.forms and "form" in self._open:
            self.page.forms[-1].buttons.append(words)

    def handle_data(self, data: str) -> None:
        if not _UNSEEN.intersection(self._open):
            self.page.words.append(data)
            self._words.append(data)


def read(html: str) -> Page:
    """Read a page. Fails where an element is not ended in its turn."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page


async def visit(browser: Browser, path: str, status: int = 200) -> Page:
    """Go to a page that is answered with this status."""
    answer = await browser.get(path)
    assert answer.status_code == status, answer.text
    return read(answer.text)


async def submit(browser: Browser, form: PageForm) -> httpx2.Response:
    """Send a form as it is."""
    assert form.method == "post"
    return await browser.post_bare(form.action, form.fields)
