"""Every route of the daemon, of all families."""

from collections.abc import Sequence

from trioworq.config import Config
from trioworq.dispatch.queues import Queues
from trioworq.manage.management import Management
from trioworq.pull.jobs import PullJobs
from trioworq.web import fireworq, health, metrics
from trioworq.web.console.desk import About, Desk
from trioworq.web.console.routes import console_routes
from trioworq.web.guard import Guard
from trioworq.web.health import Check
from trioworq.web.load import endpoints as watching
from trioworq.web.manage import endpoints as managing
from trioworq.web.messages import Route
from trioworq.web.metrics import Sources
from trioworq.web.openapi.endpoint import described
from trioworq.web.pull import endpoints as pulling


def every_route(
    queues: Queues,
    pull: PullJobs,
    management: Management,
    config: Config,
    ready: Sequence[Check],
    sources: Sources,
    about: About,
    guard: Guard,
) -> tuple[Route, ...]:
    """Return the routes of the APIs, the one that describes them, and those of the console.

    `ready` are the checks of being ready, `sources` those of the metrics.
    """
    routes = (
        *fireworq.routes(queues, management.pauses, config),
        *pulling.routes(pull, management.pauses, config),
        *managing.routes(management.failed, management.jobs, config),
        *watching.routes(management.load),
        *health.routes(ready),
        *metrics.routes(sources),
    )
    desk = Desk(queues=queues, pull=pull, management=management, config=config, about=about, guard=guard)
    return (*described(routes, config), *console_routes(desk))
