"""API tokens, and what else guards the daemon's door, at a real daemon."""

import re
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
import trustme

from tests.ports import free_port
from tests.process.running_daemon import (
    RecordingWorker,
    RunningDaemon,
    clean_environment,
    command,
    running_daemon,
    wait_until,
)
from tests.trust import NO_TRUST
from trioworq.web.tokens import new_token

pytestmark = pytest.mark.usefixtures("measured_processes")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        command(*arguments), env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
    )


def make(name: str, scopes: str) -> tuple[str, str]:
    """Make a token as an operator does; return it and its line."""
    made = run("--new-api-token", name, scopes)
    assert made.returncode == 0, made.stderr
    return made.stderr.split()[-1], made.stdout


def ask(daemon: RunningDaemon, token: str, method: str, path: str, body: Any = None) -> int:
    """Send a request with a token; return its status."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    content = None if body is None else orjson.dumps(body)
    url = daemon.url + path
    return httpx2.request(
        method, url, content=content, headers=headers, timeout=20, verify=NO_TRUST
    ).status_code


def messages(daemon: RunningDaemon) -> list[str]:
    """Return what the error log says."""
    return [line["message"] for line in daemon.lines("error")]


def test_a_new_token_is_shown_once_and_its_line_is_apart(tmp_path: Path) -> None:
    """The line alone goes to standard output, so that it can be appended to the file."""
    made = run("--new-api-token", "shop", "push,read")
    assert made.returncode == 0
    assert re.fullmatch(r"shop push,read sha256:[0-9a-f]{64}\n", made.stdout)
    assert re.fullmatch(r"The token, shown here and nowhere else: trioworq_[\w-]{43}\n", made.stderr)


@pytest.mark.parametrize("given", [("shop", "all"), ("a b", "push"), ("shop",)])
def test_a_token_that_no_line_can_hold_is_wrong_usage(given: tuple[str, ...]) -> None:
    """Nothing is made."""
    made = run("--new-api-token", *given)
    assert (made.returncode, made.stdout) == (1, "")
    assert "--new-api-token" in made.stderr
    assert "trioworq_" not in made.stderr


def test_tokens_guard_the_daemon_and_are_shown_nowhere(worker: RecordingWorker, tmp_path: Path) -> None:
    """One pushes, another administers; neither stands in any log or setting (I14)."""
    shop, shop_line = make("shop", "push")
    ops, ops_line = make("ops", "admin")
    path = tmp_path / "tokens"
    path.write_text(shop_line + ops_line)
    with running_daemon(
        tmp_path / "a", "--driver=in-memory", f"--api-tokens-file={path}", "--error-log-level=debug"
    ) as daemon:
        job = {"url": worker.url}
        assert [ask(daemon, token, "POST", "/job/any", job) for token in ("", "wrong", shop)] == [
            401,
            401,
            200,
        ]
        assert [ask(daemon, token, "PUT", "/queue/new", {}) for token in ("", shop, ops)] == [401, 403, 200]
        assert [ask(daemon, token, "GET", "/nothing") for token in ("", shop)] == [401, 404]
        wait_until(lambda: len(worker.answered) == 1)
        settings = httpx2.get(f"{daemon.url}/settings", headers={"Authorization": f"Bearer {ops}"})
        assert settings.json()["api_tokens_file"] == str(path)
        assert daemon.stop() == 0
    everything = settings.text.encode() + b"".join(
        file.read_bytes() for file in (tmp_path / "a").iterdir() if file.is_file()
    )
    assert b"listens on" in everything
    for secret in (shop, ops, shop_line.split()[2], ops_line.split()[2]):
        assert secret.removeprefix("trioworq_").removeprefix("sha256:").encode() not in everything


def expected_scope(method: str, path: str) -> str:
    """Say what an operation should ask for, by the rule that docs/api.md gives; nothing of some."""
    if path in ("/livez", "/readyz", "/health", "/v1/health"):
        return ""
    if method == "POST" and path in ("/job/{category}", "/jobs", "/v1/queues/jobs"):
        return "push"
    if path.endswith(("/pause", "/resume")):
        return "admin"
    verb = path.removeprefix("/v1")
    if verb in ("/enqueue", "/enqueue/batch"):
        return "push"
    if verb in ("/next", "/heartbeat", "/reschedule", "/complete") or path.startswith("/v1/queues/"):
        return "work"
    return "read" if method in ("GET", "OPTIONS") else "admin"


def test_every_operation_that_the_daemon_describes_asks_for_its_scope(tmp_path: Path) -> None:
    """And says so in the description; nothing is left open but what tells whether it lives and is ready."""
    made = {scope: new_token(scope, scope) for scope in ("push", "work", "read", "admin")}
    file = tmp_path / "tokens"
    file.write_text("\n".join(line for _, line in made.values()))
    with running_daemon(tmp_path / "a", "--driver=in-memory", f"--api-tokens-file={file}") as daemon:
        admin = {"Authorization": f"Bearer {made['admin'][0]}"}
        paths = httpx2.get(f"{daemon.url}/openapi.json", headers=admin).json()["paths"]
        operations = [
            (method.upper(), path, operation["security"])
            for path, item in paths.items()
            for method, operation in item.items()
            if method != "parameters"
        ]
        assert len(operations) > 20
        for method, path, security in operations:
            scope = expected_scope(method, path)
            assert security == ([{"token": [scope]}] if scope else [])
            target = re.sub(r"{\w+}", "x", path)
            assert (ask(daemon, "", method, target) == 401) is bool(scope)
            for shown in ("push", "work", "read"):
                is_refused = ask(daemon, made[shown][0], method, target) == 403
                assert is_refused is (scope not in ("", shown))


def test_tokens_that_change_are_taken_up_while_the_daemon_runs(tmp_path: Path) -> None:
    """One is added, one removed; a file that cannot be used leaves those before in force, and is logged."""
    first, first_line = make("first", "read")
    second, second_line = make("second", "read")
    path = tmp_path / "tokens"
    path.write_text(first_line)
    with running_daemon(tmp_path / "a", "--driver=in-memory", f"--api-tokens-file={path}") as daemon:
        assert (ask(daemon, first, "GET", "/queues"), ask(daemon, second, "GET", "/queues")) == (200, 401)
        path.write_text(f"# the first is no longer needed\n{second_line}")
        wait_until(lambda: ask(daemon, second, "GET", "/queues") == 200)
        assert ask(daemon, first, "GET", "/queues") == 401
        path.write_text(first_line + second)
        wait_until(lambda: any("changed, but cannot be used" in message for message in messages(daemon)))
        assert (ask(daemon, first, "GET", "/queues"), ask(daemon, second, "GET", "/queues")) == (401, 200)
        assert daemon.stop() == 0
    assert second not in (tmp_path / "a" / "error.log").read_text()


@pytest.mark.parametrize("text", [None, "", "shop push secret-word\n"])
def test_a_daemon_without_its_tokens_does_not_start(text: str | None, tmp_path: Path) -> None:
    """One line says why, and shows nothing of the file; a missing file does not mean an open door."""
    path = tmp_path / "tokens"
    if text is not None:
        path.write_text(text)
    done = run("--bind=127.0.0.1:0", "--driver=in-memory", f"--api-tokens-file={path}")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("trioworq: api_tokens_file: ")
    assert str(path) in line
    assert "secret-word" not in line


def test_a_daemon_that_others_can_reach_says_so_at_its_start(tmp_path: Path) -> None:
    """One on loopback has nothing to say."""
    port = free_port()
    # Of two --bind the last counts.
    options = ("--driver=in-memory", f"--bind=0.0.0.0:{port}")
    with running_daemon(tmp_path / "far", *options, port=port) as daemon:
        assert sum("anybody who can reach 0.0.0.0:" in message for message in messages(daemon)) == 1
    with running_daemon(tmp_path / "near", "--driver=in-memory") as daemon:
        assert not any("anybody" in message for message in messages(daemon))


def test_a_renewed_certificate_is_shown_to_new_connections(tmp_path: Path) -> None:
    """Without a restart, and without harm to a connection that is open."""
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    path = tmp_path / "both.pem"

    def renew(*names: str) -> None:
        fresh = tmp_path / "fresh.pem"
        authority.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(fresh)
        fresh.rename(path)

    def is_answered_as(name: str) -> bool:
        try:
            httpx2.get(daemon.url.replace("http://127.0.0.1", f"https://{name}"), verify=context)
        except httpx2.ConnectError:
            return False
        return True

    renew("localhost")
    options = [f"--tls-certificate={path}", f"--tls-key={path}"]
    with running_daemon(tmp_path / "a", "--driver=in-memory", *options, waits_for_answers=False) as daemon:
        wait_until(lambda: any("listens on https://" in message for message in messages(daemon)))
        url = daemon.url.replace("http://127.0.0.1", "https://localhost")
        with httpx2.Client(base_url=url, verify=context) as before:
            assert before.get("/version").status_code == 200
            assert not is_answered_as("127.0.0.1")
            renew("127.0.0.1")
            wait_until(lambda: is_answered_as("127.0.0.1"))
            assert before.get("/version").status_code == 200
        assert not is_answered_as("localhost")
        assert daemon.stop() == 0
