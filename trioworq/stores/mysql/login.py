"""How a password is shown to a server that asks for `caching_sha2_password`, MySQL 8's default.

trio_mysql's own handler forgets an `await` on the fast path. A server is therefore told that
`mysql_native_password` is meant, asks to switch, and comes here. `Wire` is the part of a trio_mysql
connection that a login needs.
"""

import hashlib
from typing import Any, Protocol

_SALT_BYTES = 20
_ASK_FOR_KEY = b"\x02"
_FAST_PATH_DONE = b"\x03"
_FULL_PATH_NEEDED = b"\x04"

_NO_CRYPTOGRAPHY = (
    "the server wants the password over TLS or encrypted with its RSA key: add tls=preferred to the DSN's "
    "options, or install the package cryptography (the extra rsa)"
)


class LoginRefused(Exception):
    """The login cannot be completed, or not without giving the password away."""


class Wire(Protocol):
    """A connection in the middle of its login."""

    password: bytes
    _secure: bool

    async def write_packet(self, payload: bytes) -> None:
        """Send one packet."""
        ...

    async def _read_packet(self) -> Any:
        """Receive one packet; raises the server's error if it is one."""
        ...


class CachingSha2:
    """Handles the server's wish to use `caching_sha2_password`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def authenticate(self, request: Any) -> Any:
        """Log in and return the server's OK packet. Raises LoginRefused."""
        # The salt of a switch request ends with a NUL that is not part of it.
        salt = bytes(request.read_all())[:_SALT_BYTES]
        if len(salt) != _SALT_BYTES:
            raise LoginRefused("the server sent a malformed salt")
        if not self._wire.password:
            return await self._ask(b"")
        verdict = await self._ask(scramble(self._wire.password, salt))
        code = _extra(verdict)
        if code == _FAST_PATH_DONE:
            return await self._wire._read_packet()
        if code == _FULL_PATH_NEEDED:
            return await self._show_password(salt)
        raise LoginRefused("the server's answer to the login was not understood")

    async def _show_password(self, salt: bytes) -> Any:
        if self._wire._secure:
            return await self._ask(self._wire.password + b"\0")
        key = _extra(await self._ask(_ASK_FOR_KEY))
        return await self._ask(encrypt(self._wire.password, salt, key))

    async def _ask(self, payload: bytes) -> Any:
        await self._wire.write_packet(payload)
        return await self._wire._read_packet()


class Unsafe:
    """Refuses the methods by which a server would be given the password as it is."""

    def __init__(self, _wire: Wire) -> None:
        pass

    async def authenticate(self, _request: Any) -> Any:
        """Raise LoginRefused."""
        raise LoginRefused("the server asks for the password in clear, which is never sent")


def scramble(password: bytes, salt: bytes) -> bytes:
    """Return XOR(SHA256(password), SHA256(SHA256(SHA256(password)), salt)): the proof of the fast path."""
    once = hashlib.sha256(password).digest()
    twice = hashlib.sha256(once).digest()
    return _xor(once, hashlib.sha256(twice + salt).digest())


def encrypt(password: bytes, salt: bytes, pem: bytes) -> bytes:
    """Encrypt a password for the holder of the key `pem`, mixed with the salt, as the full path wants it.

    Raises LoginRefused, also where the package `cryptography` is not installed.
    """
    # Here, because it is an extra, and because it takes 10 MiB that other logins do not need.
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding, rsa
    except ImportError:
        raise LoginRefused(_NO_CRYPTOGRAPHY) from None
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise LoginRefused("the server sent no usable public key") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise LoginRefused("the server's public key is not an RSA key")
    clear = password + b"\0"
    repeated_salt = (salt * (len(clear) // len(salt) + 1))[: len(clear)]
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # noqa: S303
    try:
        return key.encrypt(_xor(clear, repeated_salt), oaep)
    except ValueError:
        raise LoginRefused("the password is too long for the server's public key") from None


def _extra(packet: Any) -> bytes:
    """Return what a packet of the login says beyond the fixed part."""
    if not packet.is_extra_auth_data():
        raise LoginRefused("the server's answer to the login was not understood")
    return bytes(packet.get_all_data()[1:])


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
