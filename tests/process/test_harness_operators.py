"""The judgement of the harness on what operators do: each promise to them, broken by hand, is seen broken."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from tests.process.harness.assignments import MIXED, PAUSED, THREE, Kind
from tests.process.harness.evidence import Evidence, Fault
from tests.process.harness.journal import open_journal, read_journal
from tests.process.harness.ledger import Outcome, Request
from tests.process.harness.operators import fetched, pushed
from tests.process.harness.operators.clients import LEDGER
from tests.process.harness.operators.evidence import History, Operations, Pause, Sweep, read_operations
from tests.process.harness.pull.evidence import PullEvidence
from tests.process.harness.pull.report import judge as judge_pull
from tests.process.harness.pull.side import WORKERS
from tests.process.harness.report import judge
from tests.process.harness.scene import LEDGER as PUSHERS
from tests.process.test_harness_promises import fails, logged, push, record, run
from tests.process.test_harness_pull_promises import completed, enqueued, failed, fetch, handed
from tests.process.test_harness_pull_promises import record as pull_record

STALL = Fault(name="stall owner", began_at_s=100.0, ended_at_s=104.0)
KILL = evolve(STALL, name="kill node")


def sweep(
    event: str,
    *names: str,
    at_s: float = 101.0,
    queue: str = MIXED,
    is_certain: bool = True,
    requeued_count: int | None = None,
) -> Sweep:
    """Return what an operator did to jobs; without names, to many of which nobody knows."""
    ids = list(range(len(names)))
    count = len(ids) if requeued_count is None else requeued_count
    request = Request(
        event=event,
        node="node-1.1",
        path="/",
        began_at_s=at_s,
        ended_at_s=at_s + 0.1,
        outcome=Outcome.DONE if is_certain else Outcome.UNKNOWN,
        status=200 if is_certain else 0,
        facts={"queue": queue} if event in ("retry-all", "clear") else {"name": names[0]},
        told={"ids": ids, "failed_ids": [], "counts": {"requeued_count": count, "error_count": 0}},
    )
    is_retry = event.startswith("retry")
    return Sweep(names=frozenset(names) or None, is_retry=is_retry, is_certain=is_certain, request=request)


def did(*found: Sweep | Pause) -> dict[str, Any]:
    """Return what operators did, as a part of the evidence."""
    sweeps = [each for each in found if isinstance(each, Sweep)]
    pauses = [each for each in found if isinstance(each, Pause)]
    requests = [each.request for each in sweeps]
    return {"operations": Operations(requests=requests, sweeps=sweeps, pauses=pauses)}


def answered(event: str, status: int) -> dict[str, Any]:
    """Return the request of an operator, with its answer."""
    request = Request(event=event, node="node-1.1", path="/", began_at_s=100.0, status=status, facts={})
    return {"operations": Operations(requests=[request])}


def remembered(*ids: int, ages_s: float = 1.0, samples_ms: tuple[int, ...] = ()) -> dict[str, Any]:
    """Return a history that ends at 110 seconds, with jobs of an age, as a part of the evidence."""
    wall_ms = 10_000_000
    ended_ms = dict.fromkeys(ids, wall_ms - round(ages_s * 1000))
    return {"history": History(ended_ms=ended_ms, samples_ms=samples_ms, at_s=110.0, wall_ms=wall_ms)}


def failing_run(name: str, at_s: float = 100.2, **more: Any) -> Any:
    """Return a run with a failure for good."""
    return run(name, at_s, how="permanent-failure", **more)


ACKED = evolve(push("a"), job_id=7)
MENDED = push("a", kind=Kind.MENDED)
NEVER = enqueued("a", kind="never", max_retries=0, timeout_s=0)
TWICE = (NEVER, handed("a"), handed("a", 101.5, run=2, tries=1))

KEPT = {
    "run again, and failed again": record(
        fails("a"),
        failing_run("a"),
        failing_run("a", 101.2),
        failures=logged(("a", 1)),
        **did(sweep("retry", "a")),
    ),
    "run again, and succeeded": record(MENDED, failing_run("a"), run("a", 101.2), **did(sweep("retry", "a"))),
    "run again with others": record(
        MENDED, failing_run("a"), run("a", 101.2), **did(sweep("retry-all", "a"))
    ),
    "run again by one who does not know": record(
        MENDED, failing_run("a"), run("a", 101.2), **did(sweep("retry-all", is_certain=False))
    ),
    "run again at once, for all its delay": record(
        push("a", kind=Kind.FAILURE, retry_delay_s=9),
        run("a", how="failure"),
        run("a", 101.2, how="failure"),
        failures=logged(("a", 1)),
        **did(sweep("retry", "a")),
    ),
    "removed": record(fails("a"), failing_run("a"), **did(sweep("remove", "a"))),
    "removed by one who does not know": record(
        fails("a"), failing_run("a"), **did(sweep("clear", is_certain=False))
    ),
    "running when its queue was paused": record(
        push("a", queue=PAUSED), run("a", 100.2, queue=PAUSED), **did(Pause(99.5, 109.0))
    ),
    "run when its queue was resumed": record(
        push("a", queue=PAUSED), run("a", 105.0, queue=PAUSED), **did(Pause(99.0, 104.9))
    ),
    "run in a paused queue by an owner that was stalled": record(
        push("a", queue=PAUSED), run("a", 105.0, queue=PAUSED), STALL, **did(Pause(99.0))
    ),
    "remembered": record(ACKED, run("a"), **remembered(7)),
    "finished long ago, and forgotten": record(
        evolve(push("a", 60.0), job_id=7), run("a", 60.2), **remembered()
    ),
    "sampled": record(**remembered(samples_ms=(1000, 3000, 5001, 9000))),
}

BROKEN = {
    "a job that was run again did not begin": (
        "retries",
        record(fails("a"), failing_run("a"), failures=logged(("a", 1)), **did(sweep("retry", "a"))),
    ),
    "a job that was run again is gone": (
        "I1",
        record(fails("a"), failing_run("a"), **did(sweep("retry", "a"))),
    ),
    "a job ran once more than it was run again": (
        "I4",
        record(
            fails("a"),
            *(failing_run("a", at_s) for at_s in (100.2, 101.2, 102.2)),
            failures=logged(("a", 1)),
            **did(sweep("retry", "a")),
        ),
    ),
    "failures were counted on when it was run again": (
        "I4",
        record(
            fails("a"),
            failing_run("a"),
            failing_run("a", 101.2),
            failures=logged(("a", 2)),
            **did(sweep("retry", "a")),
        ),
    ),
    "it ran twice at once when it was run again": (
        "I3",
        record(
            MENDED,
            failing_run("a"),
            run("a", 101.2, ended_at_s=103.0),
            run("a", 102.0),
            **did(sweep("retry", "a")),
        ),
    ),
    "a job of another queue was run again": (
        "retries",
        record(MENDED, failing_run("a"), run("a", 101.2), **did(sweep("retry-all", "a", queue=THREE))),
    ),
    "it was said that more was done": (
        "retries",
        record(MENDED, failing_run("a"), run("a", 101.2), **did(sweep("retry-all", "a", requeued_count=2))),
    ),
    "a removed job began": (
        "removals",
        record(fails("a"), failing_run("a"), failing_run("a", 102.0), **did(sweep("remove", "a"))),
    ),
    "a job was removed twice": (
        "removals",
        record(fails("a"), failing_run("a"), **did(sweep("remove", "a"), sweep("clear", "a", at_s=102.0))),
    ),
    "a removed job is still in the failure log": (
        "I11",
        record(fails("a"), failing_run("a"), failures=logged(("a", 1)), **did(sweep("remove", "a"))),
    ),
    "a removed job is still listed": (
        "I10",
        record(fails("a"), failing_run("a"), listed={MIXED: ["a"]}, **did(sweep("remove", "a"))),
    ),
    "a job began in a paused queue": (
        "pauses",
        record(push("a", queue=PAUSED), run("a", 103.0, queue=PAUSED), **did(Pause(100.5))),
    ),
    "a kill excuses no job in a paused queue": (
        "pauses",
        record(push("a", queue=PAUSED), run("a", 103.0, queue=PAUSED), KILL, **did(Pause(100.5))),
    ),
    "a finished job was forgotten at once": ("history", record(ACKED, run("a"), **remembered())),
    "a finished job was remembered for too long": ("history", record(**remembered(7, ages_s=50.0))),
    "a job is remembered as finished, and failed": (
        "I10",
        record(evolve(fails("a"), job_id=7), failing_run("a"), failures=logged(("a", 1)), **remembered(7)),
    ),
    "two nodes took samples": ("samples", record(**remembered(samples_ms=(1000, 1900, 3000)))),
    "an operator was answered 500": ("answers", record(**answered("retry", 500))),
    "a clearing was answered 404": ("answers", record(**answered("clear", 404))),
}

PULL_KEPT = {
    "run again, and failed again": pull_record(*TWICE, failed("a"), **did(sweep("retry", "a"))),
    "run again, and completed": pull_record(
        *TWICE, completed("a", 101.7, run=2), **did(sweep("retry-all", "a"))
    ),
    "handed out again to nobody knows whom": pull_record(
        NEVER, handed("a"), fetch(101.5, Outcome.UNKNOWN), failed("a"), **did(sweep("retry", "a"))
    ),
    "removed": pull_record(NEVER, handed("a"), **did(sweep("clear", "a"))),
    "handed out when its queue was paused": pull_record(
        enqueued("a", queue=PAUSED),
        handed("a", queue=PAUSED),
        completed("a"),
        **did(Pause(99.5, 105.0)),
    ),
    "remembered": pull_record(enqueued("a"), handed("a"), completed("a"), **remembered(1)),
    "sampled": pull_record(**remembered(samples_ms=(1000, 3000))),
}

PULL_BROKEN = {
    "a job that was run again was not handed out": (
        "retries",
        pull_record(NEVER, handed("a"), failed("a"), **did(sweep("retry", "a"))),
    ),
    "a job that was run again is gone": ("I1", pull_record(NEVER, handed("a"), **did(sweep("retry", "a")))),
    "leases were counted on when it was run again": (
        "I4",
        pull_record(
            NEVER, handed("a"), handed("a", 101.5, run=2, tries=2), failed("a"), **did(sweep("retry", "a"))
        ),
    ),
    "two have a job that was run again": (
        "I3",
        pull_record(*TWICE, handed("a", 101.8, run=2), failed("a"), **did(sweep("retry", "a"))),
    ),
    "a job of another queue was run again": (
        "retries",
        pull_record(*TWICE, failed("a"), **did(sweep("retry-all", "a", queue=PAUSED))),
    ),
    "a removed job was handed out": ("removals", pull_record(*TWICE, **did(sweep("remove", "a")))),
    "a removed job is still in the failed store": (
        "I11",
        pull_record(NEVER, handed("a"), failed("a"), **did(sweep("remove", "a"))),
    ),
    "a job was handed out from a paused queue": (
        "pauses",
        pull_record(
            enqueued("a", queue=PAUSED),
            handed("a", 103.0, queue=PAUSED),
            completed("a", 103.2),
            **did(Pause(99.0)),
        ),
    ),
    "a completed job was forgotten at once": (
        "history",
        pull_record(enqueued("a"), handed("a"), completed("a"), **remembered()),
    ),
    "a job is remembered as finished, and failed": (
        "I10",
        pull_record(NEVER, handed("a"), failed("a"), **remembered(1)),
    ),
    "two nodes took samples": ("samples", pull_record(**remembered(samples_ms=(1000, 1900)))),
    "an operator was answered 400": ("answers", pull_record(**answered("pause", 400))),
}


@pytest.mark.parametrize("evidence", [pytest.param(value, id=name) for name, value in KEPT.items()])
def test_what_is_allowed_breaks_no_promise(evidence: Evidence) -> None:
    """Operators may not know what came of their requests, and owners may be stalled."""
    assert judge(evidence) == {}


@pytest.mark.parametrize(
    ("promise", "evidence"), [pytest.param(*value, id=name) for name, value in BROKEN.items()]
)
def test_a_broken_promise_is_seen(promise: str, evidence: Evidence) -> None:
    """By the promise that is broken, whatever the others say."""
    assert promise in judge(evidence)


@pytest.mark.parametrize("evidence", [pytest.param(value, id=name) for name, value in PULL_KEPT.items()])
def test_what_is_allowed_breaks_no_promise_to_workers(evidence: PullEvidence) -> None:
    """The same on the pull side."""
    assert judge_pull(evidence) == {}


@pytest.mark.parametrize(
    ("promise", "evidence"), [pytest.param(*value, id=name) for name, value in PULL_BROKEN.items()]
)
def test_a_broken_promise_is_seen_on_the_pull_side(promise: str, evidence: PullEvidence) -> None:
    """By the promise that is broken, whatever the others say."""
    assert promise in judge_pull(evidence)


def test_every_promise_to_operators_is_seen_broken_here() -> None:
    """A check that nothing fails would be none."""
    assert {promise for promise, _ in BROKEN.values()} >= set(pushed.PROMISES)
    assert {promise for promise, _ in PULL_BROKEN.values()} >= set(fetched.PROMISES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run in which clients pushed job 1, were given job 2, and operators saw job 3."""
    (tmp_path / WORKERS).mkdir()
    with open_journal(tmp_path / PUSHERS) as journal:
        journal.note("push", number=0, node="n", path="/", jobs=[{"name": "pushed"}])
        journal.note("answered", number=0, status=200, text="", ids=[1])
    with open_journal(tmp_path / WORKERS / "worker.jsonl") as journal:
        journal.note("fetch", number=0, node="n", path="/")
        journal.note("answered", number=0, status=200, text="", jobs=[{"job_id": "2", "id": "fetched"}])
    with open_journal(tmp_path / LEDGER) as journal:
        seen = {"id": 3, "name": "seen", "kind": "push"}
        journal.note("failed", number=0, node="n", path="/")
        journal.note("answered", number=0, status=200, text="", jobs=[seen])
    return tmp_path


def note(folder: Path, event: str, status: int = 200, ids: Sequence[int] = (), **facts: Any) -> float:
    """Have the operators ask for something; return when they were answered."""
    with open_journal(folder / LEDGER) as journal:
        number = len(read_journal(folder / LEDGER))
        journal.note(event, number=number, node="n", path="/", **facts)
        told = {"ids": list(ids), "failed_ids": [], "counts": {}} if ids else {}
        return journal.note("answered" if status else "broken", number=number, status=status, text="", **told)


@pytest.mark.parametrize(("kind", "names"), [("push", {"pushed", "seen"}), ("pull", {"fetched"})])
def test_what_was_done_to_many_is_told_apart_by_kind(folder: Path, kind: str, names: set[str]) -> None:
    """Whoever it was that knew whose the ids are."""
    note(folder, "retry-all", ids=[1, 2, 3], queue=MIXED)
    note(folder, "clear", ids=[1, 2, 3], queue=MIXED)
    operations = read_operations(folder, kind)
    assert operations.retried == operations.removed == names
    assert not operations.may_have_removed("another")


def test_what_was_done_to_one_is_of_its_kind(folder: Path) -> None:
    """The other side knows nothing of it."""
    note(folder, "retry", id=1, name="pushed", kind="push")
    note(folder, "remove", id=2, name="fetched", kind="pull")
    pushes, pulls = (read_operations(folder, kind) for kind in ("push", "pull"))
    assert [list(each) for each in (pushes.retried, pushes.removed)] == [["pushed"], []]
    assert [list(each) for each in (pulls.retried, pulls.removed)] == [[], ["fetched"]]


@pytest.mark.parametrize(("ids", "status"), [([1, 99], 200), ([], 503), ([], 0)])
def test_what_nobody_knows_may_have_been_done_to_any(folder: Path, ids: list[int], status: int) -> None:
    """An id that nobody has heard of, an answer that the store is away, and none at all."""
    note(folder, "retry-all", status, ids, queue=MIXED)
    note(folder, "clear", status, ids, queue=MIXED)
    operations = read_operations(folder, "push")
    assert operations.most_retries("another") == 1
    assert operations.may_have_removed("another")
    assert operations.retried == operations.removed == ({"pushed"} if ids else set())


def test_what_was_refused_was_not_done(folder: Path) -> None:
    """It had not failed, or its name is taken."""
    note(folder, "retry", 404, id=1, name="pushed", kind="push")
    note(folder, "retry", 409, id=1, name="pushed", kind="push")
    assert read_operations(folder, "push").most_retries("pushed") == 0


def test_a_queue_is_paused_from_the_answer_until_somebody_may_have_resumed_it(folder: Path) -> None:
    """A pause without an answer is none that anybody may rely on; each kind has its own."""
    note(folder, "pause", 0, kind="push")
    note(folder, "pause", kind="pull")
    since_s = note(folder, "pause", kind="push")
    note(folder, "pause", kind="push")
    note(folder, "resume", 503, kind="push")
    again_s = note(folder, "pause", kind="push")
    first, second = read_operations(folder, "push").pauses
    assert (first.since_s, second.since_s) == (since_s, again_s)
    assert since_s < first.until_s < again_s < second.until_s
    assert len(read_operations(folder, "pull").pauses) == 1
