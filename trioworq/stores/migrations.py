"""The schema's versions: where they lie, what a database still lacks, how its version is kept.

This module touches no database. A store runs what `plan` returns at its start, under a lock of its own,
and records each version after it; the statements about `schema_version` are plain SQL for every dialect.
"""

import re
from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from attrs import frozen

from trioworq.stores.interface import StoreRefused

CREATE_VERSION = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL PRIMARY KEY)"
READ_VERSION = "SELECT COALESCE(MAX(version), 0) FROM schema_version"

_FILE_NAME = re.compile(r"(\d{3})_\w+\.sql")
_COMMENT = re.compile(r"\s*--.*")
_STATEMENT_END = re.compile(r";\s*$", re.MULTILINE)


@frozen
class Migration:
    """The statements that bring a database from `version - 1` to `version`."""

    version: int
    statements: tuple[str, ...]

    @property
    def record_version(self) -> str:
        """The statement that records that this migration has been applied."""
        return f"INSERT INTO schema_version (version) VALUES ({self.version:d})"  # noqa: S608  # a number


def available(dialect: str) -> list[Migration]:
    """Return the migrations of a dialect (`sqlite` or `mysql`), oldest first."""
    found = []
    for file in _folder(dialect).iterdir():
        name = _FILE_NAME.fullmatch(file.name)
        if name:
            found.append(Migration(int(name[1]), split(file.read_text(encoding="utf-8"))))
    return sorted(found, key=lambda migration: migration.version)


def newest(dialect: str) -> int:
    """Return the version of the present schema of a dialect."""
    return max((migration.version for migration in available(dialect)), default=0)


def plan(current: int, migrations: Sequence[Migration]) -> list[Migration]:
    """Return what a database of version `current` still lacks, in the order of application.

    Raises StoreRefused for a database that a newer release has already changed.
    """
    newest = max((migration.version for migration in migrations), default=0)
    if current > newest:
        raise StoreRefused(
            f"the database has schema version {current}, and this release knows versions up to {newest}: "
            "start the newer release that made it, or use another database"
        )
    return [migration for migration in migrations if migration.version > current]


def split(text: str) -> tuple[str, ...]:
    """Split a migration into statements: each ends with a semicolon at the end of a line.

    Comments run from `--` to the end of the line; no literal in a migration may hold either.
    """
    code = "\n".join(_COMMENT.sub("", line) for line in text.splitlines())
    return tuple(statement.strip() for statement in _STATEMENT_END.split(code) if statement.strip())


def _folder(dialect: str) -> Traversable:
    """Find the migrations: inside the package when it is installed, beside it in a checkout."""
    installed = files("trioworq").joinpath("schema", dialect)
    if installed.is_dir():
        return installed
    return Path(__file__).parents[2] / "schema" / dialect
