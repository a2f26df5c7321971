"""Logging in, to MySQL 8 as a script plays it and to MariaDB."""

import hashlib
import re
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trustme
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.mariadb import MariaDB, administer
from tests.stores.fake_mysql import OK, SALT, SSL, Peer, fake_mysql
from trioworq.stores.interface import StoreRefused
from trioworq.stores.mysql.connection import open_connection
from trioworq.stores.mysql.dsn import parse

PASSWORD = b"sesame"


def proof() -> bytes:
    """Return what the server computes from the password it knows (MySQL's documentation of the method)."""
    once = hashlib.sha256(PASSWORD).digest()
    mask = hashlib.sha256(hashlib.sha256(once).digest() + SALT).digest()
    return bytes(a ^ b for a, b in zip(once, mask, strict=True))


async def connect(dsn: str) -> None:
    """Open a connection and close it."""
    with trio.fail_after(10):
        async with open_connection(parse(dsn)):
            pass


async def test_caching_sha2_password_takes_the_fast_path() -> None:
    """MySQL 8's default login works when the server knows the password's hash."""
    answers = []

    async def script(peer: Peer) -> None:
        await peer.greet("caching_sha2_password")
        answers.append(await peer.negotiate("caching_sha2_password"))
        await peer.send(b"\x01\x03")
        await peer.send(OK)
        await peer.set_session_up()

    async with fake_mysql(script) as dsn:
        await connect(dsn)
    assert answers == [proof()]


async def test_caching_sha2_password_takes_the_full_path_encrypted_with_the_servers_key() -> None:
    """Without TLS the password leaves only encrypted for the server, mixed with the salt."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    shown = []

    async def script(peer: Peer) -> None:
        await peer.greet("caching_sha2_password")
        await peer.negotiate("caching_sha2_password")
        await peer.send(b"\x01\x04")
        assert await peer.receive() == b"\x02"
        await peer.send(b"\x01" + pem)
        shown.append(await peer.receive())
        await peer.send(OK)
        await peer.set_session_up()

    async with fake_mysql(script) as dsn:
        await connect(dsn)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303  # the protocol's
    mixed = key.decrypt(shown[0], oaep)
    assert bytes(a ^ b for a, b in zip(mixed, SALT, strict=False)) == PASSWORD + b"\0"


async def test_caching_sha2_password_takes_the_full_path_over_tls(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Over TLS the password is sent as the server wants it, inside the encryption."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trust(authority, monkeypatch, tmp_path)
    shown = []

    async def script(peer: Peer) -> None:
        await peer.greet("caching_sha2_password", capabilities=0x00FFF7FF | SSL)
        await peer.receive()
        peer.stream = trio.SSLStream(peer.stream, context, server_side=True)
        await peer.negotiate("caching_sha2_password")
        await peer.send(b"\x01\x04")
        shown.append(await peer.receive())
        await peer.send(OK)
        await peer.set_session_up()
        await peer.receive()

    async with fake_mysql(script) as dsn:
        await connect(f"{dsn}?tls=true")
    assert shown == [PASSWORD + b"\0"]


@pytest.mark.parametrize("tls", ["true", "skip-verify"])
async def test_server_without_tls_is_refused_before_it_learns_anything(tls: str) -> None:
    """Where TLS is asked for and not offered, not even the user's name is sent."""
    received = []

    async def script(peer: Peer) -> None:
        await peer.greet("mysql_native_password")
        received.append(await peer.receive())

    async with fake_mysql(script) as dsn:
        with pytest.raises(StoreRefused, match="offers no TLS"):
            await connect(f"{dsn}?tls={tls}")
    assert received == [b""]


async def test_preferred_tls_is_done_without_when_the_server_has_none() -> None:
    """`tls=preferred` logs in without TLS, and does not announce it, where there is none."""
    announced = []

    async def script(peer: Peer) -> None:
        await peer.greet("mysql_native_password")
        announced.append(int.from_bytes((await peer.receive())[:4], "little") & SSL)
        await peer.send(OK)
        await peer.set_session_up()

    async with fake_mysql(script) as dsn:
        await connect(f"{dsn}?tls=preferred")
    assert announced == [0]


@pytest.mark.parametrize("plugin", ["mysql_clear_password", "mysql_old_password", "dialog"])
async def test_password_is_never_sent_in_clear(plugin: str) -> None:
    """A server that asks for the password as it is does not get it."""
    received = []

    async def script(peer: Peer) -> None:
        await peer.greet("mysql_native_password")
        await peer.receive()
        received.append(await peer.switch(plugin))

    async with fake_mysql(script) as dsn:
        with pytest.raises(StoreRefused, match="never sent"):
            await connect(dsn)
    assert received == [b""]


@pytest.mark.parametrize("answer", [b"\x01\x07", b"\x01", b"\x05"])
async def test_login_that_is_not_understood_is_refused(answer: bytes) -> None:
    """Nonsense in the middle of a login ends it, and the message shows no password."""

    async def script(peer: Peer) -> None:
        await peer.greet("caching_sha2_password")
        await peer.negotiate("caching_sha2_password")
        await peer.send(answer)
        await peer.receive()

    async with fake_mysql(script) as dsn:
        with pytest.raises(StoreRefused, match="not understood") as refusal:
            await connect(dsn)
    assert "sesame" not in str(refusal.value)


@pytest.mark.parametrize("key", [b"no key", b""])
async def test_unusable_public_key_is_refused(key: bytes) -> None:
    """A password is not encrypted with what is no key."""

    async def script(peer: Peer) -> None:
        await peer.greet("caching_sha2_password")
        await peer.negotiate("caching_sha2_password")
        await peer.send(b"\x01\x04")
        await peer.receive()
        await peer.send(b"\x01" + key)
        await peer.receive()

    async with fake_mysql(script) as dsn:
        with pytest.raises(StoreRefused, match="public key"):
            await connect(dsn)


# Prints the cipher of a connection, or the refusal, of a program without the package cryptography: a None
# among the modules makes Python say that there is no such package.
WITHOUT_CRYPTOGRAPHY = """
import sys
sys.modules["cryptography"] = None
import trio
from trioworq.stores.interface import StoreRefused
from trioworq.stores.mysql.connection import open_connection
from trioworq.stores.mysql.dsn import parse

async def main():
    try:
        async with open_connection(parse(sys.argv[1])) as connection:
            found = await connection.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
            print("cipher:", found.rows[0][1])
    except StoreRefused as refusal:
        print(refusal)

trio.run(main)
"""


async def log_in_without_cryptography(dsn: str) -> str:
    """Return what the program prints."""
    with trio.fail_after(30):
        done = await trio.run_process([sys.executable, "-c", WITHOUT_CRYPTOGRAPHY, dsn], capture_stdout=True)
    return str(done.stdout.decode())


async def test_full_path_without_tls_and_without_cryptography_is_refused_with_what_to_do() -> None:
    """The password stays here, and one line says what to add: TLS, or the package."""
    shown = []

    async def script(peer: Peer) -> None:
        await peer.greet("caching_sha2_password")
        await peer.negotiate("caching_sha2_password")
        await peer.send(b"\x01\x04")
        assert await peer.receive() == b"\x02"
        await peer.send(b"\x01a key")
        shown.append(await peer.receive())

    async with fake_mysql(script) as dsn:
        said = await log_in_without_cryptography(dsn)
    assert re.fullmatch(
        r"mysql_dsn: cannot log in at \S+: .* add tls=preferred to the DSN's options, "
        r"or install the package cryptography \(the extra rsa\)\n",
        said,
    )
    assert shown == [b""]


# MariaDB


@pytest.fixture
def authority() -> trustme.CA:
    """An authority that nobody trusts yet."""
    return trustme.CA()


def trust(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Make the authority one that this machine trusts."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


@pytest.fixture
def mariadb_with_tls(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """A server with a certificate of the authority for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    with MariaDB(
        folder, options=[f"--ssl-cert={folder / 'cert.pem'}", f"--ssl-key={folder / 'key.pem'}"]
    ) as server:
        yield server


async def test_tls_is_what_the_option_says(
    mariadb_with_tls: MariaDB, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The connection is encrypted when asked, and with `true` only to a server whose certificate is good."""
    dsn = mariadb_with_tls.dsn("mysql")

    async def cipher(option: str) -> str:
        async with open_connection(parse(f"{dsn}?tls={option}")) as connection:
            found = await connection.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
            value: str = found.rows[0][1]
            return value

    assert not await cipher("false")
    assert await cipher("preferred")
    assert await cipher("skip-verify")
    with pytest.raises(StoreRefused, match="certificate verify failed"):
        await cipher("true")
    trust(authority, monkeypatch, tmp_path)
    assert await cipher("true")


async def test_login_with_or_without_tls_needs_no_cryptography(mariadb_with_tls: MariaDB) -> None:
    """TLS and the scrambled password are the standard library's work."""
    dsn = mariadb_with_tls.dsn("mysql")
    assert await log_in_without_cryptography(dsn) == "cipher: \n"
    assert re.fullmatch(r"cipher: \w+\n", await log_in_without_cryptography(f"{dsn}?tls=preferred"))


async def test_any_characters_of_a_password_work(mysql_server_dsn: str) -> None:
    """A password outside ASCII is sent as UTF-8, percent-encoded in a URL."""
    account = "'tést'@'127.0.0.1'"
    administer(mysql_server_dsn, f"CREATE OR REPLACE USER {account} IDENTIFIED BY 'pä:ß@/?pass'")
    dsn = parse(mysql_server_dsn)
    try:
        await connect(f"tést:pä:ß@/?pass@tcp({dsn.place})/information_schema")
        await connect(f"mysql://t%C3%A9st:p%C3%A4%3A%C3%9F%40%2F%3Fpass@{dsn.place}/information_schema")
    finally:
        administer(mysql_server_dsn, f"DROP USER {account}")


async def test_wrong_password_and_missing_database_are_refused_with_what_to_do(
    mysql_server_dsn: str,
) -> None:
    """An operator is told which of the two it is, in one line without the password."""
    place = parse(mysql_server_dsn).place
    with pytest.raises(StoreRefused, match="check user, password and grants") as refusal:
        await connect(f"trioworq:wrong-sesame@tcp({place})/mysql")
    assert "wrong-sesame" not in str(refusal.value)
    with pytest.raises(StoreRefused, match="make it with CREATE DATABASE `no_such``one`") as refusal:
        await connect(mysql_server_dsn.rpartition("/")[0] + "/no_such`one")
    assert "\n" not in str(refusal.value)
