"""The command line of long runs."""

import argparse
import secrets
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import trio

from tests.process.harness import evidence, report
from tests.process.harness.faults import faults
from tests.process.harness.journal import read_journal
from tests.process.harness.pull import evidence as pull_evidence
from tests.process.harness.pull import report as pull_report
from tests.process.harness.running import PLAN, Plan, carry_out
from tests.process.harness.scene import NODES
from tests.process.harness.sides import Mode

CALM_S = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Break a cluster for some minutes, print the table, and return 1 if a promise was broken."""
    options = _parser().parse_args(arguments)
    if options.judge:
        return _judge(options.judge)
    folder = Path(tempfile.mkdtemp(prefix="trioworq-soak-"))
    plan = Plan(
        store=options.store,
        nodes=options.nodes or NODES[options.store],
        seed=options.seed,
        calm_s=CALM_S,
        mode=options.mode,
        faults=tuple(options.faults or ()),
        minutes=options.minutes,
        is_light=options.light,
    )
    print(f"{plan.store}, {plan.nodes} nodes, seed {plan.seed}; all records are kept in {folder}", flush=True)
    begun_at_s = time.monotonic()
    say = partial(_say, begun_at_s)
    trio.run(carry_out, plan, folder, say)
    return _judge(folder)


def _say(begun_at_s: float, line: str) -> None:
    print(f"[{time.monotonic() - begun_at_s:7.1f}] {line}", flush=True)


def _judge(folder: Path) -> int:
    (plan,) = read_journal(folder / PLAN)
    mode = Mode(plan["mode"])
    is_kept = True
    if mode.pushes:
        pushed = evidence.read(folder)
        print(f"\n{report.show(pushed)}")
        is_kept &= not report.judge(pushed)
    if mode.pulls:
        pulled = pull_evidence.read(folder)
        print(f"\n{pull_report.show(pulled)}")
        is_kept &= not pull_report.judge(pulled)
    print(f"\nrecords: {folder}")
    return 0 if is_kept else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/soak", description="Breaks a cluster under load and judges the promises by the record."
    )
    names = sorted({name for store in NODES for name in faults(store, Mode.BOTH)})
    add = parser.add_argument
    add("--store", choices=tuple(NODES), default="sqlite", help="where jobs are kept (sqlite)")
    add("--mode", choices=tuple(Mode), default=Mode.PUSH, help="how jobs come to their workers (push)")
    add("--nodes", type=int, help="daemons (2 on sqlite, 3 on mysql)")
    add("--minutes", type=float, default=5.0, help="minutes with faults (5)")
    add("--seed", type=int, default=secrets.randbits(31), help="what the faults follow from (any)")
    add("--faults", nargs="+", choices=names, metavar="NAME", help=f"begin with these: {', '.join(names)}")
    add("--light", action="store_true", help="the steady stream alone, to measure gaps")
    add("--judge", type=Path, metavar="FOLDER", help="judge the records of a run again")
    return parser
