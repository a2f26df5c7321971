"""Who has a console open."""

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from tempfile import TemporaryDirectory
from threading import Thread

import psutil
from attrs import define

from benchmark.errors import BenchError, Deadline
from benchmark.target import OK, Place

PAGE = "/console"
STREAM = "/console/live?view=overview"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
POLL_S = 0.1
_NOWHERE = subprocess.DEVNULL


@define
class Reader:
    """Reads an event stream, and counts the figures that come."""

    seen: int = 0

    def read(self, reply: http.client.HTTPResponse) -> None:
        """Read until the stream ends, which closing its socket does."""
        with suppress(OSError, http.client.HTTPException, ValueError):
            for line in reply:
                self.seen += line.startswith(b"data:")


@contextmanager
def stream(place: Place, deadline: Deadline) -> Iterator[Reader]:
    """Have the overview's event stream open. Raises BenchError where there is none."""
    limit_s = deadline.left_s("the console")
    with closing(http.client.HTTPConnection(*place.address, timeout=limit_s)) as connection:
        try:
            connection.request("GET", STREAM)
            reply = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise BenchError(f"{STREAM} was not answered: {error!r}") from None
        if reply.status != OK:
            raise BenchError(f"{STREAM} was answered {reply.status}")
        reader = Reader()
        reading = Thread(target=reader.read, args=(reply,))
        reading.start()
        try:
            yield reader
        finally:
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)
            reading.join()


@contextmanager
def browser(program: str, place: Place, deadline: Deadline) -> Iterator[None]:
    """Have the overview open in a browser. Raises BenchError where that does not start."""
    with TemporaryDirectory(prefix="trioworq-bench-browser-", ignore_cleanup_errors=True) as folder:
        command = [program, *FLAGS, f"--user-data-dir={folder}", f"http://{place.host}{PAGE}"]
        with subprocess.Popen(command, env=_environ(), stdout=_NOWHERE, stderr=_NOWHERE) as process:
            try:
                while not _is_connected(process.pid, place.address[1]):
                    if process.poll() is not None:
                        raise BenchError(f"{program} ended at its start with code {process.returncode}")
                    deadline.left_s("the browser to open the console")
                    time.sleep(POLL_S)
                yield
            finally:
                _end(process)


def _environ() -> dict[str, str]:
    """Return this environment with the usual temporary folder: paths of sockets have to be short."""
    return {name: value for name, value in os.environ.items() if name != "TMPDIR"}


def _is_connected(pid: int, port: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        browser = psutil.Process(pid)
        for process in (browser, *browser.children(recursive=True)):
            if any(getattr(each.raddr, "port", None) == port for each in process.net_connections("tcp")):
                return True
    return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a browser and the processes that it has started."""
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        _, alive = psutil.wait_procs(children, timeout=10)
        for child in alive:
            child.kill()
