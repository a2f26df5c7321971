"""THE NURSERY TREE, top to bottom. Nesting order is shutdown order.

    logs                             opened first, closed last
    └ signals                        around the rest, so that a second signal is heard until the end, and
                                     the service manager as long that the loop turns
      └ store ⊃ workers              more that is opened before and closed after its users
        └ keeper                     the clock keeper and store watch, followers of TLS and token files
          └ queues                   definitions watcher, lease keeper and lookout, poller, dispatchers ⊃ jobs
            └ pull                   lookout, takes for workers that wait
              └ management           sampler of the load, pruner, reporter, feed, sweeps
                └ front              accept loop, connections: ends first

Stopping: start no more jobs, stop accepting and finish the requests at hand → finish the running jobs, both
within shutdown_timeout → cut off what still runs and give its rows back → close what was opened.
"""

import gc
import os
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

import trio

from trioworq import __version__
from trioworq.clock import Clock
from trioworq.config import Config, Driver, mask_password
from trioworq.core.queues import QueueDefaults
from trioworq.dispatch.egress import read_egress_rules
from trioworq.dispatch.ownership import Node
from trioworq.dispatch.queues import GIVE_BACK_TIMEOUT_S, Queues, QueueSettings, open_queues
from trioworq.dispatch.runs import RELEASE_TIMEOUT_S
from trioworq.dispatch.store_watch import StoreWatch
from trioworq.dispatch.workers import WorkerSettings, open_workers
from trioworq.logs import CLOSING_TIMEOUT_S, Logs, open_logs
from trioworq.manage.failed import TRANSACTION_S
from trioworq.manage.management import Management, ManageSettings, management_of, open_management
from trioworq.manage.pruner import Retention
from trioworq.manage.reporter import Reporter
from trioworq.pauses import Pauses
from trioworq.pull.jobs import GIVE_BACK_TIMEOUT_S as PULL_GIVE_BACK_TIMEOUT_S
from trioworq.pull.jobs import PullJobs, open_pull
from trioworq.service import ServiceManager, open_service_manager
from trioworq.shutdown import Shutdown, receive_signals
from trioworq.stores.batching import CLOSING_S
from trioworq.stores.interface import Store, StoreUnavailable
from trioworq.stores.opening import open_store
from trioworq.web.app import create_app
from trioworq.web.console.desk import About
from trioworq.web.door import Door, exposures, open_door
from trioworq.web.edge import Edge
from trioworq.web.health import Check
from trioworq.web.messages import Route
from trioworq.web.metrics import Sources
from trioworq.web.routes import every_route
from trioworq.web.server import serve

# How long to wait at the start before a slow store is asked for its time again.
CLOCK_RETRY_S = 1.0
# How often the clock follows the store's.
ANCHOR_INTERVAL_S = 60.0
# The garbage collector's thresholds: how many more objects are made than freed before it looks at the young
# ones, and how often that happens before it looks at older ones too.
COLLECT_AT = (5_000, 10, 10)
# How long after shutdown_timeout the end may take with a store that does not answer: the last transaction of
# a sweep, giving back the jobs and the leases, the store's last commits, the last lines of the logs, and some
# for closing it all.
ENDING_S = (
    TRANSACTION_S
    + PULL_GIVE_BACK_TIMEOUT_S
    + RELEASE_TIMEOUT_S
    + GIVE_BACK_TIMEOUT_S
    + CLOSING_S
    + CLOSING_TIMEOUT_S
    + 8.0
)


async def run(
    config: Config,
    sockets: Sequence[socket.socket],
    environ: Mapping[str, str],
    *,
    warnings: Sequence[str],
    die: Callable[[str], NoReturn],
) -> None:
    """Run the daemon on bound sockets until SIGTERM, SIGINT or SIGHUP; `environ` may name a service manager.

    Tasks: the signal receiver, the one that keeps the service manager from thinking it dead, and below them
    everything else. Stops when: a signal came and all has ended in order; `die` ends the process at the
    second signal, or when ending takes too long. Raises: ConfigError, StoreRefused, or whatever a crash in
    the tree raises.
    """
    door = open_door(config, sockets)
    shutdown = Shutdown(config.shutdown_timeout, ENDING_S)
    clock = Clock()
    async with (
        open_logs(config, clock) as logs,
        open_service_manager(environ, logs.error) as manager,
        trio.open_nursery() as signals,
    ):
        await signals.start(receive_signals, shutdown, logs, manager, die)
        signals.start_soon(manager.keep_awake)
        # Not for everyone: bad configuration, which shows below, is to be answered with one line.
        logs.error.debug("starts")
        for warning in [*warnings, *exposures(config, door)]:
            logs.error.warning(warning)
        with shutdown.starting:
            await _run_daemon(config, door, shutdown, clock, logs, manager)
        logs.error.info("stopped")
        signals.cancel_scope.cancel(reason="everything has ended")


async def _run_daemon(
    config: Config, door: Door, shutdown: Shutdown, clock: Clock, logs: Logs, manager: ServiceManager
) -> None:
    """Tasks: the clock keeper, the store watch, and one for each of the door's followed files. Stops when:
    the front and then the queues have ended. Raises: as `run`.
    """
    node = Node.here(secrets.token_hex(8))
    worker_settings = _worker_settings(config)
    async with (
        open_store(config, node_id=node.id) as store,
        open_workers(worker_settings, logs.error) as workers,
    ):
        await _set_clock(clock, store, logs)
        settings = _queue_settings(config)
        pauses = Pauses(store)
        watch = StoreWatch(store.schema)
        edge = Edge(config=config, access_log=logs.access, error_log=logs.error, guard=door.guard)
        async with trio.open_nursery() as keeper:
            keeper.start_soon(_keep_time, clock, store, logs)
            keeper.start_soon(watch.run)
            for files in door.followed:
                keeper.start_soon(files.follow, logs.error)
            async with open_queues(
                node=node,
                store=store,
                workers=workers,
                clock=clock,
                logs=logs,
                settings=settings,
                pauses=pauses,
            ) as queues:
                async with open_pull(
                    store=store,
                    clock=clock,
                    logs=logs,
                    pauses=pauses,
                    is_remembered=settings.is_remembered,
                ) as pull:
                    management = management_of(
                        store=store, queues=queues, pull=pull, pauses=pauses, clock=clock, logs=logs
                    )
                    about = About(schema=store.schema, node_id=node.id, started_at_ms=clock.now_ms())
                    routes = _routes(edge, queues, pull, management, watch, shutdown, about)
                    leave = partial(_leave, queues, pull, management)
                    async with open_management(
                        management,
                        store=store,
                        clock=clock,
                        logs=logs,
                        settings=_manage_settings(config),
                        reporter=Reporter(node=node, store=store, queues=queues, pull=pull),
                    ):
                        await _run_front(edge, door, routes, leave, shutdown, logs, manager)
                await _finish_jobs(queues, shutdown, logs)
            keeper.cancel_scope.cancel(reason="the queues have ended")


def _leave(queues: Queues, pull: PullJobs, management: Management) -> None:
    queues.leave()
    pull.leave()
    management.feed.leave()


def _routes(
    edge: Edge,
    queues: Queues,
    pull: PullJobs,
    management: Management,
    watch: StoreWatch,
    shutdown: Shutdown,
    about: About,
) -> Sequence[Route]:
    ready = [
        Check("store", watch.reach_trouble),
        Check("schema", watch.schema_trouble),
        Check("shutdown", shutdown.trouble),
    ]
    sources = Sources(
        driver=edge.config.driver.value,
        summary=queues.summary,
        commits=lambda: queues.store.commits,
        store_trouble=watch.reach_trouble,
        traffic=edge.traffic,
        pulled=pull.counters,
        waiting_workers=lambda: pull.waiting_workers,
        paused_queues=lambda: management.pauses.size,
    )
    return every_route(queues, pull, management, edge.config, ready, sources, about, edge.guard)


async def _run_front(
    edge: Edge,
    door: Door,
    routes: Sequence[Route],
    leave: Callable[[], None],
    shutdown: Shutdown,
    logs: Logs,
    manager: ServiceManager,
) -> None:
    """Serve, and `leave` the queues when shutdown is requested.

    Tasks: the server. Stops when: shutdown was requested and the requests at hand are answered, or its
    deadline cut them off. Raises: whatever crashes the server.
    """
    app = create_app(routes, edge)
    _spare_collections()
    async with trio.open_nursery() as front:
        await front.start(serve, app, routes, edge, door, shutdown.requested)
        shutdown.is_serving = True
        greeting = _greeting(edge.config, door)
        logs.error.info(greeting)
        manager.tell_ready(greeting)
        await shutdown.requested.wait()
        leave()
        front.cancel_scope.deadline = shutdown.deadline


def _spare_collections() -> None:
    """Have the garbage collector look less often, and no more at what is there for good.

    A job makes no cycles, but the objects of jobs under way set off collections, and a full one, over all
    that was ever imported, stops everything for 30 ms. What goes through Quart does make cycles, so the
    collector stays on.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AT)


async def _finish_jobs(queues: Queues, shutdown: Shutdown, logs: Logs) -> None:
    with trio.move_on_at(shutdown.deadline) as scope:
        await queues.drain()
    if scope.cancelled_caught:
        logs.error.warning("shutdown_timeout is over: giving jobs back", jobs=queues.running_jobs())


async def _set_clock(clock: Clock, store: Store, logs: Logs) -> None:
    """Follow the store's clock before the first job is dated, however long that takes; SIGTERM ends it."""
    is_set = await clock.follow(store.clock_ms)
    while not is_set:
        logs.error.warning("the store is slow to tell the time; asking again before anything starts")
        await trio.sleep(CLOCK_RETRY_S)
        is_set = await clock.follow(store.clock_ms)


async def _keep_time(clock: Clock, store: Store, logs: Logs) -> None:
    """Follow the store's clock. Runs until cancelled."""
    while True:
        await trio.sleep(ANCHOR_INTERVAL_S)
        try:
            await clock.follow(store.clock_ms)
        except StoreUnavailable as error:
            logs.error.warning("cannot read the store's clock; going on with ours", reason=str(error))


def _greeting(config: Config, door: Door) -> str:
    match config.driver:
        case Driver.SQLITE:
            data = f"jobs are kept in {Path(config.sqlite_path).absolute()}"
        case Driver.MYSQL:
            data = f"jobs are kept in {mask_password(config.dsn)}"
        case Driver.IN_MEMORY:
            data = "jobs are kept in memory and lost at the end"
    return f"trioworq {__version__} (PID {os.getpid()}) listens on {', '.join(door.places())}; {data}"


def _worker_settings(config: Config) -> WorkerSettings:
    """Raises ConfigError."""
    return WorkerSettings(
        user_agent=config.dispatch_user_agent,
        keep_alive=config.dispatch_keep_alive,
        max_idle_per_host=config.dispatch_max_conns_per_host,
        idle_timeout_s=config.dispatch_idle_conn_timeout,
        timeout_ceiling_s=config.dispatch_timeout_ceiling_s,
        max_reply_bytes=config.dispatch_max_reply_bytes,
        egress=read_egress_rules(config.dispatch_allow, config.dispatch_deny),
    )


def _queue_settings(config: Config) -> QueueSettings:
    return QueueSettings(
        default_queue=config.queue_default,
        defaults=QueueDefaults(config.queue_default_polling_interval, config.queue_default_max_workers),
        refresh_interval_ms=config.config_refresh_interval,
        is_remembered=config.finished_ttl > 0,
    )


def _manage_settings(config: Config) -> ManageSettings:
    retention = Retention(
        finished_ms=config.finished_ttl * 1000,
        finished_most=config.finished_max,
        failed_ms=config.failed_ttl * 1000 or None,
        load_ms=config.load_retention * 1000,
    )
    return ManageSettings(retention=retention, load_interval_s=config.load_interval)
