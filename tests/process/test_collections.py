"""What the garbage collector of a daemon does while it serves."""

import subprocess
import sys

from tests.process.running_daemon import clean_environment

# Runs a daemon inside, and once it has answered a request, prints the collector's state and stops it.
SERVE_AND_TELL = """
import gc, os, signal
from functools import partial
import trio
from trioworq import daemon
from trioworq.config import load
from trioworq.web.sockets import bind_sockets

async def main():
    config, warnings = load({"driver": "in-memory", "access_log": os.devnull, "error_log": os.devnull}, {})
    sockets = bind_sockets("127.0.0.1:0")
    port = sockets[0].getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(daemon.run, config, sockets, {}, warnings=warnings, die=exit))
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(b"GET /version HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
            await stream.receive_some()
        print(gc.isenabled(), gc.get_threshold(), gc.get_freeze_count() > len(gc.get_objects()))
        os.kill(os.getpid(), signal.SIGTERM)

trio.run(main)
"""


def test_a_daemon_that_serves_collects_seldom_and_little() -> None:
    """What was made at the start is left out, and new objects are looked at now and then."""
    done = subprocess.run(
        [sys.executable, "-c", SERVE_AND_TELL],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "True (5000, 10, 10) True\n"
