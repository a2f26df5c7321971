"""The command line: what it prints, how it ends, and what it says to bad configuration."""

import os
import re
import socket
import sqlite3
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.process.running_daemon import (
    RunningDaemon,
    clean_environment,
    command,
    is_listening,
    running_daemon,
    wait_until,
)
from trioworq import __version__

pytestmark = pytest.mark.usefixtures("measured_processes")


def run(
    *arguments: str, cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        command(*arguments), cwd=cwd, env=clean_environment(environment), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("flag", ["-v", "--version"])
def test_version_is_said_on_standard_error(flag: str, tmp_path: Path) -> None:
    """It is trioworq's own (contract README 3)."""
    done = run(flag, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"trioworq {__version__}\n")


def test_the_licence_can_be_read(tmp_path: Path) -> None:
    """The whole text, on standard output."""
    done = run("--license", cwd=tmp_path)
    assert done.returncode == 0
    assert "Apache License" in done.stdout
    assert "END OF TERMS AND CONDITIONS" in done.stdout


def test_the_credits_name_the_libraries_and_their_licences(tmp_path: Path) -> None:
    """One line for each library."""
    done = run("--credits", cwd=tmp_path)
    assert done.returncode == 0
    assert re.search(r"^trio \S+: .*MIT", done.stdout, re.MULTILINE)
    assert re.search(r"^trio-mysql \S+: MIT", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_shows_the_usage_and_exits_with_one(flag: str, tmp_path: Path) -> None:
    """As the original does (contract §1.19)."""
    done = run(flag, cwd=tmp_path)
    assert done.returncode == 1
    assert "--queue-default-max-workers" in done.stdout


@pytest.mark.parametrize("arguments", [("--no-such-flag",), ("extra",), ("--bind",)])
def test_wrong_usage_exits_with_one(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Usage and what is wrong, on standard error."""
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert "Usage: trioworq" in done.stderr


@pytest.mark.parametrize("form", ["--bind={}", "-bind={}", "--bind {}", "-bind {}"])
def test_flags_may_have_one_dash_or_two(form: str, tmp_path: Path) -> None:
    """`--x=v`, `--x v`, `-x=v` and `-x v` are the same (contract §1.19)."""
    address = f"127.0.0.1:{free_port()}"
    with socket.create_server(("127.0.0.1", int(address.split(":")[1]))):
        done = run(*form.format(address).split(), "--driver=in-memory", cwd=tmp_path)
    assert done.returncode != 0
    assert address in done.stderr


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a refused configuration is answered with."""
    assert done.returncode != 0
    [line] = done.stderr.splitlines()
    assert line.startswith("trioworq: ")
    return line


def test_an_unknown_driver_is_refused(tmp_path: Path) -> None:
    """The line names the choices."""
    assert "sqlite, mysql, in-memory" in refusal(run("--driver=postgres", cwd=tmp_path))


@pytest.mark.parametrize(
    "dsn", ["what", "user:sesame-secret@tcp(localhost:notaport)/x", "mysql://h:x/y", "u:sesame-secret@/"]
)
def test_an_unreadable_dsn_is_refused_without_showing_it(dsn: str, tmp_path: Path) -> None:
    """The line says what a DSN looks like and never shows the password (I14)."""
    line = refusal(run("--driver=mysql", f"--mysql-dsn={dsn}", cwd=tmp_path))
    assert "dsn" in line.lower()
    assert "sesame" not in line


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    """With a non-zero exit, unlike the original (contract §1.19)."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = refusal(run(f"--bind={address}", "--driver=in-memory", cwd=tmp_path))
    assert address in line
    assert "bind" in line


@pytest.mark.parametrize(
    "address", ["nonsense", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x", "192.0.2.1:80"]
)
def test_an_address_that_cannot_be_bound_is_refused(address: str, tmp_path: Path) -> None:
    """Whether it cannot be read or is not ours."""
    assert "bind" in refusal(run(f"--bind={address}", "--driver=in-memory", cwd=tmp_path))


@pytest.mark.parametrize("option", ["queue-log", "access-log", "error-log", "pid", "sqlite-path"])
def test_a_path_that_cannot_be_written_is_refused(option: str, tmp_path: Path) -> None:
    """A file stands where a folder is needed."""
    (tmp_path / "file").touch()
    bind = f"--bind=127.0.0.1:{free_port()}"
    line = refusal(run(bind, f"--{option}={tmp_path}/file/x", cwd=tmp_path))
    assert f"{tmp_path}/file" in line


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """And left as it is."""
    (tmp_path / "jobs.db").write_bytes(b"precious" * 1000)
    line = refusal(run(f"--bind=127.0.0.1:{free_port()}", "--sqlite-path=jobs.db", cwd=tmp_path))
    assert "jobs.db" in line
    assert (tmp_path / "jobs.db").read_bytes() == b"precious" * 1000


def test_a_database_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """An older daemon does not touch what a newer one has made."""
    with running_daemon(tmp_path / "a", f"--sqlite-path={tmp_path / 'jobs.db'}") as daemon:
        assert daemon.stop() == 0
    database = sqlite3.connect(tmp_path / "jobs.db")
    with database:
        database.execute("INSERT INTO schema_version (version) VALUES (999)")
    database.close()
    line = refusal(run(f"--bind=127.0.0.1:{free_port()}", "--sqlite-path=jobs.db", cwd=tmp_path))
    assert "999" in line


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FIREWORQ_QUEUE_DEFAULT_MAX_WORKERS", "many"),
        ("TRIOWORQ_SHUTDOWN_TIMEOUT", "-1"),
        ("TRIOWORQ_MAX_BODY_BYTES", "0"),
        ("TRIOWORQ_MYSQL_DSN_FILE", "/nowhere/secret"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(variable: str, value: str, tmp_path: Path) -> None:
    """The line names the variable that is wrong."""
    assert variable in refusal(run(cwd=tmp_path, environment={variable: value}))


@pytest.mark.parametrize("option", ["dispatch_allow", "dispatch_deny"])
def test_a_bad_entry_of_a_list_is_refused_by_its_name(option: str, tmp_path: Path) -> None:
    """Before anything is opened; the line names the option and the entry, and says what it should be."""
    bind, flag = f"--bind=127.0.0.1:{free_port()}", "--" + option.replace("_", "-")
    line = refusal(run(bind, f"{flag}=worker.example, 10.0.0.1/8", cwd=tmp_path))
    assert line.startswith(f"trioworq: {option}: '10.0.0.1/8' should be an address or a network")
    assert not (tmp_path / "trioworq.db").exists()


def test_a_database_that_cannot_be_reached_is_refused(tmp_path: Path) -> None:
    """After a bounded time, with the address and without the password."""
    port = free_port()
    bind = f"--bind=127.0.0.1:{free_port()}"
    dsn = f"--mysql-dsn=user:sesame-secret@tcp(127.0.0.1:{port})/x"
    line = refusal(run(bind, "--driver=mysql", dsn, cwd=tmp_path))
    assert str(port) in line
    assert "sesame" not in line


def test_options_come_from_flags_then_trioworq_then_fireworq(tmp_path: Path) -> None:
    """The strongest source wins (contract README 1)."""
    environment = {
        "FIREWORQ_QUEUE_DEFAULT_MAX_WORKERS": "3",
        "FIREWORQ_QUEUE_LOG_TAG": "weak",
        "TRIOWORQ_QUEUE_LOG_TAG": "stronger",
        "TRIOWORQ_ACCESS_LOG_TAG": "weak",
        "FIREWORQ_KEEP_ALIVE": "maybe",
    }
    flags = ("--driver=in-memory", "--access-log-tag=flag")
    with running_daemon(tmp_path / "a", *flags, environment=environment) as daemon:
        settings = daemon.request("GET", "/settings").json()
        assert settings["queue_default_max_workers"] == "3"
        assert settings["queue_log_tag"] == "stronger"
        assert settings["access_log_tag"] == "flag"
        # A boolean that cannot be read counts as not set, as in the original, but not in silence.
        assert settings["keep_alive"] == "true"
        assert any("FIREWORQ_KEEP_ALIVE" in line["message"] for line in daemon.lines("error"))


def test_a_second_daemon_that_cannot_start_leaves_the_firsts_pid_file(tmp_path: Path) -> None:
    """Who reads the file goes on finding the daemon that runs."""
    pid = tmp_path / "pid"
    with running_daemon(tmp_path / "a", f"--pid={pid}", "--driver=in-memory") as daemon:
        assert daemon.request("GET", "/version").status_code == 200
        address = daemon.url.removeprefix("http://")
        refusal(run(f"--bind={address}", f"--pid={pid}", "--driver=in-memory", cwd=tmp_path))
        assert pid.read_text() == f"{daemon.process.pid}\n"


def test_a_pid_file_that_another_process_has_taken_over_stays(tmp_path: Path) -> None:
    """After a hot restart the file is the new process's."""
    pid = tmp_path / "pid"
    with running_daemon(tmp_path / "a", f"--pid={pid}", "--driver=in-memory") as daemon:
        assert daemon.request("GET", "/version").status_code == 200
        pid.write_text("4711\n")
        assert daemon.stop() == 0
    assert pid.read_text() == "4711\n"


def test_closed_standard_streams_are_no_obstacle(tmp_path: Path) -> None:
    """No connection gets the number of a stream, or the log lines that are meant for it."""
    port = free_port()
    options = f"--bind=127.0.0.1:{port} --driver=in-memory"
    shell = f"exec {' '.join(command())} {options} <&- >&- 2>&-"
    process = subprocess.Popen(["/bin/sh", "-c", shell], cwd=tmp_path, env=clean_environment())
    try:
        daemon = RunningDaemon(process, f"http://127.0.0.1:{port}", tmp_path)
        wait_until(lambda: process.poll() is not None or is_listening(port))
        streams = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
        assert daemon.request("GET", "/version").status_code == 200
        assert daemon.stop() == 0
    finally:
        process.kill()
        process.wait()
    assert streams == [os.devnull] * 3
