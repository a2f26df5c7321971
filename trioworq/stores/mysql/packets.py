"""Rows that share a statement, as many as the server takes at once."""

from collections.abc import Iterator, Sequence

from trioworq.core.errors import InvalidRequest
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.wire import Result

# What a statement needs beside the rows it carries.
_FRAME_BYTES = 1024


def misfit(connection: Connection, row: bytes) -> InvalidRequest | None:
    """Return what to tell the client of a job whose row fits no statement."""
    if len(row) <= connection.max_packet_bytes - _FRAME_BYTES:
        return None
    return InvalidRequest(
        f"The job takes {len(row)} bytes, and the database allows {connection.max_packet_bytes} in a "
        "statement (max_allowed_packet)"
    )


def grouped(connection: Connection, rows: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Split rows, none of them a misfit, into groups that fit a statement, in order."""
    room = connection.max_packet_bytes - _FRAME_BYTES
    group: list[bytes] = []
    size = 0
    for row in rows:
        if group and size + len(row) > room:
            yield group
            group, size = [], 0
        group.append(row)
        size += len(row) + 1
    if group:
        yield group


def numbered(
    connection: Connection, groups: Sequence[Sequence[bytes]], inserted: Sequence[Result]
) -> Iterator[int]:
    """Return the ids of rows: an INSERT of several numbers them in order, `id_step` apart."""
    for group, result in zip(groups, inserted, strict=True):
        for place in range(len(group)):
            yield result.insert_id + place * connection.id_step
