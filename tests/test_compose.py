"""docker-compose.yml says what it has to: MySQL 8, healthy before the daemon starts, nobody root, data kept.

These tests read the file; whether Docker accepts it is for ``docker compose config`` to say.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from trioworq import config
from trioworq.daemon import ENDING_S

ROOT = Path(__file__).parent.parent


@pytest.fixture
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return found


def interpolated(text: str) -> str:
    """Fill in what Compose fills in when the environment says nothing."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def test_the_daemon_is_configured_for_the_database_beside_it(services: dict[str, Any]) -> None:
    """The daemon's environment is understood, and names the database, user and password that MySQL makes."""
    environ = {name: interpolated(text) for name, text in services["trioworq"]["environment"].items()}
    options, warnings = config.load({}, environ)
    made = {name: interpolated(text) for name, text in services["mysql"]["environment"].items()}
    assert (options.driver, options.bind, warnings) == (config.Driver.MYSQL, "0.0.0.0:8080", [])
    account = f"{made['MYSQL_USER']}:{made['MYSQL_PASSWORD']}"
    # With TLS, because the image is without the package that the login takes else.
    assert options.dsn == f"{account}@tcp(mysql:3306)/{made['MYSQL_DATABASE']}?tls=preferred"


def test_every_variable_of_the_daemon_is_an_option(services: dict[str, Any]) -> None:
    """A misspelt variable would be passed over in silence."""
    known = {variable for option in config.OPTIONS for variable in option.variables}
    assert set(services["trioworq"]["environment"]) <= known


def test_the_password_is_chosen_outside_the_file(services: dict[str, Any]) -> None:
    """One variable sets it on both sides, and what holds without it says that it should be changed."""
    for service, name in (("trioworq", "TRIOWORQ_MYSQL_DSN"), ("mysql", "MYSQL_PASSWORD")):
        assert "${MYSQL_PASSWORD:-change-me}" in services[service]["environment"][name]


def test_the_daemon_starts_when_mysql_is_healthy(services: dict[str, Any]) -> None:
    """Both services say how their health is checked, and the daemon waits for MySQL's."""
    assert services["trioworq"]["depends_on"] == {"mysql": {"condition": "service_healthy"}}
    assert all("test" in service["healthcheck"] for service in services.values())


def test_the_daemons_health_is_asked_for_without_a_token(services: dict[str, Any]) -> None:
    """Else it would count as ill where tokens are asked for."""
    assert "/readyz" in services["trioworq"]["healthcheck"]["test"][-1]


def test_the_database_is_mysql_8_on_a_named_volume(services: dict[str, Any]) -> None:
    """The data outlives the containers."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    volume, _, place = services["mysql"]["volumes"][0].partition(":")
    assert services["mysql"]["image"].startswith("mysql:8")
    assert (volume in compose["volumes"], place) == (True, "/var/lib/mysql")


def test_the_port_is_published_to_this_machine_alone(services: dict[str, Any]) -> None:
    """There is no login, so nobody else may reach it."""
    assert all(port.startswith("127.0.0.1:") for port in services["trioworq"]["ports"])


def test_a_graceful_stop_has_more_time_than_it_needs(services: dict[str, Any]) -> None:
    """Docker kills after the grace period; by then the daemon has ended itself, whatever its store does."""
    assert services["trioworq"]["stop_grace_period"] == "75s"
    assert config.Config().shutdown_timeout + ENDING_S < 75


def test_the_image_runs_as_a_user_of_its_own(services: dict[str, Any]) -> None:
    """The user is made in the last stage and chosen before the program starts."""
    stage = services["trioworq"]["build"]["dockerfile_inline"].split("FROM ")[-1]
    lines = [line.split(" ")[0] for line in stage.splitlines()]
    assert "useradd" in stage
    assert lines.index("USER") < lines.index("ENTRYPOINT")
    assert "USER root" not in stage


def test_everything_that_the_image_copies_is_in_the_tree_and_not_ignored(services: dict[str, Any]) -> None:
    """What a COPY names is there, and .dockerignore lets it through."""
    lines = services["trioworq"]["build"]["dockerfile_inline"].splitlines()
    copies = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    let_through = (ROOT / ".dockerignore").read_text().split()
    for source in (source for sources in copies for source in sources):
        assert (ROOT / source).exists()
        assert f"!{source}" in let_through
