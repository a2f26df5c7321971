"""What comes in, counted by the lane that serves it: by plain additions, as it is done for each request."""

from attrs import define, field, frozen

# One for each class of status, up to 5xx.
_CLASSES = 6


@define(eq=False)
class LaneTraffic:
    """The connections that a lane has now, and the requests that it has answered."""

    connections: int = 0
    _answers: list[int] = field(factory=lambda: [0] * _CLASSES)

    def answered(self, status: int) -> None:
        """Count an answer."""
        self._answers[status // 100] += 1

    def answers(self) -> dict[str, int]:
        """Return how many answers there have been of each class of status, such as `2xx`."""
        return {f"{number}xx": count for number, count in enumerate(self._answers) if number >= 2}


@frozen
class Traffic:
    """The traffic of both lanes."""

    intake: LaneTraffic = field(factory=LaneTraffic)
    app: LaneTraffic = field(factory=LaneTraffic)
