"""Scripts, styles and pictures, under names that change with them, so that browsers ask for each once."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

from attrs import frozen

from trioworq.web.messages import Request, Response, Route
from trioworq.web.replies import CONSOLE, no_such_page

_FOLDER = Path(__file__).parent
_STATIC = f"{CONSOLE}/static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HASH_DIGITS = 8
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@frozen
class _Assets:
    """All of them: their addresses by their names, and what they hold by their addresses."""

    urls: Mapping[str, str]
    files: Mapping[str, tuple[bytes, str]]


def asset(name: str) -> str:
    """Return the address of a file, which is named as it lies in this folder. Raises KeyError."""
    return _every_asset().urls[name]


def routes() -> tuple[Route, ...]:
    """Return the route of them all."""
    return (Route("GET", f"{_STATIC}/{{name...}}", _Static().get, None, is_logged=False),)


class _Static:
    """Answers with files that there are, and nothing else that lies beside them."""

    async def get(self, request: Request) -> Response:
        """Answer with a file."""
        found = _every_asset().files.get(request.path)
        if found is None:
            return no_such_page(request.path)
        body, content_type = found
        return Response(HTTPStatus.OK, body, content_type, _FOR_EVER)


@cache
def _every_asset() -> _Assets:
    """Read them when the first is asked for: a daemon that shows no page does without."""
    urls: dict[str, str] = {}
    files: dict[str, tuple[bytes, str]] = {}
    for path in sorted(_FOLDER.rglob("*")):
        if path.suffix in _TYPES:
            name, body = path.relative_to(_FOLDER), path.read_bytes()
            digest = sha256(body).hexdigest()[:_HASH_DIGITS]
            address = f"{_STATIC}/{name.with_suffix('').as_posix()}.{digest}{path.suffix}"
            urls[name.as_posix()] = address
            files[address] = body, _TYPES[path.suffix]
    return _Assets(urls, files)
