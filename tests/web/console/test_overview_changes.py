"""What an open overview is sent: only what has changed, in the words that the page has."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from attrs import evolve

from trioworq.core.jobs import Kind
from trioworq.core.nodes import Activity, QueueName
from trioworq.core.overview import QueueStatus, Trouble
from trioworq.manage.feed import TRACE_POINTS, Snapshot
from trioworq.manage.standings import NodeStatus
from trioworq.web.console.overview import table
from trioworq.web.console.overview.sparkline import HEIGHT, WIDTH, lines
from trioworq.web.console.overview.table import Tables

NOW_MS = 1_795_338_441_115
MAIL = QueueName(Kind.PUSH, "mail")
FILES = QueueName(Kind.PULL, "files")


def snapshot(*statuses: QueueStatus, number: int = 1, **fields: Any) -> Snapshot:
    """Return how these queues stand, with nothing the matter unless said."""
    given: dict[str, Any] = {"troubles": {}, "seen_ms": NOW_MS} | fields
    troubles = {status.queue: Trouble.NONE for status in statuses} | given.pop("troubles")
    return Snapshot(number=number, time_ms=NOW_MS, queues=statuses, troubles=troubles, **given)


def told(now: Snapshot, before: Snapshot | None = None, tables: Tables | None = None) -> Any:
    """Return what is sent."""
    return orjson.loads((tables or Tables()).write(now, before))


def mail(**fields: Any) -> QueueStatus:
    """Return the status of a push queue."""
    return QueueStatus(queue=MAIL, **fields)


def files(**fields: Any) -> QueueStatus:
    """Return the status of a pull queue."""
    return QueueStatus(queue=FILES, **fields)


def test_what_is_as_it_was_is_not_sent() -> None:
    """Neither cells, nor the order, nor the nodes."""
    before = snapshot(mail(waiting=1), files(), nodes=[NodeStatus("1", "a", 1)])
    assert told(evolve(before, number=2), before) == {"rows": {}, "cells": {}}


def test_cells_are_sent_that_have_changed() -> None:
    """Of the rows that they are in, and of the totals."""
    before, now = snapshot(mail(waiting=1), files()), snapshot(mail(waiting=2500), files())
    changes = told(now, before)
    assert changes == {
        "rows": {"push:mail": {"waiting": "2\u202f500"}},
        "cells": {"all-waiting": "2\u202f500"},
    }


def test_a_new_queue_comes_whole_and_a_gone_one_leaves_the_order() -> None:
    """With its name and its ways on; of the others nothing is repeated."""
    before, now = snapshot(mail()), snapshot(files())
    changes = told(now, before)
    assert changes["order"] == ["pull:files"]
    assert changes["rows"].keys() == {"pull:files"}
    assert changes["rows"]["pull:files"]["name"] == "files"
    assert changes["rows"]["pull:files"]["name@href"] == "/console/queue?kind=pull&name=files"


def test_the_order_is_sent_when_it_is_new() -> None:
    """Also if it is all that has changed."""
    before = snapshot(mail(), files())
    assert told(snapshot(files(), mail()), before) == {
        "rows": {},
        "cells": {},
        "order": ["pull:files", "push:mail"],
    }


@pytest.mark.parametrize("trouble", Trouble)
def test_each_trouble_has_a_word_and_its_meaning(trouble: Trouble) -> None:
    """Which styles know too."""
    cells = told(snapshot(mail(), troubles={MAIL: trouble}))["rows"]["push:mail"]
    assert cells["state"] == cells["state@data-state"]
    assert cells["state"] in ("ok", "paused", "growing", "failing", "stuck", "no node")
    assert cells["state@title"]


def test_what_a_state_does_not_tell_is_said_beside_it() -> None:
    """A queue may fail while it is paused, and have jobs left without a definition."""
    now = snapshot(mail(is_paused=True, is_defined=False), troubles={MAIL: Trouble.FAILING})
    assert told(now)["rows"]["push:mail"]["marks"] == "paused, not defined"


@pytest.mark.parametrize(
    ("status", "text", "width"),
    [
        (mail(activity=Activity(busy=5, workers=20)), "5 of 20", "25"),
        (mail(activity=Activity(busy=30, workers=20)), "30 of 20", "100"),
        (mail(), "–", "0"),
        (files(activity=Activity(workers=3)), "3 waiting", "0"),
        (files(), "–", "0"),
    ],
)
def test_workers_are_told_in_words_and_as_a_bar(status: QueueStatus, text: str, width: str) -> None:
    """Slots of push queues; of pull queues those who wait for a job, which has no whole to be a part of."""
    (cells,) = told(snapshot(status))["rows"].values()
    assert (cells["workers"], cells["busy@width"]) == (text, width)
    assert (cells["bar@hidden"] is None) == ("of" in text)


def test_how_long_the_oldest_job_has_been_due_is_counted_to_the_last_look() -> None:
    """What is known may be old by then."""
    status = mail(waiting=1, oldest_due_ms=NOW_MS - 65_000)
    away = evolve(snapshot(status), time_ms=NOW_MS + 600_000, trouble="away", lost_at_ms=NOW_MS)
    assert told(snapshot(status))["rows"]["push:mail"]["age"] == "1 min 5 s"
    assert told(away)["rows"]["push:mail"]["age"] == "1 min 5 s"
    assert told(snapshot(mail(oldest_due_ms=NOW_MS + 5)))["rows"]["push:mail"]["age"] == "0 ms"


def test_a_store_that_is_away_is_told_of_with_the_figures_left_as_they_were() -> None:
    """Since when, and from when they are; and that it is back."""
    before = snapshot(mail(waiting=1))
    away = evolve(before, number=2, time_ms=NOW_MS + 2000, trouble="It is away", lost_at_ms=NOW_MS + 1000)
    changes = told(away, before)
    assert changes["rows"] == {}
    cells = changes["cells"]
    assert (cells["trouble"], cells["store@hidden"], cells["figures@data-old"]) == ("It is away", None, "")
    assert (cells["lost@data-ms"], cells["seen@data-ms"]) == (str(NOW_MS + 1000), str(NOW_MS))
    assert (cells["lost-part@hidden"], cells["seen-part@hidden"]) == (None, None)
    again = told(before, away)["cells"]
    assert (again["store@hidden"], again["figures@data-old"]) == ("", None)


def test_what_was_never_seen_has_no_time() -> None:
    """A page that is opened while the store is away says since when alone."""
    cells = told(Snapshot(number=1, time_ms=NOW_MS, trouble="away", lost_at_ms=NOW_MS))["cells"]
    assert (cells["lost-part@hidden"], cells["seen-part@hidden"]) == (None, "")
    assert cells["first@hidden"] == ""


def test_nodes_are_told_of_when_there_are_others() -> None:
    """Or when they have more queues, or fewer."""
    before = snapshot(nodes=[NodeStatus("1", "a", 1)])
    assert told(snapshot(nodes=[NodeStatus("1", "a", 2)]), before)["nodes"] == [["a", "2 queues"]]
    assert told(before)["nodes"] == [["a", "1 queue"]]


def test_of_very_many_queues_those_on_top_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody can make pull queues; the page says how many are left out."""
    monkeypatch.setattr(table, "MOST_QUEUES", 2)
    statuses = [QueueStatus(queue=QueueName(Kind.PULL, str(number))) for number in range(5)]
    tables = Tables()
    now = snapshot(*statuses)
    assert told(now, tables=tables)["order"] == ["pull:0", "pull:1"]
    assert tables.of(now).left_out == 3
    assert told(now, tables=tables)["cells"]["all-queues"] == "5"


def test_many_viewers_are_written_to_once() -> None:
    """The very same bytes go to all of them."""
    tables, before, now = Tables(), snapshot(mail()), snapshot(mail(waiting=1))
    assert tables.of(now) is tables.of(now)
    assert tables.write(now, before) is tables.write(now, before)
    assert tables.write(now, None) != tables.write(now, before)


def trace(*activities: Activity) -> Sequence[Activity]:
    """Return what went on, with nothing before that."""
    return [Activity()] * (TRACE_POINTS - len(activities)) + list(activities)


def test_lines_are_drawn_anew_when_there_is_another_point() -> None:
    """And stay as they are meanwhile, as they are the longest texts of all."""
    first = trace(Activity(completed=4, failed=2))
    before = snapshot(mail(), traces={MAIL: first}, traced=1)
    tables = Tables()
    assert told(before, tables=tables)["rows"]["push:mail"]["done@points"]
    assert "push:mail" not in told(evolve(before, number=2), before, tables)["rows"]
    later = evolve(before, number=3, traces={MAIL: trace(*first[-1:], Activity(completed=8))}, traced=2)
    assert told(later, before, tables)["rows"]["push:mail"].keys() == {"done@points", "bad@points"}


def test_a_line_has_a_place_for_each_point_and_ends_at_the_right() -> None:
    """Both on one scale, so that they can be compared; a line of nothing is none."""
    done, bad = lines([Activity(completed=1), Activity(completed=10, failed=5)])
    assert done == f"{WIDTH},1 {WIDTH - 2},{HEIGHT - 3}"
    assert bad == f"{WIDTH},10 {WIDTH - 2},{HEIGHT - 1}"
    assert lines([]) == lines(trace()) == ("", "")
    assert len(lines(trace(Activity(completed=1)))[0].split()) == TRACE_POINTS
