"""The commands that ask a daemon, run in this process or in one of their own."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Mapping

import pytest
from attrs import frozen

from tests.process.running_daemon import clean_environment, command
from trioworq.cli.management import manage


@frozen
class Done:
    """What a command printed, and what it ended with."""

    code: int
    out: str
    err: str


@frozen
class Asker:
    """Runs commands in this process, which is not a terminal."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, url: str, *arguments: str) -> Done:
        """Run a command that asks the daemon at `url`."""
        self.capture.readouterr()
        code = manage([*arguments, "--url", url])
        return Done(code, *self.capture.readouterr())


def run(*arguments: str, environment: Mapping[str, str] | None = None) -> Done:
    """Run the program to its end, with nobody to be asked."""
    done = subprocess.run(
        command(*arguments), env=clean_environment(environment), stdin=subprocess.DEVNULL,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def run_on_terminal(
    *arguments: str, typed: bytes = b"", environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run the program on a terminal, `typed` is typed once it asks; return its code and what is seen."""
    terminal, behind = pty.openpty()
    process = subprocess.Popen(
        command(*arguments),
        env={**clean_environment(environment), "TERM": "xterm", "COLUMNS": "80", **(environment or {})},
        stdin=behind, stdout=behind, stderr=behind, start_new_session=True,
    )  # fmt: skip
    os.close(behind)
    try:
        seen = _watch(terminal, typed)
        return process.wait(60), seen
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def _watch(terminal: int, typed: bytes) -> str:
    seen, ends_at = b"", time.monotonic() + 60
    while time.monotonic() < ends_at:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break  # nobody is behind it any more
        seen += piece
        if typed and b"[y/N]" in seen:
            os.write(terminal, typed)
            typed = b""
    return seen.decode()
