"""The operators of a run. Each request is in their ledger before it is sent."""

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import trio
from attrs import define

from tests.process.harness.assignments import MIXED, PAUSED, THREE
from tests.process.harness.cluster import Cluster, Node
from tests.process.harness.connection import Answer, Connection, open_connection
from tests.process.harness.journal import open_journal
from tests.process.harness.ledger import Call, Ledger
from tests.process.harness.sides import Mode

LEDGER = "operators.jsonl"

FAILED = "/api/v1/jobs/failed"
# Where failed jobs are run again; in the others they would only be in each other's way.
QUEUES = (MIXED, THREE, PAUSED)
PAUSING = {"push": f"/queue/{PAUSED}", "pull": f"/v1/queues/{PAUSED}"}
LOOKS = ("/api/v1/jobs/stats", "/v6/queue/status/", "/v6/load/?started=PT1H", f"{FAILED}?limit=20")

LISTED = 50
# A queue is paused longer than it takes until that is in force everywhere.
PAUSED_S = (2.0, 5.0)
RESUMED_S = (0.5, 3.0)
PATIENCE_S = 90.0
POLL_S = 0.2

_HISTORY = "SELECT job_id, ended_at FROM finished"
_SAMPLES = "SELECT time FROM load_sample"


@define(eq=False)
class Operators:
    """What the operators share; a side of a run that has no jobs of its own."""

    cluster: Cluster
    ledger: Ledger
    rng: random.Random
    mode: Mode
    runs: int = 0

    def open_load(self, phase: str) -> AbstractAsyncContextManager[None]:
        """Look after what has failed, and pause and resume queues."""
        return _open_operators(self)

    async def is_quiet(self) -> bool:
        """There is nothing to wait for: who pauses a queue resumes it before the load ends."""
        await trio.lowlevel.checkpoint()
        return True

    async def counted(self) -> dict[str, Any]:
        """Return nothing: what is counted is of the sides that have jobs."""
        await trio.lowlevel.checkpoint()
        return {}

    async def left(self) -> dict[str, Any]:
        """Return the history of finished jobs, the samples of the load, and the wall clock beside them."""
        database = self.cluster.database
        return {
            "finished": await database.read(_HISTORY),
            "samples": sorted({time_ms for (time_ms,) in await database.read(_SAMPLES)}),
            "wall_ms": time.time_ns() // 10**6,
        }

    async def ask(
        self,
        connection: Connection,
        event: str,
        method: str,
        path: str,
        keep: Callable[[Answer], dict[str, Any]] = lambda _: {},
        node: Node | None = None,
        **facts: Any,
    ) -> Answer | None:
        """Ask any node, dead and stalled ones too; None for no answer."""
        node = node or self.rng.choice(self.cluster.nodes)
        return await self.ledger.ask(
            connection, event, Call(node.label, node.url, method, path), keep, **facts
        )


@asynccontextmanager
async def open_operators(cluster: Cluster, folder: Path, seed: int, mode: Mode) -> AsyncIterator[Operators]:
    """Have operators whose ledger is in `folder`."""
    await trio.lowlevel.checkpoint()
    with open_journal(folder / LEDGER) as journal:
        yield Operators(cluster, Ledger(journal), random.Random(seed), mode)


@asynccontextmanager
async def _open_operators(operators: Operators) -> AsyncIterator[None]:
    """Tasks: the operators. Stops when: the block ends, and every queue is resumed. Raises: what the block
    raises, in a group.
    """
    over = trio.Event()
    acts = ((_retry, 0.3), (_retry_all, 3.0), (_remove, 1.0), (_clear, 5.0), (_look, 0.5))
    kinds = [kind for kind in PAUSING if operators.mode in (kind, Mode.BOTH)]
    async with trio.open_nursery() as at_work:
        for act, pause_s in acts:
            at_work.start_soon(_repeat, operators, act, pause_s, over)
        for kind in kinds:
            at_work.start_soon(_pause_and_resume, operators, kind, over)
        yield
        over.set()


async def _repeat(
    operators: Operators,
    act: Callable[[Operators, Connection], Awaitable[None]],
    pause_s: float,
    over: trio.Event,
) -> None:
    async with open_connection() as connection:
        while not over.is_set():
            await act(operators, connection)
            await trio.sleep(operators.rng.uniform(0, 2 * pause_s))


async def _retry(operators: Operators, connection: Connection) -> None:
    """Run one failed job again."""
    if (job := await _any_failed(operators, connection)) is not None:
        path = f"{FAILED}/{job['job_id']}/retry"
        answer = await operators.ask(connection, "retry", "POST", path, **_facts(job))
        operators.runs += answer is not None and answer.status == 200


async def _remove(operators: Operators, connection: Connection) -> None:
    """Remove one failed job."""
    if (job := await _any_failed(operators, connection)) is not None:
        await operators.ask(connection, "remove", "DELETE", f"{FAILED}/{job['job_id']}", **_facts(job))


async def _any_failed(operators: Operators, connection: Connection) -> dict[str, Any] | None:
    query = {"queue": operators.rng.choice(QUEUES), "limit": LISTED, "offset": operators.rng.choice((0, 20))}
    answer = await operators.ask(connection, "failed", "GET", f"{FAILED}?{urlencode(query)}", _named)
    found = answer.value if answer is not None and answer.status == 200 else None
    return operators.rng.choice(found) if found else None


async def _retry_all(operators: Operators, connection: Connection) -> None:
    """Run those again that failed in one queue, of late or ever."""
    query, queue = _filter(operators)
    await operators.ask(
        connection, "retry-all", "POST", f"{FAILED}/retry-all?{query}", _swept("requeued_jobs"), queue=queue
    )


async def _clear(operators: Operators, connection: Connection) -> None:
    """Remove those that failed in one queue, of late or ever."""
    query, queue = _filter(operators)
    await operators.ask(
        connection, "clear", "DELETE", f"{FAILED}/clear?{query}", _swept("deleted_jobs"), queue=queue
    )


def _filter(operators: Operators) -> tuple[str, str]:
    """Return a query, and the queue that it names."""
    queue = operators.rng.choice(QUEUES)
    since_s = operators.rng.choice((None, 2, 10))
    query = {"queue": queue}
    if since_s is not None:
        query["failed_after"] = datetime.fromtimestamp(time.time_ns() / 1e9 - since_s, UTC).isoformat()
    return urlencode(query), queue


async def _look(operators: Operators, connection: Connection) -> None:
    """Ask for counts and lists."""
    await operators.ask(connection, "look", "GET", operators.rng.choice(LOOKS))


async def _pause_and_resume(operators: Operators, kind: str, over: trio.Event) -> None:
    async with open_connection() as connection:
        while not over.is_set():
            await operators.ask(connection, "pause", "POST", f"{PAUSING[kind]}/pause", kind=kind)
            await trio.sleep(operators.rng.uniform(*PAUSED_S))
            await _resume(operators, connection, kind)
            await trio.sleep(operators.rng.uniform(*RESUMED_S))


async def _resume(operators: Operators, connection: Connection, kind: str) -> None:
    """Ask one node after the other until one says that the queue is resumed. Raises trio.TooSlowError."""
    with trio.fail_after(PATIENCE_S):
        while True:
            for node in operators.cluster.nodes:
                path = f"{PAUSING[kind]}/resume"
                answer = await operators.ask(connection, "resume", "POST", path, node=node, kind=kind)
                if answer is not None and answer.status == 200:
                    return
            await trio.sleep(POLL_S)


def _facts(job: dict[str, Any]) -> dict[str, Any]:
    return {"id": int(job["job_id"]), "name": job["kwargs"]["name"], "kind": job["kind"]}


def _named(answer: Answer) -> dict[str, Any]:
    """Keep which jobs were in a list."""
    return {"jobs": [_facts(job) for job in answer.value]}


def _swept(what: str) -> Callable[[Answer], dict[str, Any]]:
    """Keep the ids of what was done to many, which its counts have to agree with."""

    def keep(answer: Answer) -> dict[str, Any]:
        value = answer.value
        done: Sequence[str] = value[what]
        counts = {name: count for name, count in value.items() if name.endswith(("_count", "_failed"))}
        errors = [int(error["job_id"]) for error in value["errors"]]
        return {"ids": [int(job_id) for job_id in done], "failed_ids": errors, "counts": counts}

    return keep
