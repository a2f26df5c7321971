"""JSON read as Fireworq reads it (contract §1.4): leniently, and without losing its source text.

Only the first JSON value of a body is read and whatever follows it is ignored; keys match in any case; of
equal keys the later wins; null stands for absent. A payload has to reach its worker with the very
bytes it was sent with, so each member is kept as its source. `quick` reads what most clients send
several times as fast.
"""

from itertools import islice

from trioworq.core.errors import InvalidRequest
from trioworq.web.fields import Fields
from trioworq.web.scanner import Scanner


def read_object(body: bytes, what: str = "the body") -> Fields:
    """Read the object that a body begins with; null counts as an empty one.

    Raises InvalidRequest for an empty body, broken or too deeply nested JSON, and any other value; `what` is
    how its message calls that.
    """
    scanner = Scanner(body)
    kind = scanner.kind
    if kind == "object":
        return Fields(_read_members(scanner))
    if scanner.value() != b"null":
        raise InvalidRequest(f"{what} should be a JSON object, not {kind}")
    return Fields({})


def read_items(body: bytes, most: int) -> list[bytes]:
    """Return the source of each item of the array that a body begins with, one more than `most` at most.

    Raises InvalidRequest for an empty body, any other value, and JSON that is broken or too deeply nested
    before that.
    """
    scanner = Scanner(body)
    kind = scanner.kind
    if kind != "array":
        scanner.value()
        raise InvalidRequest(f"the body should be a JSON array, not {kind}")
    return list(islice(scanner.items(), most + 1))


def _read_members(scanner: Scanner) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    for key, source in scanner.members():
        _keep(members, key.lower(), source)
    return members


def _keep(members: dict[str, bytes], key: str, source: bytes) -> None:
    # A null does not undo an earlier string or number, but a payload of null replaces an earlier payload.
    if source != b"null":
        members[key] = source
    elif key == "payload":
        members.pop(key, None)
