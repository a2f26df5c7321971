"""The daemon's command: argv and environment → Config → `trio.run`; messages and exit codes (contract §1.19).

0   a normal stop; --version, --license, --credits, --new-api-token
1   wrong usage, bad configuration, a store that cannot be opened; --help, as in the original
1   a crash, with its traceback on standard error
1   a second signal, or a shutdown that outlived its time
"""

import os
import re
import resource
import select
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib.metadata import distribution
from pathlib import Path
from typing import NoReturn

import click
import trio

from trioworq import __version__, daemon
from trioworq.config import OPTIONS, ConfigError, load
from trioworq.stores.interface import StoreError
from trioworq.web.inherited import take_sockets
from trioworq.web.sockets import bind_sockets
from trioworq.web.tokens import new_token


def serve(arguments: Sequence[str]) -> int:
    """Run the daemon's command; return the exit code."""
    try:
        code = command().main(arguments, prog_name="trioworq", standalone_mode=False)
    except click.UsageError as error:
        click.echo(
            f"Usage: trioworq [OPTIONS]; see trioworq --help\nError: {error.format_message()}", err=True
        )
        code = 1
    return code or 0


def command() -> click.Command:
    """Build the command from the table of options."""
    settings = [
        # Like the original, a single dash will do as well.
        click.Option([option.name, option.flag, option.flag[1:]], metavar="VALUE", help=option.about)
        for option in OPTIONS
    ]
    return click.Command(
        "trioworq",
        params=[
            *settings,
            _flag(["-v", "--version"], "Show the version and exit.", _show_version),
            _flag(["--license"], "Show the licence and exit.", _show_license),
            _flag(["--credits"], "Show the libraries that this program stands on and exit.", _show_credits),
            _new_api_token(),
            _flag(["-h", "--help"], "Show this text and exit.", _show_help),
        ],
        callback=_run_daemon,
        add_help_option=False,
        help="Run the job queue. Every option can also be set in the environment; see docs/configuration.md.",
        epilog="Beside that, trioworq jobs, trioworq queues and trioworq load ask a daemon that runs; see "
        "trioworq jobs --help and so on.",
    )


def _flag(names: list[str], about: str, act: Callable[[click.Context], int]) -> click.Option:
    def callback(context: click.Context, _parameter: click.Parameter, is_given: bool) -> None:
        if is_given:
            context.exit(act(context))

    return click.Option(names, is_flag=True, is_eager=True, expose_value=False, help=about, callback=callback)


def _new_api_token() -> click.Option:
    def callback(context: click.Context, _parameter: click.Parameter, given: tuple[str, str] | None) -> None:
        if given is None:
            return
        try:
            token, line = new_token(*given)
        except ValueError as error:
            raise click.UsageError(f"--new-api-token: {error}") from None
        # Apart, so that `>>` appends the line to the file, and the token to nothing.
        click.echo(f"The token, shown here and nowhere else: {token}", err=True)
        click.echo(line)
        context.exit(0)

    return click.Option(
        ["--new-api-token"],
        nargs=2,
        metavar="NAME SCOPES",
        is_eager=True,
        expose_value=False,
        callback=callback,
        help="Make a token, print its line for api_tokens_file, and exit. Scopes: push,work,read,admin.",
    )


def _show_version(_context: click.Context) -> int:
    click.echo(f"trioworq {__version__}", err=True)
    return 0


def _show_license(_context: click.Context) -> int:
    click.echo(distribution("trioworq").read_text("licenses/LICENSE"))
    return 0


def _show_credits(_context: click.Context) -> int:
    for requirement in distribution("trioworq").requires or ():
        name = re.split(r"[^A-Za-z0-9_.-]", requirement)[0]
        try:
            about = distribution(name).metadata
        except ModuleNotFoundError:
            continue  # meant for another version of Python, or an extra that is not there
        known = [about[field] for field in ("License-Expression", "License") if field in about]
        licence = known[0].splitlines()[0] if known else "see its distribution"
        click.echo(f"{name} {about['Version']}: {licence}")
    return 0


def _show_help(context: click.Context) -> int:
    click.echo(context.get_help())
    return 1


def _run_daemon(**flags: str | None) -> int:
    """Run the daemon; return the exit code."""
    code = 0
    try:
        given = {name: text for name, text in flags.items() if text is not None}
        config, warnings = load(given, os.environ)
        _raise_file_limit()
        # First the address: where a daemon runs already, a second one must not touch its PID file.
        sockets = take_sockets(os.environ) or bind_sockets(config.bind)
        with _pid_file(config.pid):
            trio.run(partial(daemon.run, config, sockets, os.environ, warnings=warnings, die=_die))
    except* (ConfigError, StoreError) as group:
        for error in _leaves(group):
            click.echo(f"trioworq: {error}", err=True)
        code = 1
    return code


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _die(reason: str) -> NoReturn:
    """End the process here and now: nothing is waited for, and rows still running are found again later."""
    # Nobody may be there to read it, and a full pipe would hold up the end.
    with suppress(OSError):
        if select.select((), (2,), (), 0)[1]:
            os.write(2, f"trioworq: {reason}\n".encode())
    os._exit(1)


def _raise_file_limit() -> None:
    """Allow as many open files as the system lets us; every connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def _pid_file(path: str) -> Iterator[None]:
    """Keep the process id in a file, for as long as the body runs; an empty path keeps none."""
    if not path:
        yield
        return
    file, line = Path(path), f"{os.getpid()}\n".encode()
    try:
        file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        file.write_bytes(line)
    except OSError as error:
        raise ConfigError(f"cannot write the PID file {path}: {error.strerror}; choose another") from None
    try:
        yield
    finally:
        # A process that takes over may have written its own id by now.
        with suppress(OSError):
            if file.read_bytes() == line:
                file.unlink()
