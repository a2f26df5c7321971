"""Processes of our own, for as long as something is measured: a trioworq in a temporary folder, listeners."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from benchmark.errors import BenchError, Deadline
from tests.mariadb import MariaDB, NoServer
from tests.ports import free_port

READY_S = 60
STOP_S = 40
POLL_S = 0.05
DRIVERS = ("sqlite", "mysql", "in-memory")
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})

# Gets the options of a daemon, by name, that is about to be started.
Before = Callable[[Mapping[str, str]], None]


@contextmanager
def started_server(
    driver: str, settings: Mapping[str, str] = NO_SETTINGS, before: Before | None = None
) -> Iterator[str]:
    """Run a daemon on a free port and return its base URL; it and its data are gone on the way out.

    `settings` are options of the daemon by name, beside those that are needed; `before` is called when its
    database is there.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="trioworq-bench-")))
        options = {**settings, "driver": driver, "sqlite-path": str(folder / "trioworq.db")}
        if driver == "mysql":
            options["mysql-dsn"] = stack.enter_context(_started_database(folder))
        if before is not None:
            before(options)
        yield stack.enter_context(_started_daemon(folder, options))


@contextmanager
def started_listener(module: str, *arguments: str) -> Iterator[int]:
    """Run a module that prints the port on which it listens, and return that; it is ended on the way out."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline() if process.stdout else ""
            if not port:
                raise BenchError(f"{module} did not start")
            yield int(port)
        finally:
            process.kill()


@contextmanager
def _started_database(folder: Path) -> Iterator[str]:
    try:
        with MariaDB(folder) as server:
            server.create_database("jobs")
            yield server.dsn("jobs")
    except NoServer as error:
        raise BenchError(str(error)) from None


@contextmanager
def _started_daemon(folder: Path, options: dict[str, str]) -> Iterator[str]:
    place = f"127.0.0.1:{free_port()}"
    logs = {f"{log}-log": str(folder / f"{log}.log") for log in ("access", "queue", "error")}
    flags = [f"--{name}={value}" for name, value in ({"bind": place} | logs | options).items()]
    # Nothing that happens to be set in the environment takes part in the measurement.
    environ = {name: value for name, value in os.environ.items() if not _is_option(name)}
    with subprocess.Popen([sys.executable, "-m", "trioworq", *flags], cwd=folder, env=environ) as process:
        try:
            _wait_until_ready(f"http://{place}", process)
            yield f"http://{place}"
        finally:
            _stop(process)


def _is_option(name: str) -> bool:
    return name.startswith(("TRIOWORQ_", "FIREWORQ_")) or name == "DEBUG"


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = Deadline.after(READY_S)
    while process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/version", timeout=READY_S):  # noqa: S310  # a URL of our own
                return
        except OSError:
            deadline.left_s("the daemon to start")
            time.sleep(POLL_S)
    raise BenchError(f"the daemon ended at its start with code {process.returncode}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
