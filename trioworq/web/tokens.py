"""API tokens: random words that clients show, and a file that holds their hashes.

A line of the file has a token's name, what it allows and its hash. Empty lines count for nothing, nor does
what stands behind a `#`.

    shop    push          sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    ops     read,admin    sha256:fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9

Tokens are made here, of 256 random bits, so a fast hash is the right one. Slow ones (bcrypt, scrypt, Argon2)
make up for passwords that can be guessed, and would cost each request milliseconds. A token is looked up by
its hash: how long that takes may tell how two hashes compare, from which nothing follows for the token.
"""

import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping
from hashlib import sha256

from attrs import frozen

from trioworq.config import ConfigError
from trioworq.web.messages import Scope

MAX_FILE_BYTES = 1024 * 1024

_TOKEN_BYTES = 32
# Something for those to find who look for secrets where none should be.
_PREFIX = "trioworq_"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HASH = re.compile(r"sha256:([0-9A-Fa-f]{64})")


@frozen
class Tokens:
    """What the tokens of a file allow, by hash."""

    _scopes: Mapping[bytes, frozenset[Scope]]

    def scopes_of(self, token: bytes) -> frozenset[Scope] | None:
        """Return what a token allows; None for one that is not known."""
        return self._scopes.get(sha256(token).digest())


def new_token(name: str, scopes: str) -> tuple[str, str]:
    """Return (a new token, its line for the file).

    Raises ValueError for a name or scopes that no line can have.
    """
    token = _PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    line = f"{name} {scopes} sha256:{sha256(token.encode()).hexdigest()}"
    _parse_line(line)
    return token, line


def read_tokens(path: str) -> Tokens:
    """Read a file of tokens. Raises ConfigError, which names the line at fault and shows nothing of it."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError(f"api_tokens_file: {path} should be a regular file")
            text = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"api_tokens_file: cannot read {path}: {reason}") from None
    if len(text) > MAX_FILE_BYTES:
        raise ConfigError(f"api_tokens_file: {path} has more than {MAX_FILE_BYTES} bytes")
    try:
        return parse_tokens(text.decode("utf-8-sig").splitlines())
    except UnicodeDecodeError:
        raise ConfigError(f"api_tokens_file: {path} is not UTF-8") from None
    except ValueError as error:
        raise ConfigError(f"api_tokens_file: {path}: {error}") from None


def parse_tokens(lines: Iterable[str]) -> Tokens:
    """Read the lines of a file. Raises ValueError, which shows nothing of a line: it may be a token."""
    known: dict[bytes, frozenset[Scope]] = {}
    names: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.partition("#")[0].strip():
            continue
        try:
            name, scopes, digest = _parse_line(line.partition("#")[0])
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        if name in names or digest in known:
            raise ValueError(f"line {number}: its name or its hash stands in a line before")
        names.add(name)
        known[digest] = scopes
    if not known:
        raise ValueError("holds no token; make one with trioworq --new-api-token NAME SCOPES")
    return Tokens(known)


def _parse_line(line: str) -> tuple[str, frozenset[Scope], bytes]:
    fields = line.split()
    if len(fields) != 3:
        raise ValueError("should be a name, scopes and a hash, with blanks between them")
    if not _NAME.fullmatch(fields[0]):
        raise ValueError("a name should be 1 to 64 letters, digits, dots, dashes or underscores of ASCII")
    digest = _HASH.fullmatch(fields[2])
    if digest is None:
        raise ValueError("a hash should be sha256: and 64 hexadecimal digits")
    return fields[0], _parse_scopes(fields[1]), bytes.fromhex(digest[1])


def _parse_scopes(text: str) -> frozenset[Scope]:
    try:
        scopes = frozenset(Scope(word) for word in text.split(","))
    except ValueError:
        words = ", ".join(scope.value for scope in Scope)
        raise ValueError(
            f"scopes should be some of {words}, with commas and no blanks between them"
        ) from None
    return frozenset(Scope) if Scope.ADMIN in scopes else scopes


def _open_at_once(path: str, flags: int) -> int:
    # Opening a pipe that nobody writes to would wait.
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
