"""Who may use which route: one judgement for each request, in both lanes (RFC 6750)."""

from http import HTTPStatus

from attrs import define

from trioworq.web.messages import Response, Route
from trioworq.web.replies import refuse
from trioworq.web.tokens import Tokens

_CHALLENGE = 'Bearer realm="trioworq"'


@define(eq=False)
class Guard:
    """Lets those in who show a token that allows what they ask for; everybody while `tokens` is None."""

    tokens: Tokens | None = None

    def use(self, tokens: Tokens) -> None:
        """Go by these tokens from the next request on."""
        self.tokens = tokens

    def refuse(self, path: str, route: Route | None, authorization: bytes) -> Response | None:
        """Return the refusal of a request, None for one that may pass.

        `route` is None where no route takes the request, of which any token may learn. `authorization` is
        the header's value as sent, empty without one; of two they are a list, which is no token.
        """
        if self.tokens is None or (route is not None and route.scope is None):
            return None
        scheme, _, token = authorization.strip(b" \t").partition(b" ")
        if scheme.lower() != b"bearer":
            return _refuse(path, HTTPStatus.UNAUTHORIZED, "An API token is needed")
        scopes = self.tokens.scopes_of(token.lstrip(b" "))
        if scopes is None:
            return _refuse(path, HTTPStatus.UNAUTHORIZED, "The API token is not known", error="invalid_token")
        needed = None if route is None else route.scope
        if needed is None or needed in scopes:
            return None
        detail = f"The API token does not allow this, which needs the scope {needed.value}"
        return _refuse(path, HTTPStatus.FORBIDDEN, detail, error="insufficient_scope", scope=needed.value)


def _refuse(path: str, status: HTTPStatus, detail: str, **attributes: str) -> Response:
    challenge = "".join([_CHALLENGE, *(f', {name}="{value}"' for name, value in attributes.items())])
    return refuse(path, status, detail, {"WWW-Authenticate": challenge})
