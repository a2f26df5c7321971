"""The queues that are defined, each with a dispatcher on this node, kept in line with the store."""

from collections import ChainMap
from collections.abc import Callable, Mapping

import trio

from trioworq.core.errors import NoSuchQueue
from trioworq.core.jobs import Kind
from trioworq.core.queues import Change, QueueDefaults, QueueDefinition, Revision, Start, Stop, define, plan
from trioworq.dispatch.dispatcher import Dispatcher
from trioworq.dispatch.routings import Routings
from trioworq.logs import ErrorLog
from trioworq.pauses import Pauses
from trioworq.stores.interface import Store, StoreUnavailable


class Definitions:
    """The definitions in force on this node, and the dispatchers that run for them.

    Routings come along, as one look at the store shows whether either has changed.
    """

    def __init__(
        self,
        *,
        store: Store,
        routings: Routings,
        default_queue: str,
        defaults: QueueDefaults,
        refresh_interval_ms: int,
        error_log: ErrorLog,
        pauses: Pauses,
        new_dispatcher: Callable[[QueueDefinition], Dispatcher],
        changed: Callable[[], None],
        tasks: trio.Nursery,
    ) -> None:
        """`default_queue` is empty when there is none; `tasks` is where the dispatchers will run.

        `changed` is told when a queue has begun or ended here.
        """
        self._store = store
        self._routings = routings
        self._default_queue = default_queue
        self._defaults = defaults
        self._refresh_interval_s = refresh_interval_ms / 1000
        self._error_log = error_log
        self._pauses = pauses
        self._new_dispatcher = new_dispatcher
        self._changed = changed
        self._tasks = tasks
        self._running: dict[str, Dispatcher] = {}
        self._draining: dict[str, Dispatcher] = {}
        self._revision: Revision | None = None
        self._catching_up = trio.Lock()
        self._reloading = trio.Lock()
        self._is_closing = False
        self._drained = trio.Event()

    @property
    def running(self) -> Mapping[str, Dispatcher]:
        """The dispatchers of the queues that are defined, by name."""
        return self._running

    @property
    def draining(self) -> Mapping[str, Dispatcher]:
        """Those that were stopped, with jobs that have not ended; a queue made anew goes on with its own."""
        return self._draining

    @property
    def dispatchers(self) -> Mapping[str, Dispatcher]:
        """All of both; like them, it follows what changes."""
        return ChainMap(self._running, self._draining)

    # Changes made here.

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
        is_change = await self._store.put_queue(definition)
        # What changes nothing in the store may be new here: another node was told the same a moment ago.
        known = self._running.get(definition.name)
        if is_change or known is None or known.definition != definition:
            await self._reload()

    async def undefine(self, name: str) -> QueueDefinition | None:
        """Remove a definition and return it; running jobs go on to their end. Raises StoreUnavailable.

        If cancelled: as for `define`.
        """
        definition = await self._store.delete_queue(name)
        if definition is not None or name in self._running:
            await self._reload()
        if self._pauses.is_paused(Kind.PUSH, name):
            # It went with the definition: a queue of that name that is made next is not paused.
            await self._pauses.catch_up()
        return definition

    # Keeping in line with the store.

    async def refresh(self) -> None:
        """Catch up with the store, and make the default queue if it is missing. Raises StoreUnavailable."""
        await self.catch_up()
        if self._default_queue and self._default_queue not in self._running and not self._is_closing:
            # Never in place of what somebody has just defined there.
            await self._store.add_queue(define(self._default_queue, defaults=self._defaults))
            await self._reload()

    async def catch_up(self) -> None:
        """Bring in force what has been changed in the store since the last look, on any node.

        Waits for no job and disturbs no other queue. Raises StoreUnavailable, with what is in force left
        as it is, or with a part of the news. If cancelled: the same.
        """
        revision = await self._store.revision()
        if revision == self._revision:
            return
        async with self._catching_up:
            known = self._revision
            if known is None or revision.routings != known.routings:
                await self._routings.read()
            if known is None or revision.queues != known.queues:
                await self._reload()
            # Not sooner: it says what is in force. What changed since it was read is read again next time.
            self._revision = revision

    async def watch(self) -> None:
        """Follow changes made on other nodes, and make a deleted default queue anew. Runs until cancelled."""
        while True:
            await trio.sleep(self._refresh_interval_s)
            try:
                await self.refresh()
            except StoreUnavailable as error:
                self._error_log.warning("cannot look for changed queues; trying again", reason=str(error))

    async def _reload(self) -> None:
        """Bring the running queues in line with the store; waits for no job and disturbs no other queue."""
        async with self._reloading:
            defined = await self._store.queues()
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
            dispatcher = self._new_dispatcher(definition)
            self._tasks.start_soon(self._dispatch, dispatcher)
        self._running[name] = dispatcher
        self._changed()

    def _stop(self, name: str) -> None:
        dispatcher = self._draining[name] = self._running.pop(name)
        dispatcher.stop()

    async def _dispatch(self, dispatcher: Dispatcher) -> None:
        name = dispatcher.definition.name
        await dispatcher.run()
        if self._draining.get(name) is dispatcher:
            del self._draining[name]
            self._changed()
        if self._is_closing and not self._draining:
            self._drained.set()

    # The end.

    async def drain(self) -> None:
        """Stop every queue, and wait until no job runs. If cancelled: what still runs goes on."""
        self._is_closing = True
        for name in list(self._running):
            self._stop(name)
        if self._draining:
            await self._drained.wait()
