"""What the shop's queues do all day."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import field, frozen


@frozen(kw_only=True)
class PushTrade:
    """A category of push jobs, in a queue that is defined as `definition` has it.

    One of `fails_each` jobs fails for good with `error`, none if that is 0; one of `busy_each` has to be
    tried again.
    """

    queue: str
    category: str
    per_s: float
    took_s: float = 0.05
    definition: Mapping[str, Any] = field(factory=dict)
    payload: Mapping[str, Any] = field(factory=dict)
    fails_each: int = 0
    error: str = ""
    busy_each: int = 0


@frozen(kw_only=True)
class PullTrade:
    """A pull queue, and for how long its workers have a job; `workers` 0 for nobody."""

    queue: str
    per_s: float
    took_s: float
    workers: int


PUSH = (
    PushTrade(
        queue="checkout",
        category="order/confirmation",
        per_s=9,
        took_s=0.2,
        definition={"max_workers": 12, "priority": 10},
        payload={"customer": "C-20117", "currency": "EUR", "lines": [{"sku": "TEA-0042", "count": 2}]},
    ),
    PushTrade(
        queue="checkout", category="order/receipt", per_s=4, definition={"max_workers": 12, "priority": 10}
    ),
    PushTrade(
        queue="thumbnails",
        category="pictures/thumbnail",
        per_s=6,
        took_s=0.5,
        definition={"max_workers": 8},
        payload={"picture": "img/2026/11/8842.jpg", "sizes": [160, 320, 640], "format": "webp"},
        fails_each=40,
        error="cannot decode picture: unexpected end of file",
    ),
    PushTrade(
        queue="partner-webhooks",
        category="partners/stock",
        per_s=2,
        took_s=0.3,
        definition={"max_workers": 4},
        payload={"partner": "north-wind", "sku": "TEA-0042", "stock": 318},
        fails_each=3,
        error="partner answered 502 Bad Gateway",
        busy_each=5,
    ),
    PushTrade(
        queue="newsletter",
        category="newsletter/weekly",
        per_s=7,
        definition={"max_workers": 4, "max_dispatches_per_second": 5, "max_burst_size": 5},
        payload={"edition": 48, "to": "reader@example.com"},
    ),
    PushTrade(
        queue="search-index", category="catalogue/changed", per_s=5, took_s=0.1, definition={"max_workers": 6}
    ),
    # Its worker hangs.
    PushTrade(
        queue="invoices", category="order/invoice", per_s=0.3, took_s=3600, definition={"max_workers": 3}
    ),
    PushTrade(queue="fraud-check", category="order/risk", per_s=3, took_s=0.8, definition={"max_workers": 6}),
)
PULL = (
    PullTrade(queue="exports", per_s=1.5, took_s=1.0, workers=3),
    PullTrade(queue="video-transcoding", per_s=0.4, took_s=12.0, workers=4),
)
# Jobs that were there before: (queue, category, how many, seconds to wait before they are due).
DEFERRED = (("reports", "reports/nightly", 24, 6 * 3600), ("reports", "reports/monthly", 3, 9 * 86_400))
PAUSED = ("warehouse-sync", "warehouse/movement", 140)

NO_FIELDS: Mapping[str, Any] = MappingProxyType({})
