"""The routes on Quart-Trio: targets in, refusals in the shape of their family out, a line for the access log.

Quart sees nothing but paths, methods and bodies: endpoints take and give plain values, every error is
answered here, and no page, redirect or traceback of the framework's own reaches a client.
"""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, NoReturn

import trio
from attrs import evolve, frozen
from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    ConnectionState,
    HTTPScope,
    WebsocketScope,
)
from quart import Response as QuartResponse
from quart import request as current_request
from quart.wrappers import Request as QuartRequest
from quart.wrappers.base import BaseRequestWebsocket
from quart_trio import QuartTrio
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    RequestTimeout,
)
from werkzeug.routing import BaseConverter, MapAdapter

from trioworq.config import Console
from trioworq.core.errors import CallerError, InvalidRequest
from trioworq.web.bodies import FREE_BYTES, MAX_STREAMS, BodyShare, MeteredBody
from trioworq.web.console.answers import finished
from trioworq.web.edge import Edge, show_address
from trioworq.web.messages import VARIABLE_PART, Headers, Request, Response, Route
from trioworq.web.paths import decode_path, decode_query
from trioworq.web.replies import (
    BodyTooLarge,
    BodyTooSlow,
    TooManyBodies,
    is_console,
    no_such_method,
    no_such_page,
    refuse,
)


def create_app(routes: Sequence[Route], edge: Edge) -> QuartTrio:
    """Return an ASGI app that serves `routes`. It keeps no state, and needs no lifespan."""
    app = _Quart("trioworq", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = edge.config.max_body_bytes
    app.config["BODY_TIMEOUT"] = edge.config.request_timeout_s
    app.config["RESPONSE_TIMEOUT"] = edge.config.request_timeout_s
    desk = _Desk(edge)
    for route in routes:
        name = f"{route.method} {route.path}"
        app.add_url_rule(
            _rule(route.path),
            endpoint=name,
            view_func=desk.view(route),
            methods=[route.method],
            provide_automatic_options=False,
        )
        if not route.is_safe:
            _forget_head(app, name)
    for path in dict.fromkeys(route.path for route in routes if "{" not in route.path):
        _refuse_other_methods(app, path)
    app.register_error_handler(HTTPException, desk.refuse)
    app.register_error_handler(Exception, desk.fail)
    app.asgi_app = _Entrance(app.asgi_app, edge)  # type: ignore[method-assign, assignment]
    return app


def _forget_head(app: QuartTrio, name: str) -> None:
    """Have a route not answer HEAD, which Werkzeug gives to everyone that answers GET."""
    for rule in app.url_map.iter_rules(name):
        if rule.methods is not None:
            rule.methods.discard("HEAD")


def _refuse_other_methods(app: QuartTrio, path: str) -> None:
    """Have a literal path refuse what it does not take, before one with variable parts takes it instead."""
    taken = {
        method for rule in app.url_map.iter_rules() if rule.rule == path for method in rule.methods or ()
    }
    name = f"* {path}"
    app.add_url_rule(
        path,
        endpoint=name,
        view_func=_Refusal(sorted(taken)).view,
        methods=["GET"],
        provide_automatic_options=False,
    )
    for rule in app.url_map.iter_rules(name):
        rule.methods = None


@frozen
class _Refusal:
    """Stands in for a route that a path does not have; it has the others."""

    _methods: list[str]

    async def view(self) -> NoReturn:
        raise MethodNotAllowed(self._methods)


def _rule(path: str) -> str:
    """Write a route's path as a rule of Werkzeug."""
    return VARIABLE_PART.sub(lambda part: f"<{'rest' if part[2] else 'segment'}:{part[1]}>", path)


class _Segment(BaseConverter):
    """One or more characters of any kind but a slash."""

    regex = "[^/]+"


class _Rest(BaseConverter):
    """One or more characters of any kind."""

    regex = r"[\s\S]+"
    part_isolating = False


class _Quart(QuartTrio):
    """Quart that goes by path and method alone; the Host header is the client's and decides nothing."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # It would redirect; what paths mean has been settled before.
        self.url_map.merge_slashes = False
        self.url_map.converters.update(segment=_Segment, rest=_Rest)

    def create_url_adapter(self, request: BaseRequestWebsocket | None) -> MapAdapter | None:
        if request is None:
            return None
        return self.url_map.bind("", path_info=request.path, default_method=request.method)


@frozen
class _Entrance:
    """Gives the app cleaned paths only, and refuses what it could stumble over."""

    _app: Callable[[HTTPScope, ASGIReceiveCallable, ASGISendCallable], Awaitable[None]]
    _edge: Edge

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        async def counted(event: ASGISendEvent) -> None:
            if event["type"] == "http.response.start":
                self._edge.traffic.app.answered(event["status"])
            await send(event)

        await self._serve(scope, receive, counted)

    async def _serve(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        try:
            path = decode_path(scope["raw_path"])
        except InvalidRequest as error:
            target = scope["raw_path"].decode("latin-1")
            refusal = self._edge.guard.refuse(target, None, *_credentials(scope))
            response = _closing(refusal or refuse(target, HTTPStatus.BAD_REQUEST, str(error)))
            if _has_console(self._edge, target):
                response = finished(_lone_head(self._edge, scope, target), response, self._edge.config)
            await _send(send, response)
            return
        is_one_of_many = scope["http_version"] == "2"
        free_bytes = FREE_BYTES // MAX_STREAMS if is_one_of_many else FREE_BYTES
        body, answer = (BodyShare(self._edge.budget, free_bytes) for _ in range(2))
        metered = MeteredBody(receive, body, size_bytes=_head_bytes(scope) if is_one_of_many else 0)
        state = ConnectionState({**scope["state"], "body": body, "answer": answer})
        try:
            await self._app({**scope, "path": path, "state": state}, metered.receive, send)
        finally:
            body.release()
            answer.release()


def _head_bytes(scope: HTTPScope) -> int:
    return sum(len(name) + len(value) for name, value in scope["headers"]) + len(scope["raw_path"])


async def _send(send: ASGISendCallable, response: Response) -> None:
    headers = {**_headers(response), "Content-Length": str(len(response.body))}
    raw_headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    raw_headers += [(b"set-cookie", cookie.encode()) for cookie in response.cookies]
    await send({"type": "http.response.start", "status": response.status, "headers": raw_headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": False})


def _lone_head(edge: Edge, scope: HTTPScope, path: str) -> Request:
    """Return a request as far as it could be read."""
    return Request(
        method=scope["method"],
        path=path,
        arguments={},
        query={},
        body=b"",
        host=_header(scope, b"host"),
        is_secure=scope["scheme"] == "https",
        headers=Headers(scope["headers"]),
        scopes=edge.guard.scopes(path, *_credentials(scope)),
    )


def _has_console(edge: Edge, path: str) -> bool:
    return edge.config.console is not Console.OFF and is_console(path)


def _credentials(scope: HTTPScope | WebsocketScope) -> tuple[bytes, bytes]:
    """Return (the value of Authorization, the cookies)."""
    return _header(scope, b"authorization"), _header(scope, b"cookie")


def _header(scope: HTTPScope | WebsocketScope, wanted: bytes) -> bytes:
    """Return a header's value; of two of them a list, as HTTP has it."""
    return b", ".join(value for name, value in scope["headers"] if name == wanted)


def _closing(response: Response) -> Response:
    """Tell a client that the connection ends with its answer."""
    return evolve(response, headers={**response.headers, "Connection": "close"})


def _headers(response: Response) -> dict[str, str]:
    return {"Content-Type": response.content_type, **response.headers}


@frozen
class _Desk:
    """Between Quart and the edge."""

    _edge: Edge

    def view(self, route: Route) -> Callable[..., Awaitable[QuartResponse]]:
        """Return what Quart calls for a route."""

        async def view(**arguments: str) -> QuartResponse:
            started_at_s = trio.current_time()
            response = self._refuse_stranger(route, current_request)
            if response is None:
                response = await self._answer(route, current_request, arguments)
            response = self._make_room(route, current_request, response)
            if route.is_logged:
                self._log(current_request, response, started_at_s)
            return self._to_quart(current_request, response)

        return view

    async def refuse(self, error: HTTPException) -> QuartResponse:
        """Answer what Quart itself turns away: an unknown path, or a method that the path does not take."""
        path = current_request.path
        refusal = self._refuse_stranger(None, current_request)
        if refusal is not None:
            self._log(current_request, refusal, trio.current_time())
            return self._to_quart(current_request, refusal)
        if isinstance(error, NotFound):
            return self._to_quart(current_request, no_such_page(path))
        if isinstance(error, MethodNotAllowed):
            response = no_such_method(path, current_request.method, error.valid_methods or ())
        else:
            response = refuse(path, error.code or HTTPStatus.BAD_REQUEST)
        self._log(current_request, response, trio.current_time())
        return self._to_quart(current_request, response)

    async def fail(self, error: Exception) -> QuartResponse:
        """Answer a fault in the framework, or between it and the endpoints."""
        return self._to_quart(current_request, self._edge.fault(current_request.path, error))

    def _refuse_stranger(self, route: Route | None, request: QuartRequest) -> Response | None:
        """Refuse who may not pass, before the body is read; see Guard."""
        refusal = self._edge.guard.refuse(request.path, route, *_credentials(request.scope))
        if refusal is not None and (request.content_length or "Transfer-Encoding" in request.headers):
            return _closing(refusal)
        return refusal

    async def _answer(self, route: Route, request: QuartRequest, arguments: dict[str, str]) -> Response:
        try:
            body = await self._read_body(request)
        except CallerError as error:
            # The rest of the body may be on its way, and nothing that comes behind it could be understood.
            return _closing(self._edge.explain(request.path, error))
        return await self._edge.answer(route, self._read(request, arguments, body))

    def _read(self, request: QuartRequest, arguments: dict[str, str], body: bytes) -> Request:
        return Request(
            method=request.method,
            path=request.path,
            arguments=arguments,
            query=decode_query(request.query_string),
            body=body,
            query_string=request.query_string,
            host=_header(request.scope, b"host"),
            is_secure=request.scope["scheme"] == "https",
            headers=Headers(request.scope["headers"]),
            scopes=self._edge.guard.scopes(request.path, *_credentials(request.scope)),
            has_left=request.scope["state"]["has_left"],
        )

    async def _read_body(self, request: QuartRequest) -> bytes:
        """Return the whole body, or raise as `_read_body`; while the server stops the time is short."""
        with self._edge.uploads.waiting():
            return await _read_body(request)
        raise BodyTooSlow

    def _make_room(self, route: Route, request: QuartRequest, response: Response) -> Response:
        share: BodyShare = request.scope["state"]["answer"]
        if route.method == "GET" and route.is_safe:
            return self._edge.make_room(request.path, response, share)
        # It says what has been done, which cannot be taken back.
        share.hold(len(response.body))
        return response

    def _log(self, request: QuartRequest, response: Response, started_at_s: float) -> None:
        target = request.scope["raw_path"] + (b"?" if request.query_string else b"") + request.query_string
        self._edge.log(
            remote_addr=show_address(request.scope.get("client")),
            user_agent=request.headers.get("User-Agent"),
            method=request.method,
            url=target.decode("latin-1"),
            status=response.status,
            started_at_s=started_at_s,
        )

    def _to_quart(self, request: QuartRequest, response: Response) -> QuartResponse:
        if _has_console(self._edge, request.path):
            response = finished(self._read(request, {}, b""), response, self._edge.config)
        headers = _headers(response)
        if not self._edge.config.keep_alive:
            headers["Connection"] = "close"
        answer = QuartResponse(response.events or response.body, response.status, headers)
        if response.events is not None:
            answer.timeout = None
        for cookie in response.cookies:
            answer.headers.add("Set-Cookie", cookie)
        if response.status == HTTPStatus.NO_CONTENT:
            # RFC 9110, §8.6: no length where there can be no body.
            del answer.headers["Content-Length"], answer.headers["Content-Type"]
        return answer


async def _read_body(request: QuartRequest) -> bytes:
    """Return the whole body, whatever its content type. Raises BodyTooLarge, BodyTooSlow, TooManyBodies."""
    try:
        body = await request.get_data(cache=False, as_text=False, parse_form_data=False)
    except RequestEntityTooLarge:
        raise BodyTooLarge(f"A body should have at most {request.max_content_length} bytes") from None
    except RequestTimeout:
        raise BodyTooSlow from None
    if request.scope["state"]["body"].is_over_budget:
        raise TooManyBodies("Too many large bodies are on their way; nothing was stored")
    return body
