"""Options: where they come from, what they may be, and what is shown of them (contract §1.19)."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.config import OPTIONS, Config, ConfigError, Driver, load, mask_password

FIREWORQ_OPTIONS = {
    "bind", "pid", "access_log", "access_log_tag", "error_log", "error_log_level", "queue_log",
    "queue_log_tag", "queue_log_level", "shutdown_timeout", "keep_alive",
    "config_refresh_interval", "driver", "mysql_dsn",
    "repository_mysql_dsn", "queue_mysql_dsn", "queue_default", "queue_default_polling_interval",
    "queue_default_max_workers", "dispatch_user_agent", "dispatch_keep_alive", "dispatch_max_conns_per_host",
    "dispatch_idle_conn_timeout",
}  # fmt: skip
EXAMPLES = {
    "driver": "in-memory",
    "console": "read-only",
    "keep_alive": "false",
    "dispatch_keep_alive": "false",
    "error_log_level": "warn",
    "queue_log_level": "warn",
}
NUMBERS = [
    option for option in OPTIONS if isinstance(option.default, int) and not isinstance(option.default, bool)
]
names = pytest.mark.parametrize("name", [option.name for option in OPTIONS])


def example(name: str) -> str:
    """Return a text that differs from every default and is allowed."""
    if name in EXAMPLES:
        return EXAMPLES[name]
    return "77" if isinstance(getattr(Config(), name), int) else "example"


def loaded(flags: Mapping[str, str] = MappingProxyType({}), /, **environ: str) -> Config:
    """Return the options in force, of which none may be warned about."""
    config, warnings = load(flags, environ)
    assert warnings == []
    return config


def shown(config: Config, name: str) -> str:
    return config.shown()[name]


def test_every_option_of_fireworq_is_there() -> None:
    """No option that Fireworq's users set is unknown."""
    assert {option.name for option in OPTIONS if option.from_fireworq} == FIREWORQ_OPTIONS


def test_the_defaults_are_fireworqs_except_where_it_is_said() -> None:
    """Fireworq's defaults hold, but for the driver, the default queue and keep-alive."""
    assert (
        Config().shown().items()
        >= {
            "bind": "127.0.0.1:8080",
            "pid": "",
            "access_log": "",
            "access_log_tag": "fireworq.access",
            "error_log": "",
            "error_log_level": "info",
            "queue_log": "",
            "queue_log_tag": "fireworq.queue",
            "queue_log_level": "info",
            "shutdown_timeout": "30",
            "keep_alive": "true",
            "config_refresh_interval": "1000",
            "driver": "sqlite",
            "sqlite_path": "trioworq.db",
            "mysql_dsn": "tcp(localhost:3306)/fireworq",
            "queue_default": "default",
            "queue_default_polling_interval": "200",
            "queue_default_max_workers": "20",
            "dispatch_keep_alive": "true",
            "dispatch_max_conns_per_host": "10",
            "dispatch_idle_conn_timeout": "0",
            "max_body_bytes": "16777216",
        }.items()
    )
    assert Config().dispatch_user_agent.startswith("Fireworq/1.5.1+trioworq.")


@names
def test_an_option_is_read_from_the_command_line(name: str) -> None:
    """Each option has a flag."""
    assert shown(loaded({name: example(name)}), name) == example(name)


@names
def test_an_option_is_read_from_the_environment(name: str) -> None:
    """Each option has a variable of trioworq's own."""
    assert shown(loaded(**{f"TRIOWORQ_{name.upper()}": example(name)}), name) == example(name)


@names
def test_fireworqs_variables_count_for_fireworqs_options_alone(name: str) -> None:
    """Options that Fireworq does not have do not answer to its name."""
    config = loaded(**{f"FIREWORQ_{name.upper()}": example(name)})
    assert (shown(config, name) == example(name)) is (name in FIREWORQ_OPTIONS)


def test_flags_beat_trioworqs_variables_which_beat_fireworqs() -> None:
    """The nearest word counts."""
    both = {"TRIOWORQ_BIND": ":2", "FIREWORQ_BIND": ":3"}
    assert loaded({"bind": ":1"}, **both).bind == ":1"
    assert loaded(**both).bind == ":2"


def test_an_empty_variable_is_not_set() -> None:
    """An empty value gives way to the next source."""
    assert loaded(TRIOWORQ_BIND="", FIREWORQ_BIND=":3").bind == ":3"
    assert loaded(FIREWORQ_BIND="").bind == "127.0.0.1:8080"


def test_an_empty_default_queue_means_none() -> None:
    """The default queue can be switched off by an empty variable or flag of ours, not by Fireworq's."""
    assert loaded(TRIOWORQ_QUEUE_DEFAULT="").queue_default == ""
    assert loaded({"queue_default": ""}).queue_default == ""
    assert loaded(FIREWORQ_QUEUE_DEFAULT="").queue_default == "default"


@pytest.mark.parametrize("text", ["1", "t", "T", "true", "TRUE", "True"])
def test_a_boolean_is_true_in_each_of_its_spellings(text: str) -> None:
    """Every spelling of true that Fireworq takes is taken."""
    config = loaded(FIREWORQ_KEEP_ALIVE=text)
    assert config.keep_alive is True


@pytest.mark.parametrize("text", ["0", "f", "F", "false", "FALSE", "False"])
def test_a_boolean_is_false_in_each_of_its_spellings(text: str) -> None:
    """Every spelling of false that Fireworq takes is taken."""
    config = loaded(FIREWORQ_KEEP_ALIVE=text)
    assert config.keep_alive is False


def test_a_boolean_that_cannot_be_read_is_passed_over_aloud() -> None:
    """The default holds and a warning names the source and the value."""
    config, warnings = load({}, {"FIREWORQ_KEEP_ALIVE": "yes"})
    assert config.keep_alive is True
    assert warnings == ["FIREWORQ_KEEP_ALIVE: 'yes' should be true or false; the default is used"]


def test_dispatch_keep_alive_follows_keep_alive() -> None:
    """Unless it is set itself, wherever keep_alive came from."""
    assert loaded({"keep_alive": "false"}).dispatch_keep_alive is False
    assert loaded(FIREWORQ_KEEP_ALIVE="false").dispatch_keep_alive is False
    assert (
        loaded(FIREWORQ_KEEP_ALIVE="false", FIREWORQ_DISPATCH_KEEP_ALIVE="true").dispatch_keep_alive is True
    )


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("0", "debug"),
        ("4", "fatal"),
        ("WARN", "warn"),
        ("Error", "error"),
        ("loud", "info"),
        ("5", "info"),
    ],
)
def test_a_level_is_a_word_or_a_number(text: str, level: str) -> None:
    """Levels are read whatever their case; what is none counts as info."""
    config = loaded(FIREWORQ_ERROR_LOG_LEVEL=text, FIREWORQ_QUEUE_LOG_LEVEL=text)
    assert (config.error_log_level, config.queue_log_level) == (level, level)


def test_debug_lowers_the_levels_that_are_not_set() -> None:
    """DEBUG is a default for both logs, not an order."""
    config = loaded(DEBUG="1", FIREWORQ_QUEUE_LOG_LEVEL="warn")
    assert (config.error_log_level, config.queue_log_level) == ("debug", "warn")
    assert loaded(DEBUG="").error_log_level == "info"


@pytest.mark.parametrize("option", NUMBERS, ids=lambda option: option.name)
@pytest.mark.parametrize("text", ["-1", "1.5", "x", " 1", "1_0", "٣", "9" * 30, "0" * 30 + "9" * 15, "1e3"])
def test_a_number_that_cannot_be_meant_is_refused_in_one_line(option: Any, text: str) -> None:
    """The line names the source, the value and what it should be."""
    with pytest.raises(ConfigError) as refusal:
        load({option.name: text}, {})
    line = str(refusal.value)
    assert line.startswith(f"{option.flag}: {text!r} should be a whole number from ")
    assert "\n" not in line


def test_zeros_in_front_of_a_number_change_nothing() -> None:
    """However many there are."""
    assert load({"shutdown_timeout": "0" * 5000 + "7"}, {})[0].shutdown_timeout == 7


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("queue_default_max_workers", "0"),
        ("queue_default_max_workers", "10001"),
        ("queue_default_polling_interval", "0"),
        ("queue_default_polling_interval", "4294967296"),
        ("config_refresh_interval", "9"),
        ("keep_alive_timeout_s", "0"),
        ("request_timeout_s", "0"),
        ("max_connections", "0"),
        ("max_header_bytes", "0"),
        ("max_body_bytes", "0"),
    ],
)
def test_a_number_outside_its_range_is_refused(name: str, text: str) -> None:
    """Each number has limits of its own."""
    with pytest.raises(ConfigError, match="should be a whole number from"):
        load({name: text}, {})


def test_an_unknown_driver_is_refused_with_the_known_ones() -> None:
    """The line says what to choose from."""
    with pytest.raises(ConfigError) as refusal:
        load({}, {"FIREWORQ_DRIVER": "oracle"})
    assert str(refusal.value) == "FIREWORQ_DRIVER: 'oracle' should be one of sqlite, mysql, in-memory"


def test_an_unknown_console_is_refused_with_the_known_ones() -> None:
    """A wish to have it off is not passed over."""
    with pytest.raises(ConfigError) as refusal:
        load({"console": "false"}, {})
    assert str(refusal.value) == "--console: 'false' should be one of on, read-only, off"


@pytest.mark.parametrize(("name", "reason"), [("é" * 128, "1 to 255 bytes"), ("\udcff", "not valid UTF-8")])
def test_a_default_queue_that_no_store_can_hold_is_refused(name: str, reason: str) -> None:
    """The default queue has to fit the store like any other."""
    with pytest.raises(ConfigError, match=rf"queue_default: .*{reason}"):
        load({"queue_default": name}, {})


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    """X_FILE names a file whose text, without the newline at its end, is the value."""
    secret = tmp_path / "dsn"
    secret.write_text("user:secret@tcp(db:3306)/jobs\n")
    config = loaded(TRIOWORQ_MYSQL_DSN_FILE=str(secret))
    assert config.mysql_dsn == "user:secret@tcp(db:3306)/jobs"
    assert loaded(FIREWORQ_MYSQL_DSN_FILE=str(secret)) == config


def test_a_value_beats_a_file(tmp_path: Path) -> None:
    """Where both are given the variable itself counts."""
    secret = tmp_path / "dsn"
    secret.write_text("a@/b")
    assert loaded(TRIOWORQ_MYSQL_DSN="c@/d", TRIOWORQ_MYSQL_DSN_FILE=str(secret)).mysql_dsn == "c@/d"


def test_a_secret_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A missing file and one that is no text are named."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    for path in (tmp_path / "missing", binary):
        with pytest.raises(ConfigError, match=f"TRIOWORQ_MYSQL_DSN_FILE: cannot read {path}"):
            load({}, {"TRIOWORQ_MYSQL_DSN_FILE": str(path)})


def test_options_that_are_no_secrets_are_not_read_from_files(tmp_path: Path) -> None:
    """X_FILE means a file for secrets alone."""
    file = tmp_path / "bind"
    file.write_text(":1")
    assert loaded(TRIOWORQ_BIND_FILE=str(file)).bind == "127.0.0.1:8080"


def test_the_two_overrides_name_the_one_database() -> None:
    """Either override wins over mysql_dsn, and both may be given when they agree."""
    assert loaded(FIREWORQ_MYSQL_DSN="a@/b").dsn == "a@/b"
    assert loaded(FIREWORQ_MYSQL_DSN="a@/b", FIREWORQ_REPOSITORY_MYSQL_DSN="c@/d").dsn == "c@/d"
    assert loaded(FIREWORQ_MYSQL_DSN="a@/b", FIREWORQ_QUEUE_MYSQL_DSN="c@/d").dsn == "c@/d"
    both = {"FIREWORQ_REPOSITORY_MYSQL_DSN": "c@/d", "FIREWORQ_QUEUE_MYSQL_DSN": "c@/d"}
    assert loaded(FIREWORQ_DRIVER="mysql", **both).dsn == "c@/d"


def test_two_databases_are_refused_without_naming_them() -> None:
    """Definitions and jobs share one database; the line shows no password."""
    environ = {
        "FIREWORQ_DRIVER": "mysql",
        "FIREWORQ_REPOSITORY_MYSQL_DSN": "a:secret@/b",
        "FIREWORQ_QUEUE_MYSQL_DSN": "c:secret@/d",
    }
    with pytest.raises(ConfigError, match="set mysql_dsn alone") as refusal:
        load({}, environ)
    assert "secret" not in str(refusal.value)


def test_settings_are_texts_and_show_every_option() -> None:
    """Every option is shown as Fireworq's tools read it: by name, as a string."""
    settings = Config().shown()
    assert set(settings) == {option.name for option in OPTIONS}
    assert all(isinstance(value, str) for value in settings.values())


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_settings_can_always_be_written(option: Any) -> None:
    """What is not UTF-8 in the environment is replaced; without that `/settings` would be a 500."""
    assert option.show("a\udcffb").encode() == b"a?b"


@pytest.mark.parametrize(
    ("dsn", "masked"),
    [
        ("user:pw@tcp(h:1)/db", "user:********@tcp(h:1)/db"),
        ("user:p@w:d@tcp(h:1)/db", "user:********@tcp(h:1)/db"),
        ("user@tcp(h:1)/db", "user@tcp(h:1)/db"),
        ("tcp(h:1)/db", "tcp(h:1)/db"),
        ("mysql://user:pw@h:1/db", "mysql://user:********@h:1/db"),
        ("mysql://user@h/db", "mysql://user@h/db"),
        ("user:secret://secret@tcp(h:1)/db", "user:********@tcp(h:1)/db"),
        ("", ""),
    ],
)
def test_a_password_is_masked(dsn: str, masked: str) -> None:
    """What is shown of a DSN says where the database is and not how to get in."""
    assert mask_password(dsn) == masked


@pytest.mark.parametrize("name", ["mysql_dsn", "repository_mysql_dsn", "queue_mysql_dsn"])
def test_settings_never_show_a_password(name: str) -> None:
    """Every option that holds a DSN is masked (I14)."""
    config = loaded({name: "user:hunter2@tcp(h:1)/db"})
    assert "hunter2" not in str(config.shown())


@given(st.text(), st.text(alphabet=st.characters(exclude_characters="@"), min_size=4))
def test_no_password_survives_masking(user: str, password: str) -> None:
    """Whatever the user's name and the password are, the password is not in what is shown."""
    user = user.replace(":", "").replace("@", "").replace("/", "")
    masked = mask_password(f"{user}:{password}@tcp(host:1)/db")
    assert masked == f"{user}:********@tcp(host:1)/db"


@given(st.sampled_from(OPTIONS), st.text())
def test_any_text_is_a_value_or_one_line(option: Any, text: str) -> None:
    """Reading the options ends in a configuration or in a ConfigError, never in anything else."""
    line = ""
    try:
        load({option.name: text}, {})
    except ConfigError as refusal:
        line = str(refusal)
    assert "\n" not in line


def test_each_driver_can_be_chosen() -> None:
    """The three stores have names."""
    assert [loaded(FIREWORQ_DRIVER=name).driver for name in ("sqlite", "mysql", "in-memory")] == list(Driver)
