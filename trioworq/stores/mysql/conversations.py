"""Writes as conversations with the database, so that those of a batch share their round trips.

A conversation yields the statements of a step and is given what each of them gave; it returns the write's
outcome. Under load a round trip takes as long as the event loop takes for everything else that is ready,
so a batch costs what its longest conversation costs, and not the sum of all.
"""

from collections.abc import Generator, Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.wire import Result

T = TypeVar("T")

Conversation = Generator[Sequence[bytes], list[Result], T]


class Mismatch(Exception):
    """Something was not as it nearly always is; the transaction has to be done again, carefully."""


async def carry_on(connection: Connection, conversations: Sequence[Conversation[Any]]) -> list[Any]:
    """Have conversations side by side and return their outcomes, in order.

    The statements of a step are carried out in the order of the conversations. Raises what the connection
    or a conversation raises; the transaction is then to be rolled back.
    """
    outcomes: list[Any] = [None] * len(conversations)
    answers: dict[int, list[Result] | None] = dict.fromkeys(range(len(conversations)))
    while answers:
        asked: dict[int, Sequence[bytes]] = {}
        for place, answer in answers.items():
            try:
                asked[place] = conversations[place].send(answer)  # type: ignore[arg-type]  # None to begin
            except StopIteration as end:
                outcomes[place] = end.value
        results = iter(await connection.send_all([one for step in asked.values() for one in step]))
        answers = {place: list(islice(results, len(step))) for place, step in asked.items()}
    return outcomes


def in_turn(conversations: Iterable[Conversation[T]]) -> Conversation[list[T]]:
    """Have conversations one after the other, as one; for those that must see what the others have done."""
    outcomes = []
    for conversation in conversations:
        outcomes.append((yield from conversation))  # noqa: PERF401  # a comprehension cannot yield
    return outcomes
