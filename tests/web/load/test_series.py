"""The load over time, at the port and over every store (contract load §4.2)."""

import pytest

from tests.web.face import Face
from tests.web.load.samples import (
    DAY,
    MAIL,
    MINUTE_MS,
    NEWS,
    THEN_MS,
    TRADES,
    ask,
    number_of,
    sample,
    series,
)
from trioworq.core.jobs import Kind
from trioworq.core.load import Load, TypeName
from trioworq.core.periods import DAY_MS
from trioworq.core.routing import Routing
from trioworq.web.load.times import show_time


async def three_samples(face: Face) -> None:
    """Write three, of three types, each of which has had no jobs for a while."""
    await sample(face.store, THEN_MS, {MAIL: Load(1, 2, 3), TRADES: Load(10, 20, 30)})
    await sample(face.store, THEN_MS + MINUTE_MS, {MAIL: Load(4, 5, 6), NEWS: Load(100, 200, 300)})
    await sample(face.store, THEN_MS + 2 * MINUTE_MS, {NEWS: Load(7, 8, 9), TRADES: Load(0, 0, 1)})


async def test_the_references_example_is_answered_as_it_stands(stored_face: Face) -> None:
    """To the byte, but for the blanks."""
    await sample(stored_face.store, THEN_MS, {MAIL: Load(1, 0, 0)})
    answer = await stored_face.client.get("/v6/load", params=DAY)
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == (
        '{"count":1,"next":null,"previous":null,"results":[{"time":"2015-10-21T00:00:00Z","pending_count":1,'
        '"queued_count":0,"running_count":0}]}'
    )


async def test_each_sample_is_a_sum_over_types(stored_face: Face) -> None:
    """They come in the order of time, one without jobs too."""
    await three_samples(stored_face)
    await sample(stored_face.store, THEN_MS - MINUTE_MS + 80)
    shown = await ask(stored_face, {**DAY, "started": "2015-10-20T12:00:00Z"})
    assert shown == {
        "count": 4,
        "next": None,
        "previous": None,
        "results": [
            {"time": time, "pending_count": pending, "queued_count": queued, "running_count": running}
            for time, pending, queued, running in [
                ("2015-10-20T23:59:00.080Z", 0, 0, 0),
                ("2015-10-21T00:00:00Z", 11, 22, 33),
                ("2015-10-21T00:01:00Z", 104, 205, 306),
                ("2015-10-21T00:02:00Z", 7, 8, 10),
            ]
        ],
    }


async def test_both_bounds_belong_to_it(stored_face: Face) -> None:
    """To the millisecond, whatever zone they are given in."""
    for offset_ms in (-1, 0, 500, 1000, 1001):
        await sample(stored_face.store, THEN_MS + offset_ms)
    bounds = {"started": "2015-10-20T19:00:00-05:00", "ended": "2015-10-21T02:00:01+02:00"}
    assert [item["time"] for item in (await ask(stored_face, bounds))["results"]] == [
        "2015-10-21T00:00:00Z",
        "2015-10-21T00:00:00.500Z",
        "2015-10-21T00:00:01Z",
    ]


async def test_it_is_the_last_week_unless_asked_otherwise(face: Face) -> None:
    """From midnight on, and up to now."""
    now_ms = face.queues.now_ms()
    midnight_ms = now_ms - now_ms % DAY_MS - 7 * DAY_MS
    times_ms = [midnight_ms - 1, midnight_ms, now_ms - 1, now_ms + 60_000]
    for time_ms in times_ms:
        await sample(face.store, time_ms)
    shown = [show_time(time_ms) for time_ms in times_ms]
    assert [item["time"] for item in (await ask(face))["results"]] == shown[1:3]
    later = {"ended": show_time(now_ms + 120_000)}
    assert [item["time"] for item in (await ask(face, later))["results"]] == shown[1:]


async def test_a_duration_counts_back_from_now(face: Face) -> None:
    """At either end."""
    now_ms = face.queues.now_ms()
    times_ms = [now_ms - minutes * MINUTE_MS for minutes in (185, 175, 65, 55, 0)]
    for time_ms in times_ms:
        await sample(face.store, time_ms)
    shown = [show_time(time_ms) for time_ms in times_ms]
    assert [item["time"] for item in (await ask(face, {"started": "PT3H0M0S"}))["results"]] == shown[1:]
    ended = {"started": "P1D", "ended": "PT1.0H"}
    assert [item["time"] for item in (await ask(face, ended))["results"]] == shown[:3]
    assert (await ask(face, {"started": "P31D"}))["count"] == 5


async def test_types_are_filtered_by_number(stored_face: Face) -> None:
    """Where the type had no jobs there is a zero; repeated numbers add up."""
    await three_samples(stored_face)
    mail, trades = [await number_of(stored_face.store, name) for name in (MAIL, TRADES)]
    assert await series(stored_face, ("job_type_id", mail)) == [(1, 2, 3), (4, 5, 6), (0, 0, 0)]
    both = await series(stored_face, ("job_type_id", mail), ("job_type_id", trades), ("job_type_id", mail))
    assert both == [(11, 22, 33), (4, 5, 6), (0, 0, 1)]


async def test_types_are_filtered_by_name(stored_face: Face) -> None:
    """Exactly, and a name counts for both kinds."""
    await three_samples(stored_face)
    await sample(stored_face.store, THEN_MS + 3 * MINUTE_MS, {TypeName(Kind.PULL, "mail"): Load(50, 0, 0)})
    await sample(stored_face.store, THEN_MS + 4 * MINUTE_MS, {TypeName(Kind.PUSH, "Mail"): Load(60, 0, 0)})
    assert await series(stored_face, ("job_type_name", "mail")) == [
        (1, 2, 3),
        (4, 5, 6),
        (0, 0, 0),
        (50, 0, 0),
        (0, 0, 0),
    ]
    both = await series(stored_face, ("job_type_name", "news"), ("job_type_name", "trades"))
    assert both[:3] == [(10, 20, 30), (100, 200, 300), (7, 8, 10)]


async def test_types_are_filtered_by_the_queue_that_they_go_to(stored_face: Face) -> None:
    """By now: a category that is routed elsewhere takes its past along; a pull type goes to its own queue."""
    await three_samples(stored_face)
    await stored_face.side.define("post")
    await stored_face.queues.routings.put(Routing("mail", "post"))
    assert await series(stored_face, ("job_type_category", "post")) == [(1, 2, 3), (4, 5, 6), (0, 0, 0)]
    assert await series(stored_face, ("job_type_category", "default")) == [
        (0, 0, 0),
        (100, 200, 300),
        (7, 8, 9),
    ]
    assert await series(stored_face, ("job_type_category", "trades")) == [(10, 20, 30), (0, 0, 0), (0, 0, 1)]
    both = await series(stored_face, ("job_type_category", "post"), ("job_type_category", "trades"))
    assert both == [(11, 22, 33), (4, 5, 6), (0, 0, 1)]


async def test_types_are_filtered_by_the_priority_of_their_queue(stored_face: Face) -> None:
    """By now too; that of pull queues is 100."""
    await three_samples(stored_face)
    await stored_face.side.define("post", priority=-5)
    await stored_face.queues.routings.put(Routing("mail", "post"))
    assert await series(stored_face, ("job_type_priority", -5)) == [(1, 2, 3), (4, 5, 6), (0, 0, 0)]
    assert await series(stored_face, ("job_type_priority", 100)) == [
        (10, 20, 30),
        (100, 200, 300),
        (7, 8, 10),
    ]
    both = await series(stored_face, ("job_type_priority", 100), ("job_type_priority", -5))
    assert both == [(11, 22, 33), (104, 205, 306), (7, 8, 10)]


async def test_of_different_filters_each_has_to_let_a_type_in(stored_face: Face) -> None:
    """They are no alternatives, as the values of one are."""
    await three_samples(stored_face)
    mail = await number_of(stored_face.store, MAIL)
    names = [("job_type_name", "mail"), ("job_type_name", "news")]
    assert await series(stored_face, *names, ("job_type_id", mail)) == [(1, 2, 3), (4, 5, 6), (0, 0, 0)]
    assert await series(stored_face, *names, ("job_type_category", "trades")) == [(0, 0, 0)] * 3
    assert await series(stored_face, *names, ("job_type_priority", 100), ("job_type_id", mail)) == [
        (1, 2, 3),
        (4, 5, 6),
        (0, 0, 0),
    ]


PASSED_BY_NO_TYPE = [
    "job_type_name=",
    "job_type_name=mai",
    "job_type_name=MAIL",
    "job_type_name=%00",
    "job_type_name=%FF",
    "job_type_name=%ED%A0%80",
    "job_type_name=" + "x" * 5000,
    "job_type_name='%20OR%201=1--",
    "job_type_category=",
    "job_type_category=none",
    "job_type_category=%FF",
    "job_type_id=0",
    "job_type_id=-1",
    "job_type_id=9223372036854775807",
    "job_type_id=-9223372036854775807",
    "job_type_priority=9223372036854775807",
]


async def test_a_filter_that_no_type_passes_leaves_zeros(stored_face: Face) -> None:
    """Whatever it is; the samples are still there."""
    await three_samples(stored_face)
    day = f"started={DAY['started']}&ended={DAY['ended']}"
    for query in PASSED_BY_NO_TYPE:
        shown = (await stored_face.client.get(f"/v6/load/?{day}&{query}")).json()
        counts = {tuple(item.values())[1:] for item in shown["results"]}
        assert (query, shown["count"], counts) == (query, 3, {(0, 0, 0)})


async def test_links_lead_through_all_pages_and_back(stored_face: Face) -> None:
    """Each sample is on one page, also of a filtered series."""
    for minute in range(25):
        await sample(stored_face.store, THEN_MS + minute * MINUTE_MS, {MAIL: Load(minute, 0, 0)})
    first = await ask(stored_face, [*DAY.items(), ("job_type_name", "mail"), ("page_size", 10)])
    port = stored_face.port
    assert first["next"] == (
        f"http://127.0.0.1:{port}/v6/load/?ended=2015-10-22T00%3A00%3A00Z&job_type_name=mail&page=2&page_size=10"
        "&started=2015-10-21T00%3A00%3A00Z"
    )
    there, link = [first], first["next"]
    while link:
        there.append((await stored_face.client.get(link)).json())
        link = there[-1]["next"]
    assert [item["pending_count"] for page in there for item in page["results"]] == list(range(25))
    assert {page["count"] for page in there} == {25}
    back, link = [there[-1]], there[-1]["previous"]
    while link:
        back.append((await stored_face.client.get(link)).json())
        link = back[-1]["previous"]
    assert back[::-1] == there
    last = await ask(
        stored_face, [*DAY.items(), ("job_type_name", "mail"), ("page_size", 10), ("page", "last")]
    )
    assert last == there[-1]


async def test_a_page_that_is_not_there_is_a_404(stored_face: Face) -> None:
    """One that is further off than any number of the store's too."""
    await three_samples(stored_face)
    for page in ("4", "0", "-1", "x", "9223372036854775807", "92233720368547760", "9" * 19, "9" * 400):
        answer = await stored_face.client.get("/v6/load/", params={**DAY, "page_size": 1, "page": page})
        assert (page, answer.status_code, answer.text) == (page, 404, '{"detail":"Invalid page."}')


BAD: list[tuple[str, str]] = [
    (
        "started=2015-01-01T00:00:00Z&ended=2015-02-02T00:00:00Z",
        "Time range must be between 0 and 31 days, 0:00:00",
    ),
    ("started=P32D", "Time range must be between 0 and 31 days, 0:00:00"),
    ("started=2015-01-01T00:00:00Z", "Time range must be between 0 and 31 days, 0:00:00"),
    ("ended=9999-12-31T23:59:59Z", "Time range must be between 0 and 31 days, 0:00:00"),
    ("started=P", "Start and end values must be different"),
    ("started=PT0S", "Start and end values must be different"),
    ("started=P1D&ended=P1D", "Start and end values must be different"),
    ("started=P1D&ended=P2D", "Start time must come before end time"),
    ("started=9999-12-31T23:59:59Z", "Start time must come before end time"),
    ("ended=2015-01-01T00:00:00Z", "Start time must come before end time"),
    ("started=", "Invalid ISO timestamp format for parameter: started"),
    ("ended=", "Invalid ISO timestamp format for parameter: ended"),
    ("started=2015-01-01T00:00:00", "Invalid ISO timestamp format for parameter: started"),
    ("started=2015-01-01T00:00:00+00:00", "Invalid ISO timestamp format for parameter: started"),
    ("started=P999999999999D", "Invalid ISO timestamp format for parameter: started"),
    ("ended=P" + "9" * 400 + "D", "Invalid ISO timestamp format for parameter: ended"),
    ("ended=99999-01-01T00:00:00Z", "Invalid ISO timestamp format for parameter: ended"),
    ("started=0000-01-01T00:00:00Z", "Invalid ISO timestamp format for parameter: started"),
    ("started=NaN", "Invalid ISO timestamp format for parameter: started"),
    ("started=%FF%00", "Invalid ISO timestamp format for parameter: started"),
    ("job_type_id=x", 'Parameter must be a valid integer: "job_type_id"'),
    ("job_type_id=1&job_type_id=9223372036854775808", 'Parameter must be a valid integer: "job_type_id"'),
    ("job_type_priority=high", 'Parameter must be a valid integer: "job_type_priority"'),
    ("page=x&started=", "Invalid ISO timestamp format for parameter: started"),
]


@pytest.mark.parametrize(("query", "detail"), BAD)
async def test_a_bad_parameter_is_a_400(face: Face, query: str, detail: str) -> None:
    """It says what is wrong, in the original's words, whether or not there is such a page."""
    for path in ("/v6/load", "/v6/load/"):
        answer = await face.client.get(f"{path}?{query}")
        assert (answer.status_code, answer.json()) == (400, {"detail": detail})
    assert face.errors == []


async def test_what_cannot_be_read_is_no_fault(stored_face: Face) -> None:
    """The first and the last time that there is are asked of the store as any other."""
    for started, ended in [
        ("0001-01-01T00:00:00Z", "0001-01-31T00:00:00Z"),
        ("9999-12-01T00:00:00Z", "9999-12-31T23:59:59.999Z"),
    ]:
        assert (await ask(stored_face, {"started": started, "ended": ended}))["results"] == []
