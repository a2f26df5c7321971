"""The two ways in which jobs come to their workers, as a run sees them: each has its load and its end."""

from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Any, Protocol


class Mode(StrEnum):
    """Which of them a run has."""

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
    """One of them. What it returns is kept with the events of the run."""

    @property
    def runs(self) -> int:
        """How many jobs have been begun."""
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
