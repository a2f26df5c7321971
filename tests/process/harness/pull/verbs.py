"""The requests of the pull API, each in one of its three spellings: bare, under /v1, and as the REST routes.

Each function returns a method, a path and a body.
"""

import random
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

Verb = tuple[str, str, Any]


def enqueue(rng: random.Random, orders: Sequence[dict[str, Any]]) -> Verb:
    """One job, which a job of its name refuses; or several, of which those are skipped."""
    root = _root(rng)
    if root is None:
        return "POST", "/v1/queues/jobs", orders
    if len(orders) > 1:
        return "POST", f"{root}/enqueue/batch", orders
    return "POST", f"{root}/enqueue", orders[0]


def fetch(rng: random.Random, queue: str, num_jobs: int, wait_s: int) -> Verb:
    """Up to `num_jobs` jobs."""
    numbers = {"num_jobs": num_jobs, "wait": wait_s}
    if (root := _root(rng)) is None:
        return "GET", f"/v1/queues/{quote(queue)}/jobs?{urlencode(numbers)}", None
    return "GET", f"{root}/next?{urlencode({'queue': queue, **numbers})}", None


def heartbeat(rng: random.Random, queue: str, name: str, run: str | None, state: Any) -> Verb:
    """Keep a job; a `state` of None leaves what is saved."""
    return "PATCH", _of_job(rng, "heartbeat", queue, name, run), state


def complete(rng: random.Random, queue: str, name: str, run: str | None) -> Verb:
    """End a job."""
    return "DELETE", _of_job(rng, "complete", queue, name, run), None


def reschedule(rng: random.Random, order: dict[str, Any], run: str | None) -> Verb:
    """Have a job wait again."""
    query = "" if run is None else f"?{urlencode({'run_id': run})}"
    if (root := _root(rng)) is None:
        return "PUT", f"/v1/queues/jobs{query}", order
    return "POST", f"{root}/reschedule{query}", order


def _of_job(rng: random.Random, verb: str, queue: str, name: str, run: str | None) -> str:
    of_run = {} if run is None else {"run_id": run}
    if (root := _root(rng)) is None:
        query = f"?{urlencode(of_run)}" if of_run else ""
        return f"/v1/queues/{quote(queue, safe='')}/jobs/{quote(name, safe='')}{query}"
    return f"{root}/{verb}?{urlencode({'queue': queue, 'job_id': name, **of_run})}"


def _root(rng: random.Random) -> str | None:
    """Choose what the path begins with; None for the REST routes."""
    return rng.choice(("", "/v1", None))
