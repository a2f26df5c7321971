"""Templates → answers, with what the layout needs."""

from http import HTTPStatus
from typing import Any

from attrs import evolve

from trioworq.config import Config
from trioworq.web.console.cookies import cookies_of, csrf_cookie, csrf_of, new_csrf, told_cookie, told_of
from trioworq.web.console.rights import rights_of
from trioworq.web.console.templates import render
from trioworq.web.guard import TOKEN_COOKIE
from trioworq.web.messages import HTML, Request, Response


def render_page(
    request: Request, config: Config, template: str, /, *, title: str, status: int, **values: Any
) -> Response:
    """Answer with a page; it shows what the one before left to tell."""
    told = told_of(request)
    response = render_fragment(
        request, config, template, status, title=title, told=told, path=request.path, **values
    )
    return evolve(response, cookies=(*response.cookies, told_cookie(""))) if told else response


def render_fragment(
    request: Request, config: Config, template: str, status: int = HTTPStatus.OK, /, **values: Any
) -> Response:
    """Answer with a piece of a page."""
    kept = csrf_of(request)
    csrf = kept or new_csrf()
    body = render(
        template,
        {
            "csrf": csrf,
            "rights": rights_of(request, config),
            "is_logged_in": TOKEN_COOKIE in cookies_of(request),
            **values,
        },
    )
    cookies = () if kept else (csrf_cookie(csrf, is_secure=request.is_secure),)
    return Response(status, body, HTML, cookies=cookies)
