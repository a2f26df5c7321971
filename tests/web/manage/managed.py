"""A face whose push workers do what a job's URL says, and what tests ask of it."""

from collections.abc import Callable
from typing import Any

import httpx2
import orjson
import trio
from attrs import define

from tests.dispatch.push_side import FAILURE, SUCCESS, Call, ScriptedWorkers
from tests.web.face import Face
from trioworq.core.results import Result, ResultStatus

JOBS = "/api/v1/jobs"
WORKER = "http://worker/"
VERDICTS = {
    "fail": Result(ResultStatus.PERMANENT_FAILURE, 200, "no such thing"),
    "stumble": FAILURE,
    "succeed": SUCCESS,
}


def obedient() -> ScriptedWorkers:
    """Return workers that fail, stumble, succeed or hang, as the end of a URL says."""

    async def answer(call: Call) -> Result:
        if call.url.endswith("/hang"):
            await trio.sleep_forever()
        return VERDICTS[call.url.removeprefix(WORKER)]

    return ScriptedWorkers(answer)


@define(eq=False)
class Managed:
    """A face with obedient workers."""

    face: Face
    workers: ScriptedWorkers

    async def ask(self, method: str, path: str, status: int = 200) -> Any:
        """Send a request; return what it is answered with, which has this status."""
        answer = await self.face.client.request(method, JOBS + path)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def refusal(self, method: str, path: str) -> tuple[int, Any]:
        """Send a request; return its status and the detail."""
        answer: httpx2.Response = await self.face.client.request(method, JOBS + path)
        shown = answer.json()
        assert list(shown) == ["detail"]
        return answer.status_code, shown["detail"]

    async def push(self, category: str = "any", does: str = "fail", **fields: Any) -> str:
        """Push a job to a worker that does this; return its id."""
        return str(await self.face.push(category, url=WORKER + does, **fields))

    async def fail(self, *categories: str, **fields: Any) -> list[str]:
        """Have a push job fail for each category, one after the other; return their ids."""
        ids: list[str] = []
        for category in categories:
            ids.append(await self.push(category, **fields))
            await self.reach(ids[-1], "failed")
        return ids

    async def fail_pull(self, *keys: str, queue: str = "q", **fields: Any) -> list[str]:
        """Have a pull job run out of its leases for each key; return their ids."""
        ids: list[str] = []
        for key in keys:
            ids.append(await self.enqueue(key, queue, timeout=0, **fields))
            await self.face.pull_side.fetch(queue=queue)
            await self.reach(ids[-1], "failed")
        return ids

    async def enqueue(self, key: str = "1", queue: str = "q", **fields: Any) -> str:
        """Enqueue a pull job; return its id."""
        body = {"id": key, "queue": queue, "timeout": 30, **fields}
        answer = await self.face.client.post("/enqueue", content=orjson.dumps(body))
        assert answer.status_code == 202, answer.text
        return str(answer.headers["trioworq-job-id"])

    async def status(self, job_id: str) -> dict[str, Any]:
        """Return the status of a job that there is."""
        shown: dict[str, Any] = await self.ask("GET", f"/status/{job_id}")
        return shown

    async def reach(self, job_id: str, status: str) -> dict[str, Any]:
        """Wait until a job has a status, and return that."""
        return await self.find(job_id, lambda shown: bool(shown["status"] == status))

    async def find(self, job_id: str, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the status of a job is as wanted, and return it."""
        with trio.fail_after(10):
            while not is_it(shown := await self.status(job_id)):
                await trio.sleep(0.01)
        return shown

    async def failed(self, query: str = "") -> list[str]:
        """Return the ids of the failed jobs, in their order."""
        return [job["job_id"] for job in await self.ask("GET", f"/failed{query}")]


def not_failed(job_id: str) -> tuple[int, str]:
    """Return the refusal of a job that has not failed."""
    return 404, f"Job {job_id} not found in failed jobs registry"
