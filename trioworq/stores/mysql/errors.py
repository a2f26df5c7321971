"""What a MySQL or MariaDB server's complaints mean to those who asked.

Errors of a statement, all of them `StoreError`s but the third:

    StoreUnavailable
    ├─ ConnectionLost      the connection has been closed; whether the statement was carried out is unknown
    │  └─ CommitUnknown    and the statement was a COMMIT
    └─ Conflict            another transaction was in the way; rolled back, it can be tried again
    InvalidRequest         a value does not fit its column
    StoreBroken            all else: a missing table, a missing grant, a mistake in a statement
    └─ ColumnExists
"""

from trioworq.core.errors import InvalidRequest
from trioworq.stores.interface import StoreBroken, StoreUnavailable


class ConnectionLost(StoreUnavailable):
    """The connection has been closed; whether the statement under way was carried out is unknown."""


class CommitUnknown(ConnectionLost):
    """The connection was lost while a commit was under way."""


class Conflict(StoreUnavailable):
    """Another transaction was in the way; this one has to be rolled back and may be tried again."""


class Duplicate(InvalidRequest):
    """A row with that key exists."""


class ColumnExists(StoreBroken):
    """A table that was to be changed has been changed already."""


# Access denied to the server or the database, host blocked or not allowed, unknown database.
ACCESS_DENIED = frozenset({1044, 1045, 1129, 1130, 1142, 1227, 1698})
UNKNOWN_DATABASE = 1049
# The library's own: the server wants a login by a method that is not known here.
UNKNOWN_LOGIN_METHOD = 2059

_DUPLICATE = 1062
_COLUMN_EXISTS = 1060
_CONFLICTS = frozenset({1020, 1205, 1213})
# Going down, killed, too many connections, network trouble, or no longer the server that takes writes.
_LOSSES = frozenset({1040, 1053, 1158, 1159, 1160, 1161, 1203, 1290, 1792, 1836, 1927, 4031})
# Disk full, table full, out of memory, and statements that took too long.
_PASSING = frozenset({3, 1021, 1030, 1037, 1041, 1114, 1135, 1180, 1317, 1969, 3024})
_BAD_VALUES = frozenset({1048, 1153, 1264, 1265, 1292, 1300, 1366, 1406, 1690, 3140})


def meaning(code: int, message: str) -> Exception:
    """Return the exception that says what the server's error `code` means."""
    text = f"MySQL: {message} ({code})"
    if code in _CONFLICTS:
        return Conflict(text)
    if code in _LOSSES:
        return ConnectionLost(text)
    if code in _PASSING:
        return StoreUnavailable(text)
    if code == _DUPLICATE:
        return Duplicate(text)
    if code == _COLUMN_EXISTS:
        return ColumnExists(text)
    if code in _BAD_VALUES:
        return InvalidRequest(f"A value does not fit: {message}")
    return StoreBroken(text)
