"""Which queue takes a job of a category."""

from collections.abc import Mapping

from attrs import frozen

from trioworq.core.errors import NoSuchRoute


@frozen
class Routing:
    """Jobs of `category` go to `queue`."""

    category: str
    queue: str


def queue_of(category: str, routings: Mapping[str, str], default_queue: str) -> str:
    """Name the queue for `category`: its routing, else the default queue (contract §1.9).

    `default_queue` is empty when there is none. Raises NoSuchRoute when nothing takes the category.
    """
    queue = routings.get(category) or default_queue
    if not queue:
        raise NoSuchRoute(category)
    return queue
