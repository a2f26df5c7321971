"""What becomes of every answer under `/console` on its way out.

Refusals get the console's layout, or for scripts a fragment; scripts are told where to go by a header, as a
redirect would be followed before they see it; and everything gets the headers that keep browsers in bounds.
"""

from http import HTTPStatus

from attrs import evolve

from trioworq.config import Config
from trioworq.web.console.headers import with_safety
from trioworq.web.console.rendering import render_fragment, render_page
from trioworq.web.console.urls import local
from trioworq.web.messages import Refusal, Request, Response
from trioworq.web.replies import CONSOLE

_ALERTS = {"HX-Retarget": "#alerts", "HX-Reswap": "innerHTML"}


def finished(request: Request, response: Response, config: Config) -> Response:
    """Return an answer as it leaves."""
    if isinstance(response, Refusal):
        response = _explained(request, response, config)
    elif response.status == HTTPStatus.SEE_OTHER and _is_scripted(request):
        headers = {"HX-Redirect": response.headers["Location"]}
        response = evolve(response, status=HTTPStatus.NO_CONTENT, headers=headers)
    return evolve(response, headers=with_safety(response.headers))


def _is_scripted(request: Request) -> bool:
    return "hx-request" in request.headers


def _explained(request: Request, refusal: Refusal, config: Config) -> Response:
    kept = {name: value for name, value in refusal.headers.items() if name != "X-Content-Type-Options"}
    if _is_scripted(request):
        more = {"HX-Refresh": "true"} if refusal.status == HTTPStatus.UNAUTHORIZED else _ALERTS
        page = render_fragment(
            request, config, "layout/alert.html", refusal.status, **_words(request, refusal)
        )
    elif refusal.status == HTTPStatus.UNAUTHORIZED:
        more = _second_look(request)
        page = login_page(request, config)
    else:
        more = {}
        page = render_page(
            request,
            config,
            "layout/refusal.html",
            title=HTTPStatus(refusal.status).phrase,
            status=refusal.status,
            **_words(request, refusal),
        )
    return evolve(page, headers={**kept, **more})


def login_page(
    request: Request,
    config: Config,
    *,
    then: str = "",
    trouble: str = "",
    status: HTTPStatus = HTTPStatus.UNAUTHORIZED,
) -> Response:
    """Ask for a token, and for the page that was wanted `then`."""
    return render_page(
        request,
        config,
        "login/login.html",
        title="Log in",
        status=status,
        then=local(then or _wanted(request)),
        trouble=trouble,
    )


def _wanted(request: Request) -> str:
    if request.method != "GET":
        return CONSOLE
    query = request.query_string.decode("latin-1")
    return f"{request.path}?{query}" if query else request.path


def _second_look(request: Request) -> dict[str, str]:
    """Have a browser that followed a link from elsewhere ask again by itself.

    It keeps the token from what another site sets off (SameSite=Strict), but shows it to the page's own.
    """
    is_lead_here = request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site"
    return {"Refresh": "0"} if is_lead_here else {}


def _words(request: Request, refusal: Refusal) -> dict[str, str | int | bool]:
    return {
        "code": int(refusal.status),
        "phrase": HTTPStatus(refusal.status).phrase,
        "detail": refusal.detail,
        "again": _wanted(request) if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE else "",
    }
