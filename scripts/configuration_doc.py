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

## Which workers may be called

Whoever may push can make the daemon call any address that it can reach, within these rules. An entry of
`dispatch_allow` or `dispatch_deny` names

| entry | stands for |
|---|---|
| `10.0.0.0/8`, `192.0.2.7`, `fd00::/8` | a network or an address |
| `worker.example`, `*.internal.example` | a host, or all names below a domain, in any case and script |
| `:6379`, `:1-1023` | ports, wherever they are |
| `10.0.0.0/8:8080`, `[fd00::/8]:80`, `worker.example:443` | both; IPv6 takes brackets then |

A connection is refused

1. when an entry of `dispatch_deny` stands for it;
2. when `dispatch_allow` has entries and none of them stands for it;
3. when its address is link-local, multicast or broadcast, or a metadata address of AWS, Google Cloud, Azure,
   Oracle Cloud, Alibaba Cloud, Akamai or Scaleway, unless `dispatch_allow` names that address or a network of
   none but such: `169.254.169.254` and `169.254.0.0/16` will do, `0.0.0.0/0` and a host name will not.
   `dispatch_allow=0.0.0.0/0,::/0,169.254.169.254` opens that one and leaves all others as they were.

Loopback and private networks are open unless the lists say otherwise. To close them all, deny `0.0.0.0/8`,
`10.0.0.0/8`, `100.64.0.0/10`, `127.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16`, `::/127` and `fc00::/7`.

Networks and ports are compared with what the daemon really connects to: after a name was looked up, for each
of its addresses (those that are refused are not tried), for each new connection and for each redirect. So it
does not matter how an address is written, and `::ffff:10.0.0.1` is `10.0.0.1`. Whoever denies `10.0.0.1`
denies `64:ff9b::10.0.0.1` and `2002:a00:1::` too, which lead there, and whoever denies loopback denies
`0.0.0.0` and `::`. Hosts are compared with the one in the URL. A host may have other names, so deny its
network to be sure.

A refused attempt is an `internal-failure` that reads `the address is not allowed by the daemon's
configuration`, whatever was refused and why, so it does not show what a name resolves to. Where
`dispatch_allow` has entries, a name of no address reads the same. The error log, which is for operators,
shows the addresses, in one warning a minute at most.

## Logs

The access log and the queue log are JSON lines: one for each request, one for each step of a job (`push`,
`pop`, `retry`, `complete`; a payload is shown up to 64 KiB). Those of a pull job are `enqueue`, `fetch`,
`reschedule`, `timeout` (its lease ended; with `status` `failed` it was the last) and `complete`; their `kind`
is `pull`, their `key` the id that the client gave the job, and `id`, where it is known, its number. `pop` and
`fetch` are there at the level `debug`. The error log is made to be read on a terminal, and JSON lines in a
file. A target that takes no more lines, such as a full disk, costs lines and nothing else: those that are
lost are counted, and the count is logged when there is room again.

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
