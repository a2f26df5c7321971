"""Which queues are paused: the store's word, kept at hand so that asking costs nothing (README 19)."""

from collections.abc import Callable

import trio

from trioworq.core.jobs import Kind
from trioworq.stores.interface import Store

# Told of a queue when it was paused or resumed, on whichever node. Neither waits nor raises.
Listener = Callable[[Kind, str], None]


class Pauses:
    """The paused queues of both kinds, as this node knows them.

    A pause keeps jobs from starting; it cuts nothing off, and other nodes hear of it with their next look
    round, five times a second.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._paused: frozenset[tuple[Kind, str]] = frozenset()
        self._count: int | None = None
        # From a look at the store, or a change in it, until `_paused` shows that.
        self._changing = trio.Lock()
        self._listeners: list[Listener] = []

    def tell(self, listener: Listener) -> None:
        """Have a listener told of each change from now on."""
        self._listeners.append(listener)

    def is_paused(self, kind: Kind, queue: str) -> bool:
        """Whether nothing is to start in a queue."""
        return (kind, queue) in self._paused

    @property
    def all(self) -> frozenset[tuple[Kind, str]]:
        """The queues that are paused."""
        return self._paused

    @property
    def size(self) -> int:
        """How many queues are paused."""
        return len(self._paused)

    async def pause(self, kind: Kind, queue: str) -> None:
        """Start no more jobs of a queue, until `resume`; repeating it changes nothing.

        Raises NoSuchQueue for a push queue that is not defined, StoreUnavailable. If cancelled: the queue
        may be paused all the same.
        """
        async with self._changing:
            await self._store.set_paused(kind, queue, is_paused=True)
            self._know(self._paused | {(kind, queue)})

    async def resume(self, kind: Kind, queue: str) -> None:
        """Start jobs of a queue again. Raises and, if cancelled, leaves things as `pause` does."""
        async with self._changing:
            await self._store.set_paused(kind, queue, is_paused=False)
            self._know(self._paused - {(kind, queue)})

    async def catch_up(self, count: int | None = None) -> None:
        """Read what is paused, unless the store's `count` of changes is the one that was read last.

        Raises StoreUnavailable, with what is known left as it is. If cancelled: the same.
        """
        if count is not None and count == self._count:
            await trio.lowlevel.checkpoint()
            return
        async with self._changing:
            self._know(await self._store.paused_queues())
            # Not sooner: what changed since it was counted is read again next time.
            self._count = count

    def _know(self, paused: frozenset[tuple[Kind, str]]) -> None:
        changed = self._paused ^ paused
        self._paused = paused
        for kind, queue in changed:
            for listener in self._listeners:
                listener(kind, queue)
