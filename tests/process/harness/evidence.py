"""What is left of a run, read back from its folder. Times are seconds of one monotonic clock."""

import signal
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from attrs import evolve, frozen

from tests.mariadb import PASSWORD
from tests.process.harness.assignments import ENDS_WELL, Assignment, Kind
from tests.process.harness.journal import read_journal
from tests.process.harness.ledger import FOR_EVER, Outcome, Request, read_requests
from tests.process.harness.operators.evidence import (
    NO_HISTORY,
    NO_OPERATIONS,
    History,
    Operations,
    read_history,
    read_operations,
)
from tests.process.harness.running import PLAN
from tests.process.harness.scene import EVENTS, LEDGER, RUNS

KILLED = -signal.SIGKILL


@frozen(kw_only=True)
class Push:
    """One job of a push; those of a batch share `request`."""

    job: Assignment
    request: Request
    outcome: Outcome
    job_id: int | None = None


@frozen(kw_only=True)
class Run:
    """A call of the worker. `how` is its verdict, or how it ended without one."""

    name: str
    queue: str
    node: str
    began_at_s: float
    ended_at_s: float = FOR_EVER
    how: str = ""


@frozen(kw_only=True)
class Fault:
    """Something that was done to the cluster, up to when it was whole again; to these nodes, by force."""

    name: str
    nodes: frozenset[str] = frozenset()
    began_at_s: float
    ended_at_s: float = FOR_EVER


@frozen(kw_only=True)
class Ending:
    """The end of a daemon: the signals it was sent, with their times, and its exit code."""

    node: str
    code: int
    at_s: float
    signals: Mapping[str, float]
    is_crash: bool = False


@frozen(kw_only=True)
class Evidence:
    """Everything that is known of a run."""

    store: str
    seed: int
    pushes: Sequence[Push]
    requests: Sequence[Request]
    runs: Sequence[Run]
    faults: Sequence[Fault]
    endings: Sequence[Ending]
    # At the end of the calm phase: its time, and every node's counters by queue.
    calm_at_s: float
    calm_stats: Sequence[Mapping[str, Mapping[str, int]]]
    # At the end: names by queue; names with their counts of failures; what nodes take; what they show.
    listed: Mapping[str, Sequence[str]]
    failures: Mapping[str, Sequence[tuple[str, int]]]
    sizes: Sequence[tuple[Mapping[str, int], Mapping[str, int]]] = ()
    # Where the password is shown.
    leaks: Sequence[str] = ()
    # What operators did, and what is remembered.
    operations: Operations = NO_OPERATIONS
    history: History = NO_HISTORY

    @property
    def acknowledged(self) -> list[Push]:
        """Every job whose push was answered with a 2xx."""
        return [push for push in self.pushes if push.outcome is Outcome.DONE]

    @cached_property
    def runs_of(self) -> Mapping[str, Sequence[Run]]:
        """Every run by the name of its job, in order."""
        runs = defaultdict(list)
        for run in self.runs:
            runs[run.name].append(run)
        return runs

    @cached_property
    def entries(self) -> Sequence[tuple[str, int]]:
        """Every entry that the failure log has, or that was deleted there: the job's name, and its count of
        failures. One whose job is run again is not among them.
        """
        forgotten = [
            (request.facts["name"], request.facts["fail_count"])
            for request in self.of("forget")
            if request.outcome is Outcome.DONE
        ]
        return [*forgotten, *(entry for entries in self.failures.values() for entry in entries)]

    @cached_property
    def failed(self) -> frozenset[str]:
        """The jobs that failed in the end, whether their entry in the failure log was deleted then or not."""
        return frozenset(name for name, _ in self.entries) | self.operations.removed

    @cached_property
    def left(self) -> frozenset[str]:
        """The jobs that are listed in the end."""
        return frozenset(name for names in self.listed.values() for name in names)

    @cached_property
    def deleted(self) -> frozenset[str]:
        """The jobs that were deleted."""
        return frozenset(
            request.facts["name"] for request in self.of("delete") if request.outcome is Outcome.DONE
        )

    def may_be_deleted(self, job: Assignment) -> bool:
        """Whether a request that had no answer may have deleted a job, or its failure."""
        if job.name in self._perhaps_deleted:
            return True
        return job.kind not in ENDS_WELL and self.operations.may_have_removed(job.name)

    def runs_needed(self, job: Assignment) -> int:
        """Return how many runs a job takes, with those for which it was run again after it had failed."""
        return job.attempts * (1 + self.operations.most_retries(job.name))

    @cached_property
    def _perhaps_deleted(self) -> frozenset[str]:
        """The jobs whose deletion, or that of their failure, had no answer."""
        requests = [*self.of("delete"), *self.of("forget")]
        return frozenset(request.facts["name"] for request in requests if request.outcome is Outcome.UNKNOWN)

    def places(self, push: Push) -> list[str]:
        """Say where a job is in the end; none is a lost job, several are a broken promise too."""
        name = push.job.name
        kept = {"listed": self.left, "deleted": self.deleted, "failed": self.failed}
        places = [place for place, names in kept.items() if name in names]
        if not places and self.may_be_deleted(push.job):
            return ["deleted, perhaps"]
        if not places and any(run.how == Kind.SUCCESS for run in self.runs_of.get(name, ())):
            return ["completed"]
        return places

    def of(self, event: str) -> list[Request]:
        """Return the requests of a kind."""
        return [request for request in self.requests if request.event == event]


def read(folder: Path) -> Evidence:
    """Read what `running.carry_out` has left in a folder."""
    (plan,) = read_journal(folder / PLAN)
    events = read_journal(folder / EVENTS)
    requests = read_requests(read_journal(folder / LEDGER))
    (calm,) = (line for line in events if line["event"] == "calm")
    (quiet,) = (line for line in events if line["event"] == "quiet")
    return Evidence(
        store=plan["store"],
        seed=plan["seed"],
        pushes=[push for request in requests for push in _pushes(request)],
        requests=requests,
        runs=read_runs(folder),
        faults=read_faults(events),
        endings=read_endings(events),
        calm_at_s=calm["at_s"],
        calm_stats=calm["stats"],
        listed=quiet["jobs"],
        failures={
            queue: [(name, count) for name, count in entries] for queue, entries in quiet["failures"].items()
        },
        sizes=list(zip(calm["sizes"], quiet["sizes"], strict=True)),
        leaks=_leaks(folder, quiet["shown"]),
        operations=read_operations(folder, "push"),
        history=read_history(quiet),
    )


def read_runs(folder: Path) -> list[Run]:
    """Read the runs so far; a worker may still be adding to them."""
    runs: dict[int, Run] = {}
    for line in read_journal(folder / RUNS):
        if line["event"] == "began":
            runs[line["run"]] = Run(
                name=line["name"], queue=line["queue"], node=line["node"], began_at_s=line["at_s"]
            )
        else:
            runs[line["run"]] = evolve(runs[line["run"]], ended_at_s=line["at_s"], how=line["how"])
    return list(runs.values())


def _pushes(request: Request) -> Iterable[Push]:
    if request.event != "push":
        return
    jobs = [Assignment(**job) for job in request.facts["jobs"]]
    for job, job_id in zip(jobs, request.told.get("ids") or [None] * len(jobs), strict=True):
        outcome = request.outcome
        if outcome is Outcome.DONE and job_id is None:
            outcome = Outcome.REFUSED
        yield Push(job=job, request=request, outcome=outcome, job_id=job_id)


def read_faults(lines: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Return the faults of a run, from its events."""
    faults: list[Fault] = []
    for line in lines:
        if line["event"] == "fault began":
            faults.append(Fault(name=line["fault"], began_at_s=line["at_s"]))
        elif line["event"] == "fault ended":
            faults[-1] = evolve(faults[-1], ended_at_s=line["at_s"])
        elif faults and (line.get("signal") in ("SIGKILL", "SIGSTOP") or line.get("code") == KILLED):
            faults[-1] = evolve(faults[-1], nodes=faults[-1].nodes | {line["node"]})
    return faults


def read_endings(lines: Iterable[Mapping[str, Any]]) -> list[Ending]:
    """Return the ends of daemons, from the events of a run."""
    signals: dict[str, dict[str, float]] = defaultdict(dict)
    crashed = set()
    endings = []
    for line in lines:
        match line["event"]:
            case "signalled":
                signals[line["node"]][line["signal"]] = line["at_s"]
            case "crashed":
                crashed.add(line["node"])
            case "ended":
                node = line["node"]
                endings.append(
                    Ending(
                        node=node,
                        code=line["code"],
                        at_s=line["at_s"],
                        signals=signals[node],
                        is_crash=node in crashed,
                    )
                )
    return endings


def _leaks(folder: Path, shown: str) -> list[str]:
    """Say where a node has shown its password: its logs, what it printed, its answers."""
    needles = [PASSWORD.encode(), quote(PASSWORD).encode()]
    places = [path for path in folder.glob("node-*/*") if path.is_file()]
    leaks = [str(path.relative_to(folder)) for path in places if _has(path.read_bytes(), needles)]
    return leaks + (["its answers"] if _has(shown.encode(), needles) else [])


def _has(text: bytes, needles: Iterable[bytes]) -> bool:
    return any(needle in text for needle in needles)
