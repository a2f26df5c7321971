"""A worker process: it fetches jobs from any node, does what they say, and keeps a record of all it asked.

python -m tests.process.harness.pull.worker ROLE SEED JOURNAL URL...
"""

import random
import sys
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import trio
from attrs import define, frozen

from tests.process.harness.connection import Answer, Connection, open_connection
from tests.process.harness.journal import open_journal
from tests.process.harness.ledger import Call, Ledger
from tests.process.harness.pull import verbs
from tests.process.harness.pull.assignments import IDLE, MIXED, ONE, PAUSED, PULSE, Assignment, Kind, assigned

READY = "ready"

# What a worker says again when it had no answer, or was told that the store is away.
TRIES = 6
PAUSE_S = 0.3
# A lease that has ended is noticed by then, and its job is another worker's.
LATE_S = 1.5
STEADY_ANSWER_S = 3.0
STEADY_HANDS = 6
MIXED_HANDS = 3
IDLERS = 30
LEAVERS = 4
LEAVING_S = (0.02, 0.5)


class Role(StrEnum):
    """What a process does."""

    STEADY = "steady"  # the stream, the queues with an order and with pauses; idle ones, ones that hang up
    MIXED = "mixed"


@frozen
class Handed:
    """A job in a worker's hands."""

    job: Assignment
    run_id: str
    attempt: int
    state: Any

    @property
    def run(self) -> str | None:
        """The run that its worker names, if it names any."""
        return self.run_id if self.job.is_fenced else None

    @property
    def is_dropped(self) -> bool:
        """Whether this try is one that its worker leaves to its lease."""
        match self.job.kind:
            case Kind.NEVER:
                return True
            case Kind.DROPPED:
                return self.attempt <= self.job.fails
            case Kind.MENDED:
                # Runs are numbered on when a failed job is run again, and its attempts are not.
                return int(self.run_id.partition("-")[2]) <= self.job.max_retries + 1
            case _:
                return False


@define(eq=False)
class Worker:
    """What the tasks of a process share. `connection` is for what is said of jobs."""

    rng: random.Random
    ledger: Ledger
    urls: Sequence[str]
    connection: Connection

    async def fetch(self, connection: Connection, queue: str, num_jobs: int, wait_s: int) -> list[Handed]:
        """Ask any node for jobs, dead and stalled ones too; pauses when that was in vain."""
        call = self._call(verbs.fetch(self.rng, queue, num_jobs, wait_s))
        facts = {"queue": queue, "num_jobs": num_jobs, "wait_s": wait_s}
        answer = await self.ledger.ask(connection, "fetch", call, _handed, **facts)
        if answer is None or answer.status != 200:
            await trio.sleep(0.05 if answer is not None and answer.status == 204 else PAUSE_S)
            return []
        return [
            Handed(assigned(job["payload"]), job["run_id"], job["attempt"], job.get("state"))
            for job in answer.value
        ]

    async def complete(self, handed: Handed, run: str | None) -> None:
        """End a job."""
        await self._say("complete", handed, run, partial(verbs.complete, self.rng))

    async def heartbeat(self, handed: Handed, state: Any) -> None:
        """Keep a job."""

        def verb(queue: str, name: str, run: str | None) -> verbs.Verb:
            return verbs.heartbeat(self.rng, queue, name, run, state)

        await self._say("heartbeat", handed, handed.run, verb, saves=state is not None, state=state)

    async def reschedule(self, handed: Handed, run_after_s: int, state: Any) -> None:
        """Have a job wait again."""

        def verb(_queue: str, _name: str, run: str | None) -> verbs.Verb:
            return verbs.reschedule(self.rng, {**handed.job.order(run_after_s), "state": state}, run)

        facts = {"saves": True, "state": state, "run_after_s": run_after_s}
        await self._say("reschedule", handed, handed.run, verb, **facts)

    async def _say(
        self,
        event: str,
        handed: Handed,
        run: str | None,
        verb: Callable[[str, str, str | None], verbs.Verb],
        **facts: Any,
    ) -> None:
        """Ask for a change until there is an answer that says more than try again."""
        facts |= {"name": handed.job.name, "run": run, "held": handed.run_id}
        for _ in range(TRIES):
            call = self._call(verb(handed.job.queue, handed.job.name, run))
            answer = await self.ledger.ask(self.connection, event, call, **facts)
            if answer is not None and answer.status != 429:
                return
            await trio.sleep(self.rng.uniform(0, 2 * PAUSE_S))

    def _call(self, verb: verbs.Verb) -> Call:
        number = self.rng.randrange(len(self.urls))
        return Call(f"node-{number + 1}", self.urls[number], *verb)


def _handed(answer: Answer) -> dict[str, Any]:
    """Keep of an answer what is judged."""
    kept = ("id", "queue", "run_id", "attempt", "job_id", "run_at", "state", "priority")
    jobs = answer.value if answer.status == 200 else []
    return {"jobs": [{name: job.get(name) for name in kept} for job in jobs]}


async def work(worker: Worker, handed: Handed) -> None:
    """Do with a job what it says."""
    job = handed.job
    if handed.is_dropped:
        if job.kind is Kind.DROPPED:
            await worker.heartbeat(handed, {"dropped": handed.attempt})
        return
    if job.kind is Kind.RESCHEDULED and handed.state is None:
        await worker.reschedule(handed, worker.rng.choice((0, 0, 1)), {"round": 2})
        return
    if job.kind in (Kind.LATE, Kind.LATE_BARE) and handed.attempt == 1:
        await trio.sleep(job.timeout_s + LATE_S)
        await worker.complete(handed, handed.run if job.kind is Kind.LATE else None)
        return
    await _hold(worker, handed)
    await worker.complete(handed, handed.run)


async def _hold(worker: Worker, handed: Handed) -> None:
    """Take the time that the job takes, with heartbeats, of which every other saves something."""
    left_s, beat_s = handed.job.hold_ms / 1000, handed.job.timeout_s / 3
    beats = 0
    while left_s > beat_s:
        await trio.sleep(beat_s)
        left_s -= beat_s
        beats += 1
        await worker.heartbeat(handed, {"beat": beats} if beats % 2 else None)
    await trio.sleep(left_s)


async def stream(worker: Worker, _hands: trio.Nursery) -> None:
    """Complete the jobs of the steady stream as soon as they come."""
    async with open_connection(STEADY_ANSWER_S) as connection:
        while True:
            for handed in await worker.fetch(connection, PULSE, 1, 1):
                await worker.complete(handed, handed.run)


async def in_order(worker: Worker, _hands: trio.Nursery) -> None:
    """Be the only one that fetches from a queue, one job at a time."""
    async with open_connection() as connection:
        while True:
            for handed in await worker.fetch(connection, ONE, 1, worker.rng.choice((0, 1))):
                await work(worker, handed)


async def paused(worker: Worker, _hands: trio.Nursery) -> None:
    """Fetch and complete one job at a time from the queue that is paused."""
    async with open_connection() as connection:
        while True:
            for handed in await worker.fetch(connection, PAUSED, 1, worker.rng.choice((0, 1, 2))):
                await work(worker, handed)


async def mixed(worker: Worker, hands: trio.Nursery) -> None:
    """Always ask for jobs, and work on them meanwhile."""
    async with open_connection() as connection:
        while True:
            num_jobs, wait_s = worker.rng.choice((1, 1, 2, 10)), worker.rng.choice((0, 1, 5))
            for handed in await worker.fetch(connection, MIXED, num_jobs, wait_s):
                hands.start_soon(work, worker, handed)


async def idle(worker: Worker, _hands: trio.Nursery) -> None:
    """Wait for jobs that never come."""
    async with open_connection() as connection:
        while True:
            await worker.fetch(connection, IDLE, 1, worker.rng.randint(5, 10))


async def leave(worker: Worker, _hands: trio.Nursery) -> None:
    """Hang up in the middle of a poll, again and again."""
    while True:
        queue = worker.rng.choice((PULSE, *[IDLE] * 7))
        fetched: list[Handed] = []
        async with open_connection() as connection:
            with trio.move_on_after(worker.rng.uniform(*LEAVING_S)):
                fetched = await worker.fetch(connection, queue, 1, 5)
        for handed in fetched:
            await worker.complete(handed, handed.run)


Hand = Callable[[Worker, trio.Nursery], Awaitable[None]]

HANDS: dict[Role, Sequence[Hand]] = {
    Role.STEADY: [*[stream] * STEADY_HANDS, in_order, paused, paused, *[idle] * IDLERS, *[leave] * LEAVERS],
    Role.MIXED: [mixed] * MIXED_HANDS,
}


async def run(role: Role, seed: int, journal: Path, urls: Sequence[str]) -> None:
    """Be at work until the process ends.

    Tasks: one for each hand, and one for each job in a hand. Stops when: killed. Raises: what is wrong
    with an answer, in a group.
    """
    with open_journal(journal) as lines:
        async with open_connection() as connection, trio.open_nursery() as hands:
            ledger = Ledger(lines, is_synced=False)
            worker = Worker(random.Random(seed), ledger, urls, connection)
            for hand in HANDS[role]:
                hands.start_soon(hand, worker, hands)
            lines.note(READY)


if __name__ == "__main__":
    trio.run(run, Role(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
