"""A store whose answers can be held up after it has done what it was asked."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import trio
from attrs import define, field

from trioworq.stores.interface import Store


@define(eq=False)
class LaggingStore:
    """Stands in front of a real store; the answers of methods that are kept back wait until `let_go`."""

    _real: Store
    _held: dict[str, trio.Event] = field(factory=dict)
    _answered: dict[str, trio.Event] = field(factory=dict)

    @property
    def store(self) -> Store:
        """This object, as what it stands in for."""
        return cast("Store", self)

    def keep_back(self, method: str) -> None:
        """Keep back the answers of a method from now on."""
        self._held[method] = trio.Event()
        self._answered[method] = trio.Event()

    async def wait_for(self, method: str) -> None:
        """Wait until a held method has been carried out and its answer is kept back."""
        with trio.fail_after(3600):
            await self._answered[method].wait()

    def let_go(self, method: str) -> None:
        """Let the answers out."""
        self._held.pop(method).set()

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: object, **named: object) -> object:
            answer = await getattr(self._real, name)(*arguments, **named)
            if name in self._held:
                gate = self._held[name]
                self._answered[name].set()
                await gate.wait()
            return answer

        return call
