"""A store that can be unplugged, and that counts what it is asked."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, cast

import trio
from attrs import define, field

from trioworq.stores.interface import Store, StoreUnavailable


@define(eq=False)
class TrippingStore:
    """Stands in front of a real store; while a method is unplugged it raises StoreUnavailable."""

    _real: Store
    counts: Counter[str] = field(factory=Counter)
    _unplugged: frozenset[str] | None = frozenset()

    @property
    def store(self) -> Store:
        """This object, as what it stands in for."""
        return cast("Store", self)

    def unplug(self, *methods: str) -> None:
        """Make the named methods fail, or all of them."""
        self._unplugged = frozenset(methods) or None

    def plug_in(self) -> None:
        """Let every method work again."""
        self._unplugged = frozenset()

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: object, **named: object) -> object:
            self.counts[name] += 1
            if self._unplugged is None or name in self._unplugged:
                await trio.lowlevel.checkpoint()
                raise StoreUnavailable("unplugged")
            return await getattr(self._real, name)(*arguments, **named)

        return call
