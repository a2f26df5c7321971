"""`/console/load`."""

import json

from attrs import frozen

from trioworq.core.load import SpreadQuery
from trioworq.web.console.desk import Desk
from trioworq.web.console.load.layers import MEASURES, Stack, stack_of
from trioworq.web.console.load.spans import MOST_TYPES, SPANS, gap_ms
from trioworq.web.messages import Request, Response, Route, Scope
from trioworq.web.replies import CONSOLE

_USUAL_SPAN = SPANS["6h"]


def routes(desk: Desk) -> tuple[Route, ...]:
    """Return the route."""
    return (Route("GET", f"{CONSOLE}/load", _Load(desk).show, Scope.READ),)


@frozen
class _Load:
    """The page."""

    _desk: Desk

    async def show(self, request: Request) -> Response:
        """Answer with the load over a span, as a plot or a table."""
        desk = self._desk
        span = SPANS.get(request.query.get("span", ""), _USUAL_SPAN)
        measure = request.query.get("show", "")
        if measure not in MEASURES:
            measure = "all"
        interval_s = desk.config.load_interval
        query = span.query(desk.queues.now_ms(), interval_s)
        stack = stack_of(await desk.management.browser.load(query), MEASURES[measure])
        return desk.page(
            request,
            "load/load.html",
            title="Load",
            stack=stack,
            plot=_plot(stack, query, gap_ms(query, interval_s)),
            span=span,
            spans=SPANS.values(),
            measure=measure,
            view="table" if request.query.get("view") == "table" else "plot",
            step_ms=query.step_ms,
            interval_s=interval_s,
            most_types=MOST_TYPES,
        )


def _plot(stack: Stack, query: SpreadQuery, longest_ms: float) -> str:
    """Write what the page's script draws; the names are in the page."""
    return json.dumps(
        {
            "first": query.first_ms / 1000,
            "last": query.last_ms / 1000,
            "gap": longest_ms / 1000,
            "times": [time_ms / 1000 for time_ms in stack.times_ms],
            "layers": [layer.values for layer in stack.layers],
        },
        separators=(",", ":"),
    )
