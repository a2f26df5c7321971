"""Runs scripts/bench, against a daemon or against a server that does as it is told."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.process.running_daemon import clean_environment

ROOT = Path(__file__).parent.parent
LIMIT_S = 100

# Given method and path, returns status and body; None leaves a request without an answer.
Answers = Callable[[str, str], tuple[int, bytes] | None]


def bench(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the program as scripts/bench does, in this environment."""
    path = os.pathsep.join([str(ROOT / "scripts"), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "benchmark", *arguments],
        env=clean_environment({"PYTHONPATH": path} | environ),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def figures_of(done: subprocess.CompletedProcess[str]) -> Any:
    """Return what was printed as JSON by a program that ended well."""
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that the program ended with."""
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("bench: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@contextmanager
def fake_server(answers: Answers) -> Iterator[str]:
    """Serve as told; yield the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            found = answers(self.command, self.path)
            if found is None:
                return
            status, body = found
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815  # these names are http.server's

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
