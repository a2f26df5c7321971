"""Workers behind TLS, on real sockets: trust, names, and everything that can go wrong in a handshake."""

import ssl
from collections.abc import Awaitable, Callable

import pytest
import trio
import trustme
from trio.testing import MockClock

from tests.dispatch.hostile_worker import SUCCESS, Peer, acting, answer, hostile_worker, polite
from tests.dispatch.pools import pool, until
from tests.in_use import InUse, flat
from trioworq.core.results import Result, ResultStatus
from trioworq.dispatch.dialling import HANDSHAKE_LIMIT_S, system_trust

GOOD = Result(ResultStatus.SUCCESS, 200, "")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of our own."""
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """What the pool goes by: the default, and our authority."""
    context = system_trust()
    authority.configure_trust(context)
    return context


def serving(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """Return a server's context with a certificate for the names."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["h2", "http/1.1"])
    authority.issue_cert(*names).configure_cert(context)
    return context


def over_tls(context: ssl.SSLContext) -> Callable[[trio.SocketStream], Peer]:
    """Return what makes a worker speak TLS."""

    def wrap(stream: trio.SocketStream) -> Peer:
        tls = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        return Peer(tls, stream.socket)

    return wrap


async def test_a_worker_behind_tls_is_called(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    """A trusted worker gets its jobs over one connection, is told its name, and HTTP/1.1 is agreed on."""
    names: list[str | None] = []
    context = serving(authority, "localhost")
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    agreed: list[str | None] = []

    async def answers_twice(peer: Peer) -> None:
        for _ in range(2):
            assert (await peer.request()).header("Host") == f"localhost:{worker.port}"
            assert isinstance(peer.stream, trio.SSLStream)
            agreed.append(peer.stream.selected_alpn_protocol())
            await peer.say(answer())
        await peer.hang()

    async with (
        hostile_worker(acting(answers_twice), wrap=over_tls(context)) as worker,
        pool(ssl_context=trusting) as workers,
    ):
        for _ in range(2):
            assert await workers.post(f"https://localhost:{worker.port}/", b"{}", 5) == GOOD
    assert worker.connections == 1
    assert names == ["localhost"]
    assert agreed == ["http/1.1"] * 2


async def test_an_address_can_be_certified_too(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    """A certificate for an IP address serves a URL with that address."""
    async with (
        hostile_worker(polite, wrap=over_tls(serving(authority, "127.0.0.1"))) as worker,
        pool(ssl_context=trusting) as workers,
    ):
        assert await workers.post(f"https://127.0.0.1:{worker.port}/", b"", 5) == GOOD


async def test_megabytes_go_through_tls(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    """A large payload arrives whole, and the connection is kept."""
    payload = bytes(range(256)) * 20_000
    async with (
        hostile_worker(polite, wrap=over_tls(serving(authority, "localhost"))) as worker,
        pool(ssl_context=trusting) as workers,
    ):
        for _ in range(2):
            assert await workers.post(f"https://localhost:{worker.port}/", payload, 10) == GOOD
    assert [request.body for request in worker.requests] == [payload] * 2
    assert worker.connections == 1


async def test_a_worker_without_a_trusted_certificate_is_refused(authority: trustme.CA) -> None:
    """By default only the system's authorities are trusted; nothing is sent to others."""
    async with (
        hostile_worker(polite, wrap=over_tls(serving(authority, "localhost"))) as worker,
        pool() as workers,
    ):
        url = f"https://localhost:{worker.port}/"
        result = await workers.post(url, b"", 5)
        await until(lambda: worker.open_connections == 0)
    assert (result.status, result.code) == (ResultStatus.INTERNAL_FAILURE, 0)
    assert result.message.startswith(f'Request failed: Post "{url}": tls: failed to verify certificate: ')
    assert worker.requests == []


async def test_a_certificate_for_another_name_is_refused(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    """The certificate has to be for the host in the URL."""
    async with (
        hostile_worker(polite, wrap=over_tls(serving(authority, "elsewhere.example"))) as worker,
        pool(ssl_context=trusting) as workers,
    ):
        result = await workers.post(f"https://localhost:{worker.port}/", b"", 5)
    assert result.status is ResultStatus.INTERNAL_FAILURE
    assert "Hostname mismatch" in result.message
    assert worker.requests == []


async def _speaks_plainly(peer: Peer) -> None:
    await peer.stream.receive_some()
    await peer.say(answer())


async def _resets(peer: Peer) -> None:
    await peer.stream.receive_some()
    peer.reset()


async def _closes(peer: Peer) -> None:
    await peer.stream.receive_some()


@pytest.mark.parametrize("reaction", [_speaks_plainly, _resets, _closes])
async def test_a_failed_handshake_is_an_internal_failure(
    reaction: Callable[[Peer], trio.Event], trusting: ssl.SSLContext
) -> None:
    """A worker that speaks no TLS, resets or closes is one that did not answer."""
    async with (
        hostile_worker(acting(reaction)) as worker,  # type: ignore[arg-type]
        pool(ssl_context=trusting) as workers,
    ):
        url = f"https://localhost:{worker.port}/"
        result = await workers.post(url, b"", 5)
        await until(lambda: worker.open_connections == 0)
    assert (result.status, result.code) == (ResultStatus.INTERNAL_FAILURE, 0)
    assert result.message.startswith(f'Request failed: Post "{url}": tls: ')


async def _says_nothing(peer: Peer) -> None:
    await peer.hang()


async def _shakes_half(peer: Peer) -> None:
    await peer.stream.receive_some()
    await peer.say(b"\x16\x03\x03\x40\x00" + b"x" * 100)
    await peer.hang()


async def _floods(peer: Peer) -> None:
    await peer.stream.receive_some()
    while True:
        # Records of application data, of the greatest size, where a handshake should be.
        await peer.say(b"\x17\x03\x03\x40\x00" + b"x" * 16384)


@pytest.mark.parametrize(
    "reaction", [_speaks_plainly, _resets, _closes, _says_nothing, _shakes_half, _floods]
)
async def test_many_odd_handshakes_leave_nothing(
    reaction: Callable[[Peer], Awaitable[None]], trusting: ssl.SSLContext
) -> None:
    """No more tasks, files and memory are in use after them than before (I13)."""
    async with hostile_worker(acting(reaction)) as worker, pool(ssl_context=trusting) as workers:

        async def call() -> None:
            result = await workers.post_within(0.5, f"https://localhost:{worker.port}/", b"")
            assert result.status is ResultStatus.INTERNAL_FAILURE

        await call()
        await until(lambda: worker.open_connections == 0)
        async with flat(InUse.now(), peak_bytes=10_000_000):
            async with trio.open_nursery() as calls:
                for _ in range(20):
                    calls.start_soon(call)
            await until(lambda: worker.open_connections == 0)


async def test_a_handshake_has_a_limit_of_its_own(mock_clock: MockClock, trusting: ssl.SSLContext) -> None:
    """A worker that never answers the handshake is given up, and the reason says so."""

    async def hangs(peer: Peer) -> None:
        await peer.hang()

    mock_clock.rate = 20
    async with hostile_worker(acting(hangs)) as worker, pool(ssl_context=trusting) as workers:
        url = f"https://localhost:{worker.port}/"
        start = trio.current_time()
        result = await workers.post(url, b"", 20)
        assert trio.current_time() - start >= HANDSHAKE_LIMIT_S
        await until(lambda: worker.open_connections == 0)
    assert result.message == f'Request failed: Post "{url}": TLS handshake timeout'


async def test_an_answer_may_end_without_a_farewell(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    """A worker that ends its answer by closing the bare connection is heard, as by the original."""

    async def closes_bluntly(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\n\r\n" + SUCCESS)
        peer.socket.close()

    async with (
        hostile_worker(acting(closes_bluntly), wrap=over_tls(serving(authority, "localhost"))) as worker,
        pool(ssl_context=trusting) as workers,
    ):
        assert await workers.post(f"https://localhost:{worker.port}/", b"", 5) == GOOD


async def test_a_connection_lost_in_the_answer_is_a_failure(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    """A reset in the body keeps the worker's code."""

    async def resets(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
        peer.reset()

    async with (
        hostile_worker(acting(resets), wrap=over_tls(serving(authority, "localhost"))) as worker,
        pool(ssl_context=trusting) as workers,
    ):
        result = await workers.post(f"https://localhost:{worker.port}/", b"", 5)
    assert (result.status, result.code) == (ResultStatus.FAILURE, 200)
    assert result.message == "Cannot read body: read: connection reset by peer"


async def test_a_connection_lost_in_the_request_is_an_internal_failure(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    """A reset while a large payload is being sent ends the call at once."""

    async def resets(peer: Peer) -> None:
        await peer.stream.receive_some(1)
        peer.reset()

    async with (
        hostile_worker(acting(resets), wrap=over_tls(serving(authority, "localhost"))) as worker,
        pool(ssl_context=trusting) as workers,
    ):
        result = await workers.post(f"https://localhost:{worker.port}/", b"x" * 10_000_000, 5)
    assert (result.status, result.code) == (ResultStatus.INTERNAL_FAILURE, 0)
    assert "deadline" not in result.message


async def test_an_early_answer_counts_through_tls_as_well(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    """A worker that refuses a large job without reading it is heard."""

    async def refuses(peer: Peer) -> None:
        await peer.stream.receive_some(1)
        await peer.say(answer(b'{"status":"permanent-failure"}'))
        await heard.wait()

    heard = trio.Event()
    async with (
        hostile_worker(acting(refuses), wrap=over_tls(serving(authority, "localhost"))) as worker,
        pool(ssl_context=trusting) as workers,
    ):
        result = await workers.post(f"https://localhost:{worker.port}/", b"x" * 10_000_000, 5)
        heard.set()
    assert result == Result(ResultStatus.PERMANENT_FAILURE, 200, "")


async def test_a_redirect_may_lead_into_tls(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    """From http to https, to another port, with the same payload."""
    async with hostile_worker(polite, wrap=over_tls(serving(authority, "localhost"))) as secure:

        async def redirects(peer: Peer) -> None:
            await peer.request()
            location = f"Location: https://localhost:{secure.port}/"
            await peer.say(answer(b"", location, status="307 Temporary Redirect"))
            await peer.hang()

        async with hostile_worker(acting(redirects)) as worker, pool(ssl_context=trusting) as workers:
            assert await workers.post(worker.url, b"payload", 5) == GOOD
    assert [request.body for request in secure.requests] == [b"payload"]


@pytest.mark.parametrize("host", [".localhost", "."])
async def test_a_name_that_no_certificate_can_have_is_an_internal_failure(
    host: str, trusting: ssl.SSLContext
) -> None:
    """Names that TLS cannot speak of are refused, whatever the resolver makes of them."""
    async with hostile_worker(polite) as worker:

        def getaddrinfo(*_arguments: object, **_options: object) -> list[object]:
            return [(2, 1, 6, "", ("127.0.0.1", worker.port))]

        async with pool(ssl_context=trusting, getaddrinfo=getaddrinfo) as workers:
            result = await workers.post(f"https://{host}:{worker.port}/", b"", 5)
    assert result.status is ResultStatus.INTERNAL_FAILURE
    assert ": tls: " in result.message
