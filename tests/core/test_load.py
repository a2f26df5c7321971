"""How jobs are summed up by their types (contract load §4.4)."""

from trioworq.core.jobs import Kind
from trioworq.core.load import JobCount, Load, TypeName, load_by_type

MAIL = TypeName(Kind.PUSH, "mail")


def test_a_push_job_is_of_the_type_of_its_category() -> None:
    """The queues that a category went to do not matter."""
    counts = [
        JobCount(kind=Kind.PUSH, queue="a", category="mail", deferred=1, waiting=2, running=3),
        JobCount(kind=Kind.PUSH, queue="b", category="mail", deferred=10, waiting=20, running=30),
    ]
    assert load_by_type(counts) == {MAIL: Load(11, 22, 33)}


def test_a_pull_job_is_of_the_type_of_its_queue() -> None:
    """A category of the same name is another type."""
    counts = [
        JobCount(kind=Kind.PULL, queue="mail", category="", waiting=1),
        JobCount(kind=Kind.PUSH, queue="x", category="mail", running=1),
    ]
    assert load_by_type(counts) == {TypeName(Kind.PULL, "mail"): Load(0, 1, 0), MAIL: Load(0, 0, 1)}


def test_the_fullest_types_come_first_and_empty_ones_not_at_all() -> None:
    """Whoever takes the first few has those with the most jobs, of whatever state."""
    counts = [
        JobCount(kind=Kind.PUSH, queue="q", category="none"),
        JobCount(kind=Kind.PUSH, queue="q", category="some", waiting=3),
        JobCount(kind=Kind.PUSH, queue="q", category="most", deferred=2, running=2),
    ]
    assert [name.name for name in load_by_type(counts)] == ["most", "some"]
