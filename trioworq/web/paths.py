"""Request targets → paths to match (contract §1.1).

Matching is on the percent-decoded path, and a path that is not in its shortest form is answered as if it
were: a redirect would make some clients drop the body of their POST (README 25). But where paths end in ids
of jobs a path is what it is: an id may be whatever somebody sent, with slashes and dots of its own, and a
shorter path would be that of another job, or of all. Under `/api/v1/jobs/` slashes at the end are nothing:
the original redirects to the path without.
"""

import re
from urllib.parse import parse_qsl, unquote_to_bytes

from trioworq.core.errors import InvalidRequest

_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_WITH_IDS = ("/v1/", "/api/v1/")
_ABSOLUTE_FORM = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/]*")


def decode_path(target: bytes) -> str:
    """Return the path of a request target without its query, decoded and, where no ids are, cleaned.

    Raises InvalidRequest for a target without a path, a broken escape and bytes that are not UTF-8.
    """
    absolute = _ABSOLUTE_FORM.match(target)
    raw = (target[absolute.end() :] or b"/") if absolute else target
    if not raw.startswith(b"/"):
        raise InvalidRequest("The request target has no path")
    if _BROKEN_ESCAPE.search(raw):
        raise InvalidRequest("The path has a broken percent escape")
    try:
        path = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise InvalidRequest("The path is not UTF-8") from None
    if not path.startswith(_WITH_IDS):
        path = clean(path)
    return path.rstrip("/") if path.startswith("/api/v1/jobs/") else path


def clean(path: str) -> str:
    """Resolve empty, `.` and `..` segments; a slash at the end stays."""
    if "//" not in path and "/." not in path:
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if path.endswith("/") and kept else ""
    return "/" + "/".join(kept) + end


def decode_query(query: bytes) -> dict[str, str]:
    """Return the first value of each key; bytes that are not UTF-8 become lone surrogates."""
    if not query:
        return {}
    return dict(reversed(query_pairs(query)))


def query_pairs(query: bytes) -> list[tuple[str, str]]:
    """Return every key with its value, in their order; bytes that are not UTF-8 become lone surrogates."""
    return parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
