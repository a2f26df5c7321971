"""A worker that answers each job as it is told to, when it is told to."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from attrs import define, field

from tests.process.running_daemon import wait_until

LIMIT_S = 60.0


@define(eq=False)
class ObedientWorker:
    """Each name has a URL; a call to one waits until it is let go with an answer, the oldest call first."""

    url: str
    _calls: defaultdict[str, int] = field(factory=lambda: defaultdict(int))
    _answers: defaultdict[str, list[bytes]] = field(factory=lambda: defaultdict(list))
    _changed: threading.Condition = field(factory=threading.Condition)
    _is_over: bool = False

    def url_of(self, name: str) -> str:
        """Return where to send jobs that are answered under a name."""
        return f"{self.url}/{name}"

    def calls(self, name: str) -> int:
        """Count the calls under a name so far."""
        with self._changed:
            return self._calls[name]

    def wait_for_calls(self, name: str, count: int) -> None:
        """Wait until there have been so many calls."""
        wait_until(lambda: self.calls(name) == count)

    def answer(self, name: str, status: str = "success", message: str = "", **more: Any) -> None:
        """Let one call go, that waits or that comes; the rest of the answer may be anything."""
        with self._changed:
            self._answers[name].append(orjson.dumps({"status": status, "message": message, **more}))
            self._changed.notify_all()

    def take(self, name: str) -> bytes | None:
        """Note a call, and return its answer when there is one; None for none."""
        with self._changed:
            self._calls[name] += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._answers[name] or self._is_over, LIMIT_S)
            return self._answers[name].pop(0) if self._answers[name] else None

    def end(self) -> None:
        """Leave every call without an answer."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()


@contextmanager
def obedient_worker() -> Iterator[ObedientWorker]:
    """Run a worker on a loopback port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer = worker.take(self.path.strip("/"))
            if answer is None:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Be silent."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A daemon that was killed leaves broken connections."""

    with Server(("127.0.0.1", 0), Handler) as server:
        worker = ObedientWorker(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield worker
        finally:
            worker.end()
            server.shutdown()
            thread.join()
