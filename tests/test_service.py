"""What the service manager hears, and what it does not (sd_notify(3))."""

import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import trio
from attrs import define
from trio.testing import MockClock

from tests.kept_logs import kept_errors
from trioworq.service import ServiceManager, open_service_manager


@define(eq=False)
class Ear:
    """A service manager's end of the socket."""

    socket: socket.socket

    def heard(self) -> list[list[str]]:
        """Return the lines of each message since it was asked last."""
        messages = []
        while True:
            try:
                messages.append(self.socket.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return messages


@contextmanager
def listening(address: str) -> Iterator[Ear]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.setblocking(False)
        bound.bind(address)
        yield Ear(bound)


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    with listening(str(tmp_path / "notify")) as ear:
        yield ear


@asynccontextmanager
async def manager(ear: Ear | None = None, **environ: str) -> AsyncIterator[ServiceManager]:
    """Open a service manager; what it cannot be told fails the test."""
    log, errors = kept_errors()
    given = {} if ear is None else {"NOTIFY_SOCKET": ear.socket.getsockname()}
    async with open_service_manager({**given, **environ}, log) as told:
        yield told
    assert errors == []


async def test_the_service_manager_hears_of_the_start_and_the_stop(ear: Ear) -> None:
    """Each in one message, with a status for people that stays on its line."""
    async with manager(ear) as told:
        told.tell_ready("listens on\nREADY=0 \udcff")
        told.tell_stopping("ends")
    assert ear.heard() == [
        ["READY=1", f"MAINPID={os.getpid()}", "STATUS=listens on READY=0 ?"],
        ["STOPPING=1", "STATUS=ends"],
    ]


async def test_an_abstract_socket_is_named_with_an_at() -> None:
    """That is how systemd writes the NUL at its beginning."""
    name = f"trioworq of test_service {os.getpid()}"
    with listening("\0" + name) as ear:
        async with manager(NOTIFY_SOCKET="@" + name) as told:
            told.tell_stopping("ends")
        assert ear.heard() == [["STOPPING=1", "STATUS=ends"]]


@pytest.mark.parametrize("pid", ["", str(os.getpid())], ids=["nobody's", "ours"])
async def test_the_loop_says_that_it_turns(ear: Ear, pid: str, autojump_clock: MockClock) -> None:
    """Twice as often as it is asked to."""
    async with manager(ear, WATCHDOG_USEC="3000000", WATCHDOG_PID=pid) as told:
        with trio.move_on_after(7):
            await told.keep_awake()
    assert ear.heard() == [["WATCHDOG=1"]] * 5


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "9" * 400},
        {"WATCHDOG_USEC": "9" * 5000},
    ],
)
async def test_nobody_is_told_who_does_not_ask(ear: Ear, environ: dict[str, str]) -> None:
    """Without a wish for it, or with one for another process, the watchdog's task ends at once."""
    async with manager(ear, **environ) as told:
        with trio.fail_after(5):
            await told.keep_awake()
    assert ear.heard() == []


async def test_without_a_service_manager_nothing_is_told_or_logged() -> None:
    """A daemon that was started by hand."""
    log, errors = kept_errors()
    async with open_service_manager({}, log) as told:
        told.tell_ready("listens")
    assert errors == []


@pytest.mark.parametrize("address", ["/no/such/socket", "@nobody", "vsock:2:1", "/" + "x" * 200])
async def test_a_service_manager_that_cannot_be_told_does_no_harm(address: str) -> None:
    """It is logged, and the daemon goes on."""
    log, errors = kept_errors()
    async with open_service_manager({"NOTIFY_SOCKET": address}, log) as told:
        told.tell_ready("listens")
    assert [entry["event"] for entry in errors] == ["cannot tell the service manager"]


async def test_a_service_manager_that_does_not_listen_holds_up_nobody(ear: Ear) -> None:
    """When no more messages fit, the next is dropped."""
    log, errors = kept_errors()
    async with open_service_manager({"NOTIFY_SOCKET": ear.socket.getsockname()}, log) as told:
        while not errors:
            told.tell_stopping("x" * 10_000)
    assert len(ear.heard()) > 1


async def test_when_all_files_are_open_the_loop_is_still_heard(ear: Ear) -> None:
    """The socket was opened in better times."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with manager(ear, WATCHDOG_USEC="3000000") as told:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
        try:
            with trio.move_on_after(0.01):
                await told.keep_awake()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert ear.heard() == [["WATCHDOG=1"]]
