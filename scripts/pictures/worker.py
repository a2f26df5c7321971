"""What answers the shop's push jobs, by the category in their URL."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pictures.trade import PUSH


@contextmanager
def started_worker() -> Iterator[str]:
    """Serve on a loopback port, and return the address that categories are put behind."""
    trades = {f"/{trade.category}": trade for trade in PUSH}
    calls: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            trade = trades.get(self.path)
            status, message = "success", "done"
            if trade is not None:
                calls[self.path] += 1
                time.sleep(trade.took_s)
                if trade.busy_each and calls[self.path] % trade.busy_each == 0:
                    status, message = "failure", "busy, try again later"
                if trade.fails_each and calls[self.path] % trade.fails_each == 0:
                    status, message = "permanent-failure", trade.error
            answer = json.dumps({"status": status, "message": message}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Be silent."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:
            """A daemon that was stopped leaves broken connections."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
