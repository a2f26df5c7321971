"""Every route of the daemon, of all families."""

from collections.abc import Sequence

from trioworq.config import Config
from trioworq.dispatch.queues import Queues
from trioworq.web import fireworq, health
from trioworq.web.health import Check
from trioworq.web.messages import Route
from trioworq.web.openapi.endpoint import described


def every_route(queues: Queues, config: Config, ready: Sequence[Check]) -> tuple[Route, ...]:
    """Return the routes, and the one that describes them; `ready` are the checks of being ready."""
    return described((*fireworq.routes(queues, config), *health.routes(ready)), config)
