"""Calls to workers: one POST for each attempt at a job, and the verdict on whatever came of it."""

import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache

import trio
from attrs import define, frozen

from trioworq.core.results import Result, interpret, unaddressable, unreachable, unreadable
from trioworq.dispatch.addresses import GetAddrInfo, Lookups
from trioworq.dispatch.dialling import CannotConnect, Dialler
from trioworq.dispatch.egress import EgressRules
from trioworq.dispatch.exchange import converse
from trioworq.dispatch.hops import MAX_REDIRECTS, Hop
from trioworq.dispatch.idle import IdleConnections
from trioworq.dispatch.refusals import Refusals
from trioworq.dispatch.replies import Reply
from trioworq.dispatch.targets import UnreadableUrl, UnusableUrl, parse
from trioworq.logs import ErrorLog
from trioworq.streams import Stream

# The same few URLs come again and again. Longer ones are read each time: a cache should not take megabytes.
KNOWN_URLS = 128
KNOWN_URL_LENGTH = 1024

_TOO_LATE_FOR_HEAD = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
_TOO_LATE_FOR_BODY = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"


@frozen
class WorkerSettings:
    """How workers are called, and which may be.

    `idle_timeout_s` 0: a connection waits as long as the worker keeps it.
    """

    user_agent: str
    keep_alive: bool
    max_idle_per_host: int
    idle_timeout_s: int
    timeout_ceiling_s: int
    max_reply_bytes: int
    egress: EgressRules


@define(eq=False)
class _Call:
    """How far a call has come: what a deadline that strikes in the middle has to know."""

    hop: Hop
    reply: Reply | None = None


class Workers:
    """The worker pool: connections are kept by origin, and the callers alone decide how many are in use."""

    def __init__(self, settings: WorkerSettings, idle: IdleConnections, dialler: Dialler) -> None:
        self._settings = settings
        self._user_agent = re.sub(r"[^\x20-\x7e]", "?", settings.user_agent)
        self._idle = idle
        self._dialler = dialler
        self._parse_known = lru_cache(KNOWN_URLS)(parse)

    async def post(
        self, url: str, body: bytes, timeout_s: int, scope: trio.CancelScope | None = None
    ) -> Result:
        """POST a job and return the worker's verdict, or what kept it from giving one; raises nothing.

        `timeout_s` covers the whole call, from the name lookup to the last byte; 0 leaves it to the
        ceiling. It runs in `scope`, if given, a scope that has not been entered yet: cancelling that cuts
        the call off, and what is returned then means nothing.
        If cancelled: the connection is closed; the worker may have acted.
        """
        ceiling_s = self._settings.timeout_ceiling_s
        limit_s = min(timeout_s or ceiling_s, ceiling_s)
        return await self.post_within(limit_s, url, body, scope)

    async def post_within(
        self, limit_s: float, url: str, body: bytes, scope: trio.CancelScope | None = None
    ) -> Result:
        """Do as `post` does, within any number of seconds."""
        try:
            target = self._parse_known(url) if len(url) <= KNOWN_URL_LENGTH else parse(url)
            call = _Call(Hop(target, body))
        except UnreadableUrl as error:
            await trio.lowlevel.checkpoint()
            return unaddressable(str(error))
        except UnusableUrl as error:
            await trio.lowlevel.checkpoint()
            return unreachable(error.shown, str(error))
        scope = scope or trio.CancelScope()
        scope.deadline = trio.current_time() + limit_s
        with scope:
            return await self._run(call)
        if call.reply is not None and call.reply.code:
            return unreadable(_TOO_LATE_FOR_BODY, call.reply.code)
        return unreachable(call.hop.target.shown, _TOO_LATE_FOR_HEAD)

    async def _run(self, call: _Call) -> Result:
        try:
            reply = await self._ask(call)
            for _ in range(MAX_REDIRECTS):
                if reply.location is None or reply.error is not None:
                    return _verdict(call, reply)
                call.hop = call.hop.redirected(reply.code, reply.location)
                call.reply = None
                reply = await self._ask(call)
        except UnusableUrl as error:
            return unreachable(error.shown, str(error))
        except CannotConnect as error:
            return unreachable(call.hop.target.shown, str(error))
        if reply.location is None or reply.error is not None:
            return _verdict(call, reply)
        return unreachable(call.hop.target.shown, f"stopped after {MAX_REDIRECTS} redirects")

    async def _ask(self, call: _Call) -> Reply:
        """Send the hop and return its reply. Raises CannotConnect."""
        request = call.hop.encode(self._user_agent, self._settings.keep_alive)
        kept = self._idle.take(call.hop.target.origin)
        if kept is not None:
            reply = await self._converse(call, kept, request)
            # A kept connection may die in the very moment it is used. Only when not a byte came back is
            # the request sent again: after that, and on a new connection, the worker may have acted.
            if reply.is_heard:
                return reply
        return await self._converse(call, await self._dialler.dial(call.hop.target), request)

    async def _converse(self, call: _Call, connection: Stream, request: bytes) -> Reply:
        """Use a connection, which goes back to the idle ones or is closed, whatever happens."""
        call.reply = reply = Reply(self._settings.max_reply_bytes)
        is_sent = False
        try:
            is_sent = await converse(connection, request, reply)
        finally:
            if is_sent and reply.is_reusable and self._settings.keep_alive:
                self._idle.give(call.hop.target.origin, connection)
            else:
                connection.close()
        return reply


def _verdict(call: _Call, reply: Reply) -> Result:
    if reply.error is None:
        return interpret(reply.body, reply.code)
    if reply.code:
        return unreadable(reply.error, reply.code)
    return unreachable(call.hop.target.shown, reply.error)


@asynccontextmanager
async def open_workers(
    settings: WorkerSettings,
    error_log: ErrorLog,
    *,
    ssl_context: ssl.SSLContext | None = None,
    getaddrinfo: GetAddrInfo = socket.getaddrinfo,
) -> AsyncIterator[Workers]:
    """Open the pool; every idle connection is closed at the end, and those in use when their calls end.

    `error_log` is told of calls that `settings.egress` refuses. `ssl_context` decides which workers are
    trusted; the system's trust store does when there is none.

    Tasks: the tending of idle connections. Stops when: the block is left.
    Raises: what the block raises, in a group.
    """
    idle = IdleConnections(settings.max_idle_per_host, settings.idle_timeout_s)
    dialler = Dialler(Lookups(getaddrinfo), settings.egress, Refusals(error_log), ssl_context)
    async with trio.open_nursery() as tending:
        tending.start_soon(idle.tend)
        try:
            yield Workers(settings, idle, dialler)
        finally:
            idle.close()
            tending.cancel_scope.cancel()
