"""Who may use which route: one judgement for each request, in both lanes (RFC 6750)."""

from http import HTTPStatus

from attrs import define
from werkzeug.http import parse_cookie

from trioworq.web.messages import Response, Route, Scope
from trioworq.web.replies import is_console, refuse
from trioworq.web.tokens import Tokens

TOKEN_COOKIE = "trioworq_token"  # noqa: S105  # its name

_CHALLENGE = 'Bearer realm="trioworq"'
_EVERY_SCOPE = frozenset(Scope)


@define(eq=False)
class Guard:
    """Lets those in who show a token that allows what they ask for; everybody while `tokens` is None."""

    tokens: Tokens | None = None

    def use(self, tokens: Tokens) -> None:
        """Go by these tokens from the next request on."""
        self.tokens = tokens

    def refuse(
        self, path: str, route: Route | None, authorization: bytes, cookies: bytes = b""
    ) -> Response | None:
        """Return the refusal of a request, None for one that may pass.

        `route` is None where no route takes the request, of which any token may learn. `authorization` is
        the header's value as sent, empty without one; of two they are a list, which is no token. `cookies`
        are looked at for the console alone: no page of another site can have a browser use an API.
        """
        if self.tokens is None or (route is not None and route.scope is None):
            return None
        token = _shown_token(path, authorization, cookies)
        if token is None:
            return _refuse(path, HTTPStatus.UNAUTHORIZED, "An API token is needed")
        scopes = self.tokens.scopes_of(token)
        if scopes is None:
            return _refuse(path, HTTPStatus.UNAUTHORIZED, "The API token is not known", error="invalid_token")
        needed = None if route is None else route.scope
        if needed is None or needed in scopes:
            return None
        detail = f"The API token does not allow this, which needs the scope {needed.value}"
        return _refuse(path, HTTPStatus.FORBIDDEN, detail, error="insufficient_scope", scope=needed.value)

    def scopes(self, path: str, authorization: bytes, cookies: bytes) -> frozenset[Scope]:
        """Return what a client may do: all while no tokens are asked for, nothing without one."""
        if self.tokens is None:
            return _EVERY_SCOPE
        token = _shown_token(path, authorization, cookies)
        return (token is not None and self.tokens.scopes_of(token)) or frozenset()

    def knows(self, token: bytes) -> bool:
        """Whether somebody with this token is let in, to some of it at least."""
        return self.tokens is None or self.tokens.scopes_of(token) is not None


def _shown_token(path: str, authorization: bytes, cookies: bytes) -> bytes | None:
    if not authorization and cookies and is_console(path):
        kept = parse_cookie(cookies.decode("latin-1")).get(TOKEN_COOKIE)
        return None if kept is None else kept.encode("utf-8", "surrogatepass")
    scheme, _, token = authorization.strip(b" \t").partition(b" ")
    return token.lstrip(b" ") if scheme.lower() == b"bearer" else None


def _refuse(path: str, status: HTTPStatus, detail: str, **attributes: str) -> Response:
    challenge = "".join([_CHALLENGE, *(f', {name}="{value}"' for name, value in attributes.items())])
    return refuse(path, status, detail, {"WWW-Authenticate": challenge})
