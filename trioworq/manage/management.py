"""Everything that looks after jobs, opened as one."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import trio
from attrs import frozen

from trioworq.clock import Clock
from trioworq.core.failures import FailureName
from trioworq.core.jobs import Kind
from trioworq.core.load import JobCount, QueueEnded
from trioworq.dispatch.queues import Queues
from trioworq.logs import Logs
from trioworq.manage.browse import JobBrowser
from trioworq.manage.failed import FailedJobs
from trioworq.manage.feed import Feed
from trioworq.manage.load import LoadBoard
from trioworq.manage.lookup import JobLookup
from trioworq.manage.pruner import Pruner, Retention
from trioworq.manage.repair import JobRepair
from trioworq.manage.reporter import Reporter
from trioworq.manage.sampler import Sampler
from trioworq.manage.shared import SharedRead
from trioworq.manage.sweeps import Sweeps
from trioworq.pauses import Pauses
from trioworq.pull.jobs import PullJobs
from trioworq.stores.interface import Store


@frozen(kw_only=True)
class ManageSettings:
    """The options that management goes by; with a `load_interval_s` of 0 no samples are taken."""

    retention: Retention
    load_interval_s: float


@frozen(kw_only=True)
class Management:
    """What the web asks for; all of them count by the same `counts`."""

    failed: FailedJobs
    jobs: JobLookup
    load: LoadBoard
    pauses: Pauses
    counts: SharedRead[list[JobCount]]
    browser: JobBrowser
    repair: JobRepair
    sweeps: Sweeps
    feed: Feed


def management_of(
    *, store: Store, queues: Queues, pull: PullJobs, pauses: Pauses, clock: Clock, logs: Logs
) -> Management:
    """Put together what looks after the jobs of `queues` and `pull`."""

    def requeued(names: Iterable[FailureName]) -> None:
        by_kind: defaultdict[Kind, set[str]] = defaultdict(set)
        for name in names:
            by_kind[name.kind].add(name.queue)
        queues.kick(by_kind[Kind.PUSH])
        pull.call(by_kind[Kind.PULL])

    counts: SharedRead[list[JobCount]] = SharedRead(lambda: store.count_jobs(clock.now_ms()))
    ended: SharedRead[list[QueueEnded]] = SharedRead(store.count_ended_by_queue)
    failed = FailedJobs(store=store, clock=clock, error_log=logs.error, requeued=requeued)
    jobs = JobLookup(store, clock, counts)
    return Management(
        failed=failed,
        jobs=jobs,
        load=LoadBoard(store=store, clock=clock, counts=counts, routings=queues.routings, pauses=pauses),
        pauses=pauses,
        counts=counts,
        browser=JobBrowser(store, clock, ended),
        repair=JobRepair(
            store=store,
            clock=clock,
            error_log=logs.error,
            queues=queues,
            pull=pull,
            failed=failed,
            jobs=jobs,
        ),
        sweeps=Sweeps(failed, clock),
        feed=Feed(store=store, clock=clock, counts=counts, ended=ended, pauses=pauses),
    )


@asynccontextmanager
async def open_management(
    management: Management,
    *,
    store: Store,
    clock: Clock,
    logs: Logs,
    settings: ManageSettings,
    reporter: Reporter,
) -> AsyncIterator[None]:
    """Sample the load, forget what has been kept long enough, and tell and show what goes on.

    Tasks: the sampler, the pruner, the reporter, the feed, the sweeps. Stops when: the body ends. Raises:
    whatever the body raises.
    """
    async with trio.open_nursery() as tasks:
        if settings.load_interval_s > 0:
            sampler = Sampler(
                store=store,
                clock=clock,
                counts=management.counts,
                error_log=logs.error,
                interval_s=settings.load_interval_s,
            )
            tasks.start_soon(sampler.run)
        pruner = Pruner(store=store, clock=clock, error_log=logs.error, retention=settings.retention)
        tasks.start_soon(pruner.run)
        tasks.start_soon(reporter.run)
        tasks.start_soon(management.feed.run)
        tasks.start_soon(management.sweeps.run)
        yield
        tasks.cancel_scope.cancel(reason="the daemon stops")
