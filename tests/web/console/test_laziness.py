"""What a daemon that shows no page does without."""

import subprocess
import sys

# In a process of its own: what has been opened and compiled stays with the process.
LOOK = """
import sys
from pathlib import Path

import trio

import trioworq.web.console
from tests.web.console.site import open_site

FOLDER = str(Path(trioworq.web.console.__file__).parent)
opened = []


def note(event, arguments):
    if event == "open" and str(arguments[0]).startswith(FOLDER) and "py" not in str(arguments[0])[-4:]:
        opened.append(arguments[0])


async def main():
    async with open_site() as site:
        for path in ("/queues", "/metrics", "/openapi.json", "/nothing", "/livez"):
            await site.client.get(path)
        print(len(opened))
        await site.client.get("/console")
        print(len(opened) > 10)
        before = len(opened)
        await site.client.get("/console")
        print(len(opened) - before)


sys.addaudithook(note)
trio.run(main)
"""


def test_nothing_is_read_or_compiled_before_somebody_looks() -> None:
    """Neither templates nor static files; then each is read once."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["0", "True", "0"]
