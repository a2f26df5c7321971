"""What is left of the pull side of a run, read back from its folder."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from tests.process.harness.evidence import Ending, Fault, read_endings, read_faults
from tests.process.harness.journal import read_journal
from tests.process.harness.ledger import Outcome, Request, read_requests
from tests.process.harness.operators.evidence import (
    NO_HISTORY,
    NO_OPERATIONS,
    History,
    Operations,
    read_history,
    read_operations,
)
from tests.process.harness.pull.assignments import Assignment, Kind
from tests.process.harness.pull.crew import KILLED
from tests.process.harness.pull.side import LEDGER, WORKERS
from tests.process.harness.running import PLAN
from tests.process.harness.scene import EVENTS

# What clocks may add up to: those of the nodes, of the database, and ours.
CLOCKS_S = 0.5
# For how long a node may still be busy with a request whose client is gone.
UNSEEN_S = 2.0


@frozen(kw_only=True)
class Enqueueing:
    """One job of a request that stores jobs; those of a batch share `request`."""

    job: Assignment
    request: Request

    @property
    def due_at_s(self) -> float:
        """The earliest time at which the job may be handed out."""
        return self.request.began_at_s + (self.job.run_after_s or 0)


@frozen(kw_only=True)
class Handout:
    """A job in an answer, at a `place` among others.

    `run` grows with every hand-out of the job, `tries` says how often it has been tried by now.
    """

    name: str
    job_id: int
    run: int
    tries: int
    state: Any = None
    run_at: str = ""
    priority: int
    place: int = 0
    fetch: Request

    @property
    def order(self) -> tuple[int, int]:
        """The run as the store orders it, and workers name it."""
        return self.job_id, self.run


@frozen(kw_only=True)
class Change:
    """What a worker asks for of a job; `held` is the run that it has, `run` the one that it names."""

    event: str
    name: str
    held: tuple[int, int]
    run: str | None
    saves: bool = False
    state: Any = None
    request: Request

    def is_of(self, handout: Handout) -> bool:
        """Whether it comes from the worker that a job was handed out to."""
        return self.held == handout.order


@frozen(kw_only=True)
class Failure:
    """A job in the failed store."""

    name: str
    fail_count: int
    message: str


@frozen(kw_only=True)
class PullEvidence:
    """Everything that is known of the pull side of a run."""

    store: str
    seed: int
    # As clients and workers have recorded them; `fetches` and those of the rest are among `requests`.
    requests: Sequence[Request]
    enqueueings: Sequence[Enqueueing]
    handouts: Sequence[Handout]
    changes: Sequence[Change]
    faults: Sequence[Fault]
    endings: Sequence[Ending]
    calm_at_s: float
    # The jobs that the store has after the calm phase, and in the end; and its failures then.
    left_by_calm: frozenset[str]
    left: frozenset[str]
    failures: Sequence[Failure]
    # What nodes take, and take in the end.
    sizes: Sequence[tuple[Mapping[str, int], Mapping[str, int]]] = ()
    # What operators did, and what is remembered.
    operations: Operations = NO_OPERATIONS
    history: History = NO_HISTORY

    @property
    def acknowledged(self) -> list[Enqueueing]:
        """Every job whose enqueueing was answered with a 2xx."""
        return [each for each in self.enqueueings if each.request.outcome is Outcome.DONE]

    @cached_property
    def jobs(self) -> Mapping[str, Assignment]:
        """Every job by its name."""
        return {each.job.name: each.job for each in self.enqueueings}

    @cached_property
    def stored_at_s(self) -> Mapping[str, float]:
        """From when on each job may have been there."""
        return {each.job.name: each.request.began_at_s for each in self.enqueueings}

    @cached_property
    def fetches(self) -> Sequence[Request]:
        """Every request for jobs."""
        return [request for request in self.requests if request.event == "fetch"]

    @cached_property
    def _lost(self) -> Mapping[str, tuple[Sequence[float], Sequence[float]]]:
        """When requests for jobs began, and broke, whose answers nobody knows; by queue, each in order."""
        lost = defaultdict(list)
        for fetch in self.fetches:
            if fetch.outcome is Outcome.UNKNOWN:
                lost[fetch.facts["queue"]].append(fetch)
        return {
            queue: (sorted(each.began_at_s for each in found), sorted(each.broken_at_s for each in found))
            for queue, found in lost.items()
        }

    def lost_fetches(self, queue: str, since_s: float, until_s: float) -> int:
        """Count the requests in some time that may have been given a job of which nobody knows."""
        began_s, broke_s = self._lost.get(queue, ((), ()))
        return bisect_left(began_s, until_s) - bisect_right(broke_s, since_s - UNSEEN_S)

    @cached_property
    def handouts_of(self) -> Mapping[str, Sequence[Handout]]:
        """Every hand-out by the name of its job, in the order of the store."""
        handouts = defaultdict(list)
        for handout in sorted(self.handouts, key=lambda each: (each.job_id, each.run)):
            handouts[handout.name].append(handout)
        return handouts

    @cached_property
    def changes_of(self) -> Mapping[str, Sequence[Change]]:
        """Every change by the name of its job, in order."""
        changes = defaultdict(list)
        for change in sorted(self.changes, key=lambda each: each.request.began_at_s):
            changes[change.name].append(change)
        return changes

    @cached_property
    def failed(self) -> frozenset[str]:
        """The jobs that failed in the end, whether they are still in the failed store or were removed."""
        return frozenset(failure.name for failure in self.failures) | self.operations.removed

    @cached_property
    def enqueued_again(self) -> frozenset[str]:
        """The jobs that may have been stored a second time, when they had ended."""
        return frozenset(
            job["name"]
            for request in self.requests
            if request.event == "repeat" and request.outcome in (Outcome.DONE, Outcome.UNKNOWN)
            for job in request.facts["jobs"]
        )

    def completions(self, name: str, *outcomes: Outcome) -> list[Change]:
        """Return the completions of a job that came to one of these ends."""
        changes = self.changes_of.get(name, ())
        return [each for each in changes if each.event == "complete" and each.request.outcome in outcomes]

    def places(self, name: str) -> list[str]:
        """Say where a job is in the end; none is a lost job, several are a broken promise too."""
        kept = {"listed": name in self.left, "failed": name in self.failed}
        kept["completed"] = bool(self.completions(name, Outcome.DONE))
        places = [place for place, is_there in kept.items() if is_there]
        if not places and self.completions(name, Outcome.UNKNOWN):
            return ["completed, perhaps"]
        if not places and name in self.jobs and self._may_be_removed(self.jobs[name]):
            return ["removed, perhaps"]
        return places

    def _may_be_removed(self, job: Assignment) -> bool:
        return job.kind in (Kind.NEVER, Kind.MENDED) and self.operations.may_have_removed(job.name)


def read(folder: Path) -> PullEvidence:
    """Read what `running.carry_out` has left in a folder."""
    (plan,) = read_journal(folder / PLAN)
    events = read_journal(folder / EVENTS)
    (calm,) = (line for line in events if line["event"] == "calm")
    (quiet,) = (line for line in events if line["event"] == "quiet")
    clients = read_requests(read_journal(folder / LEDGER))
    workers = [request for path in sorted((folder / WORKERS).glob("*.jsonl")) for request in _worker(path)]
    return PullEvidence(
        store=plan["store"],
        seed=plan["seed"],
        requests=[*clients, *workers],
        enqueueings=[each for request in clients for each in _enqueueings(request)],
        handouts=[each for request in workers for each in _handouts(request)],
        changes=[_change(request) for request in workers if request.event != "fetch"],
        faults=read_faults(events),
        endings=read_endings(events),
        calm_at_s=calm["at_s"],
        left_by_calm=frozenset(calm["pull_jobs"]),
        left=frozenset(quiet["pull_jobs"]),
        failures=[
            Failure(name=name, fail_count=count, message=message)
            for name, count, message in quiet["pull_failures"]
        ],
        sizes=list(zip(calm["sizes"], quiet["sizes"], strict=True)),
        operations=read_operations(folder, "pull"),
        history=read_history(quiet),
    )


def _worker(path: Path) -> Iterable[Request]:
    """Read the record of a worker; what it was asking when it was killed broke then."""
    lines = read_journal(path)
    ended_at_s = next((line["at_s"] for line in lines if line["event"] == KILLED), lines[-1]["at_s"])
    for request in read_requests(lines):
        is_open = request.outcome is Outcome.UNKNOWN and request.broken_at_s > ended_at_s
        yield evolve(request, broken_at_s=ended_at_s, text=KILLED) if is_open else request


def _enqueueings(request: Request) -> Iterable[Enqueueing]:
    if request.event == "enqueue":
        for job in request.facts["jobs"]:
            yield Enqueueing(job=Assignment(**job), request=request)


def _handouts(request: Request) -> Iterable[Handout]:
    for place, job in enumerate(request.told.get("jobs", ())):
        job_id, run = _run(job["run_id"])
        yield Handout(
            name=job["id"],
            job_id=job_id,
            run=run,
            tries=job["attempt"],
            state=job["state"],
            run_at=job["run_at"],
            priority=100 if job["priority"] is None else job["priority"],
            place=place,
            fetch=request,
        )


def _change(request: Request) -> Change:
    facts = request.facts
    return Change(
        event=request.event,
        name=facts["name"],
        held=_run(facts["held"]),
        run=facts["run"],
        saves=facts.get("saves", False),
        state=facts.get("state"),
        request=request,
    )


def _run(run_id: str) -> tuple[int, int]:
    job_id, run = run_id.split("-")
    return int(job_id), int(run)
