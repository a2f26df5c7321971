"""From a name to a connection: lookups that hang, hosts with several addresses, limits."""

import resource
import socket
import threading
from collections.abc import Iterator

import pytest
import trio
from trio.testing import MockClock

from tests.dispatch.hostile_worker import answer, hostile_worker, polite, replying
from tests.dispatch.pools import pool, until
from trioworq.core.results import Result, ResultStatus
from trioworq.dispatch.addresses import MAX_LOOKUPS, Address
from trioworq.dispatch.dialling import CONNECT_LIMIT_S, first_connected

GOOD = Result(ResultStatus.SUCCESS, 200, "")

Row = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]


def row(host: str, port: int) -> Row:
    """Return an address as the system's resolver gives it."""
    return socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)


class Resolver:
    """A resolver that knows every name; names that begin with `slow` hang until they are released."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.asked: list[str] = []

    def __call__(self, host: bytes, port: int, **_options: object) -> list[Row]:
        """Look a name up, in a thread of its own."""
        name = host.decode()
        self.asked.append(name)
        if name.startswith("slow"):
            self.released.wait(20)
        return [row("127.0.0.1", port)]


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    """A resolver whose hanging lookups end with the test."""
    resolver = Resolver()
    yield resolver
    resolver.released.set()


async def test_a_lookup_that_hangs_ends_with_the_deadline(resolver: Resolver) -> None:
    """The call times out on time although the resolver cannot be interrupted."""
    async with pool(getaddrinfo=resolver) as workers:
        with trio.fail_after(3):
            result = await workers.post_within(0.1, "http://slow.example/", b"")
    assert result.status is ResultStatus.INTERNAL_FAILURE
    assert "context deadline exceeded" in result.message


async def test_a_name_is_looked_up_once_for_all_who_ask_at_the_same_time(resolver: Resolver) -> None:
    """Many calls to a host whose lookup hangs cost one thread, and all of them go on when it ends."""
    async with hostile_worker(polite) as worker, pool(getaddrinfo=resolver) as workers:
        url = f"http://slow.example:{worker.port}/"
        results: list[Result] = []

        async def post(limit_s: float) -> None:
            results.append(await workers.post_within(limit_s, url, b""))

        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(post, 0.05)
            for _ in range(50):
                nursery.start_soon(post, 10)
            await until(lambda: len(results) == 50)
            assert resolver.asked == ["slow.example"]
            resolver.released.set()
    assert {result.status for result in results[:50]} == {ResultStatus.INTERNAL_FAILURE}
    assert results[50:] == [GOOD] * 50
    assert resolver.asked == ["slow.example"]


async def test_a_lookup_that_hangs_slows_no_other_host(resolver: Resolver) -> None:
    """While names hang, others are found at once (I8, I13)."""
    async with (
        hostile_worker(polite) as worker,
        pool(getaddrinfo=resolver) as workers,
        trio.open_nursery() as nursery,
    ):
        for number in range(MAX_LOOKUPS - 1):
            nursery.start_soon(workers.post_within, 10, f"http://slow{number}.example/", b"")
        await until(lambda: len(resolver.asked) == MAX_LOOKUPS - 1)
        with trio.fail_after(2):
            assert await workers.post(f"http://quick.example:{worker.port}/", b"", 10) == GOOD
        nursery.cancel_scope.cancel()


async def test_lookups_that_hang_are_bounded_in_number(resolver: Resolver) -> None:
    """However many names hang, only so many threads do; the other calls wait, and end with their deadline."""
    async with hostile_worker(polite) as worker, pool(getaddrinfo=resolver) as workers:
        async with trio.open_nursery() as nursery:
            for number in range(MAX_LOOKUPS + 30):
                url = f"http://slow{number}.example:{worker.port}/"
                nursery.start_soon(workers.post_within, 0.3, url, b"")
        await until(lambda: len(resolver.asked) == MAX_LOOKUPS)
        result = await workers.post_within(0.1, f"http://quick.example:{worker.port}/", b"")
        assert "context deadline exceeded" in result.message
        assert len(resolver.asked) == MAX_LOOKUPS
        resolver.released.set()
        assert await workers.post(f"http://quick.example:{worker.port}/", b"", 10) == GOOD


async def test_a_name_without_address_is_an_internal_failure() -> None:
    """What the resolver says is passed on."""

    def fails(*_arguments: object, **_options: object) -> list[Row]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with pool(getaddrinfo=fails) as workers:
        result = await workers.post("http://u:secret@nowhere.example/", b"", 5)
    message = (
        'Request failed: Post "http://u:xxxxx@nowhere.example/": '
        "dial tcp: lookup nowhere.example: Name or service not known"
    )
    assert result == Result(ResultStatus.INTERNAL_FAILURE, 0, message)


async def test_a_resolver_that_finds_nothing_is_an_internal_failure() -> None:
    """No addresses, no call."""
    async with pool(getaddrinfo=lambda *_arguments, **_options: []) as workers:
        result = await workers.post("http://nowhere.example/", b"", 5)
    assert result.message.endswith("dial tcp: lookup nowhere.example: no such host")


async def test_names_that_the_system_cannot_even_ask_for_are_internal_failures() -> None:
    """Labels that are too long or empty get a verdict from the real resolver, not an exception."""
    async with pool() as workers:
        for host in ("a" * 64 + ".invalid", "a..invalid", ".", "-", "nosuch.invalid", "256.256.256.256"):
            result = await workers.post(f"http://{host}/", b"", 5)
            assert (result.status, result.code) == (ResultStatus.INTERNAL_FAILURE, 0)
            assert result.message.startswith(
                f'Request failed: Post "http://{host}/": dial tcp: lookup {host}: '
            )


@pytest.fixture
def black_hole() -> Iterator[int]:
    """The port of a loopback address where connecting takes for ever: its queue is full."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port


async def test_connecting_has_a_limit_of_its_own(mock_clock: MockClock, black_hole: int) -> None:
    """A host that swallows connections is given up long before the job's timeout."""
    mock_clock.rate = 50
    async with pool(timeout_ceiling_s=86_400) as workers:
        start = trio.current_time()
        result = await workers.post(f"http://127.0.0.1:{black_hole}/", b"", 0)
        assert trio.current_time() - start >= CONNECT_LIMIT_S
    assert result.message.endswith(f": dial tcp 127.0.0.1:{black_hole}: i/o timeout")


async def test_a_process_out_of_descriptors_gets_an_internal_failure() -> None:
    """When the system has no socket to give, the attempt fails and the next one can do better."""
    async with hostile_worker(polite) as worker, pool() as workers:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
        try:
            result = await workers.post(worker.url, b"", 5)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert result.message.endswith(f": dial tcp 127.0.0.1:{worker.port}: too many open files")
        assert await workers.post(worker.url, b"", 5) == GOOD


async def test_a_cancelled_attempt_to_connect_leaves_no_socket(black_hole: int) -> None:
    """The job's deadline strikes in the middle of connecting, to one address and to several."""
    rows = [row("127.0.0.1", black_hole), row("127.0.0.1", black_hole)]
    async with pool(getaddrinfo=lambda *_arguments, **_options: rows) as workers:
        for host in ("127.0.0.1", "both.example"):
            result = await workers.post_within(0.4, f"http://{host}:{black_hole}/", b"")
            assert "context deadline exceeded" in result.message


async def test_a_host_is_reached_by_whichever_address_answers(black_hole: int) -> None:
    """An address that swallows connections delays the next by a moment only; one that refuses, not at all."""
    async with hostile_worker(polite) as worker:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            ports = [unused.getsockname()[1], black_hole, worker.port, worker.port]
            rows = [row("127.0.0.1", port) for port in ports]
            async with pool(getaddrinfo=lambda *_arguments, **_options: rows) as workers:
                with trio.fail_after(2):
                    assert await workers.post("http://many.example/", b"", 10) == GOOD


async def test_a_redirect_into_a_black_hole_times_out(black_hole: int) -> None:
    """The deadline strikes before the second hop is connected: what came from the first is no answer."""
    location = f"http://127.0.0.1:{black_hole}/"
    script = replying(answer(b"", f"Location: {location}", status="302 Found"))
    async with hostile_worker(script) as worker, pool() as workers:
        result = await workers.post_within(0.2, worker.url, b"")
    assert (result.status, result.code) == (ResultStatus.INTERNAL_FAILURE, 0)
    assert result.message.startswith(f'Request failed: Post "{location}": context deadline exceeded')


class Attempts:
    """Connects to nothing: every attempt that is under way succeeds in the same moment."""

    def __init__(self) -> None:
        self.go = trio.Event()
        self.sockets: list[socket.socket] = []

    async def connect(self, _address: Address) -> socket.socket:
        """Return a socket when the moment has come."""
        await self.go.wait()
        sock = socket.socket()
        self.sockets.append(sock)
        return sock


ADDRESSES = [Address(socket.AF_INET, ("127.0.0.1", number)) for number in range(1, 4)]


async def test_one_connection_is_kept_when_two_come_at_once(autojump_clock: MockClock) -> None:
    """Two addresses answer in the same moment: one connection is used, the other closed."""
    attempts = Attempts()

    async def race() -> None:
        connected = await first_connected(ADDRESSES, attempts.connect)
        assert connected.fileno() != -1
        connected.close()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(race)
        await trio.sleep(0.3)
        attempts.go.set()
    assert len(attempts.sockets) == 2
    assert [sock.fileno() for sock in attempts.sockets] == [-1, -1]


async def test_a_race_that_is_cancelled_at_the_finish_keeps_nothing(autojump_clock: MockClock) -> None:
    """Connections that were made in the moment of the cancelling are closed."""
    attempts = Attempts()
    with trio.CancelScope() as scope:

        async def connect(address: Address) -> socket.socket:
            sock = await attempts.connect(address)
            scope.cancel()
            return sock

        attempts.go.set()
        await first_connected(ADDRESSES, connect)
    assert scope.cancelled_caught
    assert [sock.fileno() for sock in attempts.sockets] == [-1]


async def test_a_host_none_of_whose_addresses_answers_is_an_internal_failure() -> None:
    """The reason that came first is given."""
    with socket.socket() as first, socket.socket() as second:
        for unused in (first, second):
            unused.bind(("127.0.0.1", 0))
        port = first.getsockname()[1]
        rows = [row("127.0.0.1", unused.getsockname()[1]) for unused in (first, second)]
        async with pool(getaddrinfo=lambda *_arguments, **_options: rows) as workers:
            result = await workers.post("http://none.example/", b"", 5)
    assert result.message.endswith(f": dial tcp 127.0.0.1:{port}: connect: connection refused")
