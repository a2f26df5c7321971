"""What pages are made with: the daemon's parts, and ways to answer."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from attrs import frozen

from trioworq.config import Config
from trioworq.dispatch.queues import Queues
from trioworq.manage.management import Management
from trioworq.pull.jobs import PullJobs
from trioworq.stores.interface import Schema
from trioworq.web.console.cookies import told_cookie
from trioworq.web.console.rendering import render_fragment, render_page
from trioworq.web.console.rights import Rights, rights_of
from trioworq.web.console.urls import local
from trioworq.web.guard import Guard
from trioworq.web.messages import HTML, Request, Response


@frozen(kw_only=True)
class About:
    """What is known of this process; `schema` asks the store."""

    schema: Callable[[], Awaitable[Schema]]
    node_id: str
    started_at_ms: int


@frozen(kw_only=True)
class Desk:
    """Shared by all pages."""

    queues: Queues
    pull: PullJobs
    management: Management
    config: Config
    about: About
    guard: Guard

    def page(
        self, request: Request, template: str, /, *, title: str, status: int = HTTPStatus.OK, **values: Any
    ) -> Response:
        """Answer with a page: a template that extends `layout/layout.html`."""
        return render_page(request, self.config, template, title=title, status=status, **values)

    def fragment(self, request: Request, template: str, /, **values: Any) -> Response:
        """Answer with a piece of a page, for scripts to put in its place."""
        return render_fragment(request, self.config, template, **values)

    def see_other(self, path: str, *, told: str = "") -> Response:
        """Send a browser to a page of the console after a change; it shows there, once, what was done."""
        cookies = (told_cookie(told),) if told else ()
        return Response(HTTPStatus.SEE_OTHER, b"", HTML, {"Location": local(path)}, cookies)

    def rights(self, request: Request) -> Rights:
        """Return what a visitor may do."""
        return rights_of(request, self.config)
