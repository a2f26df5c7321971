"""Calls to workers that do what they should: requests, verdicts, connections, time."""

import gzip
import json
import socket

import pytest
import trio
from trio.testing import MockClock

from tests.dispatch.hostile_worker import (
    Act,
    HostileWorker,
    Peer,
    acting,
    answer,
    ask_and_hang,
    hostile_worker,
    polite,
    replying,
)
from tests.dispatch.pools import SETTINGS, UNREAD_LOG, pool, until
from trioworq.core.results import Result, ResultStatus
from trioworq.dispatch.workers import open_workers

GOOD = Result(ResultStatus.SUCCESS, 200, "")


async def test_a_job_is_posted_and_its_verdict_returned() -> None:
    """The worker gets the payload's bytes, and its words come back."""
    said = json.dumps({"status": "failure", "message": "no disk"}).encode()
    async with hostile_worker(replying(answer(said, status="503 Busy"))) as worker, pool() as workers:
        result = await workers.post(worker.url + "path?q=1", b'{"a": 1}', 5)
    assert result == Result(ResultStatus.FAILURE, 503, "no disk")
    (request,) = worker.requests
    assert request.line == "POST /path?q=1 HTTP/1.1"
    assert request.headers == [
        ("Host", f"127.0.0.1:{worker.port}"),
        ("User-Agent", "Fireworq/1.5.1"),
        ("Content-Length", "8"),
        ("Content-Type", "application/json"),
        ("Accept-Encoding", "gzip"),
    ]
    assert request.body == b'{"a": 1}'


async def test_a_large_payload_arrives_whole() -> None:
    """Megabytes are sent as well, and the connection is kept."""
    payload = bytes(range(256)) * 40_000
    async with hostile_worker(polite) as worker, pool() as workers:
        assert await workers.post(worker.url, payload, 10) == GOOD
        assert await workers.post(worker.url, payload, 10) == GOOD
    assert [request.body for request in worker.requests] == [payload, payload]
    assert worker.connections == 1


async def test_a_gzipped_answer_is_read() -> None:
    """The answer is unzipped before it is judged."""
    reply = answer(gzip.compress(b'{"status":"success"}'), "Content-Encoding: gzip")
    async with hostile_worker(replying(reply)) as worker, pool() as workers:
        assert await workers.post(worker.url, b"", 5) == GOOD


async def test_ipv6_workers_are_reached() -> None:
    """A URL with an IPv6 literal connects there."""
    (listener,) = await trio.open_tcp_listeners(0, host="::1")
    port = listener.socket.getsockname()[1]

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            request = await Peer(stream, stream.socket).request()
            assert request.header("Host") == f"[::1]:{port}"
            await stream.send_all(answer())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        async with pool() as workers:
            assert await workers.post(f"http://[::1]:{port}/", b"", 5) == GOOD
        nursery.cancel_scope.cancel()


async def test_a_name_is_looked_up() -> None:
    """A host that is no address goes to the system's resolver."""
    async with hostile_worker(polite) as worker, pool() as workers:
        assert await workers.post(f"http://localhost:{worker.port}/", b"", 5) == GOOD


async def test_connections_are_used_again() -> None:
    """Jobs that follow each other share a connection."""
    async with hostile_worker(polite) as worker, pool() as workers:
        for _ in range(5):
            assert await workers.post(worker.url, b"x", 5) == GOOD
    assert worker.connections == 1


async def test_without_keep_alive_each_job_has_its_own_connection() -> None:
    """With keep-alive off the worker is told to close, and we do."""
    async with hostile_worker(polite) as worker, pool(keep_alive=False) as workers:
        for _ in range(3):
            assert await workers.post(worker.url, b"x", 5) == GOOD
        await until(lambda: worker.open_connections == 0)
    assert worker.connections == 3
    assert [request.header("Connection") for request in worker.requests] == ["close"] * 3


def in_two_pieces(worker: HostileWorker) -> Act:
    """Answer with head and body in packets of their own; the kernel holds the second back (RFC 896)."""

    async def act(peer: Peer) -> None:
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        head, end, body = answer().partition(b"\r\n\r\n")
        while True:
            await peer.request()
            await peer.say(head + end)
            await peer.say(body)

    return act


async def test_a_worker_that_answers_in_two_pieces_is_not_slowed_down() -> None:
    """What it waits for comes at once; by itself the kernel would take 40 ms for each of the calls."""
    async with hostile_worker(in_two_pieces) as worker, pool() as workers:
        with trio.fail_after(2):
            for _ in range(100):
                assert await workers.post(worker.url, b"x", 5) == GOOD
    assert worker.connections == 1


async def test_as_many_calls_run_at_once_as_are_made() -> None:
    """The pool sets no limit to connections in use; it keeps only so many of them afterwards."""
    gate = trio.Event()

    def script(worker: HostileWorker) -> Act:
        async def act(peer: Peer) -> None:
            worker.requests.append(await peer.request())
            await gate.wait()
            await peer.say(answer())
            await peer.hang()

        return act

    async with hostile_worker(script) as worker, pool(max_idle_per_host=3) as workers:
        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(workers.post, worker.url, b"", 10)
            await until(lambda: len(worker.requests) == 30)
            gate.set()
        await until(lambda: worker.open_connections == 3)


async def test_an_idle_connection_is_closed_after_its_time(mock_clock: MockClock) -> None:
    """With an idle timeout a connection that nobody uses is closed, also while nothing else happens."""
    mock_clock.rate = 20
    async with hostile_worker(polite) as worker, pool(idle_timeout_s=5) as workers:
        await workers.post(worker.url, b"", 5)
        start = trio.current_time()
        assert worker.open_connections == 1
        await until(lambda: worker.open_connections == 0)
        assert trio.current_time() - start >= 5


async def test_without_an_idle_timeout_a_connection_stays(mock_clock: MockClock) -> None:
    """An idle timeout of 0 leaves it to the worker."""
    mock_clock.rate = 1
    async with hostile_worker(polite) as worker, pool() as workers:
        assert await workers.post(worker.url, b"", 0) == GOOD
        mock_clock.jump(3600)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert worker.open_connections == 1
        assert await workers.post(worker.url, b"", 0) == GOOD
    assert worker.connections == 1


async def test_a_connection_that_the_worker_closed_is_noticed() -> None:
    """A worker that closes after its reply without saying so: the next job has a fresh connection."""

    def script(worker: HostileWorker) -> Act:
        async def act(peer: Peer) -> None:
            worker.requests.append(await peer.request())
            await peer.say(answer())

        return act

    async with hostile_worker(script) as worker, pool() as workers:
        for number in range(3):
            assert await workers.post(worker.url, b"x", 5) == GOOD
            await until(lambda number=number: worker.connections == number + 1)  # type: ignore[misc]
            await until(lambda: worker.open_connections == 0)
    assert len(worker.requests) == 3


@pytest.mark.parametrize("payload", [b"x", b"x" * 100_000])
async def test_a_kept_connection_that_dies_unheard_is_replaced(payload: bytes) -> None:
    """When a reused connection ends before any byte of the reply, the job is sent again on a new one."""

    def dies_at_the_second(worker: HostileWorker) -> Act:
        async def act(peer: Peer) -> None:
            worker.requests.append(await peer.request())
            await peer.say(answer())
            worker.requests.append(await peer.request())

        return act

    async with hostile_worker(dies_at_the_second, polite) as worker, pool() as workers:
        assert await workers.post(worker.url, b"1", 5) == GOOD
        assert await workers.post(worker.url, payload, 5) == GOOD
    assert worker.connections == 2
    assert [request.body for request in worker.requests] == [b"1", payload, payload]


async def test_a_new_connection_that_dies_is_not_replaced() -> None:
    """On a new connection the worker may have acted, so the job is not sent again."""

    def dies(worker: HostileWorker) -> Act:
        async def act(peer: Peer) -> None:
            worker.requests.append(await peer.request())

        return act

    async with hostile_worker(dies, polite) as worker, pool() as workers:
        result = await workers.post(worker.url, b"", 5)
        assert result == Result(ResultStatus.INTERNAL_FAILURE, 0, f'Request failed: Post "{worker.url}": EOF')
        assert len(worker.requests) == 1
        assert await workers.post(worker.url, b"", 5) == GOOD


async def test_a_kept_connection_that_has_answered_is_not_replaced() -> None:
    """One byte of a reply is enough to know that the worker got the job."""

    def half_answers(worker: HostileWorker) -> Act:
        async def act(peer: Peer) -> None:
            worker.requests.append(await peer.request())
            await peer.say(answer())
            worker.requests.append(await peer.request())
            await peer.say(b"H")

        return act

    async with hostile_worker(half_answers, polite) as worker, pool() as workers:
        assert await workers.post(worker.url, b"", 5) == GOOD
        result = await workers.post(worker.url, b"", 5)
        assert result.message.endswith(": unexpected EOF")
        assert worker.connections == 1


async def test_a_connection_that_the_worker_closed_is_closed_here_too() -> None:
    """A kept connection whose worker has closed does not stay half open until it is wanted."""

    async def close_when_told(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer())
        peer.half_close()
        await peer.hang()

    async with hostile_worker(acting(close_when_told)) as worker, pool() as workers:
        assert await workers.post(worker.url, b"", 5) == GOOD
        await until(lambda: worker.open_connections == 0)


async def test_a_worker_that_answers_before_it_is_asked_is_not_believed() -> None:
    """What lies unread on a kept connection is nobody's reply: the connection is not used."""

    def script(worker: HostileWorker) -> Act:
        async def act(peer: Peer) -> None:
            worker.requests.append(await peer.request())
            await peer.say(answer())
            await peer.say(answer(b'{"status":"permanent-failure"}'))
            said.set()
            await peer.hang()

        return act

    said = trio.Event()
    async with hostile_worker(script, polite) as worker, pool() as workers:
        assert await workers.post(worker.url, b"", 5) == GOOD
        await said.wait()
        assert await workers.post(worker.url, b"", 5) == GOOD
    assert worker.connections == 2


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://a b/", "Cannot create http request: invalid character in host name"),
        ("", 'Request failed: Post "": unsupported protocol scheme ""'),
        ("ftp://u:secret@h/", 'Request failed: Post "ftp://u:xxxxx@h/": unsupported protocol scheme "ftp"'),
        ("http:///x", 'Request failed: Post "http:///x": http: no Host in request URL'),
    ],
)
async def test_a_url_that_leads_nowhere_is_an_internal_failure(url: str, message: str) -> None:
    """Whatever the URL is, there is a verdict."""
    async with pool() as workers:
        assert await workers.post(url, b"", 5) == Result(ResultStatus.INTERNAL_FAILURE, 0, message)


@pytest.mark.parametrize("payload", [b"", b"x" * 5_000_000])
async def test_a_worker_that_does_not_answer_times_out(payload: bytes) -> None:
    """No head within the time is an internal failure, and the connection is closed."""
    async with hostile_worker(acting(ask_and_hang)) as worker, pool() as workers:
        result = await workers.post_within(0.2, worker.url, payload)
        await until(lambda: worker.open_connections == 0)
    reason = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    message = f'Request failed: Post "{worker.url}": {reason}'
    assert result == Result(ResultStatus.INTERNAL_FAILURE, 0, message)


async def test_a_body_that_stops_coming_times_out() -> None:
    """A time-out after the head is a failure with the worker's code."""

    async def stall(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 202 Accepted\r\nContent-Length: 99\r\n\r\n{")
        await peer.hang()

    async with hostile_worker(acting(stall)) as worker, pool() as workers:
        result = await workers.post_within(0.2, worker.url, b"")
        await until(lambda: worker.open_connections == 0)
    reason = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
    assert result == Result(ResultStatus.FAILURE, 202, f"Cannot read body: {reason}")


@pytest.mark.parametrize(("timeout_s", "least_s", "most_s"), [(0, 10, 90), (2, 2, 10), (100, 10, 90)])
async def test_a_timeout_is_in_seconds_and_has_a_ceiling(
    mock_clock: MockClock, timeout_s: int, least_s: int, most_s: int
) -> None:
    """A job's timeout counts up to the ceiling, and 0 means the ceiling."""
    mock_clock.rate = 10
    async with (
        hostile_worker(acting(ask_and_hang)) as worker,
        pool(timeout_ceiling_s=10) as workers,
    ):
        start = trio.current_time()
        result = await workers.post(worker.url, b"", timeout_s)
        assert least_s <= trio.current_time() - start < most_s
    assert result.status is ResultStatus.INTERNAL_FAILURE


async def test_a_hanging_worker_slows_no_other() -> None:
    """While many calls hang at one host, calls to another are answered at once (I8, I13)."""
    async with (
        hostile_worker(acting(ask_and_hang)) as hanging,
        hostile_worker(polite) as good,
        pool() as workers,
        trio.open_nursery() as nursery,
    ):
        for _ in range(100):
            nursery.start_soon(workers.post, hanging.url, b"", 10)
        await until(lambda: hanging.connections == 100)
        with trio.fail_after(2):
            for _ in range(20):
                assert await workers.post(good.url, b"", 10) == GOOD
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("payload", [b"x", b"x" * 20_000_000])
async def test_a_cancelled_call_closes_its_connection(payload: bytes) -> None:
    """Cancelling a call in the middle of sending or waiting leaves no socket open and no bad one kept."""

    async def deaf(peer: Peer) -> None:
        await peer.stream.receive_some(1)
        asked.set()
        await released.wait()

    asked, released = trio.Event(), trio.Event()
    async with hostile_worker(acting(deaf), polite) as worker, pool() as workers:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(workers.post, worker.url, payload, 10)
            await asked.wait()
            nursery.cancel_scope.cancel()
        released.set()
        assert await workers.post(worker.url, b"", 5) == GOOD
        assert worker.connections == 2


async def test_calls_that_outlive_the_pool_close_their_connections() -> None:
    """A connection given back after the pool has closed is closed too."""
    gate = trio.Event()

    async def slow(peer: Peer) -> None:
        await peer.request()
        await gate.wait()
        await peer.say(answer())
        await peer.hang()

    async with hostile_worker(acting(slow)) as worker, trio.open_nursery() as calls:
        async with open_workers(SETTINGS, UNREAD_LOG) as workers:
            calls.start_soon(workers.post, worker.url, b"", 5)  # noqa: ASYNC111  # the pool goes first
            await until(lambda: worker.open_connections == 1)
        gate.set()
        await until(lambda: worker.open_connections == 0)
