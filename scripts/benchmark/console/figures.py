"""What a run of an open console measures."""

from attrs import frozen

from benchmark.figures import Spread


@frozen
class Watched:
    """The share of one core that the server uses, in percent, and answers to pushes meanwhile."""

    processor_percent: float
    push: Spread


@frozen
class Run:
    """Everything that one run measures; what a console costs is in percent of one core."""

    unwatched: Watched
    streamed: Watched
    browsed: Watched | None

    @property
    def costs(self) -> "Costs":
        """What is used more than without a console."""
        before = self.unwatched.processor_percent
        browsed = None if self.browsed is None else self.browsed.processor_percent - before
        return Costs(self.streamed.processor_percent - before, browsed)


@frozen
class Costs:
    """What an open console costs the server, in percent of one core, by who has it open."""

    stream_percent: float
    browser_percent: float | None
