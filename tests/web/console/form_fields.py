"""What the fields of a form hold, as a browser reads it."""

from html.parser import HTMLParser


class _Reader(HTMLParser):
    def __init__(self, action: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.wrong: set[str] = set()
        self.focused: str | None = None
        self._action = action
        self._is_inside = False
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = given.get("action") == self._action
        elif self._is_inside and tag in ("input", "textarea"):
            self._field(tag, given)

    def _field(self, tag: str, given: dict[str, str]) -> None:
        name = given["name"]
        if given.get("aria-invalid") == "true":
            self.wrong.add(name)
        if "autofocus" in given:
            self.focused = name
        if tag == "textarea":
            self._area, self.values[name] = name, ""
        elif given.get("type") not in ("radio", "checkbox") or "checked" in given:
            self.values[name] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.values[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            # The line end behind its tag is none of its own; each is sent as CR LF.
            text = self.values[self._area].replace("\r\n", "\n").removeprefix("\n")
            self.values[self._area], self._area = text.replace("\n", "\r\n"), None
        elif tag == "form":
            self._is_inside = False


def fields_of(page: str, action: str) -> dict[str, str]:
    """Return what a browser sends when the form with this action is submitted as it stands."""
    reader = _Reader(action)
    reader.feed(page)
    return {name: value for name, value in reader.values.items() if name != "csrf"}


def wrong_fields(page: str, action: str) -> set[str]:
    """Name the fields that are marked as what is wrong."""
    reader = _Reader(action)
    reader.feed(page)
    return reader.wrong


def focused_field(page: str, action: str) -> str | None:
    """Name the field that a browser goes to by itself."""
    reader = _Reader(action)
    reader.feed(page)
    return reader.focused
