"""The sides of a run: jobs that are pushed, those that are fetched, operators; each has its load and end."""

from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Any, Protocol


class Mode(StrEnum):
    """How the jobs of a run come to their workers."""

    PUSH = "push"
    PULL = "pull"
    BOTH = "both"

    @property
    def pushes(self) -> bool:
        """Whether jobs are sent to workers."""
        return self is not Mode.PULL

    @property
    def pulls(self) -> bool:
        """Whether workers fetch jobs."""
        return self is not Mode.PUSH


class Side(Protocol):
    """One side. What it returns is kept with the events of the run."""

    @property
    def runs(self) -> int:
        """How many jobs have been begun by it."""
        ...

    def open_load(self, phase: str) -> AbstractAsyncContextManager[None]:
        """Have clients at work while the block runs; `phase` is part of the names of their jobs."""
        ...

    async def is_quiet(self) -> bool:
        """Whether every job has ended."""
        ...

    async def counted(self) -> dict[str, Any]:
        """Return what there is to say after the calm phase."""
        ...

    async def left(self) -> dict[str, Any]:
        """Return what the store holds in the end."""
        ...
