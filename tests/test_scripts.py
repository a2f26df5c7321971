"""The commands that the README gives, run as they stand there, and the scripts behind them."""

import json
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import httpx2
import pytest
from packaging.requirements import Requirement

from tests.mariadb import administer
from tests.ports import free_port
from tests.process.running_daemon import (
    clean_environment,
    recording_worker,
    running_daemon,
    wait_until,
)

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
INSTALL_LIMIT_S = 300
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def blocks(language: str) -> list[str]:
    """Return the README's code blocks of a language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def the_block(language: str, containing: str) -> str:
    """Return the one block that contains a text."""
    found = [block for block in blocks(language) if containing in block]
    assert len(found) == 1
    return found[0]


def run_curl(command: str) -> httpx2.Response:
    """Send what a `curl -d BODY URL` sends; curl itself is not on every machine."""
    program, flag, body, url = shlex.split(command)
    assert (program, flag) == ("curl", "-d")
    return httpx2.post(url, content=body.encode(), headers=FORM, timeout=20)


@contextmanager
def example_worker(folder: Path, port: int) -> Iterator[Path]:
    """Run the example worker on another port; yield the file with what it prints."""
    script = (ROOT / "scripts" / "example_worker").read_text()
    assert script.count("3000") == 1
    (folder / "worker").write_text(script.replace("3000", str(port)))
    printed = folder / "worker.out"
    with printed.open("wb") as output:
        process = subprocess.Popen([sys.executable, folder / "worker"], stdout=output, stderr=output)
    try:
        wait_until(lambda: _is_open(port))
        yield printed
    finally:
        process.kill()
        process.wait()


def _is_open(port: int) -> bool:
    try:
        httpx2.get(f"http://127.0.0.1:{port}/", timeout=5)
    except httpx2.HTTPError:
        return False
    return True


@pytest.fixture(params=["sqlite", "mysql"])
def store_options(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The options of a daemon on an empty database."""
    if request.param == "sqlite":
        return [f"--sqlite-path={tmp_path / 'jobs.db'}"]
    return ["--driver", "mysql", "--mysql-dsn", request.getfixturevalue("mysql_dsn")]


def comparable(line: dict[str, Any], worker: str) -> dict[str, Any]:
    """Return a line of the queue log without what differs from run to run."""
    moments = dict.fromkeys(("time", "created_at", "next_try", "elapsed"), 0)
    return line | {"url": line["url"].replace(worker, "127.0.0.1:3000")} | moments


def test_the_first_job_goes_as_the_readme_says(tmp_path: Path, store_options: list[str]) -> None:
    """The curl reaches the example worker, which prints what is said, and the log lines are as shown."""
    port = free_port()
    worker = f"127.0.0.1:{port}"
    with (
        example_worker(tmp_path, port) as printed,
        running_daemon(tmp_path / "daemon", *store_options) as daemon,
    ):
        command = the_block("sh", "curl").replace("127.0.0.1:3000", worker)
        answer = run_curl(command.replace("http://127.0.0.1:8080", daemon.url))
        assert answer.status_code == 200
        wait_until(lambda: len(daemon.lines()) >= 2)
        shown = [json.loads(line) for line in the_block("json", "queue").splitlines()]
        expected = [comparable(line, worker) for line in shown]
        assert [comparable(line, worker) for line in daemon.lines()] == expected
        assert [list(line) for line in daemon.lines()] == [list(line) for line in shown]
        said = re.search(r"The worker prints `(.*?)`", README)
        assert said is not None
        assert said[1] in printed.read_text().splitlines()


def test_the_python_of_the_readme_does_what_it_says(tmp_path: Path) -> None:
    """It pushes a job, enqueues another, works on that one and waits for more, until it is told to end."""
    with recording_worker() as worker, running_daemon(tmp_path / "daemon") as daemon:
        text = the_block("python", "run_worker").replace("http://127.0.0.1:8080", daemon.url)
        program = text.replace("http://127.0.0.1:3000/", worker.url)
        process = subprocess.Popen(
            [sys.executable, "-c", program], env=clean_environment(), stdout=subprocess.PIPE, text=True
        )
        with process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "got {'photo': 7}\n"
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0
            finally:
                process.kill()
        wait_until(lambda: worker.answered == [b'{"hello":"world"}'])
        assert daemon.request("GET", "/v1/next?queue=thumbnails").status_code == 204


def test_every_command_of_the_readme_is_there() -> None:
    """Whatever begins with ./ can be executed."""
    commands = {
        word for block in blocks("sh") for word in shlex.split(block, comments=True) if word[:2] == "./"
    }
    assert commands == {"./scripts/run", "./scripts/test", "./scripts/example_worker"}
    assert all(os.access(ROOT / command, os.X_OK) for command in commands)


def test_every_link_of_the_readme_leads_somewhere() -> None:
    """Files that the README points to exist."""
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", README)
    assert links
    assert all((ROOT / link.partition("#")[0]).exists() for link in links)


def test_the_readmes_database_serves_the_readmes_daemon(mysql_server_dsn: str, tmp_path: Path) -> None:
    """The SQL makes a database and an account with which the command line for MySQL works."""
    name = f"readme_{secrets.token_hex(4)}"
    place = re.search(r"tcp\(.*?\)", mysql_server_dsn)
    assert place is not None
    sql = the_block("sql", "CREATE").replace("trioworq", name)
    command = (
        the_block("sh", "--mysql-dsn").replace("trioworq", name).replace("tcp(127.0.0.1:3306)", place[0])
    )
    administer(mysql_server_dsn, *(statement for statement in sql.split(";") if statement.strip()))
    try:
        with running_daemon(tmp_path, *shlex.split(command)[1:]) as daemon:
            assert daemon.push("http://127.0.0.1:1/") == 1
            assert daemon.request("GET", "/settings").json()["driver"] == "mysql"
    finally:
        administer(mysql_server_dsn, f"DROP DATABASE {name}", f"DROP USER {name}")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the scripts need, in a folder whose name has a space."""
    copy = tmp_path / "a checkout"
    copy.mkdir()
    for name in ("scripts", "schema", "tests", "trioworq"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    return copy


def run(command: list[str | Path], folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a script from another folder, as a user would who has no options set."""
    return subprocess.run(
        command,
        cwd=folder,
        env=clean_environment(environ),
        capture_output=True,
        text=True,
        timeout=INSTALL_LIMIT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_run_installs_once_and_becomes_the_daemon(checkout: Path, tmp_path: Path) -> None:
    """From any folder, and after an installation that was interrupted; a signal stops it in order."""
    script = checkout / "scripts" / "run"
    (checkout / ".venv-run").mkdir()
    (checkout / ".venv-run" / "unfinished").touch()
    first = run([script, "--version"], tmp_path)
    assert (first.returncode, first.stderr.count("Installing into .venv-run")) == (0, 1)
    assert f"trioworq {version_of_the_tree()}" in first.stderr
    second = run([script, "--version"], tmp_path)
    assert (second.returncode, second.stderr) == (0, f"trioworq {version_of_the_tree()}\n")

    port = free_port()
    with (tmp_path / "out").open("wb") as output:
        process = subprocess.Popen(
            [script, "--bind", f"127.0.0.1:{port}", "--pid", "daemon.pid"],
            cwd=tmp_path,
            env=clean_environment(),
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: _is_open(port) or process.poll() is not None)
        assert (tmp_path / "daemon.pid").read_text() == f"{process.pid}\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
    said = (tmp_path / "out").read_text()
    assert f"http://127.0.0.1:{port}" in said
    assert f"{tmp_path / 'trioworq.db'}" in said
    assert (tmp_path / "trioworq.db").exists()


def test_what_is_measured_is_what_runs(checkout: Path, tmp_path: Path) -> None:
    """The benchmark's daemon shares scripts/run's environment, which lacks what libraries load when they can.

    structlog loads rich, which tools bring in; trio-mysql loads cryptography, which the tests need.
    """
    asked = run([checkout / "scripts" / "bench", "--help"], tmp_path)
    assert (asked.returncode, asked.stderr.count("Installing into .venv-run")) == (0, 1)
    assert not (checkout / ".venv").exists()
    python = checkout / ".venv-run" / "bin" / "python"
    for name in ("rich", "cryptography"):
        assert f"No module named '{name}'" in run([python, "-c", f"import {name}"], tmp_path).stderr


def version_of_the_tree() -> str:
    found = re.search(r'__version__ = "(.+)"', (ROOT / "trioworq" / "__init__.py").read_text())
    assert found is not None
    return found[1]


def test_a_machine_without_python_is_told_so(checkout: Path, tmp_path: Path) -> None:
    """One line says what to install."""
    done = run([checkout / "scripts" / "run"], tmp_path, PYTHON="no-such-python")
    assert done.returncode == 1
    assert done.stderr == (
        "trioworq: Python 3.11 or newer is needed (Debian: apt-get install python3 python3-venv)\n"
    )


def test_a_python_that_is_too_old_is_named(checkout: Path, tmp_path: Path) -> None:
    """One line says which Python was found and how to choose another."""
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit\nexit 1\n')
    old.chmod(0o755)
    done = run([checkout / "scripts" / "run"], tmp_path, PYTHON=str(old))
    assert done.returncode == 1
    assert done.stderr == (
        "trioworq: Python 3.11 or newer is needed; this is Python 3.9.2. Name another with PYTHON=...\n"
    )


def test_a_python_without_venv_is_told_so_where_nothing_may_be_installed(
    checkout: Path, tmp_path: Path
) -> None:
    """Without apt-get one line says what is missing."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "dirname", "cat", "cksum", "id"):
        (programs / name).symlink_to(shutil.which(name) or name)
    python = programs / "python3"
    python.write_text(f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    done = run([checkout / "scripts" / "run"], tmp_path, PATH=str(programs))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "trioworq: python3 comes without venv here; install it "
        "(Debian: apt-get install python3-venv) and try again"
    )


def pins(file: str = "constraints.txt") -> dict[str, str]:
    lines = (ROOT / "scripts" / file).read_text().splitlines()
    rows = [line.split("==") for line in lines if not line.startswith("#")]
    return {name.lower().replace("_", "-"): pin for name, pin in rows}


def requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    groups = (lines for name, lines in project["dependency-groups"].items() if name != "fuzz")
    lists = [project["project"]["dependencies"], project["build-system"]["requires"], *extras, *groups]
    found = [Requirement(text) for text in chain.from_iterable(lists)]
    return [requirement for requirement in found if not requirement.marker or requirement.marker.evaluate()]


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: str(requirement.name))
def test_every_dependency_is_pinned_within_its_range(requirement: Requirement) -> None:
    """What is tested is what pyproject.toml allows."""
    assert requirement.specifier.contains(pins()[requirement.name.lower().replace("_", "-")])


def test_a_wheel_has_every_package() -> None:
    """Those that are added too: an installation from the source tree would not miss them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = {path.parent for path in (ROOT / "trioworq").rglob("__init__.py")}
    names = {".".join(path.relative_to(ROOT).parts) for path in found}
    assert names <= set(project["tool"]["setuptools"]["packages"])


def test_schemathesis_is_pinned_within_its_range() -> None:
    """It has an environment and pins of its own."""
    [requirement] = map(
        Requirement, tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["fuzz"]
    )
    assert requirement.specifier.contains(pins("constraints-fuzz.txt")[requirement.name])


@pytest.mark.parametrize("name", ["trio", "hypercorn", "quart-trio", "httptools", "pytest"])
def test_the_pinned_versions_are_the_ones_under_test(name: str) -> None:
    """These tests run on the set that users get."""
    assert version(name) == pins()[name]
