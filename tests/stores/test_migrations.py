"""The schema's versions: the files, the plan, and that a wheel carries them."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.stores.interface import StoreRefused
from trioworq.stores.migrations import Migration, available, plan, split

ROOT = Path(__file__).parents[2]
THREE = [Migration(number, (f"CREATE TABLE t{number} (x)",)) for number in (1, 2, 3)]


@pytest.mark.parametrize("dialect", ["sqlite", "mysql"])
def test_versions_are_numbered_from_one_without_gaps(dialect: str) -> None:
    """Every file in the folder is a migration, and each brings at least one statement."""
    found = available(dialect)
    assert [migration.version for migration in found] == list(range(1, len(found) + 1))
    assert len(found) == len(list((ROOT / "schema" / dialect).iterdir()))
    assert all(migration.statements for migration in found)


def test_both_dialects_are_at_the_same_version() -> None:
    """A change of the schema is written for both."""
    assert available("sqlite")[-1].version == available("mysql")[-1].version


def test_both_dialects_have_the_same_tables_and_columns() -> None:
    """MySQL's own are its record of batches, the name of the server that has a node's lock, and a table with
    what partial indexes are for elsewhere.
    """
    sqlite, mysql = columns("sqlite"), columns("mysql")
    del mysql["node_batch"], mysql["pull_job"]
    mysql["node"].remove("server")
    assert sqlite == mysql


def columns(dialect: str) -> dict[str, list[str]]:
    tables = {}
    for migration in available(dialect):
        for statement in migration.statements:
            head = re.match(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+) \(", statement)
            if head:
                names = re.findall(r"^    ([a-z]\w*) [A-Z]", statement, re.MULTILINE)
                tables[head[1]] = names
    return tables


def test_every_statement_of_mysql_may_be_run_again() -> None:
    """Its definitions commit one by one, so a start that is cut short repeats some of them."""
    for migration in available("mysql"):
        for statement in migration.statements:
            assert re.match(
                r"CREATE TABLE IF NOT EXISTS|INSERT IGNORE|"
                r"ALTER TABLE \w+\s+(ADD COLUMN|DROP KEY (\w+),\s+ADD KEY \2 )",
                statement,
            )


@pytest.mark.parametrize(("current", "lacking"), [(0, [1, 2, 3]), (1, [2, 3]), (2, [3]), (3, [])])
def test_plan_is_what_the_database_lacks_in_order(current: int, lacking: list[int]) -> None:
    """Nothing that has been applied is applied again."""
    assert [migration.version for migration in plan(current, THREE)] == lacking


def test_newer_schema_is_refused_with_one_line_that_says_what_to_do() -> None:
    """An older release never writes into what it does not know."""
    with pytest.raises(
        StoreRefused, match=r"^the database has schema version 4, .* up to 3: .*newer"
    ) as caught:
        plan(4, THREE)
    assert "\n" not in str(caught.value)


def test_statements_end_with_a_semicolon_at_the_end_of_a_line() -> None:
    """Comments and blank lines between and behind them are dropped."""
    text = """
-- A comment; with a semicolon
CREATE TABLE a (
    x INTEGER,  -- why
    y INTEGER
);

INSERT INTO a VALUES (1, 2), (3, 4);  -- seeds
DROP TABLE b
"""
    assert split(text) == (
        "CREATE TABLE a (\n    x INTEGER,\n    y INTEGER\n)",
        "INSERT INTO a VALUES (1, 2), (3, 4)",
        "DROP TABLE b",
    )


@given(st.lists(st.sampled_from(["CREATE TABLE t (x)", "SELECT 1", "INSERT INTO t\nVALUES (1)"])))
def test_splitting_gives_back_what_was_joined(statements: list[str]) -> None:
    """Whatever their number and order."""
    assert split(";\n\n".join([*statements, ""])) == tuple(statements)


def test_wheel_carries_the_schema_and_finds_it(tmp_path: Path) -> None:
    """An installed release has no checkout to look into, for the console's pages neither."""
    source, installed = tmp_path / "source", tmp_path / "installed"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "trioworq", "schema"):
        (source / name).symlink_to(ROOT / name)
    run("from setuptools.build_meta import build_wheel; build_wheel('..')", cwd=source)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    for dialect in ("sqlite", "mysql"):
        carried = sorted(file.name for file in (installed / "trioworq" / "schema" / dialect).iterdir())
        assert carried == sorted(file.name for file in (ROOT / "schema" / dialect).iterdir())
    console = Path("trioworq", "web", "console")
    assert files_of(installed / console) == files_of(ROOT / console)
    look = "from trioworq.stores import migrations as m; print(m.__file__, len(m.available('sqlite')))"
    file, count = run(look, cwd=installed).split()
    assert Path(file).is_relative_to(installed)
    assert int(count) == len(available("sqlite"))


def files_of(folder: Path) -> set[Path]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder) for path in found}


def run(code: str, *, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout
