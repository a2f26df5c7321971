"""A server on a real socket that answers as it is told, also badly, and keeps what it was asked."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from attrs import field, frozen

# How long an answer that is held back is waited for, should a test forget it.
HOLD_S = 60


@frozen
class Asked:
    """A request as it came; `target` is path and query, not decoded."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path alone."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query, decoded."""
        fields = parse_qs(urlsplit(self.target).query, keep_blank_values=True, strict_parsing=True)
        return {name: values[0] for name, values in fields.items()}

    @property
    def value(self) -> Any:
        """The JSON value of the body."""
        return orjson.loads(self.body)


@frozen
class Reply:
    """An answer; it is held back until `gate` is open, if there is one."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(factory=dict)
    gate: threading.Event | None = None


# No answer: the connection is closed once the request was read.
DROP = Reply(0)

Respond = Callable[[Asked], Reply]


@frozen
class ScriptedServer:
    """A server that runs."""

    url: str
    asked: list[Asked]


def in_turn(*replies: Reply) -> Respond:
    """Give these answers, one for each request, and the last for all that follow."""
    left = list(replies)
    lock = threading.Lock()

    def respond(_asked: Asked) -> Reply:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return respond


@contextmanager
def scripted_server(respond: Respond) -> Iterator[ScriptedServer]:
    """Run a server on a loopback port; `respond` is called in threads."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            asked.append(request)
            reply = respond(request)
            if reply.gate:
                reply.gate.wait(HOLD_S)
            if reply.status:
                self.reply(reply)
            else:
                self.close_connection = True

        do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  # http.server names them

        def reply(self, reply: Reply) -> None:
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.status != 204:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(reply.body)
            except OSError:
                pass  # the client has given up

        def log_message(self, *_: object) -> None:
            """Be silent."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:
            """A client that gave up leaves broken connections."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield ScriptedServer(f"http://127.0.0.1:{server.server_address[1]}", asked)
        finally:
            server.shutdown()
            thread.join()
