"""Every route of the console."""

from collections.abc import Sequence

from trioworq.config import Console
from trioworq.web.console import assets, live
from trioworq.web.console.about import endpoints as about
from trioworq.web.console.desk import Desk
from trioworq.web.console.failures import endpoints as failures
from trioworq.web.console.job import endpoints as job
from trioworq.web.console.load import endpoints as load
from trioworq.web.console.login import endpoints as login
from trioworq.web.console.new_job import endpoints as new_job
from trioworq.web.console.overview import endpoints as overview
from trioworq.web.console.overview.table import Tables
from trioworq.web.console.protection import protected
from trioworq.web.console.queue import endpoints as queue
from trioworq.web.console.queue import live as queue_live
from trioworq.web.console.routings import endpoints as routings
from trioworq.web.console.settings import endpoints as settings
from trioworq.web.messages import Route, Scope

_SHOWS = (Scope.READ, None)


def console_routes(desk: Desk) -> Sequence[Route]:
    """Return the routes that the option `console` leaves: all, those that change nothing, or none."""
    tables = Tables()
    routes = (
        *assets.routes(),
        *login.routes(desk),
        *overview.routes(desk, tables),
        *queue.routes(desk),
        *failures.routes(desk),
        *job.routes(desk),
        *routings.routes(desk),
        *new_job.routes(desk),
        *load.routes(desk),
        *settings.routes(desk),
        *about.routes(desk),
        *live.routes(desk, {"overview": tables.view, "queue": queue_live.view}),
    )
    match desk.config.console:
        case Console.ON:
            return [protected(route) for route in routes]
        case Console.READ_ONLY:
            return [protected(route) for route in routes if route.scope in _SHOWS]
        case Console.OFF:
            return []
