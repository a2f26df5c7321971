"""What a run is to do."""

from typing import Any

from attrs import asdict, frozen

STORES = ("sqlite", "mysql")


@frozen(kw_only=True)
class Plan:
    """A run: `faults` one by one, in this order, then any others until `minutes` are over."""

    store: str
    nodes: int
    seed: int
    calm_s: float
    faults: tuple[str, ...] = ()
    minutes: float = 0.0

    def shown(self) -> dict[str, Any]:
        """Return the plan as it is recorded."""
        return asdict(self)
