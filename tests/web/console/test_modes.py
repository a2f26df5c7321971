"""The option `console`, and the scopes of tokens: what is there, and for whom."""

from collections.abc import Sequence

import pytest
from attrs import evolve

from tests.dispatch.push_side import hanging, open_push_side
from tests.pull.pull_side import open_pull_side
from tests.web.console.site import open_site
from tests.web.endpoints import answer_ok
from tests.web.face import CONFIG, open_face, open_served, routes_of
from trioworq.config import Console
from trioworq.web.console.rights import Rights, rights_of
from trioworq.web.guard import Guard
from trioworq.web.messages import VARIABLE_PART, Request, Response, Route, Scope
from trioworq.web.replies import is_console
from trioworq.web.tokens import new_token, parse_tokens

MADE = {scope: new_token(scope.value, scope.value) for scope in Scope}
TOKENS = parse_tokens(line for _, line in MADE.values())
OPEN = {"/console/login", "/console/logout", "/console/static/{name...}"}
EVERYTHING = frozenset(Scope)


async def console_routes(console: Console = Console.ON) -> Sequence[Route]:
    """Return the console's routes of a daemon."""
    async with open_push_side(hanging()) as side, open_pull_side(side.store) as pull_side:
        routes = routes_of(side, pull_side, evolve(CONFIG, console=console))
    return [route for route in routes if is_console(route.path)]


async def test_nobody_changes_what_they_may_only_read() -> None:
    """Changes are for administrators, and new jobs for who may push; logging in alone is open to all.

    A page may be for administrators too, where it is a step on the way to a change.
    """
    for route in await console_routes():
        assert not route.is_hot, route
        if route.path in OPEN:
            assert route.scope is None, route
        elif route.method == "POST" and route.path.startswith("/console/new"):
            assert route.scope is Scope.PUSH, route
        else:
            wanted = [Scope.ADMIN, Scope.READ] if route.method == "GET" else [Scope.ADMIN]
            assert route.scope in wanted, route


async def test_each_route_is_for_those_whose_token_allows_it() -> None:
    """Shown in the cookie, whatever the method."""
    routes = [evolve(route, endpoint=answer_ok) for route in await console_routes()]
    async with open_served(routes, guard=Guard(TOKENS), is_watched=False) as served:
        for route in routes:
            target = VARIABLE_PART.sub("x", route.path)
            wanted = {} if route.scope is None else {route.scope, Scope.ADMIN}
            stranger = await served.ask(route.method, target)
            assert stranger.status == (401 if wanted else 200), route
            for scope, (token, _) in MADE.items():
                answer = await served.ask(route.method, target, b"", f"Cookie: trioworq_token={token}")
                assert answer.status == (200 if not wanted or scope in wanted else 403), (route, scope)


async def test_a_console_that_is_off_is_not_there() -> None:
    """Its paths are as any that nobody knows."""
    assert await console_routes(Console.OFF) == []
    async with open_face(console=Console.OFF) as face:
        for path in ("/console", "/console/login", "/console/x"):
            answer = await face.client.get(path)
            assert (answer.status_code, answer.text) == (404, "404 page not found\n")
            assert "content-security-policy" not in answer.headers
            assert "set-cookie" not in answer.headers


async def test_a_console_to_read_has_nothing_that_changes() -> None:
    """The pages are all there, and so is logging in."""
    every, shown = await console_routes(), await console_routes(Console.READ_ONLY)
    kept = {(route.method, route.path) for route in shown}
    assert {(route.method, route.path) for route in every if route.scope in (Scope.READ, None)} == kept
    assert {path for method, path in kept if method == "POST"} == {"/console/login", "/console/logout"}
    async with open_site(console=Console.READ_ONLY) as site:
        page = await site.browser.get("/console")
        assert page.status_code == 200
        assert "/console/new" not in page.text


@pytest.mark.parametrize(
    ("scopes", "console", "rights"),
    [
        (EVERYTHING, Console.ON, Rights(can_see=True, can_change=True, can_push=True)),
        ({Scope.READ}, Console.ON, Rights(can_see=True, can_change=False, can_push=False)),
        ({Scope.READ, Scope.PUSH}, Console.ON, Rights(can_see=True, can_change=False, can_push=True)),
        ({Scope.WORK}, Console.ON, Rights(can_see=False, can_change=False, can_push=False)),
        ((), Console.ON, Rights(can_see=False, can_change=False, can_push=False)),
        (EVERYTHING, Console.READ_ONLY, Rights(can_see=True, can_change=False, can_push=False)),
    ],
)
def test_controls_are_for_those_who_may_use_them(
    scopes: set[Scope], console: Console, rights: Rights
) -> None:
    """By the token's scopes and the option."""
    request = Request("GET", "/console", {}, {}, b"", scopes=frozenset(scopes))
    assert rights_of(request, evolve(CONFIG, console=console)) == rights


async def test_a_request_has_its_tokens_scopes() -> None:
    """All while no tokens are asked for, and none for one that is let in without."""
    seen: list[frozenset[Scope]] = []

    async def look(request: Request) -> Response:
        seen.append(request.scopes)
        return await answer_ok(request)

    routes = [Route("GET", path, look, None) for path in ("/console", "/x")]
    cookie, bearer = (form.format(MADE[Scope.WORK][0]) for form in ("trioworq_token={}", "Bearer {}"))
    async with open_served(routes) as served:
        await served.client.get("/x")
    async with open_served(routes, guard=Guard(TOKENS)) as served:
        for path in ("/console", "/x"):
            for headers in ({}, {"Cookie": cookie}, {"Authorization": bearer}, {"Authorization": "Bearer x"}):
                await served.client.get(path, headers=headers)
    work, none = {Scope.WORK}, frozenset[Scope]()
    assert seen == [EVERYTHING, none, work, work, none, none, none, work, none]
