"""`/console/login` and `/console/logout`."""

from http import HTTPStatus

from attrs import evolve, frozen

from trioworq.web.console.answers import login_page
from trioworq.web.console.cookies import login_cookie, logout_cookie
from trioworq.web.console.desk import Desk
from trioworq.web.console.forms import Form
from trioworq.web.console.urls import local
from trioworq.web.messages import Request, Response, Route
from trioworq.web.replies import CONSOLE

LOGIN = f"{CONSOLE}/login"


def routes(desk: Desk) -> tuple[Route, ...]:
    """Return the routes; none asks for a token."""
    login = _Login(desk)
    return (
        Route("GET", LOGIN, login.ask, None),
        Route("POST", LOGIN, login.log_in, None),
        Route("POST", f"{CONSOLE}/logout", login.log_out, None),
    )


@frozen
class _Login:
    """A browser is given the token to keep, once it is known; see login_cookie."""

    _desk: Desk

    async def ask(self, request: Request) -> Response:
        """Answer with the form, where there is anything to log in to."""
        if self._desk.guard.tokens is None:
            return self._desk.see_other(CONSOLE)
        return login_page(request, self._desk.config, then=CONSOLE, status=HTTPStatus.OK)

    async def log_in(self, request: Request) -> Response:
        """Take a token that is known, and go to the page that was wanted."""
        form = Form.of(request)
        token, then = form.text("token").strip(), local(form.text("next"))
        if not self._desk.guard.knows(token.encode("utf-8", "replace")):
            return login_page(request, self._desk.config, then=then, trouble="This token is not known here")
        welcome = self._desk.see_other(then)
        if self._desk.guard.tokens is None:
            return welcome
        return evolve(welcome, cookies=(login_cookie(token, is_secure=request.is_secure),))

    async def log_out(self, _request: Request) -> Response:
        """Have the browser forget the token."""
        farewell = self._desk.see_other(LOGIN, told="You are logged out")
        return evolve(farewell, cookies=(*farewell.cookies, logout_cookie()))
