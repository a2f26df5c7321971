"""Opening worker pools in tests, and noticing what they leave open."""

import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
import trio
from attrs import evolve

from trioworq.dispatch.addresses import GetAddrInfo
from trioworq.dispatch.egress import EgressRules
from trioworq.dispatch.workers import Workers, WorkerSettings, open_workers
from trioworq.logs import ErrorLog

SETTINGS = WorkerSettings(
    user_agent="Fireworq/1.5.1",
    keep_alive=True,
    max_idle_per_host=10,
    idle_timeout_s=0,
    timeout_ceiling_s=20,
    max_reply_bytes=1_000_000,
    egress=EgressRules(),
)
UNREAD_LOG: ErrorLog = structlog.wrap_logger(
    structlog.testing.ReturnLogger(), processors=[structlog.processors.KeyValueRenderer()]
)


@asynccontextmanager
async def pool(
    *,
    keep_alive: bool = True,
    max_idle_per_host: int = 10,
    idle_timeout_s: int = 0,
    timeout_ceiling_s: int = 20,
    ssl_context: ssl.SSLContext | None = None,
    getaddrinfo: GetAddrInfo = socket.getaddrinfo,
    egress: EgressRules = SETTINGS.egress,
    error_log: ErrorLog = UNREAD_LOG,
) -> AsyncIterator[Workers]:
    """Open a pool whose calls end within 20 s; check that it leaves no file descriptor open."""
    settings = evolve(
        SETTINGS,
        keep_alive=keep_alive,
        max_idle_per_host=max_idle_per_host,
        idle_timeout_s=idle_timeout_s,
        timeout_ceiling_s=timeout_ceiling_s,
        egress=egress,
    )
    before = open_sockets()
    async with open_workers(settings, error_log, ssl_context=ssl_context, getaddrinfo=getaddrinfo) as workers:
        yield workers
    # The workers' ends of the pool's connections are closed as soon as they notice.
    await until(lambda: open_sockets() <= before)


def open_sockets() -> int:
    """Count the sockets that this process has open."""
    links = (os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
    return sum(os.path.lexists(link) and os.readlink(link).startswith("socket:") for link in links)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what happens in other tasks or in the kernel, but not for ever."""
    # By the machine's clock: the test's own may run many times as fast.
    give_up_at = time.monotonic() + 10
    while not condition():
        if time.monotonic() > give_up_at:
            raise trio.TooSlowError
        await trio.sleep(0.002)
