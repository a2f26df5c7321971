"""A starter in the manner of Server::Starter and systemd: it binds a socket and hands it to daemons."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import define, field

from tests.process.running_daemon import RunningDaemon, clean_environment, command, wait_until

# Puts the socket where systemd puts it, and becomes the daemon.
AS_SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="http")
os.execv(sys.argv[2], sys.argv[2:])
"""


@define(eq=False)
class Starter:
    """Starts daemons on one listening socket; `folder` takes their logs."""

    folder: Path
    bound: socket.socket
    ear: socket.socket
    heard: list[str] = field(factory=list)
    closing: ExitStack = field(factory=ExitStack)

    @property
    def url(self) -> str:
        """Where the daemons are found."""
        return f"http://127.0.0.1:{self.bound.getsockname()[1]}"

    def start(self, *options: str, as_systemd: bool = False, **environ: str) -> RunningDaemon:
        """Start a daemon and wait until it says that it serves."""
        folder = self.folder / str(len(list(self.folder.iterdir())))
        folder.mkdir()
        number = self.bound.fileno()
        known = {"NOTIFY_SOCKET": self.ear.getsockname(), **environ}
        logs = [f"--{log}-log={folder / log}.log" for log in ("queue", "access", "error")]
        argv = command("--bind=192.0.2.1:1", *logs, *options)
        if as_systemd:
            argv = [sys.executable, "-c", AS_SYSTEMD, str(number), *argv]
        else:
            known["SERVER_STARTER_PORT"] = f"127.0.0.1:{self.bound.getsockname()[1]}={number}"
        with open(folder / "output", "ab") as output:
            process = subprocess.Popen(
                argv,
                cwd=folder,
                env=clean_environment(known),
                pass_fds=[number],
                stdout=output,
                stderr=output,
            )
        self.closing.callback(process.wait)
        self.closing.callback(process.kill)
        wait_until(lambda: process.poll() is not None or self.has_heard(f"MAINPID={process.pid}"))
        assert process.poll() is None, (folder / "output").read_text()
        return RunningDaemon(process, self.url, folder)

    def has_heard(self, line: str) -> bool:
        """Whether a daemon has sent a message with this line."""
        return any(line in message.split("\n") for message in self.listen())

    def listen(self) -> Sequence[str]:
        """Return every message of the daemons so far."""
        try:
            while True:
                self.heard.append(self.ear.recv(65_536).decode())
        except BlockingIOError:
            return self.heard


@contextmanager
def open_starter(folder: Path) -> Iterator[Starter]:
    """Bind a loopback port; kill what still runs at the end."""
    logs = folder / "daemons"
    logs.mkdir()
    with (
        socket.create_server(("127.0.0.1", 0), backlog=1024) as bound,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear,
    ):
        os.set_inheritable(bound.fileno(), True)
        ear.bind(str(folder / "notify"))
        ear.setblocking(False)
        starter = Starter(logs, bound, ear)
        with starter.closing:
            yield starter
