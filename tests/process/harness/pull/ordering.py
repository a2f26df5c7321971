"""The promise of an order: I9."""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from tests.process.harness.pull.assignments import ONE
from tests.process.harness.pull.evidence import CLOCKS_S, Handout, PullEvidence


def jobs_come_in_order(evidence: PullEvidence) -> Iterator[str]:
    """I9. Answers are in order, and one worker gets no job before one that was due and waited already."""
    for handouts in _answers(evidence.handouts):
        if sorted(handouts, key=_key) != handouts:
            names = ", ".join(handout.name for handout in handouts)
            yield f"an answer was not in order: {names}"
    ready = _ready(evidence)
    waiting: list[tuple[tuple[int, str, int], str]] = []
    handed: set[str] = set()
    for first, *_ in _answers(each for each in evidence.handouts if each.fetch.facts["queue"] == ONE):
        handed.add(first.name)
        while ready and ready[-1][0] < first.fetch.began_at_s:
            heappush(waiting, ready.pop()[1:])
        while waiting and waiting[0][1] in handed:
            heappop(waiting)
        if waiting and waiting[0][0] < _key(first):
            yield f"{first.name} overtook {waiting[0][1]}, which was due when it was asked for"


def _answers(handouts: Iterable[Handout]) -> list[list[Handout]]:
    """Return the hand-outs of each answer, in the order in which the answers came."""
    answers: dict[int, list[Handout]] = {}
    for handout in sorted(handouts, key=lambda each: (each.fetch.ended_at_s, each.place)):
        answers.setdefault(id(handout.fetch), []).append(handout)
    return list(answers.values())


def _ready(evidence: PullEvidence) -> list[tuple[float, tuple[int, str, int], str]]:
    """Return the jobs that nobody has had before those who told of it, the first to be due at the end."""
    ready = []
    for each in evidence.acknowledged:
        first = next(iter(evidence.handouts_of.get(each.job.name, ())), None)
        if each.job.queue == ONE and first is not None and first.run == 1:
            due_s = max(each.request.ended_at_s, each.due_at_s + CLOCKS_S)
            ready.append((due_s, _key(first), each.job.name))
    return sorted(ready, reverse=True)


def _key(handout: Handout) -> tuple[int, str, int]:
    return handout.priority, handout.run_at, handout.job_id
