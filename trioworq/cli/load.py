"""`trioworq load`: how many jobs there were over time, as a picture, a table or JSON."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from trioworq.cli.connecting import connected
from trioworq.cli.moments import MOMENT
from trioworq.cli.output import can_print, has_colours, note, say, say_table, shown_time, terminal_width
from trioworq.cli.plot import UNICODE, Style, plot
from trioworq.client import Client, LoadPoint


@click.command()
@click.option(
    "--since",
    "started",
    metavar="TIME",
    type=MOMENT,
    default="P1D",
    show_default=True,
    help="From when on; PT3H is three hours ago.",
)
@click.option("--until", "ended", metavar="TIME", type=MOMENT, help="Until when; now unless given.")
@click.option(
    "--type",
    "type_names",
    metavar="NAME",
    multiple=True,
    help="Jobs of this type: a push job's category, a pull job's queue.",
)
@click.option("--queue", "queues", metavar="NAME", multiple=True, help="Jobs of this queue.")
@click.option(
    "--priority",
    "priorities",
    metavar="NUMBER",
    type=int,
    multiple=True,
    help="Jobs of queues of this priority.",
)
@click.option("--table", "is_table", is_flag=True, help="Print numbers instead of a picture.")
@click.option("--ascii", "is_ascii", is_flag=True, help="Draw with the characters of ASCII alone.")
@connected
def load(
    client: Client,
    is_json: bool,
    is_table: bool,
    is_ascii: bool,
    started: datetime | timedelta,
    ended: datetime | timedelta | None,
    type_names: Sequence[str],
    queues: Sequence[str],
    priorities: Sequence[int],
) -> int:
    """Show how many jobs waited for a time (pending), waited for a worker (queued) and ran."""
    points = client.load(
        started=started, ended=ended, type_names=type_names, queues=queues, priorities=priorities
    )
    if is_json:
        say(json.dumps(_document(points)))
    elif not points:
        note("Nothing was counted in this time.")
    elif is_table:
        rows = [(shown_time(each.time), each.pending, each.queued, each.running) for each in points]
        say_table(("TIME", "PENDING", "QUEUED", "RUNNING"), rows)
    else:
        style = Style(is_ascii=is_ascii or not can_print(UNICODE), has_colours=has_colours())
        for line in plot(points, terminal_width(), style):
            say(line)
    return 0


def _document(points: Sequence[LoadPoint]) -> dict[str, Any]:
    """Return all pages as one."""
    results = [
        {
            "time": _time(each.time),
            "pending_count": each.pending,
            "queued_count": each.queued,
            "running_count": each.running,
        }
        for each in points
    ]
    return {"count": len(results), "next": None, "previous": None, "results": results}


def _time(time: datetime) -> str:
    """Write a time as the API does: milliseconds only where there are any."""
    precision = "milliseconds" if time.microsecond else "seconds"
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision)}Z"
