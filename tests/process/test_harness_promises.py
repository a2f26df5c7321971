"""The judgement of the harness: each promise, broken by hand in a record, is seen to be broken."""

from typing import Any

import pytest
from attrs import evolve

from tests.process.harness.assignments import (
    HANGING,
    MIXED,
    ONE,
    PULSE,
    QUEUES,
    THREE,
    THROTTLED,
    Assignment,
    Kind,
)
from tests.process.harness.evidence import Ending, Evidence, Fault, Push, Run
from tests.process.harness.ledger import Outcome, Request
from tests.process.harness.operators import pushed
from tests.process.harness.promises import PROMISES
from tests.process.harness.report import judge, rows, show
from tests.process.harness.table import Row, longest_gap_s

COUNTERS = {"total_pushes": 0, "total_completes": 0}
CLEAN = Evidence(
    store="sqlite",
    seed=1,
    pushes=(),
    requests=(),
    runs=(),
    faults=(),
    endings=(),
    calm_at_s=0.0,
    calm_stats=(dict.fromkeys(QUEUES, COUNTERS),),
    listed={},
    failures={},
)
SMALL = {"memory": 50 * 2**20, "files": 20}
KILL = Fault(name="kill node", nodes=frozenset({"node-1.1"}), began_at_s=99.0, ended_at_s=100.0)


def push(
    name: str, at_s: float = 100.0, outcome: Outcome = Outcome.DONE, queue: str = MIXED, **job: Any
) -> Push:
    """Return a push that was answered a tenth of a second later."""
    request = Request(
        event="push", node="node-1.1", path="/jobs", began_at_s=at_s, ended_at_s=at_s + 0.1, facts={}
    )
    return Push(
        job=Assignment(name=name, queue=queue, **job),
        request=evolve(request, outcome=outcome),
        outcome=outcome,
    )


def run(name: str, at_s: float = 100.2, how: str = "success", queue: str = MIXED, **more: Any) -> Run:
    """Return a run that took a tenth of a second."""
    return evolve(
        Run(name=name, queue=queue, node="node-1.1", began_at_s=at_s, ended_at_s=at_s + 0.1, how=how), **more
    )


def request(event: str, path: str = "/", at_s: float = 100.0, **facts: Any) -> Request:
    """Return a request that was answered 200 a tenth of a second later."""
    return Request(
        event=event,
        node="node-1.1",
        path=path,
        began_at_s=at_s,
        ended_at_s=at_s + 0.1,
        outcome=Outcome.DONE,
        status=200,
        facts=facts,
    )


def ending(code: int = 0, **more: Any) -> Ending:
    """Return the end of a node that was asked to stop."""
    return evolve(Ending(node="node-1.1", code=code, at_s=101.0, signals={"SIGTERM": 100.0}), **more)


def record(*found: Push | Run | Request | Ending | Fault, **more: Any) -> Evidence:
    """Return a record of these and no others."""
    return evolve(
        CLEAN,
        pushes=[each for each in found if isinstance(each, Push)],
        runs=[each for each in found if isinstance(each, Run)],
        requests=[each for each in found if isinstance(each, Request)],
        endings=[each for each in found if isinstance(each, Ending)],
        faults=[each for each in found if isinstance(each, Fault)],
        **more,
    )


def fails(name: str, at_s: float = 100.0, **job: Any) -> Push:
    """Return the push of a job that fails for good at its first attempt."""
    return push(name, at_s, kind=Kind.PERMANENT, **job)


def logged(*entries: tuple[str, int]) -> dict[str, list[tuple[str, int]]]:
    """Return a failure log."""
    return {MIXED: list(entries)}


def crowd(queue: str, size: int, **more: Any) -> list[Run]:
    """Return runs at the same time."""
    return [run(str(number), queue=queue, **more) for number in range(size)]


KEPT = {
    "nothing happened": CLEAN,
    "completed": record(push("a"), run("a")),
    "failed": record(fails("a"), run("a", how="permanent-failure"), failures=logged(("a", 1))),
    "deleted": record(push("a"), request("delete", name="a")),
    "deleted, perhaps": record(
        push("a"), evolve(request("delete", name="a"), outcome=Outcome.UNKNOWN, status=0)
    ),
    "forgotten": record(
        fails("a"), run("a", how="permanent-failure"), request("forget", name="a", fail_count=1)
    ),
    "refused": record(push("a", outcome=Outcome.REFUSED)),
    "unknown, and stored": record(push("a", outcome=Outcome.UNKNOWN), run("a")),
    "unknown, and not stored": record(push("a", outcome=Outcome.UNKNOWN)),
    "run again for a fault": record(push("a"), run("a", how="cut off"), run("a", 101.0), KILL),
    "overlapping for a fault": record(push("a"), run("a", ended_at_s=110.0), run("a", 101.0), KILL),
    "retried after its delay": record(
        push("a", kind=Kind.FLAKY, fails=1, retry_delay_s=1), run("a", how="failure"), run("a", 101.3)
    ),
    "as many as workers": record(*crowd(HANGING, 5), *(push(str(number)) for number in range(5))),
    "in order": record(
        push("a", queue=ONE),
        push("b", 102.0, queue=ONE),
        run("a", 103.0, queue=ONE),
        run("b", 104.0, queue=ONE),
    ),
    "stopped": record(ending()),
    "killed": record(ending(-9, signals={"SIGKILL": 100.0})),
}

BROKEN = {
    "an acknowledged job is gone": ("I1", record(push("a"))),
    "a failed job is gone": ("I1", record(fails("a"), run("a", how="permanent-failure"))),
    "a job ran that was never pushed": ("I2", record(run("a"))),
    "a refused job ran": ("I2", record(push("a", outcome=Outcome.REFUSED), run("a"))),
    "a refused job failed": ("I2", record(fails("a", outcome=Outcome.REFUSED), failures=logged(("a", 1)))),
    "a push never sent is listed": ("I2", record(push("a", outcome=Outcome.UNSENT), listed={MIXED: ["a"]})),
    "half a batch was stored": (
        "I2",
        record(push("a", outcome=Outcome.UNKNOWN), push("b", outcome=Outcome.UNKNOWN), run("a")),
    ),
    "the fault of another node explains nothing": (
        "I3",
        record(push("a"), run("a", ended_at_s=110.0, node="node-2.1"), run("a", 101.0), KILL),
    ),
    "runs overlap": ("I3", record(push("a"), run("a", ended_at_s=110.0), run("a", 101.0))),
    "a fault long past explains nothing": (
        "I3",
        record(push("a"), run("a", 120.0, ended_at_s=130.0), run("a", 121.0), KILL),
    ),
    "a run without need": ("I4", record(push("a"), run("a"), run("a", 101.0))),
    "a failure was counted twice": ("I4", record(fails("a"), run("a"), failures=logged(("a", 2)))),
    "a forgotten failure was counted twice": (
        "I4",
        record(fails("a"), run("a"), request("forget", name="a", fail_count=2)),
    ),
    "a delayed job was early": ("I5", record(push("a", run_after_s=3), run("a", 102.0))),
    "a retry was early": (
        "I5",
        record(
            push("a", kind=Kind.FLAKY, fails=1, retry_delay_s=2), run("a", how="failure"), run("a", 101.3)
        ),
    ),
    "more calls than workers": ("I6", record(*crowd(THREE, 4), *(push(str(number)) for number in range(4)))),
    "more calls than workers after a kill": ("I6", record(*crowd(THREE, 4), KILL)),
    "more dispatches than the throttle allows": (
        "I6",
        record(*(run(str(number), 100 + number / 40, queue=THROTTLED) for number in range(60))),
    ),
    "a job is left": ("I8", record(push("a"), listed={MIXED: ["a"]})),
    "a job started late in the calm phase": (
        "I8",
        record(push("a", queue=PULSE), run("a", 103.0, queue=PULSE), calm_at_s=110.0),
    ),
    "a job was overtaken": (
        "I9",
        record(
            push("a", queue=ONE),
            push("b", 102.0, queue=ONE),
            run("b", 103.0, queue=ONE),
            run("a", 104.0, queue=ONE),
        ),
    ),
    "a job is in two places": ("I10", record(fails("a"), failures=logged(("a", 1)), listed={MIXED: ["a"]})),
    "a push was not counted": ("I10", record(push("a"), run("a"), calm_at_s=110.0)),
    "a failure was logged twice": ("I11", record(fails("a"), failures=logged(("a", 1), ("a", 1)))),
    "a failure was logged again after it was forgotten": (
        "I11",
        record(fails("a"), request("forget", name="a", fail_count=1), failures=logged(("a", 1))),
    ),
    "a job that succeeds was logged": ("I11", record(push("a"), run("a"), failures=logged(("a", 1)))),
    "a deleted job failed": (
        "I12",
        record(fails("a"), request("delete", name="a"), failures=logged(("a", 1))),
    ),
    "a deleted job ran": ("I12", record(push("a"), request("delete", name="a"), run("a", 102.0))),
    "a node has grown": ("I13", record(sizes=[(SMALL, {"memory": 2**30, "files": 20})])),
    "a node keeps files open": ("I13", record(sizes=[(SMALL, {"memory": 2**20, "files": 900})])),
    "a password is shown": ("I14", record(leaks=["node-1/error.log"])),
    "a stop failed": ("I15", record(ending(1))),
    "a stop took too long": ("I15", record(ending(at_s=200.0))),
    "a stopping node started a job": ("I15", record(push("a"), run("a", 103.0), ending())),
    "a node crashed": ("crashes", record(ending(1, signals={}))),
    "a node was killed by somebody else": ("crashes", record(ending(-9, signals={}, is_crash=True))),
    "a push was answered 500": ("answers", record(evolve(request("push"), status=500))),
    "a push was answered 404": ("answers", record(evolve(request("push"), status=404))),
}


@pytest.mark.parametrize("evidence", [pytest.param(value, id=name) for name, value in KEPT.items()])
def test_what_is_allowed_breaks_no_promise(evidence: Evidence) -> None:
    """Delivery is at least once, clients may not know, and nodes may be killed."""
    assert judge(evidence) == {}


@pytest.mark.parametrize(
    ("promise", "evidence"), [pytest.param(*value, id=name) for name, value in BROKEN.items()]
)
def test_a_broken_promise_is_seen(promise: str, evidence: Evidence) -> None:
    """By the promise that is broken, whatever the others say."""
    assert list(PROMISES[promise](evidence))
    assert promise in judge(evidence)
    assert f"BROKEN {promise}" in show(evidence)


def test_every_promise_is_seen_broken_here() -> None:
    """A check that nothing fails would be none; those of operators have tests of their own."""
    assert {promise for promise, _ in BROKEN.values()} == set(PROMISES) - set(pushed.PROMISES)


def test_the_table_says_what_each_fault_did() -> None:
    """How often, jobs meanwhile, lost, run twice, and the longest gap in the steady stream."""
    pulses = [run(f"p{number}", at_s, queue=PULSE) for number, at_s in enumerate((98.0, 99.5, 102.5, 103.0))]
    evidence = record(
        *(push(each.name, each.began_at_s - 0.2, queue=PULSE) for each in pulses),
        *pulses,
        push("gone", 101.0),
        push("twice", 99.0),
        run("twice", 99.2, how="cut off"),
        run("twice", 100.5),
        KILL,
        calm_at_s=98.5,
    )
    assert rows(evidence) == [Row("none", 1, 1, 0, 0, 0.0), Row("kill node", 1, 5, 1, 1, 3.0)]


def test_a_stream_that_stops_for_good_is_a_gap_up_to_its_end() -> None:
    """And none is counted before the span begins."""
    assert longest_gap_s((90.0, 100.5, 101.0), 100.0, 110.0) == 0.5
