"""A program that is nothing but a worker."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.process.running_daemon import clean_environment

PROGRAM = """
import sys
import time
from pathlib import Path

import trio

from trioworq.client import run_worker

url, gate = sys.argv[1], Path(sys.argv[2])

async def handle(run):
    while not gate.exists():
        await trio.sleep(0.01)

def handle_in_thread(run):
    while not gate.exists():
        time.sleep(0.01)

run_worker(sys.argv[4], {"task": handle, "thread": handle_in_thread}[sys.argv[3]], base_url=url, wait_s=60)
print("ended")
"""


@contextmanager
def program(url: str, gate: Path, kind: str, queue: str = "q") -> Iterator[subprocess.Popen[str]]:
    """Run a worker in a process of its own; its jobs end when the file `gate` is there."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url, gate, kind, queue],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
