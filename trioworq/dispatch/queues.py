"""Every queue of this node: definitions in force, running dispatchers, pushes and stats."""

from collections import ChainMap
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import trio
from attrs import frozen

from trioworq.clock import Clock
from trioworq.core.errors import CallerError, InvalidRequest, NoSuchQueue, NoSuchRoute
from trioworq.core.jobs import Job, JobState, Order
from trioworq.core.queues import (
    Change,
    Owner,
    QueueDefaults,
    QueueDefinition,
    Revision,
    Start,
    Stop,
    define,
    plan,
)
from trioworq.core.stats import QueueCounters, QueueStats
from trioworq.dispatch.dispatcher import Caller, Dispatcher
from trioworq.dispatch.ownership import Node, Ownership
from trioworq.dispatch.poller import poll
from trioworq.dispatch.routings import Routings
from trioworq.dispatch.summary import Summary, summarise
from trioworq.logs import Logs
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
        tasks: trio.Nursery,
    ) -> None:
        """`tasks` is where the dispatchers will run."""
        self.store = store
        self.defaults = settings.defaults
        self.routings = Routings(store, settings.default_queue)
        self._default_queue = settings.default_queue
        self._refresh_interval_s = settings.refresh_interval_ms / 1000
        self._workers = workers
        self._clock = clock
        self._logs = logs
        self._tasks = tasks
        self._running: dict[str, Dispatcher] = {}
        # Stopped, but with jobs that have not ended yet; a queue defined again is taken up from here.
        self._draining: dict[str, Dispatcher] = {}
        self._counters: dict[str, QueueCounters] = {}
        self._revision: Revision | None = None
        self._catching_up = trio.Lock()
        self._reloading = trio.Lock()
        self._is_closing = False
        self._drained = trio.Event()
        self.ownership = Ownership(
            # A queue that drains keeps its lease, or another node would run its running jobs again.
            ChainMap(self._running, self._draining),
            node=node,
            store=store,
            clock=clock,
            error_log=logs.error,
        )

    def now_ms(self) -> int:
        """Return the time by which jobs are due."""
        return self._clock.now_ms()

    # Pushing.

    async def push(self, order: Order) -> tuple[int, str]:
        """Store a job and return (id, queue) once it is durable.

        Raises NoSuchRoute, NoSuchQueue, InvalidRequest (run_after out of range), StoreUnavailable.
        If cancelled: the job may be stored all the same, and is then dispatched like any other.
        """
        (pushed,) = await self.push_many((order,))
        if isinstance(pushed, CallerError):
            raise pushed
        return pushed

    async def push_many(self, orders: Sequence[Order]) -> list[tuple[int, str] | CallerError]:
        """Store jobs in one transaction; return for each, in order, (id, queue) or why it was refused.

        Raises StoreUnavailable, with nothing stored. If cancelled: all may be stored all the same.
        """
        accepted = [self._accept(order) for order in orders]
        if any(isinstance(each, NoSuchRoute | NoSuchQueue) for each in accepted):
            # What is missing here may have been made on another node a moment ago.
            await self.catch_up()
            accepted = [self._accept(order) for order in orders]
        pushes = [each for each in accepted if isinstance(each, Push)]
        stored = iter(await self.store.push(pushes))
        return [each if isinstance(each, CallerError) else self._report(next(stored)) for each in accepted]

    def _accept(self, order: Order) -> Push | CallerError:
        """Make a job of an order, or say why not."""
        try:
            queue = self.routings.queue_of(order.category)
            dispatcher = self._running.get(queue)
            if dispatcher is None:
                return NoSuchQueue(queue)
            job = order.accepted(queue, self._clock.now_ms())
        except CallerError as error:
            return error
        return Push(job, None if order.run_after_s else dispatcher.offer)

    def _report(self, stored: Job | InvalidRequest) -> tuple[int, str] | InvalidRequest:
        if isinstance(stored, InvalidRequest):
            return stored
        self._counters.setdefault(stored.queue, QueueCounters()).pushed(stored.created_at_ms)
        self._logs.queue.pushed(stored)
        return stored.id, stored.queue

    # Definitions.

    async def require(self, name: str) -> None:
        """Raise NoSuchQueue unless the queue is defined; one defined on another node is started here.

        Raises StoreUnavailable too. If cancelled: the queue may have been started.
        """
        if name in self._running:
            await trio.lowlevel.checkpoint()
            return
        await self.catch_up()
        if name not in self._running:
            raise NoSuchQueue(name)

    async def define(self, definition: QueueDefinition) -> None:
        """Define or redefine a queue; in force on this node when this returns. Raises StoreUnavailable.

        If cancelled: the definition may be stored all the same, and `watch` then brings it in force.
        """
        is_change = await self.store.put_queue(definition)
        # What changes nothing in the store may be new here: another node was told the same a moment ago.
        if is_change or self._definition(definition.name) != definition:
            await self._reload_definitions()

    async def undefine(self, name: str) -> QueueDefinition | None:
        """Remove a definition and return it; running jobs go on to their end. Raises StoreUnavailable.

        If cancelled: as for `define`.
        """
        definition = await self.store.delete_queue(name)
        if definition is not None or name in self._running:
            await self._reload_definitions()
        return definition

    def _definition(self, name: str) -> QueueDefinition | None:
        """Return a definition that is in force here."""
        dispatcher = self._running.get(name)
        return None if dispatcher is None else dispatcher.definition

    # Looking and repairing.

    def stats(self, name: str) -> QueueStats | None:
        """Return the counters of a queue that runs here."""
        dispatcher = self._running.get(name)
        return None if dispatcher is None else dispatcher.stats()

    def all_stats(self) -> Mapping[str, QueueStats]:
        """Return the counters of every queue that runs here, by name, sorted."""
        return {name: self._running[name].stats() for name in sorted(self._running)}

    def summary(self) -> Summary:
        """Return what all queues of this node have done, and are doing."""
        return summarise(self._running.values(), self._draining.values(), self._counters.values())

    async def owner(self, name: str) -> Owner | None:
        """Return the node that dispatches a queue; None when none does. Raises NoSuchQueue."""
        await self.require(name)
        return await self.store.owner(name, self._clock.now_ms())

    async def delete_job(self, queue: str, job_id: int) -> Job | None:
        """Remove a job and return it; a running one has its call cancelled (I12). Raises StoreUnavailable.

        If cancelled: the job may be removed all the same; its call then goes on, and its outcome is dropped.
        """
        job = await self.store.delete_job(queue, job_id)
        if job is not None and job.state is JobState.RUNNING:
            for dispatcher in (self._running.get(queue), self._draining.get(queue)):
                if dispatcher is not None:
                    dispatcher.cancel_run(job_id)
        return job

    # Keeping in line with the store.

    async def refresh(self) -> None:
        """Catch up with the store, and make the default queue if it is missing. Raises StoreUnavailable."""
        await self.catch_up()
        if self._default_queue and self._default_queue not in self._running and not self._is_closing:
            # Never in place of what somebody has just defined there.
            await self.store.add_queue(define(self._default_queue, defaults=self.defaults))
            await self._reload_definitions()

    async def catch_up(self) -> None:
        """Bring in force what has been changed in the store since the last look, on any node.

        Waits for no job and disturbs no other queue. Raises StoreUnavailable, with what is in force left
        as it is, or with a part of the news. If cancelled: the same.
        """
        revision = await self.store.revision()
        if revision == self._revision:
            return
        async with self._catching_up:
            known = self._revision
            if known is None or revision.routings != known.routings:
                await self.routings.read()
            if known is None or revision.queues != known.queues:
                await self._reload_definitions()
            # Not sooner: it says what is in force. What changed since it was read is read again next time.
            self._revision = revision

    async def watch(self) -> None:
        """Follow changes made on other nodes, and make a deleted default queue anew. Runs until cancelled."""
        while True:
            await trio.sleep(self._refresh_interval_s)
            try:
                await self.refresh()
            except StoreUnavailable as error:
                self._logs.error.warning("cannot look for changed queues; trying again", reason=str(error))

    async def poll(self) -> None:
        """Look for jobs that fall due. Runs until cancelled."""
        await poll(self._running, store=self.store, clock=self._clock, error_log=self._logs.error)

    async def _reload_definitions(self) -> None:
        """Bring the running queues in line with the store; waits for no job and disturbs no other queue."""
        async with self._reloading:
            defined = await self.store.queues()
            if self._is_closing:
                return
            running = {name: dispatcher.definition for name, dispatcher in self._running.items()}
            for action in plan(running, defined):
                match action:
                    case Start(definition):
                        self._start(definition)
                    case Change(definition):
                        self._running[definition.name].redefine(definition)
                    case Stop(name):
                        self._stop(name)

    def _start(self, definition: QueueDefinition) -> None:
        name = definition.name
        dispatcher = self._draining.pop(name, None)
        if dispatcher is not None and not dispatcher.has_ended:
            dispatcher.redefine(definition)
        else:
            dispatcher = Dispatcher(
                definition,
                store=self.store,
                workers=self._workers,
                clock=self._clock,
                counters=self._counters.setdefault(name, QueueCounters()),
                queue_log=self._logs.queue,
                error_log=self._logs.error,
            )
            self._tasks.start_soon(self._dispatch, dispatcher)
        self._running[name] = dispatcher
        self.ownership.hurry()

    def _stop(self, name: str) -> None:
        dispatcher = self._draining[name] = self._running.pop(name)
        dispatcher.stop()

    async def _dispatch(self, dispatcher: Dispatcher) -> None:
        name = dispatcher.definition.name
        await dispatcher.run()
        if self._draining.get(name) is dispatcher:
            del self._draining[name]
            self.ownership.hurry()
        if self._is_closing and not self._draining:
            self._drained.set()

    # The end.

    def leave(self) -> None:
        """Start no more jobs, and let each queue go when none runs here. Pushes are still stored."""
        self.ownership.leave()

    async def drain(self) -> None:
        """Leave, and wait until no job runs. If cancelled: what still runs goes on."""
        self._is_closing = True
        self.leave()
        for name in list(self._running):
            self._stop(name)
        if self._draining:
            await self._drained.wait()

    def running_jobs(self) -> int:
        """Count the jobs in workers' hands."""
        return sum(item.running_jobs for item in (*self._running.values(), *self._draining.values()))


@asynccontextmanager
async def open_queues(
    *, node: Node, store: Store, workers: Caller, clock: Clock, logs: Logs, settings: QueueSettings
) -> AsyncIterator[Queues]:
    """Run the queues of this node.

    Tasks: definitions watcher, lease keeper, lookout, poller, one dispatcher a queue. Stops when: the body
    ends; what still runs then is cut off and given back, and so are the leases. Raises: StoreError when
    the definitions cannot be read at the start.
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
                tasks=tasks,
            )
            await queues.refresh()
            tasks.start_soon(queues.watch)
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
