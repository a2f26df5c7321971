"""Who gets which of the jobs that a take brings."""

from collections.abc import Collection

import pytest
from attrs import define, evolve, field

from tests.pull_jobs import A_PULL_JOB
from trioworq.core.pull import PullJob
from trioworq.pull.line import TAKE_ROWS, Line, Waiter
from trioworq.stores.claims import CLAIM_BYTES, Take
from trioworq.stores.interface import StoreUnavailable

LARGE = b"x" * CLAIM_BYTES


@define
class Jobs:
    """Numbered jobs, and those of them that have been given back."""

    returned: list[int] = field(factory=list)
    is_paused: bool = False

    def give_back(self, jobs: Collection[PullJob]) -> None:
        """Remember what nobody wants."""
        self.returned += [job.id for job in jobs]

    def line(self) -> Line:
        """Return a line where nobody waits, at time 1000."""
        return Line("q", lambda: 1000, self.give_back, lambda: self.is_paused)


def jobs(*numbers: int) -> list[PullJob]:
    """Return jobs in this order."""
    return [evolve(A_PULL_JOB, id=number, key=str(number)) for number in numbers]


def waiter(limit: int = 1, *, is_patient: bool = False, has_left: bool = False) -> Waiter:
    """Return a worker."""
    return Waiter(limit, is_patient=is_patient, has_left=lambda: has_left)


def given(*waiters: Waiter) -> list[list[int] | None]:
    """Return what each was answered, None for those who still wait."""
    return [[each.id for each in item.jobs] if item.answered.is_set() else None for item in waiters]


def joined(line: Line, *waiters: Waiter) -> None:
    """Have workers join a line."""
    for each in waiters:
        line.join(each)


def test_a_line_asks_once_for_all_who_wait() -> None:
    """Then not again before there is a reason to."""
    line = Jobs().line()
    assert line.ask() is None
    joined(line, waiter(3), waiter(4))
    assert line.ask() == Take("q", 7, 1000)
    assert line.ask() is None


def test_a_line_asks_for_nobody_who_has_gone() -> None:
    """With jobs, without, or by hanging up."""
    line = Jobs().line()
    served, left, over, here = (waiter(limit, is_patient=True) for limit in (1, 20, 300, 4))
    joined(line, served, left, over, here)
    line.ask()
    line.take(jobs(1))
    line.leave(left)
    line.end(over)
    line.call()
    assert line.ask() == Take("q", 4, 1000)


def test_one_take_is_bounded_however_many_wait() -> None:
    """A transaction keeps others waiting."""
    line = Jobs().line()
    joined(line, waiter(1000), waiter(1000))
    assert line.ask() == Take("q", TAKE_ROWS, 1000)


def test_jobs_are_handed_out_in_the_order_of_those_who_wait() -> None:
    """Each gets its number, as long as there are some; who may not wait is told that there are none."""
    line = Jobs().line()
    workers = [waiter(2), waiter(1, is_patient=True), waiter(2), waiter(1)]
    joined(line, *workers)
    line.ask()
    line.take(jobs(1, 2, 3, 4))
    assert given(*workers) == [[1, 2], [3], [4], []]


def test_patient_ones_wait_on() -> None:
    """And get what the next take brings."""
    line = Jobs().line()
    worker = waiter(is_patient=True)
    line.join(worker)
    line.ask()
    line.take(())
    assert given(worker) == [None]
    assert line.ask() is None
    line.call()
    assert line.ask() == Take("q", 1, 1000)
    line.take(jobs(5))
    assert given(worker) == [[5]]


def test_one_who_joins_during_a_take_has_another_one_made() -> None:
    """The take under way may have missed what was there by then; what it has too much of is shared."""
    kept = Jobs()
    line = kept.line()
    first, second, third = waiter(2), waiter(), waiter()
    line.join(first)
    line.ask()
    joined(line, second, third)
    line.leave(first)
    line.take(jobs(1))
    assert given(second, third) == [[1], None]
    assert line.ask() == Take("q", 1, 1000)
    assert kept.returned == []


def test_what_nobody_wants_is_given_back() -> None:
    """Those for whom it was taken have left, and nobody else waits."""
    kept = Jobs()
    line = kept.line()
    worker = waiter(3)
    line.join(worker)
    line.ask()
    line.leave(worker)
    line.take(jobs(1, 2))
    assert kept.returned == [1, 2]


def test_one_who_leaves_with_its_jobs_in_hand_gives_them_back() -> None:
    """Once, however often it is told."""
    kept = Jobs()
    line = kept.line()
    worker = waiter(2)
    line.join(worker)
    line.ask()
    line.take(jobs(1, 2))
    line.leave(worker)
    line.leave(worker)
    assert kept.returned == [1, 2]


def test_one_that_hung_up_while_it_waited_is_given_none() -> None:
    """The next one gets it. Who has not been kept waiting may have closed its half only, and is answered."""
    line = Jobs().line()
    gone, hasty, here = waiter(is_patient=True, has_left=True), waiter(has_left=True), waiter()
    joined(line, gone, hasty, here)
    line.ask()
    line.take(jobs(1, 2))
    assert given(gone, hasty, here) == [[], [1], [2]]


def test_one_that_hung_up_before_its_time_was_over_is_given_none() -> None:
    """Though a take was under way for it by then."""
    kept = Jobs()
    line = kept.line()
    worker = waiter(is_patient=True, has_left=True)
    line.join(worker)
    line.ask()
    line.end(worker)
    line.take(jobs(1))
    assert given(worker) == [[]]
    assert kept.returned == [1]


def test_a_take_that_brought_all_it_could_is_followed_by_another() -> None:
    """More may be due, for those who still wait."""
    line = Jobs().line()
    workers = [waiter(600), waiter(600)]
    joined(line, *workers)
    line.ask()
    line.take(jobs(*range(1, TAKE_ROWS + 1)))
    assert not line.seems_empty
    late = waiter()
    line.join(late)
    line.ask()
    line.take(())
    assert line.seems_empty


@pytest.mark.parametrize("large", [evolve(A_PULL_JOB, payload=LARGE), evolve(A_PULL_JOB, saved_state=LARGE)])
@pytest.mark.parametrize("is_patient", [True, False])
def test_a_take_that_large_jobs_cut_short_is_followed_by_another(large: PullJob, is_patient: bool) -> None:
    """It had fewer jobs than were asked for, and still more may be due: nobody is told that there is none."""
    line = Jobs().line()
    workers = [waiter(), waiter(is_patient=is_patient)]
    joined(line, *workers)
    line.ask()
    line.take([large])
    assert given(*workers) == [[1], None]
    assert line.ask() == Take("q", 1, 1000)
    line.take(jobs(2))
    assert given(*workers) == [[1], [2]]


def test_one_whose_time_is_over_does_not_wait_for_another_take() -> None:
    """Not even when the last one was cut short; the daemon may be stopping."""
    line = Jobs().line()
    workers = [waiter(is_patient=True), waiter(is_patient=True)]
    joined(line, *workers)
    line.ask()
    line.dismiss()
    line.take([evolve(A_PULL_JOB, payload=LARGE)])
    assert given(*workers) == [[1], []]


def test_a_job_whose_lease_has_ended_on_its_way_is_given_back() -> None:
    """The store took longer than the try may; but one with no time at all ends its lease at once anyway."""
    kept = Jobs()
    line = kept.line()
    worker = waiter(3)
    line.join(worker)
    line.ask()
    late, *others = (evolve(job, lease_ends_at_ms=999) for job in jobs(1, 2))
    line.take([late, *(evolve(job, timeout_s=0) for job in others), *jobs(3)])
    assert given(worker) == [[2, 3]]
    assert kept.returned == [1]


def test_a_take_that_brought_less_is_followed_by_none() -> None:
    """What comes later is announced."""
    line = Jobs().line()
    joined(line, waiter(), waiter(is_patient=True))
    line.ask()
    line.take(jobs(1))
    assert line.ask() is None


def test_one_whose_time_is_over_waits_for_the_take_that_is_under_way_for_it() -> None:
    """A job that has been handed out for it must not get lost."""
    line = Jobs().line()
    worker = waiter(is_patient=True)
    line.join(worker)
    line.ask()
    line.end(worker)
    assert given(worker) == [None]
    line.take(())
    assert given(worker) == [[]]


def test_one_whose_time_is_over_goes_at_once_otherwise() -> None:
    """And nothing is asked for it any more."""
    line = Jobs().line()
    worker = waiter(is_patient=True)
    line.join(worker)
    line.end(worker)
    assert given(worker) == [[]]
    assert line.ask() is None


@pytest.mark.parametrize("is_patient", [True, False])
def test_all_are_told_when_the_store_is_away(is_patient: bool) -> None:
    """And the line asks for no more until somebody joins."""
    line = Jobs().line()
    worker = waiter(is_patient=is_patient)
    line.join(worker)
    line.ask()
    line.fail(StoreUnavailable("away"))
    assert str(worker.error) == "away"
    assert line.size == 0
    assert line.ask() is None


def test_a_line_seems_empty_until_somebody_knows_better() -> None:
    """Looking first costs less than a take in vain; a job that is surely there is taken at once."""
    line = Jobs().line()
    assert line.seems_empty
    line.call()
    assert line.seems_empty
    line.call(is_sure=True)
    assert not line.seems_empty
