"""Clients that speak TLS, in both lanes and over HTTP/2, with a certificate authority of the tests."""

import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import trio
import trustme
from attrs import define, evolve
from cryptography.hazmat.primitives import serialization

from tests.kept_logs import kept_errors
from tests.web.endpoints import Gate
from tests.web.exchanges import echo_routes
from tests.web.face import CONFIG, Served, open_served, read_all, read_until
from tests.web.witness import WitnessedStream
from trioworq.config import ConfigError
from trioworq.web.door import open_door
from trioworq.web.tls import make_context

in_both_lanes = pytest.mark.usefixtures("lane")


@define
class Files:
    """A certificate for this machine, and its key."""

    authority: trustme.CA
    certificate: str
    key: str

    def server(self) -> ssl.SSLContext:
        """Return what a server with them goes by."""
        context = make_context(evolve(CONFIG, tls_certificate=self.certificate, tls_key=self.key))
        assert context is not None
        return context

    def client(self) -> ssl.SSLContext:
        """Return what a client that trusts the authority goes by."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The certificate that the tests' servers show."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    return Files(authority, str(folder / "certificate.pem"), str(folder / "key.pem"))


@pytest.fixture
async def served(files: Files) -> AsyncIterator[Served]:
    """A server behind TLS that echoes."""
    config = evolve(CONFIG, keep_alive_timeout_s=1, request_timeout_s=1)
    async with open_served(echo_routes(), config, tls=files.server()) as served:
        yield served


def client(served: Served, files: Files, *, http2: bool = False) -> httpx2.AsyncClient:
    """Return a client that trusts the server."""
    address = f"https://127.0.0.1:{served.port}"
    return httpx2.AsyncClient(base_url=address, verify=files.client(), http2=http2, timeout=10)


async def connect(served: Served, files: Files) -> trio.SSLStream[WitnessedStream]:
    """Open a connection and do the handshake."""
    stream = trio.SSLStream(
        await served.connect(), files.client(), server_hostname="127.0.0.1", https_compatible=True
    )
    await stream.do_handshake()
    return stream


@in_both_lanes
async def test_requests_of_every_kind_are_answered_on_one_connection(served: Served, files: Files) -> None:
    """A hot request, a large one, and one for the other lane, after which hot ones still work."""
    async with client(served, files) as asking:
        for _ in range(2):
            assert (await asking.post("/echo", content=b"hello")).json()["body"] == "hello"
        large = await asking.post("/echo", content=b"x" * 3_000_000)
        assert len(large.json()["body"]) == 3_000_000
        assert (await asking.get("/nothing")).status_code == 404
        assert (await asking.post("/echo", content=b"bye")).json()["body"] == "bye"
        assert large.http_version == "HTTP/1.1"
        assert large.json()["is_secure"] is True
    assert len({line["remote_addr"] for line in served.access_lines}) == 1


@in_both_lanes
async def test_clients_that_can_speak_http_2_do(served: Served, files: Files) -> None:
    """The protocol is agreed on in the handshake."""
    async with client(served, files, http2=True) as asking:
        answer = await asking.post("/echo", content=b"hello", headers={"Host": "y:80"})
        assert (answer.json()["host"], answer.json()["is_secure"]) == ("y:80", True)
        assert (answer.http_version, answer.json()["body"]) == ("HTTP/2", "hello")
        assert (await asking.get("/nothing")).status_code == 404


@in_both_lanes
async def test_a_client_that_does_not_trust_us_costs_its_own_connection(served: Served, files: Files) -> None:
    """It ends the handshake; nothing is logged as a failure."""
    async with httpx2.AsyncClient(base_url=f"https://127.0.0.1:{served.port}") as stranger:
        with pytest.raises(httpx2.ConnectError):
            await stranger.get("/echo")
    async with client(served, files) as asking:
        assert (await asking.get("/echo")).status_code == 200
    assert served.errors == []


@in_both_lanes
async def test_a_client_that_speaks_in_the_clear_is_cut_off(served: Served) -> None:
    """What is no handshake ends the connection."""
    raw = await served.exchange(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"HTTP/1.1" not in raw
    assert served.errors == []


@in_both_lanes
@pytest.mark.parametrize("beginning", [b"", b"\x16\x03\x01\x02\x00\x01"])
async def test_a_handshake_has_a_deadline(served: Served, beginning: bytes) -> None:
    """A client that does not go on with it is closed like an idle one."""
    started_at = trio.current_time()
    assert await served.exchange(beginning) == b""
    assert 0.5 < trio.current_time() - started_at < 3
    assert served.errors == []


@in_both_lanes
async def test_half_a_body_over_tls_is_a_408(served: Served, files: Files) -> None:
    """The client is told so and cut off."""
    with trio.fail_after(10):
        stream = await connect(served, files)
        await stream.send_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        assert (await read_until(stream, b"in time\n")).startswith(b"HTTP/1.1 408 ")
        assert await stream.receive_some() == b""
        await stream.aclose()


@in_both_lanes
async def test_stopping_closes_idle_connections_and_answers_the_busy_one(files: Files) -> None:
    """One in the middle of its handshake is closed at once too."""
    gate = Gate()
    async with open_served(gate.routes(), tls=files.server()) as served:
        shaking, idle, busy = (
            await served.connect(),
            await connect(served, files),
            await connect(served, files),
        )
        await shaking.send_all(b"\x16\x03\x01\x02\x00\x01")
        await busy.send_all(b"GET /gate HTTP/1.1\r\nHost: x\r\n\r\n")
        with trio.fail_after(10):
            while not gate.waiting:
                await trio.sleep(0.002)
            served.stop.set()
            assert await read_all(shaking) == b""
            assert await idle.receive_some() == b""
            gate.opened.set()
            assert (await read_until(busy, b"done")).startswith(b"HTTP/1.1 200")
            assert await busy.receive_some() == b""
        for stream in (shaking, idle, busy):
            await trio.aclose_forcefully(stream)


# The files.


def config_error(certificate: str, key: str) -> str:
    """Return the one line that refuses the files."""
    with pytest.raises(ConfigError) as caught:
        make_context(evolve(CONFIG, tls_certificate=certificate, tls_key=key))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_files_there_is_no_tls() -> None:
    """The default is HTTP in the clear."""
    assert make_context(CONFIG) is None


def test_old_versions_of_tls_are_not_spoken(files: Files) -> None:
    """TLS 1.2 is the least."""
    assert files.server().minimum_version is ssl.TLSVersion.TLSv1_2


def test_one_file_without_the_other_is_refused(files: Files) -> None:
    """The line names the option that is missing."""
    assert config_error(files.certificate, "").startswith("tls_key: ")
    assert config_error("", files.key).startswith("tls_certificate: ")


def test_files_that_cannot_be_read_are_refused(files: Files, tmp_path: Path) -> None:
    """The line names the option, the file and the reason."""
    missing = str(tmp_path / "none.pem")
    assert config_error(missing, files.key).startswith(
        f"tls_certificate: cannot read {missing}: No such file"
    )
    assert config_error(files.certificate, missing).startswith(
        f"tls_key: cannot read {missing}: No such file"
    )
    assert "Is a directory" in config_error(files.certificate, str(tmp_path))
    assert "cannot read" in config_error("a\0b", files.key)


def test_files_that_do_not_belong_together_are_refused(files: Files, tmp_path: Path) -> None:
    """The key of another certificate is found out at the start."""
    other = tmp_path / "other.pem"
    files.authority.issue_cert("other.example").private_key_pem.write_to_path(other)
    assert config_error(files.certificate, str(other)) == (
        f"tls_key: {other} is not the key of {files.certificate}"
    )


def test_files_that_are_no_pem_are_refused(files: Files, tmp_path: Path) -> None:
    """Whatever else they hold."""
    junk = tmp_path / "junk.pem"
    junk.write_text("-----BEGIN NONSENSE-----")
    for certificate, key in ((str(junk), files.key), (files.certificate, str(junk))):
        assert "in PEM form" in config_error(certificate, key)


async def test_files_that_are_renewed_are_taken_up(files: Files, tmp_path: Path) -> None:
    """As soon as they belong together; until then what was read before stays in force."""
    paths = certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    shutil.copy(files.certificate, certificate)
    shutil.copy(files.key, key)
    door = open_door(evolve(CONFIG, tls_certificate=str(certificate), tls_key=str(key)), ())
    [followed] = door.followed
    log, entries = kept_errors()
    first = door.tls
    assert first is not None
    renewed = files.authority.issue_cert("localhost")
    renewed.cert_chain_pems[0].write_to_path(certificate)
    await followed.take_up(log)
    assert door.tls is first
    assert f"{key} is not the key of {certificate}" in entries[0]["reason"]
    renewed.private_key_pem.write_to_path(key)
    await followed.take_up(log)
    assert door.tls is not first
    second = door.tls
    for path in paths:
        path.unlink()
        await followed.take_up(log)
    assert door.tls is second
    assert len(entries) == 4


def test_a_locked_key_is_refused(files: Files, tmp_path: Path) -> None:
    """Nobody is asked for its password on a terminal."""
    key = serialization.load_pem_private_key(Path(files.key).read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    assert "locked with a password" in config_error(files.certificate, str(locked))


def test_no_shown_setting_holds_the_key_itself(files: Files) -> None:
    """Paths are shown, what is behind them is not (I14)."""
    shown = evolve(CONFIG, tls_certificate=files.certificate, tls_key=files.key).shown()
    assert (shown["tls_certificate"], shown["tls_key"]) == (files.certificate, files.key)
