"""A real daemon in a process of its own, and a worker that records what it is sent."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import orjson
from attrs import define, field

from tests.described import faults_of
from tests.ports import free_port
from tests.trust import NO_TRUST

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0


@define(eq=False)
class RunningDaemon:
    """One process of the daemon, with its logs in `folder`."""

    process: subprocess.Popen[bytes]
    url: str
    folder: Path

    def request(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        """Send one request, whose answer has to be as the OpenAPI document says."""
        content = None if body is None else orjson.dumps(body)
        answer = httpx2.request(method, self.url + path, content=content, timeout=20, verify=NO_TRUST)
        assert not faults_of(answer)
        return answer

    def push(self, url: str, category: str = "any", **fields: Any) -> int:
        """Push a job and return its id."""
        answer = self.request("POST", f"/job/{category}", {"url": url, **fields})
        assert answer.status_code == 200, answer.text
        return int(answer.json()["id"])

    def ids(self, kind: str, queue: str = "default") -> list[int]:
        """Return the ids of a list of jobs."""
        answer = self.request("GET", f"/queue/{queue}/{kind}?limit=1000&order=asc")
        return [job["id"] for job in answer.json()["jobs"]]

    def lines(self, log: str = "queue") -> list[dict[str, Any]]:
        """Return the lines of the queue, access or error log so far."""
        path = self.folder / f"{log}.log"
        return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        return self.process.wait(STOP_TIMEOUT_S)

    def stop(self) -> int:
        """Stop in order."""
        self.send(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End at once, as a crash of the machine would."""
        self.process.kill()
        self.process.wait()


def command(*arguments: str) -> list[str]:
    """Return the argv that runs the program."""
    return [sys.executable, "-m", "trioworq", *arguments]


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this environment without anything that the daemon reads, and with `extra`."""
    prefixes = ("TRIOWORQ_", "FIREWORQ_", "DEBUG", "SERVER_STARTER_", "LISTEN_", "NOTIFY_", "WATCHDOG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return {**kept, **(extra or {})}


@contextmanager
def running_daemon(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    port: int | None = None,
    waits_for_answers: bool = True,
) -> Iterator[RunningDaemon]:
    """Start a daemon and wait until it answers, or only listens; kill it at the end if it still runs.

    One that only listens may not hear signals yet.
    """
    is_up = is_serving if waits_for_answers else is_listening
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    logs = [f"--{log}-log={folder / log}.log" for log in ("queue", "access", "error")]
    with open(folder / "output", "ab") as output:
        process = subprocess.Popen(
            command(f"--bind=127.0.0.1:{port}", *logs, *arguments),
            cwd=folder,
            env=clean_environment(environment),
            stdout=output,
            stderr=output,
        )
    daemon = RunningDaemon(process, f"http://127.0.0.1:{port}", folder)
    try:
        wait_until(lambda: process.poll() is not None or is_up(port), START_TIMEOUT_S)
        assert process.poll() is None, (folder / "output").read_text()
        yield daemon
    finally:
        daemon.kill()


def is_listening(port: int) -> bool:
    """Whether a connection to a loopback port is taken."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def is_serving(port: int) -> bool:
    """Whether a request to a loopback port is answered; one that no log shows."""
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/livez", timeout=1, verify=NO_TRUST).status_code == 200
    except httpx2.TransportError:
        return False


def wait_until(condition: Any, timeout_s: float = 20.0) -> None:
    """Wait until `condition()` is true; fail after `timeout_s`."""
    ends_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends_at, "this did not happen in time"
        time.sleep(0.02)


@define(eq=False)
class RecordingWorker:
    """A worker that answers `answer`, after `gate` is open, and keeps what it was sent."""

    url: str
    gate: threading.Event
    answer: bytes
    started: list[bytes] = field(factory=list)
    answered: list[bytes] = field(factory=list)


@contextmanager
def recording_worker(answer: bytes = b'{"status":"success","message":"done"}') -> Iterator[RecordingWorker]:
    """Run a worker on a loopback port; its gate is open."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            worker.started.append(body)
            worker.gate.wait(60)
            try:
                self.send_response(200)
                self.send_header("Content-Length", str(len(worker.answer)))
                self.end_headers()
                self.wfile.write(worker.answer)
                worker.answered.append(body)
            except OSError:
                pass  # the daemon is gone

        def log_message(self, *_: object) -> None:
            """Be silent."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:
            """A daemon that was killed leaves broken connections."""

    with Server(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}/work"
        worker = RecordingWorker(url, threading.Event(), answer)
        worker.gate.set()
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield worker
        finally:
            worker.gate.set()
            server.shutdown()
            thread.join()
