"""Every queue of this node: pushes, numbers, and the tasks that keep it all going."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import trio
from attrs import frozen

from trioworq.clock import Clock
from trioworq.core.errors import CallerError, InvalidRequest, NoSuchQueue, NoSuchRoute
from trioworq.core.jobs import Job, JobState, Kind, Order
from trioworq.core.queues import Owner, QueueDefaults, QueueDefinition
from trioworq.core.stats import QueueCounters, QueueStats
from trioworq.dispatch.definitions import Definitions
from trioworq.dispatch.dispatcher import Dispatcher
from trioworq.dispatch.ownership import Node, Ownership
from trioworq.dispatch.poller import poll
from trioworq.dispatch.routings import Routings
from trioworq.dispatch.runs import Caller
from trioworq.dispatch.summary import Summary, summarise
from trioworq.logs import Logs
from trioworq.pauses import Pauses
from trioworq.stores.claims import Push
from trioworq.stores.interface import Store, StoreUnavailable

# How long giving the leases back may take at the end.
GIVE_BACK_TIMEOUT_S = 5.0


@frozen
class QueueSettings:
    """The options that queues go by."""

    default_queue: str
    defaults: QueueDefaults
    refresh_interval_ms: int
    # Whether there is a history of finished jobs.
    is_remembered: bool = True


class Queues:
    """The push side as the web sees it. What needs a look at the store alone goes to `store` directly."""

    def __init__(
        self,
        *,
        node: Node,
        store: Store,
        workers: Caller,
        clock: Clock,
        logs: Logs,
        settings: QueueSettings,
        pauses: Pauses,
        tasks: trio.Nursery,
    ) -> None:
        """`tasks` is where the dispatchers will run."""
        self.store = store
        self.defaults = settings.defaults
        self.routings = Routings(store, settings.default_queue)
        self._workers = workers
        self._clock = clock
        self._logs = logs
        self._pauses = pauses
        self._is_remembered = settings.is_remembered
        self._counters: dict[str, QueueCounters] = {}
        self.definitions = Definitions(
            store=store,
            routings=self.routings,
            default_queue=settings.default_queue,
            defaults=settings.defaults,
            refresh_interval_ms=settings.refresh_interval_ms,
            error_log=logs.error,
            pauses=pauses,
            new_dispatcher=self._new_dispatcher,
            changed=lambda: self.ownership.hurry(),
            tasks=tasks,
        )
        self.ownership = Ownership(
            # A queue that drains keeps its lease, or another node would run its running jobs again.
            self.definitions.dispatchers,
            node=node,
            store=store,
            clock=clock,
            error_log=logs.error,
            pauses=pauses,
        )
        pauses.tell(self._hear_of_pause)

    def _new_dispatcher(self, definition: QueueDefinition) -> Dispatcher:
        return Dispatcher(
            definition,
            store=self.store,
            workers=self._workers,
            clock=self._clock,
            counters=self._counters.setdefault(definition.name, QueueCounters()),
            queue_log=self._logs.queue,
            error_log=self._logs.error,
            is_paused=partial(self._pauses.is_paused, Kind.PUSH, definition.name),
            is_remembered=self._is_remembered,
        )

    def now_ms(self) -> int:
        """Return the time by which jobs are due."""
        return self._clock.now_ms()

    # Pushing.

    async def push(self, order: Order) -> Job:
        """Store a job and return it once it is durable.

        Raises NoSuchRoute, NoSuchQueue, InvalidRequest (run_after out of range), StoreUnavailable.
        If cancelled: the job may be stored all the same, and is then dispatched like any other.
        """
        (pushed,) = await self.push_many((order,))
        if isinstance(pushed, CallerError):
            raise pushed
        return pushed

    async def push_many(self, orders: Sequence[Order]) -> list[Job | CallerError]:
        """Store jobs in one transaction; return each, in order, or why it was refused.

        Raises StoreUnavailable, with nothing stored. If cancelled: all may be stored all the same.
        """
        accepted = [self._accept(order) for order in orders]
        if any(isinstance(each, NoSuchRoute | NoSuchQueue) for each in accepted):
            # What is missing here may have been made on another node a moment ago.
            await self.definitions.catch_up()
            accepted = [self._accept(order) for order in orders]
        pushes = [each for each in accepted if isinstance(each, Push)]
        stored = iter(await self.store.push(pushes))
        return [each if isinstance(each, CallerError) else self._report(next(stored)) for each in accepted]

    def _accept(self, order: Order) -> Push | CallerError:
        """Make a job of an order, or say why not."""
        try:
            queue = self.routings.queue_of(order.category)
            dispatcher = self.definitions.running.get(queue)
            if dispatcher is None:
                return NoSuchQueue(queue)
            job = order.accepted(queue, self._clock.now_ms(), dispatcher.definition.priority)
        except CallerError as error:
            return error
        return Push(job, None if order.run_after_s else dispatcher.offer)

    def _report(self, stored: Job | InvalidRequest) -> Job | InvalidRequest:
        """Count and log a job if it was stored."""
        if isinstance(stored, Job):
            self._counters.setdefault(stored.queue, QueueCounters()).pushed(stored.created_at_ms)
            self._logs.queue.pushed(stored)
        return stored

    # Looking and repairing.

    def kick(self, names: Iterable[str]) -> None:
        """Say that there may be a job to claim in these queues; it came by another way than a push."""
        for name in names:
            if dispatcher := self.definitions.running.get(name):
                dispatcher.kick()

    def stats(self, name: str) -> QueueStats | None:
        """Return the counters of a queue that runs here."""
        dispatcher = self.definitions.running.get(name)
        return None if dispatcher is None else dispatcher.stats()

    def all_stats(self) -> Mapping[str, QueueStats]:
        """Return the counters of every queue that runs here, by name, sorted."""
        running = self.definitions.running
        return {name: running[name].stats() for name in sorted(running)}

    def summary(self) -> Summary:
        """Return what all queues of this node have done, and are doing."""
        running, draining = self.definitions.running, self.definitions.draining
        return summarise(running.values(), draining.values(), self._counters.values())

    async def owner(self, name: str) -> Owner | None:
        """Return the node that dispatches a queue; None when none does. Raises NoSuchQueue."""
        await self.definitions.require(name)
        return await self.store.owner(name, self._clock.now_ms())

    async def delete_job(self, queue: str, job_id: int) -> Job | None:
        """Remove a job and return it; a running one has its call cancelled (I12). Raises StoreUnavailable.

        If cancelled: the job may be removed all the same; its call then goes on, and its outcome is dropped.
        """
        job = await self.store.delete_job(queue, job_id)
        if job is not None and job.state is JobState.RUNNING:
            definitions = self.definitions
            for dispatcher in (definitions.running.get(queue), definitions.draining.get(queue)):
                if dispatcher is not None:
                    dispatcher.cancel_run(job_id)
        return job

    def _hear_of_pause(self, kind: Kind, name: str) -> None:
        if kind is Kind.PUSH:
            self.kick([name])

    async def poll(self) -> None:
        """Look for jobs that fall due. Runs until cancelled."""
        running = self.definitions.running
        await poll(running, store=self.store, clock=self._clock, error_log=self._logs.error)

    # The end.

    def leave(self) -> None:
        """Start no more jobs, and let each queue go when none runs here. Pushes are still stored."""
        self.ownership.leave()

    async def drain(self) -> None:
        """Leave, and wait until no job runs. If cancelled: what still runs goes on."""
        self.leave()
        await self.definitions.drain()

    def running_jobs(self) -> int:
        """Count the jobs in workers' hands."""
        running, draining = self.definitions.running, self.definitions.draining
        return sum(item.running_jobs for item in (*running.values(), *draining.values()))


@asynccontextmanager
async def open_queues(
    *,
    node: Node,
    store: Store,
    workers: Caller,
    clock: Clock,
    logs: Logs,
    settings: QueueSettings,
    pauses: Pauses,
) -> AsyncIterator[Queues]:
    """Run the queues of this node.

    Tasks: definitions watcher, lease keeper, lookout, poller, one dispatcher a queue. Stops when: the body
    ends; what still runs then is cut off and given back, and so are the leases. Raises: StoreError when
    pauses and definitions cannot be read at the start.
    """
    try:
        async with trio.open_nursery() as tasks:
            queues = Queues(
                node=node,
                store=store,
                workers=workers,
                clock=clock,
                logs=logs,
                settings=settings,
                pauses=pauses,
                tasks=tasks,
            )
            # Before anything can start.
            await pauses.catch_up()
            await queues.definitions.refresh()
            tasks.start_soon(queues.definitions.watch)
            tasks.start_soon(queues.ownership.keep)
            tasks.start_soon(queues.ownership.look_out)
            tasks.start_soon(queues.poll)
            yield queues
            tasks.cancel_scope.cancel(reason="the daemon stops")
    finally:
        with trio.move_on_after(GIVE_BACK_TIMEOUT_S, shield=True):
            await _give_back(store, node, clock, logs)


async def _give_back(store: Store, node: Node, clock: Clock, logs: Logs) -> None:
    try:
        await store.give_back(node.id, clock.now_ms())
    except StoreUnavailable as error:
        logs.error.warning(
            "cannot give the leases of queues back; they lapse by themselves", reason=str(error)
        )
