"""The console on a loopback port, with all that is behind it, and a browser without scripts."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import trio
from attrs import define, evolve, frozen

from tests.dispatch.push_side import hanging, open_push_side
from tests.manage.managed_side import management_over
from tests.pull.pull_side import open_pull_side
from tests.trust import NO_TRUST
from tests.web.face import CONFIG, Face, open_served, routes_of
from trioworq.dispatch.runs import Caller
from trioworq.manage.management import Management
from trioworq.stores.interface import Store
from trioworq.web.guard import Guard

Fields = Mapping[str, str] | Sequence[tuple[str, str]]

_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{32})"|"X-CSRF-Token": "([0-9a-f]{32})"')


@frozen
class Browser:
    """Keeps cookies, says where its requests come from, and follows nothing by itself."""

    client: httpx2.AsyncClient

    async def get(self, path: str = "/console", **headers: str) -> httpx2.Response:
        """Go to a page. Underscores in a header's name stand for dashes."""
        return await self.client.get(path, headers=_named(headers))

    async def post(self, path: str, fields: Fields = (), **headers: str) -> httpx2.Response:
        """Submit a form of a page of the console."""
        pairs = list(fields.items() if isinstance(fields, Mapping) else fields)
        return await self.post_bare(path, [*pairs, ("csrf", await self.csrf())], **headers)

    async def post_bare(self, path: str, fields: Fields = (), **headers: str) -> httpx2.Response:
        """Submit a form of no page."""
        content = str(
            httpx2.QueryParams(list(fields.items()) if isinstance(fields, Mapping) else list(fields))
        )
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        return await self.client.post(path, content=content.encode(), headers={**sent, **_named(headers)})

    async def csrf(self) -> str:
        """Return the secret that the forms of its pages have."""
        found = _CSRF.search((await self.get("/console/nothing")).text)
        assert found is not None
        return found[1] or found[2]

    async def log_in(self, token: str) -> httpx2.Response:
        """Log in, with whatever comes of it."""
        return await self.post("/console/login", {"token": token})


@define(eq=False)
class Site(Face):
    """Every API and the console, whose feed and sweeps are running."""

    browser: Browser
    management: Management

    @asynccontextmanager
    async def other_browser(self) -> AsyncIterator[Browser]:
        """Return a browser that keeps nothing yet."""
        async with _open_browser(self.port) as browser:
            yield browser


@asynccontextmanager
async def open_site(
    workers: Caller | None = None,
    *,
    store: Store | None = None,
    guard: Guard | None = None,
    default_queue: str = "default",
    **options: Any,
) -> AsyncIterator[Site]:
    """Serve all of it over an in-memory store unless given one; push workers hang unless given."""
    config = evolve(CONFIG, queue_default=default_queue, **options)
    async with (
        open_push_side(workers or hanging(), store=store, default_queue=default_queue) as side,
        open_pull_side(side.store, pauses=side.pauses) as pull_side,
        trio.open_nursery() as watching,
    ):
        management = management_over(side, pull_side)
        watching.start_soon(management.feed.run)
        watching.start_soon(management.sweeps.run)
        async with (
            open_served(routes_of(side, pull_side, config, guard, management), config, guard=guard) as served,
            _open_browser(served.port) as browser,
        ):
            yield Site(
                served.port,
                served.client,
                served.access_lines,
                served.errors,
                served.stop,
                served.stopped,
                served.witness,
                side,
                pull_side,
                browser,
                management,
            )
        watching.cancel_scope.cancel()


@asynccontextmanager
async def _open_browser(port: int) -> AsyncIterator[Browser]:
    url = f"http://127.0.0.1:{port}"
    async with httpx2.AsyncClient(base_url=url, timeout=20, verify=NO_TRUST) as client:
        yield Browser(client)


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
