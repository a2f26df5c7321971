"""Keeps other sites from using a visitor's browser to change things.

A browser says where a request comes from, and the form shows the secret that the browser keeps, which a page
of another site can neither read nor set. Either would do; both are cheap.
"""

from functools import partial
from hmac import compare_digest
from http import HTTPStatus

from attrs import evolve

from trioworq.web.console.cookies import csrf_of
from trioworq.web.console.forms import Form
from trioworq.web.messages import Endpoint, Request, Response, Route
from trioworq.web.replies import refuse

_OURS = ("same-origin", "none")


def protected(route: Route) -> Route:
    """Have a route that changes things serve the console's own pages alone."""
    if route.method == "GET":
        return route
    return evolve(route, endpoint=partial(_answer, route.endpoint))


async def _answer(endpoint: Endpoint, request: Request) -> Response:
    if not _is_from_here(request):
        return refuse(request.path, HTTPStatus.FORBIDDEN, "It came from another site; nothing was changed")
    if not _knows_secret(request):
        detail = "The form is too old, or your browser keeps no cookies; nothing was changed, so try again"
        return refuse(request.path, HTTPStatus.FORBIDDEN, detail)
    return await endpoint(request)


def _is_from_here(request: Request) -> bool:
    """Whether a browser says so. It tells the site only where that is secure, and the origin otherwise."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in _OURS
    scheme = "https" if request.is_secure else "http"
    here = f"{scheme}://{request.host.decode('latin-1')}"
    return request.headers.get("origin", "").lower() == here.lower()


def _knows_secret(request: Request) -> bool:
    kept = csrf_of(request)
    sent = request.headers.get("x-csrf-token") or Form.of(request).text("csrf")
    return kept is not None and compare_digest(kept.encode(), sent.encode("utf-8", "replace"))
