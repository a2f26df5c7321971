"""The worker processes of a run."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from attrs import define

from tests.process.harness.journal import open_journal
from tests.process.harness.pull.worker import READY, Role
from tests.process.running_daemon import clean_environment

START_S = 60.0
END_S = 10.0
POLL_S = 0.05
ROOT = Path(__file__).parents[4]
# What the journal of a process that was killed ends with.
KILLED = "killed"

# The others may be harmed.
ROLES = (Role.STEADY, Role.MIXED, Role.MIXED)


class WorkerEnded(Exception):
    """A worker process ended by itself; the message is what it said."""


@define(eq=False)
class Member:
    """One worker process, and those that follow it. Each has a journal of its own, beside `place`."""

    role: Role
    place: Path
    seed: int
    urls: Sequence[str]
    starts: int = 0
    _process: trio.Process | None = None

    @property
    def journal(self) -> Path:
        """The journal of the present process."""
        return self.place.with_suffix(f".{self.starts}.jsonl")

    @property
    def process(self) -> trio.Process:
        """The present process."""
        assert self._process is not None
        return self._process

    async def start(self) -> None:
        """Run a process and wait until it asks for jobs. Raises WorkerEnded, trio.TooSlowError."""
        self.starts += 1
        arguments = [self.role, str(self.seed + self.starts), str(self.journal), *self.urls]
        output = os.open(self.place.with_suffix(".output"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            self._process = await trio.lowlevel.open_process(
                [sys.executable, "-m", "tests.process.harness.pull.worker", *arguments],
                env=clean_environment({"PYTHONPATH": str(ROOT)}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        finally:
            os.close(output)
        with trio.fail_after(START_S):
            while not (self.journal.exists() and READY.encode() in self.journal.read_bytes()):
                self.check()
                await trio.sleep(POLL_S)

    def check(self) -> None:
        """Raise WorkerEnded if the process has."""
        if self._process is not None and self._process.returncode is not None:
            raise WorkerEnded(self.place.with_suffix(".output").read_text(errors="replace")[-2000:])

    async def kill(self) -> None:
        """End the process as a crash of its machine would."""
        process, self._process = self.process, None
        process.kill()
        await process.wait()
        with open_journal(self.journal) as journal:
            journal.note(KILLED)

    def stall(self) -> None:
        """Let the process stand still."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a stalled process go on."""
        self.process.send_signal(signal.SIGCONT)

    async def clear_away(self) -> None:
        """End what still runs."""
        if self._process is not None:
            await self.kill()


@define(eq=False)
class Crew:
    """All worker processes."""

    members: Sequence[Member]

    @property
    def mortals(self) -> list[Member]:
        """Those that may be harmed."""
        return [member for member in self.members if member.role is Role.MIXED]

    async def watch(self) -> None:
        """Raise WorkerEnded when a process ends by itself; otherwise goes on until cancelled."""
        while True:
            for member in self.members:
                member.check()
            await trio.sleep(POLL_S)


@asynccontextmanager
async def open_crew(folder: Path, seed: int, urls: Sequence[str]) -> AsyncIterator[Crew]:
    """Have worker processes at work while the block runs, with their journals in `folder`, which must exist.

    Tasks: one that watches the processes. Stops when: the block ends; they are killed then. Raises:
    WorkerEnded, and what the block raises, in a group.
    """
    members = [
        Member(role, folder / f"worker-{number}", seed + 1000 * number, urls)
        for number, role in enumerate(ROLES, 1)
    ]
    crew = Crew(members)
    try:
        async with trio.open_nursery() as starting:
            for member in members:
                starting.start_soon(member.start)
        async with trio.open_nursery() as watching:
            watching.start_soon(crew.watch)
            yield crew
            watching.cancel_scope.cancel()
    finally:
        with trio.move_on_after(END_S, shield=True):
            for member in members:
                await member.clear_away()
