"""What nearly all clients send, read by msgspec many times as fast as the lenient reader does it.

It checks a value's syntax without making anything of it, which is what a payload asks for. Everything here
is taken only if the lenient reader would take it for the same, and None otherwise: other keys, or in another
case, nulls, lone surrogates, something after the value, too many members, and whatever is refused. So the
lenient reader alone says what is right, and what is wrong with the rest.
"""

from itertools import takewhile

import msgspec
from msgspec import Raw, Struct

from trioworq.web.fields import Fields
from trioworq.web.scanner import MAX_MEMBERS

Source = bytes | Raw

_ABSENT = Raw()
_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# What a member takes beside its value, for a key without a single character.
_MEMBER_BYTES = len('"":,')


class _Job(Struct, forbid_unknown_fields=True, gc=False):
    """The keys of a push, alone and in a batch."""

    category: Raw = _ABSENT
    url: Raw = _ABSENT
    payload: Raw = _ABSENT
    run_after: Raw = _ABSENT
    timeout: Raw = _ABSENT
    retry_delay: Raw = _ABSENT
    max_retries: Raw = _ABSENT
    priority: Raw = _ABSENT


_KEYS = _Job.__struct_fields__
_JOB = msgspec.json.Decoder(_Job)


def read_job(source: Source) -> Fields | None:
    """Read a push or an item of a batch; None when that is up to the lenient reader."""
    try:
        job = _JOB.decode(source)
    except _REFUSED:
        return None
    values = msgspec.structs.astuple(job)
    members = {key: bytes(value) for key, value in zip(_KEYS, values, strict=True) if value}
    if b"null" in members.values():
        # It may follow an equal key's value, which then counts unless it is a payload.
        return None
    beside = len(source) - sum(map(len, members.values()))
    # Of equal keys only the last is seen here, so it is room for too many of them that is looked for.
    return Fields(members) if beside <= MAX_MEMBERS * _MEMBER_BYTES else None


class ItemsReader:
    """Finds the items of arrays that have at most so many."""

    def __init__(self, most: int) -> None:
        # A place for each item, as a list's length would only be looked at when its millions have been made.
        places = [(f"item{number}", Raw, _ABSENT) for number in range(most)]
        items = msgspec.defstruct("_Items", places, array_like=True, forbid_unknown_fields=True, gc=False)
        self._decoder = msgspec.json.Decoder(items)

    def read(self, body: bytes) -> list[Raw] | None:
        """Return the source of each item; None when that is up to the lenient reader."""
        try:
            items = self._decoder.decode(body)
        except _REFUSED:
            return None
        return list(takewhile(len, msgspec.structs.astuple(items)))
