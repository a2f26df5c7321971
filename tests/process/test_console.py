"""The console of a real daemon, when that stops."""

import socket
from pathlib import Path

from tests.process.running_daemon import running_daemon


def test_an_open_page_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    """Its stream ends in order, long before shutdown_timeout."""
    with running_daemon(tmp_path, "--driver=in-memory", "--shutdown-timeout=60") as daemon:
        host, port = daemon.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as page:
            page.sendall(b"GET /console/live?view=overview HTTP/1.1\r\nHost: x\r\n\r\n")
            received = bytearray()
            while b"data: " not in received:
                received += page.recv(65_536)
            assert daemon.stop() == 0
            while data := page.recv(65_536):
                received += data
        assert received.endswith(b"\r\n0\r\n\r\n")
