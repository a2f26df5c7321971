"""How many steps a search for due jobs takes, whatever the answers."""

from collections.abc import Sequence

import pytest

from trioworq.core.jobs import Kind
from trioworq.stores.mysql.due import BARREN_PRIORITIES, Search
from trioworq.stores.mysql.wire import Result
from trioworq.stores.rows import Row

NOTHING = Result((), 0, 0)


def answer(statement: bytes, steps: int) -> Result:
    """Answer as a queue would that has a priority of deferred jobs for each step, and one with a due job."""
    if statement.startswith(b"SELECT DISTINCT priority"):
        return Result(((10**6,),), 0, 0)
    if statement.startswith(b"SELECT priority"):
        return Result(((-(10**6) + steps,),), 0, 0)
    return Result(((7, 1, b"due"),), 0, 0) if b"priority = 1000000" in statement else NOTHING


@pytest.mark.parametrize("kind", Kind)
def test_thousands_of_priorities_without_a_due_job_are_passed_by(kind: Kind) -> None:
    """A round trip for each would keep everybody's transaction waiting (I13)."""
    search = Search(kind, "q", 5, 1_000)
    conversation = search.finish([answer(statement, 0) for statement in search.begin()])
    statements = next(conversation)
    due: Sequence[Row] = ()
    steps = 0
    while not due:
        steps += 1
        try:
            statements = conversation.send([answer(statement, steps) for statement in statements])
        except StopIteration as end:
            due = end.value
    assert [row[0] for row in due] == [7]
    assert steps == BARREN_PRIORITIES + 2
