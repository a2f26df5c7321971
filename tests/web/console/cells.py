"""What stands in the cells of a page: the elements that are known by data-cell, and their attributes."""

from html.parser import HTMLParser

# Elements that end where they begin.
_VOID = {"input", "meta", "link", "img", "br", "rect", "polyline", "line"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page: dict[str, str | None] = {}
        self.rows: dict[str, dict[str, str | None]] = {}
        self.hidden: set[str] = set()
        self._open: list[str] = []
        self._row: dict[str, str | None] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "tr":
            self._row = self._begin_row(given)
        name = given.get("data-cell") or ""
        if tag not in _VOID:
            self._open.append(name)
        if name:
            self._into[name] = ""
            self._into.update({f"{name}@{attribute}": value or "" for attribute, value in attrs})

    def _begin_row(self, given: dict[str, str | None]) -> dict[str, str | None] | None:
        key = given.get("data-key")
        if key is None:
            return None
        if "hidden" in given:
            self.hidden.add(key)
        return self.rows.setdefault(key, {})

    @property
    def _into(self) -> dict[str, str | None]:
        return self.page if self._row is None else self._row

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            self._row = None
        if tag not in _VOID and self._open:
            self._open.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1]:
            self._into[self._open[-1]] = (self._into[self._open[-1]] or "") + data.strip()


def read_cells(page: str) -> _Reader:
    """Return the cells of a page, and of its rows by their keys, in their order."""
    reader = _Reader()
    reader.feed(page)
    reader.rows.pop("", None)
    return reader
