"""Who may use a route, judged by the request's head alone (RFC 6750)."""

import pytest

from tests.web.endpoints import answer_ok
from trioworq.web.guard import Guard
from trioworq.web.messages import Response, Route, Scope
from trioworq.web.tokens import new_token, parse_tokens

TOKEN, LINE = new_token("shop", "push")
GUARD = Guard(parse_tokens([LINE]))
PUSH = Route("POST", "/job/{category...}", answer_ok, Scope.PUSH)
READ = Route("GET", "/queues", answer_ok, Scope.READ)
OPEN = Route("GET", "/open", answer_ok, None)

NEEDED = 'Bearer realm="trioworq"'
UNKNOWN = 'Bearer realm="trioworq", error="invalid_token"'
TOO_SMALL = 'Bearer realm="trioworq", error="insufficient_scope", scope="read"'


def judged(route: Route | None, authorization: str, guard: Guard = GUARD) -> tuple[int, str] | None:
    """Return (status, challenge) of a refusal."""
    response: Response | None = guard.refuse("/x", route, authorization.encode("latin-1"))
    return None if response is None else (response.status, response.headers["WWW-Authenticate"])


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer    ", " \tBearer "])
@pytest.mark.parametrize("end", ["", " ", "\t "])
def test_a_known_token_passes_however_it_is_announced(scheme: str, end: str) -> None:
    """The scheme is of any case, and blanks round the token are none of it."""
    assert judged(PUSH, scheme + TOKEN + end) is None


@pytest.mark.parametrize(
    "authorization",
    ["", " ", "Basic c2hvcDpwdw==", TOKEN, f"Bearer{TOKEN}", f"Token {TOKEN}", f"Bearer\t{TOKEN}",
     f'"Bearer" {TOKEN}', f"Basic {TOKEN}, Bearer {TOKEN}"],
    ids=range(9),  # the token is another one each time
)  # fmt: skip
def test_who_shows_no_bearer_token_is_told_that_one_is_needed(authorization: str) -> None:
    """The challenge names no error: such a client may not know that there are tokens (RFC 6750, §3.1)."""
    assert judged(PUSH, authorization) == (401, NEEDED)


@pytest.mark.parametrize(
    "token",
    ["", "x", TOKEN[:-1], TOKEN + "=", TOKEN.swapcase(), f"{TOKEN},", f"{TOKEN} {TOKEN}", f'"{TOKEN}"',
     f"{TOKEN}, Bearer {TOKEN}", "\xff\xfe", f"{TOKEN}\xa0", LINE.split()[2], "x" * 60_000],
    ids=range(13),
)  # fmt: skip
def test_an_unknown_token_is_told_to_be_one(token: str) -> None:
    """So is anything that is not exactly a token, two of them for example, and the hash."""
    assert judged(PUSH, f"Bearer {token}") == (401, UNKNOWN)


def test_a_token_that_does_not_allow_it_is_told_what_would() -> None:
    """The challenge names the scope (RFC 6750, §3.1)."""
    assert judged(READ, f"Bearer {TOKEN}") == (403, TOO_SMALL)


def test_where_there_is_no_route_any_token_will_do() -> None:
    """Who has one may learn that, and nobody else (contract §1.1)."""
    assert judged(None, f"Bearer {TOKEN}") is None
    assert judged(None, "Bearer x") == (401, UNKNOWN)
    assert judged(None, "") == (401, NEEDED)


def test_an_open_route_needs_no_token() -> None:
    """A wrong one does no harm there."""
    for authorization in ("", "Bearer x", f"Bearer {TOKEN}"):
        assert judged(OPEN, authorization) is None


def test_a_route_that_says_nothing_is_for_administrators() -> None:
    """No route is open by oversight."""
    _, line = new_token("ops", "push,work,read")
    token, admin = new_token("root", "admin")
    guard = Guard(parse_tokens([LINE, line, admin]))
    silent = Route("GET", "/new", answer_ok)
    assert silent.scope is Scope.ADMIN
    assert judged(silent, f"Bearer {TOKEN}", guard) is not None
    assert judged(silent, f"Bearer {token}", guard) is None


def test_without_tokens_everybody_may_pass() -> None:
    """Whatever is shown."""
    for authorization in ("", "Bearer x", "Basic x"):
        assert judged(READ, authorization, Guard()) is None
        assert judged(None, authorization, Guard()) is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/job/x", b"401 Unauthorized\n\nAn API token is needed\n"),
        ("/v1/x", b"An API token is needed"),
        ("/api/v1/x", b'{"detail":"An API token is needed"}'),
        ("/v6/x", b'{"detail":"An API token is needed"}'),
    ],
)
def test_a_refusal_has_the_shape_of_its_family(path: str, body: bytes) -> None:
    """As any other (contract §1.3)."""
    response = GUARD.refuse(path, PUSH, b"")
    assert response is not None
    assert response.body == body
