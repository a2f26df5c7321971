"""Prints docs/configuration.md from the table of options.

.venv/bin/python scripts/configuration_doc.py > docs/configuration.md
"""

from trioworq.config import OPTIONS, Option

HEAD = """\
# Configuration

<!-- Made by scripts/configuration_doc.py from trioworq/config.py; a test compares the two. -->

Every option can be given on the command line or in the environment. The command line beats the environment,
`TRIOWORQ_...` beats `FIREWORQ_...`, both beat the default. A variable that is set but empty counts as not set
(but for `TRIOWORQ_QUEUE_DEFAULT`, where empty means that there is no default queue).

```
trioworq --queue-default-max-workers=50
TRIOWORQ_QUEUE_DEFAULT_MAX_WORKERS=50 trioworq
```

A flag takes its value after a space or `=`, and a single dash will do. Booleans are `1`, `t`, `true`, `0`,
`f`, `false`; one that cannot be read is passed over with a warning. Any other value that cannot be read ends
the daemon at its start with one line that says what it should be.

The options marked *secret* can be read from a file: `TRIOWORQ_MYSQL_DSN_FILE=/run/secrets/dsn`. Their
passwords are masked wherever options are shown (`/settings`, logs).

`DEBUG`, set to anything, makes `debug` the default of both log levels.
"""

TAIL = """
## MySQL and MariaDB

Options follow the database's name in the DSN: `user:password@tcp(host:port)/name?tls=preferred&timeout=3s`.

| option | default | meaning |
|---|---|---|
| `tls` | `false` | `preferred`: where offered; `skip-verify`: always; `true`: with a good certificate |
| `timeout` | `5s` | how long connecting and logging in may take |
| `readTimeout`, `writeTimeout` | `15s` | how long a statement may take; the longer one counts |

MySQL 8 takes the passwords of its own login method, `caching_sha2_password`, over TLS, over a Unix socket,
or encrypted with its RSA key. It makes itself a certificate, so `tls=preferred` is all that is needed.
Without TLS the daemon needs the package `cryptography`, which is the extra `rsa` and takes 10 MiB of memory:
`pip install '.[rsa]'`, or `.venv-run/bin/pip install cryptography` beside `scripts/run`. MariaDB and other
login methods need neither.

## Logs

The access log and the queue log are JSON lines: one for each request, one for each step of a job (`push`,
`pop`, `retry`, `complete`; a payload is shown up to 64 KiB). The error log is made to be read on a terminal,
and JSON lines in a file. A target that takes no more lines, such as a full disk, costs lines and nothing
else: those that are lost are counted, and the count is logged when there is room again.

## Signals and exit codes

| signal | what follows |
|---|---|
| `SIGTERM`, `SIGINT`, `SIGHUP` | requests and running jobs get `shutdown_timeout` to finish, then it ends |
| a second one of these | the process ends at once; running jobs run again at the next start |
| `SIGUSR1` | the log files are opened anew, so that they can be renamed away before |

The exit code is 0 after a normal stop, and 1 after bad configuration, a store that cannot be opened, a
crash, a second signal or a stop that took too long.
"""


def section(title: str, options: list[Option]) -> str:
    """Return a table of options."""
    rows = [f"\n## {title}\n", "| option | variables | default | meaning |", "|---|---|---|---|"]
    return "\n".join(rows + [row(option) for option in options]) + "\n"


def row(option: Option) -> str:
    """Return one line of a table."""
    default = option.show(option.default)
    variables = ", ".join(f"`{variable}`" for variable in option.variables)
    mark = " *Secret.*" if option.secret else ""
    return f"| `{option.flag}` | {variables} | {f'`{default}`' if default else ''} | {option.about}{mark} |"


def main() -> None:
    """Print the page."""
    print(HEAD, end="")
    print(section("Options of Fireworq", [option for option in OPTIONS if option.from_fireworq]), end="")
    print(section("Options of trioworq", [option for option in OPTIONS if not option.from_fireworq]), end="")
    print(TAIL, end="")


if __name__ == "__main__":
    main()
