"""Asks a face what workers ask, by relay-rs's verbs."""

from typing import Any
from urllib.parse import urlencode

import httpx2
import orjson

from tests.web.face import Face

QUEUE = "my-queue"


def job(key: str = "1", **fields: Any) -> dict[str, Any]:
    """Return a job as a client writes it."""
    return {"id": key, "queue": QUEUE, "timeout": 30, **fields}


def seen(answer: httpx2.Response) -> tuple[int, str]:
    """Shorten an answer to (status, body)."""
    return answer.status_code, answer.text


class Client:
    """Asks a face."""

    def __init__(self, face: Face, prefix: str = "") -> None:
        self._client = face.client
        self._prefix = prefix

    async def ask(self, method: str, verb: str, body: Any = None, **query: Any) -> httpx2.Response:
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        target = f"{self._prefix}/{verb}" + (f"?{urlencode(query)}" if query else "")
        return await self._client.request(method, target, content=content)

    async def enqueue(self, key: str = "1", **fields: Any) -> httpx2.Response:
        return await self.ask("POST", "enqueue", job(key, **fields))

    async def fetch(self, **query: Any) -> list[dict[str, Any]]:
        answer = await self.ask("GET", "next", **{"queue": QUEUE, **query})
        if answer.status_code == 204:
            assert answer.content == b""
            assert not {"content-length", "content-type"} & answer.headers.keys()
            return []
        assert answer.status_code == 200, answer.text
        jobs: list[dict[str, Any]] = answer.json()
        return jobs

    async def heartbeat(self, key: str = "1", body: Any = None, **query: Any) -> httpx2.Response:
        return await self.ask("PATCH", "heartbeat", body, queue=QUEUE, job_id=key, **query)

    async def complete(self, key: str = "1", **query: Any) -> httpx2.Response:
        return await self.ask("DELETE", "complete", queue=QUEUE, job_id=key, **query)

    async def reschedule(self, key: str = "1", **fields: Any) -> httpx2.Response:
        return await self.ask("POST", "reschedule", job(key, **fields))

    async def read(self, key: str = "1") -> httpx2.Response:
        return await self._client.get(f"/v1/queues/{QUEUE}/jobs/{key}")


def not_found(key: str = "1") -> tuple[int, str]:
    """Return the answer for a job that is not there."""
    return 404, f"job with id `{key}` not found in queue `{QUEUE}`."


EXISTS = (409, f"job with id `1` already exists in queue `{QUEUE}`.")
STALE = (409, f"job with id `1` in queue `{QUEUE}` has another run now, or none.")
ACCEPTED = (202, "")
