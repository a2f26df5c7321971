"""`/console`: every queue at a glance."""

from collections.abc import Mapping
from itertools import islice

import trio
from attrs import evolve, frozen
from markupsafe import Markup

from trioworq.manage.feed import Snapshot
from trioworq.web.console.desk import Desk
from trioworq.web.console.overview.rows import Cells
from trioworq.web.console.overview.table import Table, Tables
from trioworq.web.console.templates import render
from trioworq.web.messages import Request, Response, Route, Scope
from trioworq.web.replies import CONSOLE

# How long a page waits for a look at a store that is slow to count; what is missing then comes later.
PATIENCE_S = 3.0

ROWS_AT_ONCE = 100

_SLOW = "The store has not told yet how queues stand"


def routes(desk: Desk, tables: Tables) -> tuple[Route, ...]:
    """Return the routes; `tables` are those that open pages are kept up to date from."""
    overview = _Overview(desk, tables)
    return (
        Route("GET", CONSOLE, overview.show, Scope.READ),
        Route("GET", f"{CONSOLE}/", overview.lead, Scope.READ),
    )


@frozen
class Filter:
    """Which rows a visitor wants to see."""

    text: str
    kind: str
    only_trouble: bool

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Filter":
        """Read it; what makes no sense does not count."""
        kind = query.get("kind", "")
        return cls(query.get("q", ""), kind if kind in ("push", "pull") else "", "trouble" in query)

    def lets_in(self, cells: Cells) -> bool:
        """Whether a row is to be seen; the page's script goes by the same rule."""
        return (
            self.text.lower() in (cells["name"] or "").lower()
            and self.kind in ("", cells["kind"])
            and not (self.only_trouble and cells["state"] == "ok")
        )


@frozen
class _Overview:
    _desk: Desk
    _tables: Tables

    async def lead(self, _request: Request) -> Response:
        """Lead to the page whoever has typed a slash at its end."""
        return self._desk.see_other(CONSOLE)

    async def show(self, request: Request) -> Response:
        snapshot = await latest(self._desk)
        table = self._tables.of(snapshot)
        wanted = Filter.of(request.query)
        return self._desk.page(
            request,
            "overview/overview.html",
            title="Overview",
            table=table,
            wanted=wanted,
            rows=await written(table, wanted),
            address=f"{'https' if request.is_secure else 'http'}://{request.host.decode('latin-1')}",
        )


async def written(table: Table, wanted: Filter) -> Markup:
    """Write the rows, some at a time: a thousand take longer than others should wait for their turn."""
    rows = iter([(key, cells, not wanted.lets_in(cells)) for key, cells in table.rows.items()])
    parts: list[bytes] = []
    while some := list(islice(rows, ROWS_AT_ONCE)):
        parts.append(render("overview/rows.html", {"rows": some}))
        await trio.lowlevel.checkpoint()
    return Markup(b"".join(parts).decode())  # noqa: S704  # a template has written it


async def latest(desk: Desk) -> Snapshot:
    """Return how queues stand now, or what was known last if that takes too long or the daemon stops."""
    feed = desk.management.feed
    with trio.move_on_after(PATIENCE_S):
        snapshot = await feed.next()
        if snapshot is not None:
            return snapshot
    known = feed.latest or Snapshot(number=0, time_ms=desk.queues.now_ms())
    return evolve(known, trouble=known.trouble or _SLOW)
