"""`/console/login` and `/console/logout`."""

from functools import partial
from http import HTTPStatus

from attrs import evolve

from trioworq.web.console.answers import login_page
from trioworq.web.console.cookies import login_cookie, logout_cookie
from trioworq.web.console.desk import Desk
from trioworq.web.console.forms import Form
from trioworq.web.console.urls import local
from trioworq.web.messages import Request, Response, Route
from trioworq.web.replies import CONSOLE

_LOGIN = f"{CONSOLE}/login"


def routes(desk: Desk) -> tuple[Route, ...]:
    """Return the routes; none asks for a token."""
    return (
        Route("GET", _LOGIN, partial(_show, desk), None),
        Route("POST", _LOGIN, partial(_login, desk), None),
        Route("POST", f"{CONSOLE}/logout", partial(_logout, desk), None),
    )


async def _show(desk: Desk, request: Request) -> Response:
    return login_page(request, desk.config, then=CONSOLE, status=HTTPStatus.OK)


async def _login(desk: Desk, request: Request) -> Response:
    form = Form.of(request)
    token, then = form.text("token").strip(), local(form.text("next"))
    if not desk.guard.knows(token.encode("utf-8", "replace")):
        return login_page(request, desk.config, then=then, trouble="This token is not known here")
    welcome = desk.see_other(then)
    return evolve(welcome, cookies=(login_cookie(token, is_secure=request.is_secure),))


async def _logout(desk: Desk, _request: Request) -> Response:
    farewell = desk.see_other(_LOGIN, told="You are logged out")
    return evolve(farewell, cookies=(*farewell.cookies, logout_cookie()))
