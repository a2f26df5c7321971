"""Which requests are hot: the lane finds the same route as the app would."""

import pytest
from attrs import evolve
from werkzeug.exceptions import HTTPException

from tests.dispatch.push_side import hanging, open_push_side
from tests.kept_logs import kept_errors
from tests.pull.pull_side import open_pull_side
from tests.web.endpoints import answer_ok
from tests.web.face import CONFIG, routes_of
from trioworq.clock import Clock
from trioworq.logs import AccessLog
from trioworq.sinks import Sink
from trioworq.web.app import create_app
from trioworq.web.edge import Edge
from trioworq.web.guard import Guard
from trioworq.web.hot import HotRoutes
from trioworq.web.messages import Route

PATHS = [
    "/", "/version", "/job/a", "/job/a/b/", "/job/", "/job", "/jobs", "/queue/q", "/queue/", "/queue/a/b",
    "/queue/a\nb", "/queue/q/stats", "/queue/q/job/1", "/queue/q/job/", "/queues", "/queues/stats",
    "/routing/a/b", "/routing/\n", "/job/é", "/stats", "/nothing", "/jobs/", "/queue/stats", "/next",
    "/next/", "/v1/next", "/v1//next", "/v1/", "/enqueue/batch", "/v1/queues/jobs", "/v1/queues/q/jobs",
    "/v1/queues//jobs", "/v1/queues/jobs/jobs", "/v1/queues/q/jobs/", "/v1/queues/q/jobs/a",
    "/v1/queues/q/jobs//a/../b//", "/v1/queues/q/jobs/.", "/v1/queues/q//jobs/a", "/v1/queues/a/b/jobs/a",
    "/api/v1/jobs/failed", "/api/v1/jobs/failed/retry-all", "/api/v1/jobs/failed/clear",
    "/api/v1/jobs/failed/7", "/api/v1/jobs/failed/clear/retry", "/api/v1/jobs/status/7",
]  # fmt: skip


async def test_the_lane_and_the_app_find_the_same_route() -> None:
    """For every path and method, and with the same arguments; a literal path goes before variable parts."""
    error_log, _ = kept_errors()
    access_log = AccessLog(Sink("", 1), Clock(), "access")
    edge = Edge(config=CONFIG, access_log=access_log, error_log=error_log, guard=Guard())
    async with open_push_side(hanging()) as side, open_pull_side(side.store) as pull_side:
        routes = [evolve(route, is_hot=True) for route in routes_of(side, pull_side)]
    app = create_app(routes, edge).url_map.bind("")
    hot = HotRoutes.of(routes)
    found_some = 0
    for path in PATHS:
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            found = hot.find(method, path)
            in_lane = None if found is None else (f"{found[0].method} {found[0].path}", dict(found[1]))
            try:
                in_app = app.match(path, method)
            except HTTPException:
                in_app = None
            if in_app is not None and in_app[0] == f"* {path}":
                # It is there to refuse.
                in_app = None
            assert in_lane == in_app, (method, path)
            found_some += in_lane is not None
    assert found_some > 30


def test_only_flagged_routes_are_hot() -> None:
    """What is not flagged is the app's."""
    hot = HotRoutes.of([Route("POST", "/a", answer_ok, is_hot=True), Route("POST", "/b", answer_ok)])
    assert hot.find("POST", "/a") is not None
    assert hot.find("POST", "/b") is None


def test_characters_of_a_path_mean_themselves() -> None:
    """A literal part is no pattern."""
    hot = HotRoutes.of([Route("POST", "/a.b/{x}", answer_ok, is_hot=True)])
    assert hot.find("POST", "/a.b/c") is not None
    assert hot.find("POST", "/aXb/c") is None


@pytest.mark.parametrize(
    ("received", "may"),
    [(b"P", True), (b"POS", True), (b"POST", True), (b"POST /", True), (b"G", True), (b"PU", False),
     (b"post", False), (b"\x16", False), (b"GETS", False), (b"\r", False)],
)  # fmt: skip
def test_a_beginning_tells_what_can_be_no_hot_request(received: bytes, may: bool) -> None:
    """So that the other lane gets it at once."""
    hot = HotRoutes.of([Route(method, "/x", answer_ok, is_hot=True) for method in ("POST", "GET")])
    assert hot.may_begin(received) is may
    assert not HotRoutes.of([]).may_begin(received)
