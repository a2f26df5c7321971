"""Every driver of a store, over a fresh and empty database."""

from pathlib import Path

import pytest

from trioworq.config import Config, Driver

DRIVERS = ("memory", "sqlite", "mysql")


def config_of(driver: str, request: pytest.FixtureRequest, tmp_path: Path) -> Config:
    """Return a configuration that names a fresh, empty store."""
    match driver:
        case "memory":
            return Config(driver=Driver.IN_MEMORY)
        case "sqlite":
            return Config(driver=Driver.SQLITE, sqlite_path=str(tmp_path / "test.db"))
        case _:
            return Config(driver=Driver.MYSQL, mysql_dsn=request.getfixturevalue("mysql_dsn"))
