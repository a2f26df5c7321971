"""Every route of the daemon, of all families."""

from collections.abc import Sequence

from trioworq.config import Config
from trioworq.dispatch.queues import Queues
from trioworq.manage.management import Management
from trioworq.pull.jobs import PullJobs
from trioworq.web import fireworq, health, metrics
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
) -> tuple[Route, ...]:
    """Return the routes, and the one that describes them.

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
    return described(routes, config)
