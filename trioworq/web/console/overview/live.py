"""What an open overview is sent."""

import orjson

from trioworq.manage.feed import Snapshot
from trioworq.web.console.desk import Desk
from trioworq.web.console.live import Write
from trioworq.web.messages import Request


def view(_desk: Desk, _request: Request) -> Write:
    """Return how the overview is written to."""
    return _write


def _write(snapshot: Snapshot, _previous: Snapshot | None) -> bytes:
    return orjson.dumps({"number": snapshot.number, "time_ms": snapshot.time_ms})
