"""Presence marks of the processes that use one database file: locked files beside it.

The system drops such a lock when its process ends, however that ends, so who finds a mark unlocked need
not wait for the leases of its node to lapse (design §5). Where files cannot be locked, nobody finds one.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def present(database: Path, node_id: str) -> Iterator[None]:
    """Be seen as present for as long as the body runs; blocks for a moment."""
    mark = _mark(database, node_id)
    try:
        descriptor = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        # Only the others' take-over is slower without.
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        with suppress(OSError):
            mark.unlink()
        os.close(descriptor)


def is_present(database: Path, node_id: str) -> bool:
    """Whether a node's mark is locked, or cannot be seen."""
    try:
        descriptor = os.open(_mark(database, node_id), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        # It may never have been there; a node that ended in order has taken itself off the list too.
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def forget(database: Path, node_ids: Iterable[str]) -> None:
    """Remove the marks of nodes that are gone."""
    for node_id in node_ids:
        if not is_present(database, node_id):
            with suppress(OSError):
                _mark(database, node_id).unlink()


def _mark(database: Path, node_id: str) -> Path:
    return database.with_name(f"{database.name}-node-{node_id}")
