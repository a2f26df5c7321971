"""A private MariaDB server: on loopback, on a free port, in a folder of its own.

Free of Trio, so that tests of processes and benchmarks can use it too:

    with MariaDB(folder) as server:
        server.create_database("jobs")
        dsn = server.dsn("jobs")
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import trio

from tests.ports import free_port
from trioworq.stores.mysql.connection import open_connection
from trioworq.stores.mysql.dsn import parse

USER = "trioworq"
PASSWORD = "se:cret"
START_S = 60.0
STOP_S = 30.0

_SHARES = (Path("/usr/share/mysql"), Path("/usr/share/mariadb"), Path("/usr/local/share/mysql"))
_SYSTEM_TABLES = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")


class NoServer(Exception):
    """A MariaDB server could not be started; the message says why."""


class MariaDB:
    """A server that keeps its folder, port and data across `stop`, `kill` and `start`."""

    def __init__(self, folder: Path, *, options: Sequence[str] = ()) -> None:
        """Prepare to run a server in `folder`, which must exist; `options` are added to the server's."""
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def dsn(self, database: str) -> str:
        """Return the DSN of a database on this server, whether it exists or not."""
        return f"{USER}:{PASSWORD}@tcp(127.0.0.1:{self.port})/{database}"

    def create_database(self, name: str) -> None:
        """Make an empty database; blocks."""
        administer(self.dsn("mysql"), f"CREATE DATABASE `{name}`")

    def start(self) -> None:
        """Start the server and wait until it takes connections. Raises NoServer."""
        if not (self._folder / "data" / "mysql").is_dir():
            self._install()
        command = [*self._command(), f"--port={self.port}", f"--init-file={self._folder / 'init.sql'}"]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._options], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """Stop the server in order; does nothing when it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server as a crash would."""
        self._end(signal.SIGKILL)

    def stall(self) -> None:
        """Let the server stand still, with all its connections and locks, until `resume`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a stalled server go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_S)
        finally:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _command(self) -> list[str]:
        program = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            raise NoServer("mariadbd is not installed: install the package mariadb-server-core")
        return [
            program,
            "--no-defaults",
            # Only root may say it, and root has to.
            *(["--user=root"] if os.geteuid() == 0 else []),
            f"--datadir={self._folder / 'data'}",
            f"--socket={self._folder / 'socket'}",
            f"--pid-file={self._folder / 'pid'}",
            # Temporary tables are named by process ids, which others on this machine may have too.
            f"--tmpdir={self._folder / 'tmp'}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=1",
            "--innodb-log-file-size=64M",
            "--innodb-buffer-pool-size=128M",
            "--max-allowed-packet=64M",
        ]

    def _install(self) -> None:
        """Make the system tables.

        mariadb-install-db does the same with a good deal more, and needs programs of a package that is
        not always there.
        """
        (self._folder / "data").mkdir()
        (self._folder / "tmp").mkdir()
        account = f"'{USER}'@'127.0.0.1'"
        (self._folder / "init.sql").write_text(
            f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO {account} WITH GRANT OPTION;\n"
        )
        share = _share()
        script = "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n"
        script += "".join((share / name).read_text() for name in _SYSTEM_TABLES)
        command = [*self._command(), "--bootstrap", f"--lc-messages-dir={share}", "--log-warnings=0"]
        done = subprocess.run(command, input=script.encode(), capture_output=True, timeout=START_S)
        if done.returncode != 0:
            raise NoServer(f"MariaDB's system tables could not be made: {done.stderr.decode()[-500:]}")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                # A greeting means that the accounts are there: connections come after the init file.
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                    if connection.recv(1):
                        return
            except OSError:
                time.sleep(0.02)
        log = (self._folder / "server.log").read_text(errors="replace")
        self._end(signal.SIGKILL)
        raise NoServer(f"mariadbd did not start: {log[-1000:]}")


def administer(dsn: str, *statements: str) -> None:
    """Run statements one after the other; blocks, and may be called with or without a Trio around it."""

    async def run() -> None:
        async with open_connection(parse(dsn)) as connection:
            for statement in statements:
                await connection.send(statement.encode())

    with ThreadPoolExecutor(1) as pool:
        pool.submit(trio.run, run).result()


def with_database(dsn: str, name: str) -> str:
    """Return `dsn` with another database's name in it."""
    left, _, right = dsn.rpartition("/")
    _, question_mark, options = right.partition("?")
    return f"{left}/{name}{question_mark}{options}"


def _share() -> Path:
    for folder in _SHARES:
        if (folder / _SYSTEM_TABLES[0]).is_file():
            return folder
    raise NoServer("MariaDB's system tables are not installed: install the package mariadb-server-core")


def with_port(dsn: str, port: int) -> str:
    """Return a DSN in Go's form with another port of this machine in it."""
    account, _, rest = dsn.rpartition("@")
    return f"{account}@tcp(127.0.0.1:{port}){rest[rest.index('/') :]}"
