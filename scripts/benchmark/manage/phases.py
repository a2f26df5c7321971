"""What is measured, phase by phase."""

import time
from collections.abc import Callable

from attrs import frozen

from benchmark.asking import ask
from benchmark.figures import Spread, spread
from benchmark.manage.figures import Asked, Pushed, Run, Swept
from benchmark.manage.filling import FAILED, FINISHED, PUSHED, WAITING, Filling
from benchmark.manage.steady import Steady
from benchmark.observed import Process
from benchmark.push.pushes import pushes

API = "/api/v1/jobs"
PAGE = 100
# Between questions, at least, and in shares of what an answer took: counts rest twice as long as they took.
PAUSE_S = 0.1
PAUSE_SHARE = 2.5


@frozen
class Plan:
    """What to do, as it was asked for on the command line."""

    waiting: int
    failed: int
    finished: int
    pushes_per_s: int
    seconds: int
    payload_bytes: int


@frozen
class Stage:
    """Everything that the phases need."""

    plan: Plan
    filling: Filling
    steady: Steady
    process: Process

    @classmethod
    def of(cls, plan: Plan, filling: Filling, process: Process) -> "Stage":
        """Return a stage whose steady pushes have a queue of their own."""
        place, worker = filling.place, filling.worker
        orders = pushes(place.host, [PUSHED], worker.url(PUSHED), plan.payload_bytes, 1)
        steady = Steady(place, filling.deadline, orders, plan.pushes_per_s)
        return cls(plan, filling, steady, process)

    def ask(self, method: str, path: str) -> None:
        """Ask the server."""
        ask(self.filling.place, self.filling.deadline, method, path)


def fill(stage: Stage) -> None:
    """Have the jobs that stay as they are throughout."""
    stage.filling.finish(FINISHED, stage.plan.finished)
    stage.filling.wait_in(WAITING, stage.plan.waiting)


def run(stage: Stage) -> Run:
    """Measure every phase once. No job has failed before, and none has afterwards."""
    stage.ask("POST", f"/queue/{FAILED}/resume")
    stage.filling.fail(FAILED, stage.plan.failed)
    quiet = stage.steady.while_doing(lambda: time.sleep(stage.plan.seconds))
    stats = _asked(stage, f"{API}/stats")
    queue_status = _asked(stage, "/v6/queue/status/")
    failed_page = _asked(stage, f"{API}/failed?limit={PAGE}&offset={stage.plan.failed // 2}")
    stage.ask("POST", f"/queue/{FAILED}/pause")
    retry_all = _swept(stage, "POST", f"{API}/failed/retry-all?queue={FAILED}")
    stage.ask("POST", f"/queue/{FAILED}/resume")
    stage.filling.wait_for(FAILED, "failed_count", stage.plan.failed)
    clear = _swept(stage, "DELETE", f"{API}/failed/clear?queue={FAILED}")
    return Run(quiet, stats, queue_status, failed_page, retry_all, clear, stage.process.memory())


def _asked(stage: Stage, path: str) -> Asked:
    answers_ns: list[int] = []

    def act() -> None:
        ends_at_s = time.monotonic() + stage.plan.seconds
        while time.monotonic() < ends_at_s or not answers_ns:
            answers_ns.append(_taken_ns(lambda: stage.ask("GET", path)))
            time.sleep(max(PAUSE_S, PAUSE_SHARE * answers_ns[-1] / 1e9))

    pushed = stage.steady.while_doing(act)
    return Asked(spread(answers_ns), *_of(pushed))


def _swept(stage: Stage, method: str, path: str) -> Swept:
    taken_ns: list[int] = []
    pushed = stage.steady.while_doing(lambda: taken_ns.append(_taken_ns(lambda: stage.ask(method, path))))
    seconds = taken_ns[0] / 1e9
    return Swept(seconds, stage.plan.failed / seconds, *_of(pushed))


def _of(pushed: Pushed) -> tuple[Spread, float]:
    return pushed.push, pushed.longest_ms


def _taken_ns(act: Callable[[], None]) -> int:
    started_ns = time.monotonic_ns()
    act()
    return time.monotonic_ns() - started_ns
