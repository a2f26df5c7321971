"""What operators asked for, what came of it, and what is remembered in the end of jobs that ended well."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import field, frozen

from tests.process.harness.journal import read_journal
from tests.process.harness.ledger import FOR_EVER, Outcome, Request, read_requests
from tests.process.harness.operators.clients import LEDGER
from tests.process.harness.pull.side import WORKERS
from tests.process.harness.scene import LEDGER as PUSHERS

_RETRYING, _REMOVING = ("retry", "retry-all"), ("remove", "clear")
# What was begun may go on, or be done in part.
_UNAVAILABLE = 503


@frozen(kw_only=True)
class Sweep:
    """What one request did to failed jobs: to those with these names; with None, perhaps to any."""

    names: frozenset[str] | None
    is_retry: bool
    is_certain: bool
    request: Request

    def may_concern(self, name: str) -> bool:
        """Whether it was, or could have been, done to a job."""
        return self.names is None or name in self.names


@frozen
class Pause:
    """A time in which the queue was paused for certain."""

    since_s: float
    until_s: float = FOR_EVER


@frozen(kw_only=True)
class Operations:
    """Everything that operators did to jobs and queues of one kind, and all that they asked for."""

    requests: Sequence[Request] = ()
    sweeps: Sequence[Sweep] = ()
    pauses: Sequence[Pause] = ()

    @cached_property
    def _certain(self) -> Mapping[str, Sequence[Sweep]]:
        found = defaultdict(list)
        for sweep in self.sweeps:
            for name in sweep.names or () if sweep.is_certain else ():
                found[name].append(sweep)
        return found

    @cached_property
    def _uncertain(self) -> Sequence[Sweep]:
        return [sweep for sweep in self.sweeps if not sweep.is_certain]

    def retries(self, name: str) -> list[Request]:
        """Return the requests by which a job was run again."""
        return [sweep.request for sweep in self._certain.get(name, ()) if sweep.is_retry]

    def removals(self, name: str) -> list[Request]:
        """Return the requests by which a failed job was removed: one, if all is well."""
        return [sweep.request for sweep in self._certain.get(name, ()) if not sweep.is_retry]

    def most_retries(self, name: str) -> int:
        """Return how often a job has been run again at most."""
        perhaps = sum(sweep.is_retry and sweep.may_concern(name) for sweep in self._uncertain)
        return len(self.retries(name)) + perhaps

    @cached_property
    def retried(self) -> frozenset[str]:
        """The jobs that were run again."""
        return frozenset(name for name in self._certain if self.retries(name))

    @cached_property
    def removed(self) -> frozenset[str]:
        """The failed jobs that were removed."""
        return frozenset(name for name in self._certain if self.removals(name))

    def may_have_removed(self, name: str) -> bool:
        """Whether a request of which nobody knows the outcome may have removed a failed job."""
        return any(not sweep.is_retry and sweep.may_concern(name) for sweep in self._uncertain)

    def may_have_retried(self, name: str, since_s: float, until_s: float) -> bool:
        """Whether a job may have been run again in a time."""
        sweeps = [*self._certain.get(name, ()), *self._uncertain]
        return any(
            sweep.is_retry
            and sweep.may_concern(name)
            and sweep.request.began_at_s <= until_s
            and sweep.request.ended_at_s >= since_s
            for sweep in sweeps
        )


@frozen(kw_only=True)
class History:
    """What is left in the end: jobs that ended well, by id, and the times of the samples of the load.

    These are milliseconds of the wall clock, which was at `wall_ms` at the time `at_s`.
    """

    ended_ms: Mapping[int, int] = field(factory=dict)
    samples_ms: Sequence[int] = ()
    at_s: float = 0.0
    wall_ms: int = 0


NO_OPERATIONS = Operations()
NO_HISTORY = History()


def read_history(quiet: Mapping[str, Any]) -> History:
    """Read the event that a run ends with; one without operators tells of no history."""
    if "finished" not in quiet:
        return NO_HISTORY
    return History(
        ended_ms=dict(quiet["finished"]),
        samples_ms=quiet["samples"],
        at_s=quiet["at_s"],
        wall_ms=quiet["wall_ms"],
    )


def read_operations(folder: Path, kind: str) -> Operations:
    """Read what the operators did to jobs of a kind, push or pull, if there were operators."""
    path = folder / LEDGER
    requests = read_requests(read_journal(path)) if path.exists() else []
    jobs = {job.id: job for job in _known_jobs(folder, requests)}
    return Operations(
        requests=requests,
        sweeps=[sweep for request in requests for sweep in _sweeps(request, jobs, kind)],
        pauses=list(_pauses(requests, kind)),
    )


@frozen
class _KnownJob:
    """Whose id it is."""

    id: int
    name: str
    kind: str


def _known_jobs(folder: Path, requests: Iterable[Request]) -> Iterator[_KnownJob]:
    """Name the jobs of which somebody was told the id: who pushed them, who fetched them, operators."""
    for request in requests:
        for job in request.told.get("jobs", ()):
            yield _KnownJob(job["id"], job["name"], job["kind"])
    for request in read_requests(read_journal(folder / PUSHERS)):
        for job, job_id in zip(request.facts.get("jobs", ()), request.told.get("ids", ()), strict=False):
            yield _KnownJob(job_id, job["name"], "push")
    for path in sorted((folder / WORKERS).glob("*.jsonl")):
        for request in read_requests(read_journal(path)):
            for job in request.told.get("jobs", ()):
                yield _KnownJob(int(job["job_id"]), job["id"], "pull")


def _sweeps(request: Request, jobs: Mapping[int, _KnownJob], kind: str) -> Iterator[Sweep]:
    is_retry = request.event in _RETRYING
    is_of_another = request.facts.get("kind", kind) != kind
    if is_of_another or (not is_retry and request.event not in _REMOVING):
        return
    one = frozenset((request.facts["name"],)) if "name" in request.facts else None
    if request.outcome is Outcome.UNKNOWN or request.status == _UNAVAILABLE:
        yield Sweep(names=one, is_retry=is_retry, is_certain=False, request=request)
    elif request.outcome is Outcome.DONE:
        ids = request.told.get("ids", ())
        found = [jobs[job_id] for job_id in ids if job_id in jobs]
        names = one or frozenset(job.name for job in found if job.kind == kind)
        yield Sweep(names=names, is_retry=is_retry, is_certain=True, request=request)
        if len(found) < len(ids):
            yield Sweep(names=None, is_retry=is_retry, is_certain=False, request=request)


def _pauses(requests: Iterable[Request], kind: str) -> Iterator[Pause]:
    """A queue is paused from an answer that says so until anything is sent that may resume it."""
    since_s = FOR_EVER
    for request in sorted(requests, key=lambda each: each.began_at_s):
        if request.facts.get("kind") != kind:
            continue
        if request.event == "pause" and request.outcome is Outcome.DONE:
            since_s = min(since_s, request.ended_at_s)
        elif request.event == "resume" and request.outcome is not Outcome.UNSENT and since_s < FOR_EVER:
            yield Pause(since_s, request.began_at_s)
            since_s = FOR_EVER
    if since_s < FOR_EVER:
        yield Pause(since_s)
