"""What the three logs write, and what happens when they cannot."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import trio
import trio.testing
from attrs import evolve

from trioworq.clock import Clock
from trioworq.config import Config, ConfigError
from trioworq.core.jobs import Job, JobState, Payload, PayloadForm
from trioworq.core.results import Result, ResultStatus
from trioworq.logs import SHOWN_PAYLOAD_BYTES, AccessLine, open_logs
from trioworq.sinks import FLUSH_INTERVAL_S, WAITING_LIMIT_BYTES, Sink

LINE = AccessLine("127.0.0.1:5", "curl/8", "GET", "/queues?a=b", 200, 1.23456)
SUCCESS = Result(ResultStatus.SUCCESS, 200, "")
FAILURE = Result(ResultStatus.FAILURE, 200, "not today")


def job(payload: bytes = b"x") -> Job:
    """Return a running job."""
    return Job(
        id=7, queue="q", category="c", url="http://w/", payload=Payload(PayloadForm.TEXT, payload),
        state=JobState.RUNNING, priority=100, created_at_ms=1000, next_try_ms=1000, timeout_s=0,
        retry_delay_s=0, retries_left=0, fail_count=0, attempt=1,
    )  # fmt: skip


def lines(path: Path) -> list[dict[str, object]]:
    """Read a log file."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


async def test_each_log_goes_to_its_file(tmp_path: Path) -> None:
    """Files are made with their folders, 0644 and 0755, and hold every line when the logs are closed."""
    config = Config(
        access_log=str(tmp_path / "logs/deep/access"),
        queue_log=str(tmp_path / "logs/queue"),
        error_log=str(tmp_path / "logs/error"),
    )
    before = os.umask(0o022)
    try:
        async with open_logs(config, Clock()) as logs:
            logs.access.write(LINE)
            logs.queue.completed(job(), SUCCESS)
            logs.error.warning("disk is slow", queue="q")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "logs/queue").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "logs/deep").stat().st_mode) == 0o755
    [access] = lines(tmp_path / "logs/deep/access")
    assert list(access) == [
        "level", "remote_addr", "user_agent", "tag", "method", "url", "status", "duration", "time",
    ]  # fmt: skip
    assert (access["tag"], access["status"], access["duration"]) == ("fireworq.access", 200, 1.235)
    [completed] = lines(tmp_path / "logs/queue")
    assert completed["tag"] == "fireworq.queue"
    assert "message" not in completed
    [warning] = lines(tmp_path / "logs/error")
    assert (warning["level"], warning["message"], warning["queue"]) == ("warn", "disk is slow", "q")
    assert "time" in warning


async def test_a_request_without_a_user_agent_has_no_such_key(tmp_path: Path) -> None:
    """The key is absent, not empty (contract §1.18)."""
    async with open_logs(Config(access_log=str(tmp_path / "a")), Clock()) as logs:
        logs.access.write(AccessLine("1.2.3.4:5", None, "GET", "/", 200, 1.0))
    [line] = lines(tmp_path / "a")
    assert "user_agent" not in line


async def test_times_of_requests_are_in_whole_seconds_and_the_local_zone(
    in_zone: Callable[[str], None], tmp_path: Path
) -> None:
    """RFC 3339, with Z for UTC (contract §1.18)."""
    async with open_logs(Config(access_log=str(tmp_path / "a")), Clock()) as logs:
        for zone in ("JST-9", "UTC"):
            in_zone(zone)
            logs.access.write(LINE)
    tokyo, utc = [str(line["time"]) for line in lines(tmp_path / "a")]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+09:00", tokyo)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", utc)


async def test_a_log_is_appended_to(tmp_path: Path) -> None:
    """A restart keeps what is there."""
    path = tmp_path / "q"
    for number in range(2):
        async with open_logs(Config(queue_log=str(path)), Clock()) as logs:
            logs.queue.completed(job(b"%d" % number), SUCCESS)
    assert [line["payload"] for line in lines(path)] == ["0", "1"]


async def test_failed_attempts_are_counted_with_the_one_at_hand(tmp_path: Path) -> None:
    """A retry shows the retries left before it, both lines show the failures with it (contract §1.17)."""
    async with open_logs(Config(queue_log=str(tmp_path / "q")), Clock()) as logs:
        again = evolve(job(), fail_count=1, retries_left=2)
        logs.queue.retried(again, FAILURE)
        logs.queue.completed(again, FAILURE)
        logs.queue.completed(again, SUCCESS)
    shown = [
        (line["action"], line["status"], line["fail_count"], line["retry_count"])
        for line in lines(tmp_path / "q")
    ]
    assert shown == [
        ("retry", "failed", 2, 2),
        ("complete", "failed", 2, 2),
        ("complete", "completed", 1, 2),
    ]


async def test_lines_keep_their_order(tmp_path: Path) -> None:
    """Whatever the bursts, a file has the lines in the order in which they were written."""
    async with open_logs(Config(queue_log=str(tmp_path / "q")), Clock()) as logs:
        for number in range(500):
            logs.queue.completed(job(str(number).encode()), SUCCESS)
            if number % 50 == 0:
                await trio.sleep(0.015)
    assert [line["payload"] for line in lines(tmp_path / "q")] == [str(number) for number in range(500)]


async def test_a_renamed_log_is_made_anew_on_reopening(tmp_path: Path) -> None:
    """Rename, then signal: later lines are in the new file, earlier ones in the old (contract §1.19)."""
    path = tmp_path / "q"
    async with open_logs(Config(queue_log=str(path)), Clock()) as logs:
        logs.queue.completed(job(b"old"), SUCCESS)
        with trio.fail_after(5):
            while not path.read_bytes():
                await trio.sleep(0.01)
        path.rename(tmp_path / "q.1")
        logs.reopen()
        logs.queue.completed(job(b"new"), SUCCESS)
    assert [line["payload"] for line in lines(tmp_path / "q.1")] == ["old"]
    assert [line["payload"] for line in lines(path)] == ["new"]


async def test_a_log_that_cannot_be_reopened_goes_on_in_the_old_file(tmp_path: Path) -> None:
    """The error log says so, and no line is lost."""
    path = tmp_path / "logs" / "q"
    async with open_logs(Config(queue_log=str(path), error_log=str(tmp_path / "e")), Clock()) as logs:
        (tmp_path / "logs").rename(tmp_path / "kept")
        (tmp_path / "logs").write_text("in the way")
        logs.reopen()
        logs.queue.completed(job(b"late"), SUCCESS)
    assert [line["payload"] for line in lines(tmp_path / "kept" / "q")] == ["late"]
    assert "log not reopened" in [line["message"] for line in lines(tmp_path / "e")]


async def test_a_log_that_cannot_be_opened_is_refused_in_one_line(tmp_path: Path) -> None:
    """The message names the file and says what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot write the log .*file/q.*choose another file"):
        async with open_logs(Config(queue_log=str(tmp_path / "file/q")), Clock()):
            raise AssertionError("opened")


async def test_levels_are_independent(tmp_path: Path) -> None:
    """A quiet error log silences neither the access log nor the queue log (contract §1.17)."""
    config = Config(
        access_log=str(tmp_path / "a"),
        queue_log=str(tmp_path / "q"),
        queue_log_level="debug",
        error_log=str(tmp_path / "e"),
        error_log_level="warn",
    )
    async with open_logs(config, Clock()) as logs:
        logs.access.write(LINE)
        logs.queue.popped(job())
        logs.error.info("not shown")
    assert [line["action"] for line in lines(tmp_path / "q")] == ["pop"]
    assert len(lines(tmp_path / "a")) == 1
    assert lines(tmp_path / "e") == []


@pytest.mark.parametrize(
    ("level", "actions"), [("debug", ["pop", "complete"]), ("info", ["complete"]), ("warn", [])]
)
async def test_the_queue_log_has_a_level(level: str, actions: list[str], tmp_path: Path) -> None:
    """pop is a debug line, the others are info lines."""
    async with open_logs(Config(queue_log=str(tmp_path / "q"), queue_log_level=level), Clock()) as logs:
        logs.queue.popped(job())
        logs.queue.completed(job(), SUCCESS)
    assert [line["action"] for line in lines(tmp_path / "q")] == actions


async def test_hostile_text_stays_inside_its_line(tmp_path: Path) -> None:
    """Line ends, controls, lone surrogates and megabytes of payload make one bounded line of JSON."""
    hostile = Result(ResultStatus.FAILURE, 200, 'a\n{"level":"info"}\x1b[31m\udc80')
    async with open_logs(Config(queue_log=str(tmp_path / "q")), Clock()) as logs:
        logs.queue.completed(job(b"\xff" * (2 * SHOWN_PAYLOAD_BYTES)), hostile)
    [line] = lines(tmp_path / "q")
    assert str(line["message"]).startswith('a\n{"level":"info"}\x1b[31m')
    assert len(str(line["payload"])) == SHOWN_PAYLOAD_BYTES


async def test_no_line_holds_a_control_that_a_terminal_obeys(tmp_path: Path) -> None:
    """Those of Latin-1 and DEL, which JSON lets through, are escaped, and read as they were sent."""
    agent = "curl\x9b2Jend\x7f\u00a0\u0085\u00e9\u0410"
    async with open_logs(Config(access_log=str(tmp_path / "a")), Clock()) as logs:
        logs.access.write(evolve(LINE, user_agent=agent))
    [line] = lines(tmp_path / "a")
    assert line["user_agent"] == agent
    text = (tmp_path / "a").read_text()
    assert not any(0x7F <= ord(character) < 0xA0 for character in text)
    assert "\u00a0" in text


async def test_the_readable_error_log_escapes_controls(capfd: pytest.CaptureFixture[str]) -> None:
    """Text from outside writes neither lines nor colours of its own on a terminal."""
    async with open_logs(Config(), Clock()) as logs:
        logs.error.warning("odd name", name="a\nb\x1b[31m")
    written = capfd.readouterr().err
    assert len(written.splitlines()) == 1
    assert "\x1b[31m" not in written


async def test_a_blocked_target_holds_nobody_up_and_what_it_costs_is_said() -> None:
    """Lines beyond the limit are dropped and counted; the writer of lines never waits (I13)."""
    reading, writing = os.pipe()
    sink = Sink("", writing)
    line = b"x" * 1000
    count = 2 * WAITING_LIMIT_BYTES // len(line)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sink.run)
        for number in range(count):
            sink.write(line)
            if number == count // 4:
                await trio.sleep(0.05)
        received = bytearray()
        while b"log lines dropped" not in received:
            received += await trio.to_thread.run_sync(os.read, reading, 1 << 20)
        nursery.cancel_scope.cancel()
    os.close(reading)
    os.close(writing)
    notice = orjson.loads(received.splitlines()[-1])
    assert received.count(line) + notice["count"] == count


async def test_lines_are_not_lost_to_an_end_that_comes_while_they_are_taken(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """Whether the writing task or its cancellation comes first in the same instant, every line is written."""
    for attempt in range(20):
        sink = Sink(str(tmp_path / str(attempt)), 1)
        sink.write(b"line")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sink.run)
            await trio.testing.wait_all_tasks_blocked()
            await trio.sleep(FLUSH_INTERVAL_S)
            nursery.cancel_scope.cancel()
        await sink.finish()
        assert (tmp_path / str(attempt)).read_bytes() == b"line\n"
