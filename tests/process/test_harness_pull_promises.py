"""The judgement of the harness on the pull side: each promise, broken by hand, is seen to be broken."""

from typing import Any

import pytest
from attrs import evolve

from tests.process.harness.evidence import Ending, Fault
from tests.process.harness.ledger import HUNG_UP, Outcome, Request
from tests.process.harness.operators import fetched
from tests.process.harness.pull.assignments import MIXED, ONE, PULSE, Assignment
from tests.process.harness.pull.evidence import Change, Enqueueing, Failure, Handout, PullEvidence
from tests.process.harness.pull.promises import PROMISES
from tests.process.harness.pull.report import judge, rows, show
from tests.process.harness.table import Row

CLEAN = PullEvidence(
    store="sqlite",
    seed=1,
    requests=(),
    enqueueings=(),
    handouts=(),
    changes=(),
    faults=(),
    endings=(),
    calm_at_s=0.0,
    left_by_calm=frozenset(),
    left=frozenset(),
    failures=(),
)
SMALL = {"memory": 50 * 2**20, "files": 20}
KILL = Fault(name="kill node", began_at_s=99.0, ended_at_s=101.0)


def asked(event: str, at_s: float, outcome: Outcome = Outcome.DONE, **more: Any) -> Request:
    """Return a request that was answered, or broke, a tenth of a second later."""
    end = "broken_at_s" if outcome is Outcome.UNKNOWN else "ended_at_s"
    times = {"began_at_s": at_s, end: at_s + 0.1}
    return Request(
        **{"event": event, "node": "node-1", "path": "/", "outcome": outcome, "facts": {}, **times, **more}
    )


def enqueued(
    name: str, at_s: float = 100.0, outcome: Outcome = Outcome.DONE, queue: str = MIXED, **job: Any
) -> Enqueueing:
    """Return the enqueueing of a job that has three seconds at each try, and one try."""
    return Enqueueing(
        job=Assignment(**{"name": name, "queue": queue, "timeout_s": 3, "max_retries": 0, **job}),
        request=asked("enqueue", at_s, outcome),
    )


def again(name: str, at_s: float = 100.5) -> Request:
    """Return the enqueueing of a name that was enqueued before, which was taken."""
    return asked("repeat", at_s, facts={"jobs": [{"name": name}]})


def fetch(
    at_s: float, outcome: Outcome = Outcome.DONE, queue: str = MIXED, status: int = 204, **more: Any
) -> Request:
    """Return a request for jobs."""
    return asked("fetch", at_s, outcome, status=status, facts={"queue": queue, "num_jobs": 1}, **more)


def handed(
    name: str,
    at_s: float = 100.2,
    run: int = 1,
    tries: int | None = None,
    queue: str = MIXED,
    job_id: int = 1,
    **more: Any,
) -> Handout:
    """Return the hand-out of a job alone."""
    told = {"jobs": [{"id": name}]}
    handout = Handout(
        name=name,
        job_id=job_id,
        run=run,
        tries=run if tries is None else tries,
        priority=100,
        run_at="2026-01-01T00:00:00.000000Z",
        fetch=fetch(at_s, queue=queue, status=200, told=told),
    )
    return evolve(handout, **more)


def change(
    event: str,
    name: str,
    at_s: float = 100.4,
    run: int = 1,
    status: int = 0,
    is_bare: bool = False,
    job_id: int = 1,
    **more: Any,
) -> Change:
    """Return what the worker asked for that has a run in its hands; it was done, if no status says more."""
    outcome = more.pop("outcome", Outcome.REFUSED if status else Outcome.DONE)
    request = asked(event, at_s, outcome, status=status, facts={"run_after_s": more.pop("run_after_s", 0)})
    return Change(
        event=event,
        name=name,
        held=(job_id, run),
        run=None if is_bare else f"{job_id}-{run}",
        request=request,
        **more,
    )


def completed(name: str, at_s: float = 100.4, **more: Any) -> Change:
    """Return a completion."""
    return change("complete", name, at_s, **more)


def failed(name: str, fail_count: int = 1, message: str | None = None) -> Failure:
    """Return a failure as it should be."""
    tries = "1 attempt" if fail_count == 1 else f"{fail_count} attempts"
    return Failure(name=name, fail_count=fail_count, message=message or f"lease timed out after {tries}")


def ending(code: int = 0, **more: Any) -> Ending:
    """Return the end of a node that was asked to stop."""
    return evolve(Ending(node="node-1.1", code=code, at_s=104.0, signals={"SIGTERM": 100.0}), **more)


Part = Enqueueing | Request | Handout | Change | Failure | Ending | Fault


def record(*found: Part, **more: Any) -> PullEvidence:
    """Return a record of these and no others."""
    requests = [each for each in found if isinstance(each, Request)]
    handouts = [each for each in found if isinstance(each, Handout)]
    return evolve(
        CLEAN,
        requests=[*requests, *(each.fetch for each in handouts)],
        enqueueings=[each for each in found if isinstance(each, Enqueueing)],
        handouts=handouts,
        changes=[each for each in found if isinstance(each, Change)],
        failures=[each for each in found if isinstance(each, Failure)],
        endings=[each for each in found if isinstance(each, Ending)],
        faults=[each for each in found if isinstance(each, Fault)],
        **more,
    )


def together(*handouts: Handout) -> list[Handout]:
    """Return hand-outs of one answer."""
    return [evolve(each, fetch=handouts[0].fetch, place=place) for place, each in enumerate(handouts)]


def batch(*names: str, outcome: Outcome) -> list[Enqueueing]:
    """Return jobs of one request."""
    request = asked("enqueue", 100.0, outcome)
    return [evolve(enqueued(name), request=request) for name in names]


RETRIED = (enqueued("a", max_retries=3), handed("a"), handed("a", 103.5, run=2), completed("a", 103.8, run=2))

KEPT = {
    "nothing happened": CLEAN,
    "completed": record(enqueued("a"), handed("a"), completed("a")),
    "completed, perhaps": record(enqueued("a"), handed("a"), completed("a", outcome=Outcome.UNKNOWN)),
    "failed": record(enqueued("a"), handed("a"), failed("a")),
    "refused": record(enqueued("a", outcome=Outcome.REFUSED)),
    "unknown, and not stored": record(enqueued("a", outcome=Outcome.UNKNOWN)),
    "unknown, and stored": record(enqueued("a", outcome=Outcome.UNKNOWN), handed("a"), completed("a")),
    "a whole batch": record(
        *batch("a", "b", outcome=Outcome.UNKNOWN),
        handed("a"),
        completed("a"),
        handed("b", job_id=2),
        completed("b", job_id=2),
    ),
    "again when the lease had ended": record(*RETRIED),
    "again when its worker gave it back": record(
        enqueued("a"),
        handed("a"),
        change("reschedule", "a", saves=True, state=7),
        handed("a", 100.6, run=2, tries=1, state=7),
        completed("a", 100.8, run=2),
    ),
    "a late change was refused": record(*RETRIED, completed("a", 103.7, status=409)),
    "a late completion without a run": record(
        *RETRIED[:3], completed("a", 103.7, is_bare=True), completed("a", 103.9, run=2, status=404)
    ),
    "kept by heartbeats": record(
        enqueued("a", max_retries=3),
        handed("a"),
        change("heartbeat", "a", 102.0),
        handed("a", 105.2, run=2),
        completed("a", 105.4, run=2),
    ),
    "a lease of which nobody knows": record(
        enqueued("a", max_retries=1), fetch(100.1, Outcome.UNKNOWN), handed("a", 103.5, run=2), failed("a", 2)
    ),
    "nobody was waiting any more when it came": record(
        enqueued("a", queue=PULSE),
        fetch(99.9, Outcome.UNKNOWN, queue=PULSE, broken_at_s=100.1, text=HUNG_UP),
        handed("a", 103.5, run=2, queue=PULSE),
        completed("a", 103.7, run=2),
        calm_at_s=110.0,
    ),
    "a name that is free again": record(
        enqueued("a"), handed("a"), completed("a"), again("a", 101.0), handed("a", 101.2, job_id=2)
    ),
    "in order": record(
        enqueued("a", queue=ONE),
        enqueued("b", queue=ONE),
        handed("a", 101.0, queue=ONE),
        completed("a", 101.2),
        handed("b", 101.5, queue=ONE, job_id=2),
        completed("b", 101.7, job_id=2),
    ),
    "what was saved came back": record(
        *RETRIED[:2],
        change("heartbeat", "a", 100.3, saves=True, state={"beat": 1}),
        handed("a", 103.6, run=2, state={"beat": 1}),
        completed("a", 103.8, run=2),
    ),
    "what may have been saved came back": record(
        *RETRIED, change("heartbeat", "a", 100.3, saves=True, state=1, outcome=Outcome.UNKNOWN)
    ),
    "a first one that was due later": record(
        enqueued("a", queue=ONE, run_after_s=1),
        enqueued("b", queue=ONE, priority=200),
        handed("b", 100.5, queue=ONE, job_id=2, priority=200),
        completed("b", 100.7, job_id=2),
        handed("a", 101.2, queue=ONE),
        completed("a", 101.4),
    ),
    "stopped, with workers that waited": record(fetch(99.0, ended_at_s=100.3), ending()),
    "stopped, when one had hung up": record(
        fetch(99.0, Outcome.UNKNOWN, broken_at_s=100.3, text=HUNG_UP), ending()
    ),
    "killed": record(ending(-9, signals={"SIGKILL": 100.0})),
}

BROKEN = {
    "an acknowledged job is gone": ("I1", record(enqueued("a"))),
    "a refused completion took the job away": (
        "I1",
        record(enqueued("a"), handed("a"), completed("a", 104.0, status=409)),
    ),
    "a job that was never enqueued": ("I2", record(handed("a"))),
    "a refused job was handed out": ("I2", record(enqueued("a", outcome=Outcome.REFUSED), handed("a"))),
    "a refused job failed": ("I2", record(enqueued("a", outcome=Outcome.REFUSED), failed("a"))),
    "a job never sent is there": (
        "I2",
        record(enqueued("a", outcome=Outcome.UNSENT), left=frozenset({"a"})),
    ),
    "half a batch was stored": ("I2", record(*batch("a", "b", outcome=Outcome.UNKNOWN), handed("a"))),
    "a name was taken twice": ("I2", record(enqueued("a", run_after_s=2), again("a"))),
    "two workers have a run": ("I3", record(enqueued("a"), handed("a"), handed("a", 100.7))),
    "leases overlap": ("I3", record(enqueued("a"), handed("a"), handed("a", 101.7, run=2))),
    "a lease ended in spite of a heartbeat": (
        "I3",
        record(
            enqueued("a", max_retries=3),
            handed("a"),
            change("heartbeat", "a", 102.0),
            handed("a", 103.6, run=2),
        ),
    ),
    "a run that was over kept the lease of another": (
        "I3",
        record(*RETRIED[:3], change("heartbeat", "a", 104.0, run=1)),
    ),
    "a run that was over completed the job": ("I3", record(*RETRIED[:3], completed("a", 104.0, run=1))),
    "a run that was over rescheduled the job": (
        "I3",
        record(*RETRIED[:3], change("reschedule", "a", 104.0, run=1)),
    ),
    "handed out after it was completed": ("I3", record(*RETRIED, handed("a", 108.0, run=3))),
    "a worker lost its lease before its time": (
        "I3",
        record(enqueued("a"), handed("a"), completed("a", 101.0, status=409), failed("a")),
    ),
    "a try was counted that nobody had": (
        "I4",
        record(enqueued("a", max_retries=3), handed("a", 103.0, run=3)),
    ),
    "a lease that ended was not counted": (
        "I4",
        record(*RETRIED[:2], handed("a", 103.5, run=2, tries=1)),
    ),
    "failed too soon": ("I4", record(enqueued("a", max_retries=2), handed("a"), failed("a"))),
    "failed without an end to its tries": (
        "I4",
        record(enqueued("a", max_retries=-1), handed("a"), failed("a")),
    ),
    "failed with tries that nobody had": (
        "I4",
        record(enqueued("a", max_retries=1), handed("a"), failed("a", 2)),
    ),
    "failed for another reason": ("I4", record(enqueued("a"), handed("a"), failed("a", message="no reason"))),
    "handed out early": ("I5", record(enqueued("a", run_after_s=2), handed("a", 101.0))),
    "handed out early after a reschedule": (
        "I5",
        record(
            enqueued("a"),
            handed("a"),
            change("reschedule", "a", run_after_s=3),
            handed("a", 101.0, run=2, tries=1),
        ),
    ),
    "a job is left": ("I8", record(enqueued("a"), left=frozenset({"a"}))),
    "a job was left by the calm phase": ("I8", record(enqueued("a"), left_by_calm=frozenset({"a"}))),
    "handed out late in the calm phase": (
        "I8",
        record(enqueued("a", queue=PULSE), handed("a", 103.0, queue=PULSE), calm_at_s=110.0),
    ),
    "given to one who had left": (
        "I8",
        record(
            enqueued("a", queue=PULSE),
            fetch(98.0, Outcome.UNKNOWN, queue=PULSE, broken_at_s=99.0, text=HUNG_UP),
            handed("a", 103.5, run=2, queue=PULSE),
            calm_at_s=110.0,
        ),
    ),
    "the end of a lease was noticed late": (
        "I8",
        record(*RETRIED[:2], handed("a", 106.0, run=2), calm_at_s=110.0),
    ),
    "a job was overtaken": (
        "I9",
        record(
            enqueued("a", queue=ONE),
            enqueued("b", queue=ONE),
            handed("b", 101.0, queue=ONE, job_id=2),
            handed("a", 102.0, queue=ONE),
        ),
    ),
    "a job was overtaken by one of lower priority": (
        "I9",
        record(
            enqueued("a", queue=ONE),
            enqueued("b", queue=ONE, priority=200),
            handed("b", 101.0, queue=ONE, job_id=0, priority=200),
            handed("a", 102.0, queue=ONE),
        ),
    ),
    "an answer is not in order": (
        "I9",
        record(enqueued("a"), enqueued("b"), *together(handed("a", job_id=2), handed("b"))),
    ),
    "completed and failed": ("I10", record(enqueued("a"), handed("a"), completed("a"), failed("a"))),
    "completed and still there": (
        "I10",
        record(enqueued("a"), handed("a"), completed("a"), left=frozenset({"a"})),
    ),
    "failed twice": ("I11", record(enqueued("a"), handed("a"), failed("a"), failed("a"))),
    "a node has grown": ("I13", record(sizes=[(SMALL, {"memory": 2**30, "files": 20})])),
    "a node keeps files open": ("I13", record(sizes=[(SMALL, {"memory": 2**20, "files": 900})])),
    "a stop failed": ("I15", record(ending(1))),
    "a stopping node handed out a job": ("I15", record(enqueued("a"), handed("a", 100.9), ending())),
    "a stopping node handed out a job late": (
        "I15",
        record(
            enqueued("a"),
            handed("a", 99.9, fetch=fetch(99.9, ended_at_s=102.0, told={"jobs": [{}]})),
            ending(),
        ),
    ),
    "a stopping node let a worker wait": ("I15", record(fetch(99.0, ended_at_s=103.0), ending())),
    "a stopping node hung up on a worker": (
        "I15",
        record(fetch(99.0, Outcome.UNKNOWN, broken_at_s=100.2), ending()),
    ),
    "what was saved is gone": (
        "states",
        record(*RETRIED, change("heartbeat", "a", 100.3, saves=True, state=1)),
    ),
    "what a reschedule saved is gone": (
        "states",
        record(
            enqueued("a"),
            handed("a"),
            change("reschedule", "a", saves=True, state=7),
            handed("a", 101.0, run=2, tries=1),
        ),
    ),
    "a refused heartbeat saved something": (
        "states",
        record(
            *RETRIED[:2],
            change("heartbeat", "a", 103.3, saves=True, state=1, status=409),
            handed("a", 103.5, run=2, state=1),
        ),
    ),
    "a node crashed": ("crashes", record(ending(1, signals={}))),
    "an enqueueing was answered 500": ("answers", record(asked("enqueue", 100.0, status=500))),
    "a fetch was answered 503": ("answers", record(fetch(100.0, status=503))),
    "a completion was answered 400": ("answers", record(asked("complete", 100.0, status=400))),
}


@pytest.mark.parametrize("evidence", [pytest.param(value, id=name) for name, value in KEPT.items()])
def test_what_is_allowed_breaks_no_promise(evidence: PullEvidence) -> None:
    """Leases end, clients may not know, workers may be late, and nodes may be killed."""
    assert judge(evidence) == {}


@pytest.mark.parametrize(
    ("promise", "evidence"), [pytest.param(*value, id=name) for name, value in BROKEN.items()]
)
def test_a_broken_promise_is_seen(promise: str, evidence: PullEvidence) -> None:
    """By the promise that is broken, whatever the others say."""
    assert list(PROMISES[promise](evidence))
    assert promise in judge(evidence)
    assert f"BROKEN {promise}" in show(evidence)


def test_every_promise_is_seen_broken_here() -> None:
    """A check that nothing fails would be none; those of operators have tests of their own."""
    assert {promise for promise, _ in BROKEN.values()} == set(PROMISES) - set(fetched.PROMISES)


def test_the_table_says_what_each_fault_did() -> None:
    """How often, jobs meanwhile, lost, handed out more often than needed, and the longest gap."""
    pulses = [
        part
        for number, at_s in enumerate((98.0, 99.5, 102.5, 103.0))
        for part in (
            enqueued(f"p{number}", at_s - 0.2, queue=PULSE),
            handed(f"p{number}", at_s - 0.1, queue=PULSE),
            completed(f"p{number}", at_s),
        )
    ]
    evidence = record(
        *pulses,
        enqueued("gone", 101.0),
        enqueued("twice", 99.0),
        handed("twice", 99.2),
        handed("twice", 102.4, run=2),
        completed("twice", 102.5),
        KILL,
        calm_at_s=98.5,
    )
    assert rows(evidence) == [Row("none", 1, 1, 0, 0, 0.0), Row("kill node", 1, 5, 1, 1, 3.0)]
