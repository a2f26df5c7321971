"""Fireworq's API: push, queues, routings, inspection, failure log, node and version (contract §1.2–§1.12)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import orjson
from attrs import frozen

from trioworq.config import FIREWORQ_VERSION, Config
from trioworq.core.cursors import Cursor, decode
from trioworq.core.errors import InvalidRequest, NoSuchQueue, NotFound
from trioworq.core.jobs import INT64_MAX, Kind
from trioworq.core.queues import QueueDefinition
from trioworq.core.stats import QueueStats
from trioworq.dispatch.queues import Queues
from trioworq.pauses import Pauses
from trioworq.stores.interface import FailureOrder, FailureQuery, JobQuery, JobSet
from trioworq.web import wire
from trioworq.web.batch import Batch
from trioworq.web.limits import read_limit
from trioworq.web.messages import TEXT, Request, Response, Route, Scope
from trioworq.web.runtime import runtime_stats

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000

_T = TypeVar("_T")

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")


def routes(queues: Queues, pauses: Pauses, config: Config) -> tuple[Route, ...]:
    """Return every route of the API, each bound to the queues and the options in force."""
    about = _About(queues, config)
    push = _Push(queues, config.max_body_bytes)
    definitions = _Definitions(queues, pauses)
    routings = _Routings(queues)
    jobs = _Jobs(queues)
    failures = _Failures(queues)
    return (
        Route("GET", "/", about.version, Scope.READ),
        Route("GET", "/version", about.version, Scope.READ),
        Route("GET", "/settings", about.settings, Scope.READ),
        Route("GET", "/stats", about.runtime, Scope.READ, is_logged=False),
        Route("POST", "/job/{category...}", push.push, Scope.PUSH, is_hot=True),
        Route("POST", "/jobs", Batch(queues, config).push, Scope.PUSH, is_hot=True),
        Route("GET", "/queues", definitions.all, Scope.READ),
        Route("GET", "/queues/stats", definitions.all_stats, Scope.READ),
        Route("GET", "/queue/{q}", definitions.get, Scope.READ),
        Route("PUT", "/queue/{q}", definitions.put, Scope.ADMIN),
        Route("DELETE", "/queue/{q}", definitions.delete, Scope.ADMIN),
        Route("POST", "/queue/{q}/pause", definitions.pause, Scope.ADMIN),
        Route("POST", "/queue/{q}/resume", definitions.resume, Scope.ADMIN),
        Route("GET", "/queue/{q}/stats", definitions.stats, Scope.READ),
        Route("GET", "/queue/{q}/node", definitions.node, Scope.READ),
        Route("GET", "/queue/{q}/grabbed", jobs.running, Scope.READ),
        Route("GET", "/queue/{q}/waiting", jobs.waiting, Scope.READ),
        Route("GET", "/queue/{q}/deferred", jobs.deferred, Scope.READ),
        Route("GET", "/queue/{q}/job/{id}", jobs.get, Scope.READ),
        Route("DELETE", "/queue/{q}/job/{id}", jobs.delete, Scope.ADMIN),
        Route("GET", "/queue/{q}/failed", failures.all, Scope.READ),
        Route("GET", "/queue/{q}/failed/{id}", failures.get, Scope.READ),
        Route("DELETE", "/queue/{q}/failed/{id}", failures.delete, Scope.ADMIN),
        Route("GET", "/routings", routings.all, Scope.READ),
        Route("GET", "/routing/{category...}", routings.get, Scope.READ),
        Route("PUT", "/routing/{category...}", routings.put, Scope.ADMIN),
        Route("DELETE", "/routing/{category...}", routings.delete, Scope.ADMIN),
    )


@frozen
class _About:
    """What the program says of itself."""

    _queues: Queues
    _config: Config

    async def version(self, request: Request) -> Response:
        return Response(200, f"Fireworq {FIREWORQ_VERSION}\n".encode(), TEXT)

    async def settings(self, request: Request) -> Response:
        return Response(200, orjson.dumps(self._config.shown(), option=orjson.OPT_SORT_KEYS))

    async def runtime(self, request: Request) -> Response:
        return _answer(runtime_stats(self._queues.now_ms()))


@frozen
class _Push:
    """Taking jobs."""

    _queues: Queues
    _max_payload_bytes: int

    async def push(self, request: Request) -> Response:
        order = wire.read_order(request.arguments["category"], request.body)
        wire.check_size(order, self._max_payload_bytes)
        return _answer(wire.show_order(await self._queues.push(order), order))


@frozen
class _Definitions:
    """Queues: their definitions, pauses, counters and nodes."""

    _queues: Queues
    _pauses: Pauses

    async def all(self, request: Request) -> Response:
        return _answer([self._show(each) for each in await self._queues.store.queues()])

    async def all_stats(self, request: Request) -> Response:
        stats = self._queues.all_stats()
        return _answer({name: self._show_stats(name, each) for name, each in stats.items()})

    async def get(self, request: Request) -> Response:
        return _answer(self._show(_found(await self._queues.store.queue(request.arguments["q"]))))

    async def put(self, request: Request) -> Response:
        definition = wire.read_definition(request.arguments["q"], request.body, self._queues.defaults)
        await self._queues.definitions.define(definition)
        return _answer(self._show(definition))

    async def delete(self, request: Request) -> Response:
        name = request.arguments["q"]
        was_paused = self._is_paused(name)
        definition = await self._queues.definitions.undefine(name)
        return _answer(wire.show_definition(_found(definition), is_paused=was_paused))

    async def pause(self, request: Request) -> Response:
        name = request.arguments["q"]
        await self._pauses.pause(Kind.PUSH, name)
        return _answer(wire.show_pause(name, is_paused=True))

    async def resume(self, request: Request) -> Response:
        name = request.arguments["q"]
        await self._pauses.resume(Kind.PUSH, name)
        return _answer(wire.show_pause(name, is_paused=False))

    async def stats(self, request: Request) -> Response:
        name = request.arguments["q"]
        await self._queues.definitions.require(name)
        stats = self._queues.stats(name)
        if stats is None:
            raise NoSuchQueue(name)
        return _answer(self._show_stats(name, stats))

    def _is_paused(self, name: str) -> bool:
        return self._pauses.is_paused(Kind.PUSH, name)

    def _show(self, definition: QueueDefinition) -> Mapping[str, Any]:
        return wire.show_definition(definition, is_paused=self._is_paused(definition.name))

    def _show_stats(self, name: str, stats: QueueStats) -> Mapping[str, Any]:
        return wire.show_stats(stats, is_paused=self._is_paused(name))

    async def node(self, request: Request) -> Response:
        owner = await self._queues.owner(request.arguments["q"])
        if owner is None:
            raise NotFound("No node is active for this queue")
        return _answer({"id": owner.node_id, "host": owner.host})


@frozen
class _Routings:
    """Which queue takes a category."""

    _queues: Queues

    async def all(self, request: Request) -> Response:
        return _answer([wire.show_routing(each) for each in await self._queues.routings.read()])

    async def get(self, request: Request) -> Response:
        return _answer(wire.show_routing(_found(self._queues.routings.get(request.arguments["category"]))))

    async def put(self, request: Request) -> Response:
        routing = wire.read_routing(request.arguments["category"], request.body)
        await self._queues.routings.put(routing)
        return _answer(wire.show_routing(routing))

    async def delete(self, request: Request) -> Response:
        return _answer(
            wire.show_routing(_found(await self._queues.routings.delete(request.arguments["category"])))
        )


@frozen
class _Jobs:
    """Jobs that have not ended."""

    _queues: Queues

    async def running(self, request: Request) -> Response:
        return await self._list(request, JobSet.RUNNING)

    async def waiting(self, request: Request) -> Response:
        return await self._list(request, JobSet.WAITING)

    async def deferred(self, request: Request) -> Response:
        return await self._list(request, JobSet.DEFERRED)

    async def get(self, request: Request) -> Response:
        queue, job_id = await _item(self._queues, request)
        return _answer(wire.show_job(_found(await self._queues.store.job(queue, job_id))))

    async def delete(self, request: Request) -> Response:
        queue, job_id = await _item(self._queues, request)
        return _answer(wire.show_job(_found(await self._queues.delete_job(queue, job_id))))

    async def _list(self, request: Request, jobs: JobSet) -> Response:
        limit = read_limit(request.query, default=DEFAULT_LIMIT, most=MAX_LIMIT)
        queue = await _queue(self._queues, request)
        page = await self._queues.store.jobs(
            JobQuery(
                queue=queue,
                jobs=jobs,
                now_ms=self._queues.now_ms(),
                limit=limit,
                cursor=_cursor(request.query),
                ascending=request.query.get("order") == "asc",
            )
        )
        return _page("jobs", map(wire.show_job, page.items), page.next_cursor)


@frozen
class _Failures:
    """The failure log."""

    _queues: Queues

    async def all(self, request: Request) -> Response:
        limit = read_limit(request.query, default=DEFAULT_LIMIT, most=MAX_LIMIT)
        queue = await _queue(self._queues, request)
        order = FailureOrder.CREATED if request.query.get("order") == "created" else FailureOrder.FAILED
        query = FailureQuery(queue=queue, limit=limit, order=order, cursor=_cursor(request.query))
        page = await self._queues.store.failures(query)
        return _page("failed_jobs", map(wire.show_failure, page.items), page.next_cursor)

    async def get(self, request: Request) -> Response:
        queue, failure_id = await _item(self._queues, request)
        return _answer(wire.show_failure(_found(await self._queues.store.failure(queue, failure_id))))

    async def delete(self, request: Request) -> Response:
        queue, failure_id = await _item(self._queues, request)
        return _answer(wire.show_failure(_found(await self._queues.store.delete_failure(queue, failure_id))))


def _answer(shape: Any) -> Response:
    return Response(200, orjson.dumps(shape))


def _page(key: str, shown: Iterable[Mapping[str, Any]], next_cursor: Cursor | None) -> Response:
    """Answer one page; the cursor is the first item that was not returned, empty at the end."""
    return _answer({key: list(shown), "next_cursor": next_cursor.encode() if next_cursor else ""})


def _found(item: _T | None) -> _T:
    # Without a detail, as the original (contract §1.3).
    if item is None:
        raise NotFound
    return item


async def _queue(queues: Queues, request: Request) -> str:
    """Name the queue of a request for its jobs; one that is not defined is a plain 404."""
    name = request.arguments["q"]
    try:
        await queues.definitions.require(name)
    except NoSuchQueue:
        raise NotFound from None
    return name


async def _item(queues: Queues, request: Request) -> tuple[str, int]:
    """Return (queue, id); the id is checked first, as in the original (contract §1.10)."""
    text = request.arguments["id"]
    if not _INTEGER.fullmatch(text) or not -INT64_MAX - 1 <= int(text) <= INT64_MAX:
        raise InvalidRequest
    return await _queue(queues, request), int(text)


def _cursor(query: Mapping[str, str]) -> Cursor | None:
    return decode(query.get("cursor", ""))
