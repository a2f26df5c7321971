"""The daemons of a run, each a process of its own on one port from start to start."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from attrs import define, field

from tests.ports import free_port
from tests.process.harness.connection import Broken, Connection, Unsent, open_connection
from tests.process.harness.databases import Database
from tests.process.harness.journal import Journal
from tests.process.running_daemon import clean_environment

START_S = 60.0
END_S = 60.0
SHUTDOWN_S = 5
# Short, so that runs of minutes see finished jobs forgotten, and many samples.
FINISHED_TTL_S = 30
LOAD_INTERVAL_S = 2
POLL_S = 0.05

PROGRAM = ("trioworq",)

_ROOT = Path(__file__).parents[3]


class NotUp(Exception):
    """A daemon did not come up; the message is what it said."""


@define(eq=False)
class Node:
    """One daemon, and those that follow it on its port. `journal` is told of starts, signals and ends."""

    number: int
    folder: Path
    options: Sequence[str]
    environment: dict[str, str]
    journal: Journal
    launcher: Sequence[str]
    port: int = field(factory=free_port)
    is_stalled: bool = False
    starts: int = 0
    _process: trio.Process | None = None

    @property
    def label(self) -> str:
        """This process among all of the run, as it calls itself to workers."""
        return f"node-{self.number}.{self.starts}"

    @property
    def url(self) -> str:
        """Where it takes requests."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_alive(self) -> bool:
        """Whether the process runs; a stalled one does."""
        return self._process is not None and self._process.returncode is None

    @property
    def has_process(self) -> bool:
        """Whether there is a process that nobody has waited for yet, alive or not."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None
        return self._process.pid

    async def start(self, *launcher: str) -> None:
        """Run the node, by another module than usual if one is named, and wait until it serves or has ended.

        Raises NotUp when it does neither in time. If cancelled: it may run.
        """
        self.starts += 1
        logs = [f"--{log}-log={self.folder / log}.log" for log in ("queue", "access", "error")]
        command = [sys.executable, "-m", *(launcher or self.launcher), f"--bind=127.0.0.1:{self.port}"]
        command += [f"--dispatch-user-agent={self.label}", *logs, *self.options]
        output = os.open(self.folder / "output", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            self._process = await trio.lowlevel.open_process(
                command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        finally:
            os.close(output)
        self.journal.note("started", node=self.label, pid=self.pid)
        with trio.move_on_after(START_S):
            await self._wait_until_up()
            return
        raise NotUp(f"{self.label}: {self.output()[-2000:]}")

    async def _wait_until_up(self) -> None:
        async with open_connection(timeout_s=1) as connection:
            while self.is_alive:
                try:
                    await connection.ask(self.url, "GET", "/stats")
                except (Unsent, Broken):
                    await trio.sleep(POLL_S)
                else:
                    return

    async def wait(self) -> int:
        """Wait for the end of the process; return its code and record it."""
        assert self._process is not None
        with trio.fail_after(END_S):
            code = await self._process.wait()
        self.journal.note("ended", node=self.label, code=code)
        self._process = None
        return code

    async def kill(self) -> None:
        """End the process as a crash of the machine would."""
        self.send(signal.SIGKILL)
        await self.wait()

    async def terminate(self) -> int:
        """Stop in order; return the exit code."""
        self.send(signal.SIGTERM)
        return await self.wait()

    def stall(self) -> None:
        """Let the process stand still, with its connections and its locks."""
        self.is_stalled = True
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a stalled process go on."""
        self.send(signal.SIGCONT)
        self.is_stalled = False

    def send(self, number: signal.Signals) -> None:
        """Send a signal, and record it."""
        self.journal.note("signalled", node=self.label, signal=number.name)
        os.kill(self.pid, number)

    def output(self) -> str:
        """Return what its processes have said outside of their logs."""
        return (self.folder / "output").read_text(errors="replace")

    async def clear_away(self) -> None:
        """End what still runs, without a record; for the end of a run that broke off."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()


@define(eq=False)
class Cluster:
    """Nodes on one database."""

    nodes: list[Node]
    database: Database
    journal: Journal

    @property
    def serving(self) -> list[Node]:
        """Those that run and are not stalled."""
        return [node for node in self.nodes if node.is_alive and not node.is_stalled]

    async def start(self) -> None:
        """Start every node, all at once."""
        async with trio.open_nursery() as starting:
            for node in self.nodes:
                starting.start_soon(node.start)

    async def owner(self, queue: str) -> Node | None:
        """Return the node that dispatches a queue, if any says so."""
        async with open_connection(timeout_s=2) as connection:
            for node in self.serving:
                if await _is_active(connection, node, queue):
                    return node
        return None

    async def wait_for_owner(self, queue: str, patience_s: float = 30.0) -> Node:
        """Return the node that dispatches a queue, once there is one. Raises trio.TooSlowError."""
        with trio.fail_after(patience_s):
            while (node := await self.owner(queue)) is None:
                await trio.sleep(POLL_S)
        return node


async def _is_active(connection: Connection, node: Node, queue: str) -> bool:
    try:
        answer = await connection.ask(node.url, "GET", f"/queue/{queue}/stats")
    except (Unsent, Broken):
        return False
    return answer.status == 200 and answer.value["active_nodes"] == 1


@asynccontextmanager
async def open_cluster(
    database: Database, count: int, folder: Path, journal: Journal, *, launcher: Sequence[str] = PROGRAM
) -> AsyncIterator[Cluster]:
    """Start `count` nodes with their logs in folders of `folder`; end those that still run on the way out.

    `launcher` is the module that runs them, with the arguments that come before the options.
    """
    extra = {"FIREWORQ_MYSQL_DSN": database.dsn, "PYTHONPATH": str(_ROOT)}
    environment = clean_environment(extra)
    options = [
        f"--shutdown-timeout={SHUTDOWN_S}",
        f"--finished-ttl={FINISHED_TTL_S}",
        f"--load-interval={LOAD_INTERVAL_S}",
        *database.options,
    ]
    nodes = []
    for number in range(1, count + 1):
        place = folder / f"node-{number}"
        place.mkdir(parents=True)
        nodes.append(Node(number, place, options, environment, journal, launcher))
    cluster = Cluster(nodes, database, journal)
    try:
        await cluster.start()
        yield cluster
    finally:
        with trio.move_on_after(END_S, shield=True):
            for node in nodes:
                await node.clear_away()
