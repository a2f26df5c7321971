"""Clocks that step: whose clock decides when a job is due, and what follows when that one steps (I5)."""

import signal
import time
from pathlib import Path

import pytest
import trio

from tests.process.harness.assignments import MIXED, Assignment
from tests.process.harness.connection import Connection, open_connection
from tests.process.harness.evidence import Run, read_runs
from tests.process.harness.scene import NODES, Scene, open_scene
from tests.process.running_daemon import RecordingWorker, running_daemon, wait_until

STEP_S = 3600
PATIENCE_S = 20.0
POLL_S = 0.05
# A step is seen at the next anchoring, half a second later at most under the launcher.
ANCHORING_S = 1.5
# Between our clock and the store's, and on a busy machine.
EARLY_S = 0.3


def stepping(whose: str, step_s: int) -> tuple[str, ...]:
    """Return the launcher of nodes whose clock steps at SIGUSR2."""
    return ("tests.process.harness.skewed", whose, str(step_s))


def step(scene: Scene) -> None:
    """Step the clock of every node, as that of their machine or their database would."""
    for node in scene.cluster.nodes:
        node.send(signal.SIGUSR2)


async def push(connection: Connection, scene: Scene, job: Assignment) -> None:
    """Push a job to the first node."""
    order = job.order(scene.worker.url)
    answer = await connection.ask(scene.cluster.nodes[0].url, "POST", f"/job/{job.queue}", order)
    assert answer.status == 200


async def run_of(scene: Scene, name: str) -> Run:
    """Wait for the first run of a job and return it."""
    with trio.fail_after(PATIENCE_S):
        while not (runs := [run for run in read_runs(scene.folder) if run.name == name]):
            await trio.sleep(POLL_S)
    return runs[0]


async def test_the_wall_clock_of_a_node_has_no_say_beside_a_database(tmp_path: Path) -> None:
    """Delays and retries go by the database's clock, also on a node that is an hour ahead."""
    async with (
        open_scene("mysql", 1, tmp_path, launcher=stepping("machine", STEP_S)) as scene,
        open_connection() as connection,
    ):
        pushed_at_s = time.monotonic()
        await push(connection, scene, Assignment(name="before", queue=MIXED, run_after_s=4))
        step(scene)
        await trio.sleep(ANCHORING_S)
        await push(connection, scene, Assignment(name="after", queue=MIXED, run_after_s=2))
        assert (await run_of(scene, "before")).began_at_s - pushed_at_s > 4 - EARLY_S
        assert (await run_of(scene, "after")).began_at_s - pushed_at_s > ANCHORING_S + 2 - EARLY_S


@pytest.mark.parametrize(("store", "whose"), [("sqlite", "machine"), ("mysql", "database")])
async def test_a_clock_that_steps_forward_makes_jobs_due(store: str, whose: str, tmp_path: Path) -> None:
    """What the store's clock says is the time; leases lapse by it too, and a running job may run again."""
    async with (
        open_scene(store, NODES[store], tmp_path, launcher=stepping(whose, STEP_S)) as scene,
        open_connection() as connection,
    ):
        await push(connection, scene, Assignment(name="deferred", queue=MIXED, run_after_s=STEP_S))
        await push(connection, scene, Assignment(name="running", queue=MIXED, hold_ms=4000))
        await run_of(scene, "running")
        step(scene)
        await run_of(scene, "deferred")
        await push(connection, scene, Assignment(name="later", queue=MIXED))
        await run_of(scene, "later")
        with trio.fail_after(PATIENCE_S):
            while await left(connection, scene):
                await trio.sleep(POLL_S)
        assert "success" in [run.how for run in read_runs(scene.folder) if run.name == "running"]


async def left(connection: Connection, scene: Scene) -> int:
    """Count the jobs that have not ended."""
    url = scene.cluster.nodes[0].url
    answers = [
        await connection.ask(url, "GET", f"/queue/{MIXED}/{what}")
        for what in ("grabbed", "waiting", "deferred")
    ]
    return sum(len(answer.value["jobs"]) for answer in answers)


@pytest.mark.parametrize(("store", "whose"), [("sqlite", "machine"), ("mysql", "database")])
async def test_a_clock_that_steps_back_stops_no_queue(store: str, whose: str, tmp_path: Path) -> None:
    """Jobs that are pushed from then on start at once; those from before when the clock comes there again."""
    async with (
        open_scene(store, NODES[store], tmp_path, launcher=stepping(whose, STEP_S)) as scene,
        open_connection() as connection,
    ):
        step(scene)
        await trio.sleep(ANCHORING_S)
        await push(connection, scene, Assignment(name="ahead", queue=MIXED, run_after_s=1))
        step(scene)
        await trio.sleep(ANCHORING_S)
        await push(connection, scene, Assignment(name="now", queue=MIXED))
        await run_of(scene, "now")
        assert [run.name for run in read_runs(scene.folder)] == ["now"]
        step(scene)
        await run_of(scene, "ahead")


def zone_whose_summer_ends_in(seconds: int) -> str:
    """Return a TZ in which the clocks go back by an hour in so many seconds, from UTC+1 to UTC."""
    turn = time.gmtime(time.time_ns() // 10**9 + seconds + 3600)
    # Days are counted without the leap day here, and the start of summer is that of the year.
    day = turn.tm_yday - (turn.tm_mon > 2 and is_leap(turn.tm_year))
    return f"AAA0BBB,J1/0,J{day}/{turn.tm_hour}:{turn.tm_min}:{turn.tm_sec}"


def is_leap(year: int) -> bool:
    """Whether a year has a 29th of February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def test_jobs_are_on_time_while_the_clocks_go_back(
    store_options: list[str], worker: RecordingWorker, tmp_path: Path
) -> None:
    """A delay is that many seconds, across the hour that comes twice: times are kept in UTC (I5)."""
    zone = zone_whose_summer_ends_in(12)
    with running_daemon(tmp_path / "a", *store_options, environment={"TZ": zone}) as daemon:
        pushed_at_s = time.monotonic()
        job = daemon.push(worker.url, run_after=14)
        path = f"/queue/default/job/{job}"
        assert daemon.request("GET", path).json()["created_at"].endswith("+01:00")
        wait_until(lambda: bool(worker.answered), 40)
        assert 14 - EARLY_S < time.monotonic() - pushed_at_s < 24
        later = daemon.push(worker.url, run_after=60)
        created_at = daemon.request("GET", f"/queue/default/job/{later}").json()["created_at"]
        assert created_at.endswith("Z")
