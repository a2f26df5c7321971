"""Answers questions to the database, each on whichever reading connection is free."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import trio
from attrs import define, field

from trioworq.core.errors import InvalidRequest
from trioworq.stores.interface import StoreError
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.errors import ConnectionLost
from trioworq.stores.mysql.link import Link

P = ParamSpec("P")
T = TypeVar("T")


@define(eq=False)
class _Question:
    """A query on its way, and its answer once it is `answered`."""

    ask: Callable[[Connection], Awaitable[Any]]
    answered: trio.Event = field(factory=trio.Event)
    answer: Any = None
    error: Exception | None = None


class Reader:
    """Hands questions to the service tasks that have the reading connections."""

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = links
        self._questions, self._asked = trio.open_memory_channel[_Question](0)

    async def read(
        self,
        query: Callable[Concatenate[Connection, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return what `query` finds. Raises StoreUnavailable, StoreBroken, InvalidRequest.

        If cancelled: only the waiting ends.
        """
        question = _Question(lambda connection: query(connection, *args, **kwargs))
        await self._questions.send(question)
        await question.answered.wait()
        if question.error is not None:
            raise question.error
        answer: T = question.answer
        return answer

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the connections and answer questions until cancelled.

        Tasks: for each connection, one that keeps it and one that asks on it.
        Stops when: it is cancelled.
        Raises: nothing of its own; what a question raises goes to who asked it.
        """
        async with trio.open_nursery() as tasks:
            for link in self._links:
                await tasks.start(link.run)
                tasks.start_soon(self._answer, link)
            task_status.started()

    async def _answer(self, link: Link) -> None:
        while True:
            question = await self._asked.receive()
            try:
                question.answer = await _ask(link, question)
            except (StoreError, InvalidRequest) as error:
                question.error = error
            question.answered.set()


async def _ask(link: Link, question: _Question) -> Any:
    """Ask, and ask again on a fresh connection when it was lost: a question changes nothing."""
    link.check()
    try:
        return await question.ask(await link.connection())
    except ConnectionLost:
        return await question.ask(await link.connection())
