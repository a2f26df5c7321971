"""A console over workers that do what a job's URL says, and say what it wants."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, unquote

import trio
from attrs import define, evolve

from tests.dispatch.push_side import Call, ScriptedWorkers
from tests.web.console.page import Page, PageForm, submit, visit
from tests.web.console.site import Browser, Site, open_site
from tests.web.manage.managed import VERDICTS, WORKER, Managed
from trioworq.core.failures import EVERY_FAILURE, FailureFilter


def talkative() -> ScriptedWorkers:
    """Return workers that fail, stumble, succeed or hang, with the message that follows in the URL."""

    async def answer(call: Call) -> Any:
        verb, _, message = call.url.removeprefix(WORKER).partition("/")
        if verb == "hang":
            await trio.sleep_forever()
        return evolve(VERDICTS[verb], message=unquote(message)) if message else VERDICTS[verb]

    return ScriptedWorkers(answer)


@define(eq=False)
class ManagedSite(Managed):
    """A console, and jobs of all kinds behind it."""

    site: Site

    @property
    def browser(self) -> Browser:
        """The browser of somebody who is let in."""
        return self.site.browser

    async def visit(self, path: str, status: int = 200) -> Page:
        """Go to a page that is answered with this status."""
        return await visit(self.browser, path, status)

    async def follow(self, form: PageForm) -> Page:
        """Send a form, and go where it leads."""
        answer = await submit(self.browser, form)
        assert answer.status_code == 303, answer.text
        return await self.visit(answer.headers["location"])

    async def fail_with(
        self, message: str, count: int = 1, category: str = "any", **fields: Any
    ) -> list[str]:
        """Have push jobs fail with a message; return their ids."""
        does = f"fail/{quote(message, safe='')}"
        ids = [await self.push(category, does, **fields) for _ in range(count)]
        for job_id in ids:
            await self.reach(job_id, "failed")
        return ids

    async def count_failed(self, wanted: FailureFilter = EVERY_FAILURE) -> int:
        """Count failures."""
        return await self.site.management.failed.count(wanted)


@asynccontextmanager
async def open_managed_site(**options: Any) -> AsyncIterator[ManagedSite]:
    """Serve a console over such workers."""
    workers = talkative()
    async with open_site(workers, **options) as site:
        yield ManagedSite(site, workers, site)
