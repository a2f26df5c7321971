"""Fixtures of the tests of the push side."""

from pathlib import Path

import pytest

from tests.dispatch.shared_database import OpenNode, node_opener
from trioworq.config import Config, Driver


@pytest.fixture(params=["sqlite", "mysql"])
def open_node(request: pytest.FixtureRequest, tmp_path: Path) -> OpenNode:
    """Open a node of its own connections on a database that all nodes share."""
    if request.param == "sqlite":
        return node_opener(Config(driver=Driver.SQLITE, sqlite_path=str(tmp_path / "test.db")))
    return node_opener(Config(driver=Driver.MYSQL, mysql_dsn=request.getfixturevalue("mysql_dsn")))
