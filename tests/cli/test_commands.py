"""The commands that ask a daemon, against a server that is told what to answer."""

import json
from typing import Any

import pytest

from tests.cli.asking import Asker
from tests.client.reports import (
    COUNTS,
    DELETED,
    DRY_RUN,
    FAILED,
    POINT,
    QUEUE_COUNTS,
    QUEUED_TYPE,
    QUEUES,
    REQUEUED,
    STATUS,
    page,
    point,
    said,
)
from tests.client.scripted_server import DROP, Reply, in_turn, scripted_server
from tests.ports import free_port
from trioworq.cli.management import manage

NOTHING_SWEPT = {**DRY_RUN, "total_failed": 0}
HOSTILE = "\x1b]0;owned\x07\u202e"
ESCAPED = r"\x1b]0;owned\x07\u202e"


def test_failures_are_listed(ask: Asker) -> None:
    """A line each, with the first line of the reason."""
    pull = {**FAILED, "kind": "pull", "queue": "q", "fail_count": 3, "exc_info": "first\nsecond"}
    with scripted_server(in_turn(said([FAILED, pull]), said([]))) as server:
        done = ask(server.url, "jobs", "failed", "--queue", "a b")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "JOB  FAILED AT             KIND  QUEUE  CATEGORY  TRIES  WHY",
        "7    2024-01-01T12:01:00Z  -     -      -         -      Error message...",
        "7    2024-01-01T12:01:00Z  pull  q      -         3      first",
    ]
    assert server.asked[0].query == {"queue": "a b", "limit": "100", "offset": "0"}


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_page_of_failures_tells_of_the_next(ask: Asker, more: tuple[str, ...]) -> None:
    """Beside the answer; also where large ones made the page a short one."""
    with scripted_server(in_turn(said([FAILED, FAILED]), said([FAILED]))) as server:
        done = ask(server.url, "jobs", "failed", "--limit", "9", "--offset", "4", "--queue", "q", *more)
    assert done.err == "There are more: --offset 6\n"
    assert [asked.query for asked in server.asked] == [
        {"queue": "q", "limit": "9", "offset": "4"},
        {"queue": "q", "limit": "1", "offset": "6"},
    ]


def test_the_end_of_the_failures_is_told_by_nothing(ask: Asker) -> None:
    """Nor is anybody asked whether there is more behind it."""
    with scripted_server(in_turn(said([]))) as server:
        done = ask(server.url, "jobs", "failed", "--offset", "9")
    assert (done.code, done.err, len(server.asked)) == (0, "", 1)


def test_failures_are_chosen_by_time(ask: Asker) -> None:
    """Times are the API's, also where they were told by their distance."""
    after = ("--failed-after", "P1D", "--failed-before", "2026-11-22T18:00:00Z")
    with scripted_server(in_turn(said([]))) as server:
        ask(server.url, "jobs", "failed", "--category", "mail", *after)
    query = server.asked[0].query
    assert (query["category"], query["failed_before"]) == ("mail", "2026-11-22T18:00:00+00:00")
    assert query["failed_after"].endswith("+00:00")


def test_a_job_is_shown(ask: Asker) -> None:
    """What is not known of it is left out, and a traceback keeps its lines."""
    shown = {**STATUS, "exc_info": "Traceback:\n  line", "kind": "push", "url": "http://w/", "args": ["ö"]}
    with scripted_server(in_turn(said(shown))) as server:
        done = ask(server.url, "jobs", "status", "7")
    assert done.out.splitlines() == [
        "job              7",
        "status           finished",
        "kind             push",
        "url              http://w/",
        "priority         100",
        "created          2024-01-01T12:00:00Z",
        "started          2024-01-01T12:00:01Z",
        "ended            2024-01-01T12:01:00Z",
        'args             ["ö"]',
        "kwargs           {}",
        "result           success",
        "why it failed    Traceback:",
        "                   line",
    ]


def test_a_payload_that_was_not_kept_is_told(ask: Asker) -> None:
    """It is not an empty one."""
    with scripted_server(in_turn(said({**STATUS, "args": [], "payload_omitted": True}))) as server:
        done = ask(server.url, "jobs", "status", "7")
    assert "args             not kept" in done.out


@pytest.mark.parametrize(
    ("arguments", "reply", "expected"),
    [
        (("jobs", "failed"), [{**FAILED, "exc_info": HOSTILE, "category": HOSTILE}], ESCAPED),
        (("jobs", "status", "7"), {**STATUS, "args": [HOSTILE], "result": HOSTILE},
         r'["\u001b]0;owned\u0007\u202e"]'),
        (("jobs", "failed", "--json"), [{**FAILED, "args": [HOSTILE]}], r"\u001b]0;owned\u0007\u202e"),
        (("jobs", "retry-all", "--yes"),
         {**REQUEUED, "errors": [{"job_id": HOSTILE, "error": HOSTILE}]}, ESCAPED),
        (("queues", "waiting"),
         page({**QUEUED_TYPE, "job_type": {**QUEUED_TYPE["job_type"], "name": HOSTILE}}), ESCAPED),
        (("queues", "pause", "a\x1b"), {}, r"a\x1b"),
    ],
)  # fmt: skip
def test_what_a_job_says_does_not_reach_the_terminal(
    ask: Asker, arguments: tuple[str, ...], reply: Any, expected: str
) -> None:
    """It is shown as escapes, in words and in JSON."""
    with scripted_server(in_turn(reply if isinstance(reply, Reply) else said(reply))) as server:
        done = ask(server.url, *arguments)
    assert expected in done.out
    assert done.out.replace("\n", "").isprintable()


def test_what_an_error_says_does_not_reach_the_terminal(ask: Asker) -> None:
    """Whoever answers."""
    with scripted_server(in_turn(said({"detail": HOSTILE}, 400))) as server:
        done = ask(server.url, "jobs", "failed")
    assert (done.code, done.err) == (1, "trioworq: \\x1b]0;owned\\x07\\u202e (HTTP 400)\n")


@pytest.mark.parametrize(
    ("arguments", "method", "path", "line"),
    [
        (("jobs", "retry", "7"), "POST", "/api/v1/jobs/failed/7/retry", "Job 7 runs again."),
        (("jobs", "delete", "7"), "DELETE", "/api/v1/jobs/failed/7", "Job 7 is deleted."),
        (("queues", "pause", "a b"), "POST", "/queue/a%20b/pause", "Queue a b is paused."),
        (("queues", "resume", "q", "--pull"), "POST", "/v1/queues/q/resume", "Queue q is resumed."),
    ],
)
def test_a_change_is_told(ask: Asker, arguments: tuple[str, ...], method: str, path: str, line: str) -> None:
    """In a line, or in the API's words."""
    with scripted_server(in_turn(said({"success": True}))) as server:
        assert ask(server.url, *arguments).out == f"{line}\n"
        assert ask(server.url, *arguments, "--json").out == '{"success":true}\n'
    assert {(asked.method, asked.path) for asked in server.asked} == {(method, path)}


@pytest.mark.parametrize(
    ("verb", "method", "reply", "line", "code"),
    [
        ("clear", "DELETE", DELETED, "2 of 2 failed jobs are deleted.", 0),
        ("clear", "DELETE", NOTHING_SWEPT, "There are no such failed jobs.", 0),
        ("retry-all", "POST", REQUEUED, "2 of 3 failed jobs run again.", 1),
    ],
)
def test_a_sweep_is_told(ask: Asker, verb: str, method: str, reply: Any, line: str, code: int) -> None:
    """What is left is an error, with its reason."""
    with scripted_server(in_turn(said(reply))) as server:
        done = ask(server.url, "jobs", verb, "--yes", "--category", "mail")
        shown = ask(server.url, "jobs", verb, "--yes", "--json")
    assert (done.code, done.out.splitlines()[0]) == (code, line)
    assert ("its queue is gone" in done.out) == bool(code)
    assert (shown.code, json.loads(shown.out)) == (code, reply)
    first, _ = server.asked
    assert (first.method, first.query) == (method, {"category": "mail"})


@pytest.mark.parametrize(("verb", "what"), [("clear", "be deleted"), ("retry-all", "run again")])
def test_a_sweep_that_nobody_has_confirmed_is_none(ask: Asker, verb: str, what: str) -> None:
    """A script has to say that it means it, and is told how much."""
    with scripted_server(in_turn(said(DRY_RUN))) as server:
        done = ask(server.url, "jobs", verb)
    assert (done.code, done.out) == (2, "")
    assert f"5 failed jobs will {what}." in done.err
    assert "--yes" in done.err
    assert [asked.query for asked in server.asked] == [{"dry_run": "true"}]


def test_a_dry_run_only_counts(ask: Asker) -> None:
    """Also with --yes."""
    with scripted_server(in_turn(said(DRY_RUN))) as server:
        assert ask(server.url, "jobs", "clear", "--dry-run").out == "5 failed jobs would be deleted.\n"
        assert (
            ask(server.url, "jobs", "retry-all", "--dry-run", "--yes").out
            == "5 failed jobs would run again.\n"
        )
    assert [asked.query for asked in server.asked] == [{"dry_run": "true"}] * 2


def test_jobs_are_counted(ask: Asker) -> None:
    """In a line of numbers."""
    with scripted_server(in_turn(said(COUNTS))) as server:
        done = ask(server.url, "jobs", "stats", "--queue", "mail")
        assert json.loads(ask(server.url, "jobs", "stats", "--json").out) == COUNTS
    assert done.out.splitlines() == [
        "QUEUED  STARTED  FAILED  FINISHED",
        "    10        1       2        50",
    ]
    assert server.asked[0].query == {"queue": "mail"}


def queues_of(asked: Any) -> Reply:
    """Answer what is asked of push queues."""
    return said({"default": QUEUE_COUNTS} if asked.path == "/queues/stats" else QUEUES)


def test_queues_are_listed(ask: Asker) -> None:
    """With what has been done for them, where that is known."""
    with scripted_server(queues_of) as server:
        done = ask(server.url, "queues")
        listed = ask(server.url, "queues", "list")
    assert listed == done
    assert [line.split() for line in done.out.splitlines()] == [
        ["QUEUE", "STATE", "PRIORITY", "WORKERS", "BUSY", "JOBS/S", "PUSHED", "DONE", "FAILED"],
        ["default", "runs", "here", "100", "20", "1", "2", "9", "6", "1"],
        ["mail", "paused", "10", "5", "-", "-", "-", "-", "-"],
    ]


def test_queues_are_one_document(ask: Asker) -> None:
    """Each has its counters."""
    with scripted_server(queues_of) as server:
        first, second = json.loads(ask(server.url, "queues", "--json").out)
    assert first == {**QUEUES[0], "stats": QUEUE_COUNTS}
    assert second == {**QUEUES[1], "stats": None}


def test_what_waits_is_listed(ask: Asker) -> None:
    """By type."""
    with scripted_server(in_turn(page(QUEUED_TYPE))) as server:
        lines = ask(server.url, "queues", "waiting").out.splitlines()
        assert json.loads(ask(server.url, "queues", "waiting", "--json").out)["results"] == [QUEUED_TYPE]
    assert lines == [
        "TYPE          JOBS  LONGEST SINCE         PRIORITY  STATE  WHAT",
        "scale-ingest    19  1970-01-01T00:00:00Z         1  runs   Ingests a source file into a workspace",
    ]


def test_load_is_drawn(ask: Asker) -> None:
    """From the pages of the API, of the last day unless told otherwise."""
    first, second = point("2015-10-21T00:00:00Z", 1, 2, 3), point("2015-10-21T00:01:00.5Z", 0, 4, 3)
    with scripted_server(in_turn(page(first, following="more"), page(first, second))) as server:
        done = ask(server.url, "load", "--type", "a", "--type", "b", "--queue", "q", "--priority", "7")
    assert done.out.startswith("pending: 0 last, 1 at most (10-21 00:00Z)\n1 │█")
    assert done.out.endswith("Z\n")
    assert "\x1b" not in done.out
    assert server.asked[0].target == (
        "/v6/load/?started=P1DT0.000000S&job_type_name=a&job_type_name=b&job_type_category=q&job_type_priority=7"
        "&page_size=1000"
    )


def test_load_is_a_table_or_json(ask: Asker) -> None:
    """All pages in one, to the letter."""
    first, second = point("2015-10-21T00:00:00Z", 1, 2, 3), point("2015-10-21T00:01:00.500Z", 0, 4, 3)
    pages = [page(first, following="more"), page(first, second)]
    with scripted_server(in_turn(*pages, *pages)) as server:
        table = ask(server.url, "load", "--since", "2015-10-21", "--until", "PT0S", "--table")
        document = json.loads(ask(server.url, "load", "--json").out)
    assert table.out.splitlines() == [
        "TIME                  PENDING  QUEUED  RUNNING",
        "2015-10-21T00:00:00Z        1       2        3",
        "2015-10-21T00:01:00Z        0       4        3",
    ]
    assert document == {"count": 2, "next": None, "previous": None, "results": [first, second]}
    assert server.asked[0].query["started"] == "2015-10-21T00:00:00+00:00"
    assert server.asked[0].query["ended"] == "P0DT0.000000S"


def test_load_can_be_drawn_in_ascii(ask: Asker) -> None:
    """For terminals and mails that know no more."""
    with scripted_server(in_turn(page(POINT))) as server:
        assert ask(server.url, "load", "--ascii").out.isascii()


def test_no_load_is_told(ask: Asker) -> None:
    """Beside an answer that is empty."""
    with scripted_server(in_turn(page())) as server:
        done = ask(server.url, "load")
        assert json.loads(ask(server.url, "load", "--json").out)["results"] == []
    assert (done.code, done.out, done.err) == (0, "", "Nothing was counted in this time.\n")


@pytest.mark.parametrize(
    ("reply", "code", "line"),
    [
        (said({"detail": "Job 7 not found: gone"}, 404), 3, "Job 7 not found: gone (HTTP 404)"),
        (said({"detail": "its queue is gone"}, 409), 1, "its queue is gone (HTTP 409)"),
        (said({"detail": "no bearer token"}, 401), 1, "no bearer token (HTTP 401); see --token-file"),
        (Reply(500, b"boom"), 1, "boom (HTTP 500)"),
        (Reply(503, b"away", {"Retry-After": "5"}), 1, "no answer: {place}: away (HTTP 503)"),
        (Reply(200, b"<html>"), 1,
         "the answer cannot be read: JSON is malformed: invalid character (byte 0)"),
        (DROP, 1, None),
    ],
)  # fmt: skip
def test_an_error_is_one_line(ask: Asker, reply: Reply, code: int, line: str | None) -> None:
    """On standard error, with a code that tells not found from the rest; it is asked once."""
    with scripted_server(in_turn(reply)) as server:
        done = ask(server.url, "jobs", "status", "7")
    place = server.url.removeprefix("http://")
    assert (done.code, done.out, len(done.err.splitlines())) == (code, "", 1)
    if line:
        assert done.err == f"trioworq: {line.replace('{place}', place)}\n"
    assert len(server.asked) == 1


def test_a_daemon_that_is_not_there_is_one_line(ask: Asker) -> None:
    """With its address, but for a password."""
    port = free_port()
    done = ask(f"http://ops:s3cret@127.0.0.1:{port}", "jobs", "stats")
    assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
    assert f"127.0.0.1:{port}" in done.err
    assert "s3cret" not in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("jobs",), ("jobs", "nope"), ("jobs", "status"), ("jobs", "status", "clear"),
        ("jobs", "delete", "--", "-1"),
        ("jobs", "failed", "--limit", "0"), ("jobs", "failed", "--failed-after", "soon"),
        ("jobs", "clear", "--failed-before", "P999999999D"), ("jobs", "failed", "--timeout", "0"),
        ("jobs", "failed", "--category", "\udcff"), ("jobs", "failed", "--token", "s3cr\u00e9t"),
        ("jobs", "failed", "--token-file", "/nowhere"), ("jobs", "failed", "--ca-file", "/nowhere"),
        ("jobs", "failed", "--token", "s3cret", "--token-file", "x"), ("queues", "pause", "a/b"),
        ("queues", "--nope"), ("load", "extra"), ("load", "--priority", "high"),
    ],
)  # fmt: skip
def test_wrong_usage_asks_nothing(ask: Asker, arguments: tuple[str, ...]) -> None:
    """It ends with 2, and shows no secret."""
    with scripted_server(in_turn(said([]))) as server:
        done = ask(server.url, *arguments)
        assert not server.asked
    assert (done.code, done.out) == (2, "")
    assert "Usage: trioworq" in done.err or "Error: " in done.err
    assert "s3cr" not in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://host", "http://[::1", "http://host:port"])
def test_a_url_that_is_none_is_wrong_usage(ask: Asker, url: str) -> None:
    """Rather than a daemon that is not there."""
    done = ask(url, "jobs", "stats")
    assert (done.code, done.out) == (2, "")
    assert "base_url" in done.err


def test_a_token_comes_from_where_it_is_said(
    ask: Asker, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options beat the environment, in which a token beats a file."""
    file, other = tmp_path / "token", tmp_path / "other"
    file.write_text("from-file\n")
    other.write_text("from-other\n")
    with scripted_server(in_turn(said(COUNTS))) as server:
        ask(server.url, "jobs", "stats")
        monkeypatch.setenv("TRIOWORQ_TOKEN_FILE", str(other))
        ask(server.url, "jobs", "stats")
        monkeypatch.setenv("TRIOWORQ_TOKEN", "from-environment")
        ask(server.url, "jobs", "stats")
        ask(server.url, "jobs", "stats", "--token-file", str(file))
        ask(server.url, "jobs", "stats", "--token", "from-option")
    assert [asked.headers.get("authorization") for asked in server.asked] == [
        None, "Bearer from-other", "Bearer from-environment", "Bearer from-file", "Bearer from-option",
    ]  # fmt: skip


def test_the_url_may_come_from_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For who always asks the same daemon."""
    with scripted_server(queues_of) as server:
        monkeypatch.setenv("TRIOWORQ_URL", server.url)
        assert manage(["queues"]) == 0
    assert "PRIORITY" in capsys.readouterr().out
