"""Pushing many jobs at once: an array in, an array of answers out, one for each job and in order."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from trioworq.config import Config
from trioworq.core.errors import CallerError
from trioworq.core.jobs import Job, Order
from trioworq.dispatch.queues import Queues
from trioworq.web import wire
from trioworq.web.lenient import read_items
from trioworq.web.messages import Request, Response
from trioworq.web.quick import ItemsReader, Source
from trioworq.web.replies import BodyTooLarge, status_of


class Batch:
    """Taking jobs, many at a time.

    A job that cannot be taken is refused alone, and the others are stored all the same, in one
    transaction; what cannot be read as an array of jobs, or has too many, is refused as a whole.
    """

    def __init__(self, queues: Queues, config: Config) -> None:
        self._queues = queues
        self._max_jobs = config.max_batch_jobs
        self._max_payload_bytes = config.max_body_bytes
        self._items = ItemsReader(config.max_batch_jobs)

    async def push(self, request: Request) -> Response:
        """Answer what a push of each would have been answered, or its index, status and error."""
        items = [self._read(source) for source in self._split(request.body)]
        orders = [item for item in items if isinstance(item, Order)]
        outcomes = iter(await self._queues.push_many(orders) if orders else ())
        answers = [_show(index, item, outcomes) for index, item in enumerate(items)]
        return Response(200, orjson.dumps(answers))

    def _split(self, body: bytes) -> Sequence[Source]:
        sources: Sequence[Source] | None = self._items.read(body)
        if sources is None:
            sources = read_items(body, self._max_jobs)
        if len(sources) > self._max_jobs:
            raise BodyTooLarge(f"A batch should have at most {self._max_jobs} jobs")
        return sources

    def _read(self, source: Source) -> Order | CallerError:
        try:
            order = wire.read_item(source)
            wire.check_size(order, self._max_payload_bytes)
        except CallerError as error:
            return error
        return order


def _show(index: int, item: Order | CallerError, outcomes: Iterator[Job | CallerError]) -> dict[str, Any]:
    """Answer one item; if it is an order, its outcome is the next."""
    if isinstance(item, CallerError):
        return _refuse(index, item)
    outcome = next(outcomes)
    return _refuse(index, outcome) if isinstance(outcome, CallerError) else wire.show_order(outcome, item)


def _refuse(index: int, error: CallerError) -> dict[str, Any]:
    return {"index": index, "status": status_of(error), "error": str(error)}
