"""``python -m pictures`` is what ``scripts/screenshots`` runs."""

import argparse
import json
import threading
import time
import urllib.request
from pathlib import Path

from benchmark.private import started_server

from pictures import past
from pictures.camera import pictures, take
from pictures.clients import Clients
from pictures.worker import started_worker
from tests.console.browsing import open_browser

FOLDER = Path(__file__).parents[2] / "docs" / "console"
# Jobs that run when it is over are not waited for.
SETTINGS = {"load-interval": str(past.INTERVAL_S), "shutdown-timeout": "1"}
# The plots of what went on are full after five minutes.
WORKED_S = 300


def main() -> None:
    """Have the shop work for a while, and take all pictures."""
    options = _options()
    FOLDER.mkdir(exist_ok=True)
    with started_server("sqlite", SETTINGS, past.write) as url, started_worker() as worker_url:
        clients = Clients(url, worker_url, threading.Event())
        clients.prepare()
        with clients.at_work():
            time.sleep(options.seconds)
            with open_browser() as browser:
                for picture in pictures(_failed_id(url)):
                    path = take(browser, url, picture, FOLDER)
                    print(f"{path}: {path.stat().st_size} bytes", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description="Takes the console's pictures.")
    parser.add_argument(
        "--seconds", type=int, default=WORKED_S, help="for how long the shop works before (300)"
    )
    return parser.parse_args()


def _failed_id(url: str) -> str:
    """Return the id of the last failed job that has something to show."""
    with urllib.request.urlopen(f"{url}/queue/thumbnails/failed?limit=1") as answer:  # noqa: S310  # our own daemon
        failed = json.load(answer)["failed_jobs"]
    return str(failed[0]["job_id"])


if __name__ == "__main__":
    main()
