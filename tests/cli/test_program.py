"""The program on terminals, in pipes, and when it is interrupted."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.asking import run, run_on_terminal
from tests.client.reports import COUNTS, DELETED, DRY_RUN, FAILED, page, point, said
from tests.client.scripted_server import Asked, Reply, ScriptedServer, in_turn, scripted_server
from tests.process.running_daemon import clean_environment, command, wait_until

pytestmark = pytest.mark.usefixtures("measured_processes")


def answer(asked: Asked) -> Reply:
    """Answer as a daemon with failures would."""
    if asked.path == "/v6/load/":
        return page(*(point(f"2015-10-21T00:{minute:02}:00Z", 0, minute, 1) for minute in range(60)))
    if asked.path.endswith("/clear"):
        return said(DRY_RUN if "dry_run" in asked.target else DELETED)
    return said([{**FAILED, "exc_info": "x" * 300}] * 50)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Something that answers."""
    with scripted_server(answer) as running:
        yield running


def test_a_terminal_is_asked(server: ScriptedServer) -> None:
    """Yes does it, no does not, and the answer says so."""
    code, seen = run_on_terminal("jobs", "clear", "--url", server.url, typed=b"n\n")
    assert (code, len(server.asked)) == (1, 1)
    assert "5 failed jobs will be deleted. Go on? [y/N]" in seen
    assert "Nothing was changed." in seen
    code, seen = run_on_terminal("jobs", "clear", "--url", server.url, typed=b"y\n")
    assert (code, len(server.asked)) == (0, 3)
    assert "2 of 2 failed jobs are deleted." in seen


def test_nothing_to_clear_needs_no_question() -> None:
    """There is nothing to be afraid of."""
    nothing = {**DELETED, "total_failed": 0, "deleted_count": 0, "deleted_jobs": []}
    with scripted_server(in_turn(said(nothing))) as server:
        done = run("jobs", "clear", "--url", server.url)
    assert (done.code, done.out) == (0, "There are no such failed jobs.\n")


def test_a_picture_on_a_terminal_is_coloured_and_fits(server: ScriptedServer) -> None:
    """Unless NO_COLOR is set."""
    code, seen = run_on_terminal("load", "--url", server.url)
    assert code == 0
    assert "\x1b[33m" in seen
    assert "█" in seen
    _, plain = run_on_terminal("load", "--url", server.url, environment={"NO_COLOR": "1", "COLUMNS": "50"})
    assert "\x1b" not in plain
    assert max(map(len, plain.splitlines())) == 50


def test_a_table_on_a_terminal_fits(server: ScriptedServer) -> None:
    """Lines end at its width."""
    _, seen = run_on_terminal("jobs", "failed", "--url", server.url)
    assert max(map(len, seen.splitlines())) == 80
    assert "xxx..." in seen
    assert len(max(run("jobs", "failed", "--url", server.url).out.splitlines(), key=len)) > 300


def test_other_encodings_get_ascii(server: ScriptedServer) -> None:
    """A character that a terminal lacks ends nothing."""
    latin = {"PYTHONIOENCODING": "latin-1"}
    done = run("load", "--url", server.url, environment=latin)
    assert (done.code, done.err) == (0, "")
    assert done.out.isascii()
    assert "\\" not in done.out
    wide = said([{**FAILED, "exc_info": "日本"}])
    with scripted_server(in_turn(wide, said([]))) as other:
        done = run("jobs", "failed", "--url", other.url, environment=latin)
    assert (done.code, done.err) == (0, "")
    assert r"\u65e5\u672c" in done.out


def test_a_reader_that_leaves_ends_it_quietly(server: ScriptedServer) -> None:
    """As in `trioworq jobs failed | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command("jobs", "failed", "--url", server.url), env=clean_environment(), stdout=writing,
        stderr=subprocess.PIPE, timeout=60, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_full_disk_is_one_line(server: ScriptedServer) -> None:
    """Whoever reads the file later is not told that this was all."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("jobs", "failed", "--url", server.url), env=clean_environment(), stdout=full,
            stderr=subprocess.PIPE, timeout=60, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, b"trioworq: cannot write: No space left on device\n")


@pytest.mark.parametrize("closed", ["<&-", "</dev/null >&-", "</dev/null 2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_are_no_obstacle(server: ScriptedServer, closed: str) -> None:
    """What would be printed there is nowhere; the exit code says what came of it."""
    listing, clearing = (
        subprocess.run(
            ["/bin/sh", "-c", f"exec {' '.join(command(*arguments, '--url', server.url))} {closed}"],
            env=clean_environment(), stderr=subprocess.PIPE, timeout=60, check=False,
        )
        for arguments in (("jobs", "failed"), ("jobs", "clear"))
    )  # fmt: skip
    assert (listing.returncode, clearing.returncode) == (0, 2)
    assert b"Traceback" not in listing.stderr + clearing.stderr


@pytest.fixture
def may_be_interrupted() -> Iterator[None]:
    """Let children heed SIGINT also where the tests themselves were started in the background, without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("may_be_interrupted")
def test_an_interrupt_ends_it_quietly() -> None:
    """While it waits for an answer."""
    gate = threading.Event()
    with scripted_server(lambda _: Reply(200, b"{}", gate=gate)) as server:
        process = subprocess.Popen(
            command("jobs", "stats", "--url", server.url), env=clean_environment(), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        wait_until(lambda: server.asked)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        gate.set()
    assert (process.returncode, out, err.strip()) == (130, b"", b"")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_no_error(option: str) -> None:
    """Of each command, and of none."""
    for arguments in (["jobs"], ["jobs", "retry-all"], ["queues"], ["queues", "list"], ["load"]):
        done = run(*arguments, option)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith(f"Usage: trioworq {' '.join(arguments)} [OPTIONS]")


def test_an_option_first_is_the_daemons(server: ScriptedServer) -> None:
    """A command's name is one in the first place alone."""
    done = run("--bind=127.0.0.1:0", "jobs")
    assert done.code == 1
    assert "Usage: trioworq [OPTIONS]" in done.err
    assert not server.asked


def test_the_daemons_variables_mean_nothing_to_it() -> None:
    """Nor what it asks with, to the daemon: a bad value of one does not stop the other."""
    with scripted_server(in_turn(said(COUNTS))) as server:
        done = run("jobs", "stats", "--url", server.url, environment={"TRIOWORQ_SHUTDOWN_TIMEOUT": "-1"})
    assert done.code == 0
