"""Sockets that another program has opened: which are taken, and how they are shared (contract §1.19)."""

import os
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
import trio

from tests.web.endpoints import answer_ok
from tests.web.face import open_served, read_until, until
from trioworq.config import ConfigError
from trioworq.web.door import Door
from trioworq.web.inherited import take_sockets
from trioworq.web.messages import Route

ROUTES = [Route("GET", "/ok", answer_ok, is_hot=True)]
GET = b"GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def listening() -> socket.socket:
    """Return a socket of the starter, which hands its number down."""
    bound = socket.create_server(("127.0.0.1", 0), backlog=100)
    os.set_inheritable(bound.fileno(), True)
    return bound


@pytest.fixture
def handed_down() -> int:
    """The number of a listening socket that whoever takes it has to close."""
    return listening().detach()


# Which are taken.


@pytest.mark.parametrize("place", ["8080", "127.0.0.1:8080", "[::1]:8080", "/run/a=b.sock", "./a socket"])
def test_a_starter_names_places_and_sockets(handed_down: int, place: str) -> None:
    """A port, an address and a path will do."""
    environ = {"SERVER_STARTER_PORT": f"{place}={handed_down}", "OTHER": "x"}
    [taken] = take_sockets(environ)
    with taken:
        assert taken.fileno() == handed_down
        socket.create_connection(taken.getsockname(), timeout=5).close()
        assert not taken.get_inheritable()
    assert environ == {"OTHER": "x"}


def test_a_starter_may_hand_down_several() -> None:
    """They are taken in their order."""
    numbers = [listening().detach() for _ in range(3)]
    taken = take_sockets({"SERVER_STARTER_PORT": ";".join(f"{8000 + n}={n}" for n in numbers)})
    with ExitStack() as closing:
        assert [closing.enter_context(bound).fileno() for bound in taken] == numbers


def test_a_starter_goes_before_systemd(handed_down: int) -> None:
    """Where both have sockets for us, those of the starter are served."""
    environ = {
        "SERVER_STARTER_PORT": f"8080={handed_down}",
        "LISTEN_FDS": "1",
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDNAMES": "http",
    }
    [taken] = take_sockets(environ)
    with taken:
        assert taken.fileno() == handed_down
    assert environ == {}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"SERVER_STARTER_PORT": ""},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "nonsense", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "0", "LISTEN_PID": str(os.getpid())},
    ],
)
def test_nothing_is_taken_that_is_not_for_us(environ: dict[str, str]) -> None:
    """Variables of another process, or empty ones, are removed and count as none."""
    assert take_sockets(environ) == []
    assert environ == {}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("8080", r"'8080' should be a place and the number of its socket, like 127\.0\.0\.1:8080=3"),
        ("=3", "should be a place"),
        ("8080=", "should be a place"),
        ("8080=x", "should be a place"),
        ("8080=-1", "should be a place"),
        ("8080=٣", "should be a place"),
        ("8080=1234567890", "should be a place"),
        ("8080=3;", "should be a place"),
        ("8080=900000", "the file descriptor 900000 is no open socket; check what starts this program"),
        ("8080=900000;8081=900000", "names a socket twice"),
    ],
)
def test_a_bad_value_of_a_starter_is_refused_in_one_line(text: str, line: str) -> None:
    """The line names the variable and says what to do."""
    with pytest.raises(ConfigError, match=line) as caught:
        take_sockets({"SERVER_STARTER_PORT": text})
    assert str(caught.value).startswith("SERVER_STARTER_PORT: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("count", ["x", "-1", "1.0", "900000"])
def test_a_bad_count_of_systemd_is_refused_in_one_line(count: str) -> None:
    """The line names the variable and says what to do."""
    with pytest.raises(ConfigError, match=r"^LISTEN_FDS: .*(like 1|what starts this program)$"):
        take_sockets({"LISTEN_FDS": count, "LISTEN_PID": str(os.getpid())})


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        (socket.AF_INET, socket.SOCK_STREAM),
        (socket.AF_INET, socket.SOCK_DGRAM),
        (socket.AF_UNIX, socket.SOCK_SEQPACKET),
    ],
)
def test_a_socket_that_is_no_listening_stream_is_refused(
    family: socket.AddressFamily, kind: socket.SocketKind
) -> None:
    """It is told apart from one that is not open."""
    other = socket.socket(family, kind)
    if kind is socket.SOCK_SEQPACKET:
        other.bind("\0trioworq of test_inherited")
        other.listen()
    with pytest.raises(ConfigError, match="is no listening stream socket; check what starts this program"):
        take_sockets({"SERVER_STARTER_PORT": f"8080={other.detach()}"})


def test_what_is_no_socket_is_refused_and_left_open(tmp_path: Path) -> None:
    """A wrong number may be that of a file of ours."""
    with open(tmp_path / "file", "wb") as file:
        with pytest.raises(ConfigError, match="is no open socket"):
            take_sockets({"SERVER_STARTER_PORT": f"8080={file.fileno()}"})
        os.fstat(file.fileno())


# How they are shared.


async def test_two_servers_on_one_socket_serve_every_client_between_them() -> None:
    """Both are woken by each connection; the one that comes too late waits for the next."""
    starter = listening()
    number = os.dup(starter.fileno())
    [one] = take_sockets({"SERVER_STARTER_PORT": f"8080={number}"})
    [two] = take_sockets({"SERVER_STARTER_PORT": f"8080={os.dup(number)}"})
    answered: list[bytes] = []

    async def ask() -> None:
        async with await trio.open_tcp_stream(*starter.getsockname()) as stream:
            await stream.send_all(GET)
            answered.append(await read_until(stream, b"\r\n\r\n"))

    with starter:
        async with open_served(ROUTES, bound=one) as first, open_served(ROUTES, bound=two) as second:
            with trio.fail_after(20):
                # One by one: each connection finds both of them waiting.
                while not (first.access_lines and second.access_lines):
                    await ask()
                async with trio.open_nursery() as clients:
                    for _ in range(100):
                        clients.start_soon(ask)
            assert {line[:12] for line in answered} == {b"HTTP/1.1 200"}
            assert len(answered) == len(first.access_lines) + len(second.access_lines)


async def test_a_stopped_server_leaves_the_socket_to_the_next() -> None:
    """It closes its own end alone; clients wait for the next one, which need not be there yet."""
    starter = listening()
    [one] = take_sockets({"SERVER_STARTER_PORT": f"8080={os.dup(starter.fileno())}"})
    [two] = take_sockets({"SERVER_STARTER_PORT": f"8080={os.dup(starter.fileno())}"})
    with starter:
        async with open_served(ROUTES, bound=one) as first:
            first.stop.set()
            await first.stopped.wait()
        assert one.fileno() == -1
        async with await trio.open_tcp_stream(*starter.getsockname()) as stream:
            await stream.send_all(GET)
            async with open_served(ROUTES, bound=two):
                assert (await read_until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        # What a socket is set to is set for all who share it.
        assert not os.get_blocking(starter.fileno())


async def test_clients_of_a_unix_socket_are_served(tmp_path: Path) -> None:
    """In both lanes; they have no address to log, and the file is left to the starter."""
    path = tmp_path / "http.sock"
    with socket.socket(socket.AF_UNIX) as starter:
        starter.bind(str(path))
        starter.listen()
        [bound] = take_sockets({"SERVER_STARTER_PORT": f"{path}={os.dup(starter.fileno())}"})
        assert Door([bound]).places() == [f"unix:{path}"]
        async with open_served([*ROUTES, Route("GET", "/other", answer_ok)], bound=bound) as served:
            async with await trio.open_unix_socket(path) as stream:
                for target in (b"/ok", b"/other"):
                    await stream.send_all(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert (await read_until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            await until(lambda: len(served.access_lines) == 2)
            assert [line["remote_addr"] for line in served.access_lines] == ["", ""]
            served.stop.set()
            await served.stopped.wait()
        assert path.is_socket()
    assert served.errors == []


def test_a_unix_socket_without_a_file_is_shown_as_others_show_it() -> None:
    """Its name begins with a NUL, which is written as an @."""
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("\0trioworq of test_inherited")
        assert Door([bound]).places() == ["unix:@trioworq of test_inherited"]
