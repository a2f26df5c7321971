"""The egress rules where connections are made: every candidate, hop and new connection; what is told."""

import errno
import socket

import pytest
from trio.testing import MockClock

from tests.dispatch.hostile_worker import Peer, acting, answer, hostile_worker, polite, replying
from tests.dispatch.pools import pool
from tests.kept_logs import kept_errors
from trioworq.core.results import Result, ResultStatus
from trioworq.dispatch.addresses import MAX_FOUND
from trioworq.dispatch.egress import EgressRules, read_egress_rules
from trioworq.dispatch.refusals import QUIET_S

GOOD = Result(ResultStatus.SUCCESS, 200, "")

Row = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]


def refused(url: str) -> Result:
    """Return the verdict on a call that the egress rules refuse."""
    reason = "dial tcp: the address is not allowed by the daemon's configuration"
    return Result(ResultStatus.INTERNAL_FAILURE, 0, f'Request failed: Post "{url}": {reason}')


class Resolver:
    """Gives each name the addresses of a script: those of the first lookup, the second, and so on."""

    def __init__(self, *answers: list[str]) -> None:
        self.asked: list[str] = []
        self._answers = iter(answers)

    def __call__(self, host: bytes, port: int, **_options: object) -> list[Row]:
        """Look a name up."""
        self.asked.append(host.decode())
        places = next(self._answers)
        if not places:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, port)) for place in places]


@pytest.fixture
def connected_to(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the system was asked to connect to; anything but loopback is out of reach at once."""
    places: list[str] = []
    really_connect = socket.socket.connect

    def connect(sock: socket.socket, place: tuple[str, int]) -> None:
        places.append(place[0])
        if place[0] != "127.0.0.1":
            raise OSError(errno.ENETUNREACH, "")
        really_connect(sock, place)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return places


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254", "2852039166", "0xA9FEA9FE", "0251.0376.0251.0376", "169.16689662", "169.254.43518",
        "[::ffff:169.254.169.254]", "[::FFFF:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]",
        "[fe80::1%25lo]", "[fd00:ec2::254]", "100.100.100.200", "224.0.0.1", "255.255.255.255",
    ],
)  # fmt: skip
async def test_a_refused_address_is_never_connected_to(host: str, connected_to: list[str]) -> None:
    """However it is written, no packet leaves; the failure says why, and shows the URL as it came."""
    url = f"http://{host}/latest/meta-data/"
    async with pool() as workers:
        assert await workers.post(url, b"", 5) == refused(url)
    assert connected_to == []


async def test_a_failure_never_shows_what_a_name_resolves_to() -> None:
    """A name of a refused address, one of several, and a host that is not even looked up fail alike."""
    resolver = Resolver(["169.254.169.254"], ["169.254.169.254", "10.0.0.7"])
    egress = read_egress_rules("", "10.0.0.0/8, denied.example")
    async with pool(getaddrinfo=resolver, egress=egress) as workers:
        for host in ("one.example", "two.example", "denied.example"):
            url = f"http://{host}/"
            assert await workers.post(url, b"", 5) == refused(url)
    assert resolver.asked == ["one.example", "two.example"]


async def test_with_an_allow_list_a_failure_never_shows_whether_a_name_resolves() -> None:
    """Names that lead to other addresses and names that lead nowhere fail alike; known hosts fail in full."""
    resolver = Resolver(["10.0.0.7"], [], [])
    egress = read_egress_rules("127.0.0.0/8, known.example", "")
    async with pool(getaddrinfo=resolver, egress=egress) as workers:
        for url in ("http://there.example/", "http://nowhere.example/"):
            assert await workers.post(url, b"", 5) == refused(url)
        result = await workers.post("http://known.example/", b"", 5)
    assert result.message.endswith("dial tcp: lookup known.example: Name or service not known")
    assert resolver.asked == ["there.example", "nowhere.example", "known.example"]


async def test_only_the_allowed_addresses_of_a_name_are_tried(connected_to: list[str]) -> None:
    """Refused candidates are left out of the race, however many come first."""
    places = [f"169.254.0.{number}" for number in range(20)] + ["127.0.0.1", "10.0.0.1"]
    async with hostile_worker(polite) as worker:
        egress = read_egress_rules("", "10.0.0.0/8")
        async with pool(getaddrinfo=Resolver(places), egress=egress) as workers:
            assert await workers.post(f"http://many.example:{worker.port}/", b"", 5) == GOOD
    assert connected_to == ["127.0.0.1"]


async def test_of_a_name_with_thousands_of_addresses_only_some_are_judged() -> None:
    """Judging them all would hold everybody else up, and the log would tell of each."""
    error_log, lines = kept_errors()
    places = [f"169.254.{number // 250}.{number % 250}" for number in range(4000)]
    async with pool(getaddrinfo=Resolver(places), error_log=error_log) as workers:
        assert await workers.post("http://endless.example/", b"", 5) == refused("http://endless.example/")
    assert [entry["addresses"] for entry in lines] == [places[:MAX_FOUND]]


async def test_a_name_that_is_rebound_is_judged_anew_for_each_connection(connected_to: list[str]) -> None:
    """A name that was harmless at the first call is refused at the second, which looks it up once."""
    resolver = Resolver(["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1"])
    async with hostile_worker(polite) as worker, pool(keep_alive=False, getaddrinfo=resolver) as workers:
        url = f"http://rebound.example:{worker.port}/"
        assert await workers.post(url, b"", 5) == GOOD
        assert await workers.post(url, b"", 5) == refused(url)
        assert await workers.post(url, b"", 5) == GOOD
    assert connected_to == ["127.0.0.1"] * 2
    assert len(resolver.asked) == 3


async def test_a_kept_connection_stays_with_the_address_that_was_judged() -> None:
    """What its name resolves to by now has no say, and nothing is looked up or judged."""
    resolver = Resolver(["127.0.0.1"], ["169.254.169.254"])
    async with hostile_worker(polite) as worker, pool(getaddrinfo=resolver) as workers:
        url = f"http://rebound.example:{worker.port}/"
        for _ in range(3):
            assert await workers.post(url, b"", 5) == GOOD
        assert worker.connections == 1
    assert resolver.asked == ["rebound.example"]


async def test_a_kept_connection_that_has_died_is_replaced_by_one_that_is_judged() -> None:
    """The request that is sent again on a new connection goes nowhere if the name was rebound meanwhile."""
    resolver = Resolver(["127.0.0.1"], ["169.254.169.254"])

    async def answer_once(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer())
        await peer.request()

    script = acting(answer_once)
    async with hostile_worker(script) as worker, pool(getaddrinfo=resolver) as workers:
        url = f"http://rebound.example:{worker.port}/"
        assert await workers.post(url, b"", 5) == GOOD
        assert await workers.post(url, b"", 5) == refused(url)
    assert worker.connections == 1


@pytest.mark.parametrize("code", [302, 307])
async def test_a_redirect_to_a_refused_address_is_not_followed(code: int, connected_to: list[str]) -> None:
    """A worker cannot lead the daemon where a job cannot; the failure names the hop's URL."""
    location = "http://[::ffff:a9fe:a9fe]/latest/meta-data/"
    script = replying(answer(b"", f"Location: {location}", status=f"{code} Moved"))
    async with hostile_worker(script) as worker, pool() as workers:
        assert await workers.post(worker.url, b"payload", 5) == refused(location)
    assert connected_to == ["127.0.0.1"]


async def test_a_redirect_to_a_denied_port_of_the_same_host_is_not_followed() -> None:
    """Each hop is judged with its own port."""
    async with hostile_worker(polite) as other:
        script = replying(answer(b"", f"Location: {other.url}", status="308 Moved"))
        egress = read_egress_rules("", f"127.0.0.1:{other.port}")
        async with hostile_worker(script) as worker, pool(egress=egress) as workers:
            assert await workers.post(worker.url, b"", 5) == refused(other.url)
    assert other.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "127.1", "0x7f000001", "[::ffff:127.0.0.1]", "0"])
async def test_loopback_can_be_denied(host: str) -> None:
    """In each of its spellings, the unspecified address among them."""
    async with hostile_worker(polite) as worker, pool(egress=read_egress_rules("", "127.0.0.0/8")) as workers:
        url = f"http://{host}:{worker.port}/"
        assert await workers.post(url, b"", 5) == refused(url)
    assert worker.connections == 0


@pytest.mark.parametrize(
    "host", ["worker.EXAMPLE", "worker.example.", "a.b.exämple.com", "A.XN--EXMPLE-CUA.COM"]
)
async def test_hosts_match_whatever_their_spelling(host: str) -> None:
    """Upper case, a dot at the end, and international names change nothing, for both lists."""
    entries = "worker.example, *.exämple.com"
    async with hostile_worker(polite) as worker:
        url = f"http://{host}:{worker.port}/"
        allowing, denying = read_egress_rules(entries, ""), read_egress_rules("", entries)
        async with pool(getaddrinfo=Resolver(["127.0.0.1"]), egress=allowing) as workers:
            assert await workers.post(url, b"", 5) == GOOD
        async with pool(getaddrinfo=Resolver(), egress=denying) as workers:
            assert await workers.post(url, b"", 5) == refused(url)


async def test_refusals_are_logged_with_their_addresses_but_seldom(autojump_clock: MockClock) -> None:
    """One warning a minute, which counts what was left out; it is for operators and may show addresses."""
    error_log, lines = kept_errors()
    async with pool(egress=read_egress_rules("", "denied.example"), error_log=error_log) as workers:
        for _ in range(3):
            await workers.post("http://user:secret@169.254.169.254/x", b"", 5)
        for _ in range(2):
            autojump_clock.jump(QUIET_S)
            await workers.post("https://denied.example/", b"", 5)
    event = "a job asks for an address that dispatch_allow and dispatch_deny do not allow"
    common = {"event": event, "log_level": "warning"}
    host = {"host": "169.254.169.254", "port": 80, "addresses": ["169.254.169.254"], "left_out": 0}
    other = {"host": "denied.example", "port": 443, "addresses": [], "left_out": 2}
    assert lines == [common | host, common | other, common | other | {"left_out": 0}]


async def test_a_call_that_is_allowed_is_no_warning() -> None:
    """The log tells of refusals only."""
    error_log, lines = kept_errors()
    async with hostile_worker(polite) as worker, pool(egress=EgressRules(), error_log=error_log) as workers:
        assert await workers.post(worker.url, b"", 5) == GOOD
    assert lines == []
