"""The commands that ask a daemon which runs, and what they end with.

0   done
1   the daemon cannot be reached, refuses or is at fault; not all jobs could be requeued; the answer was no
2   wrong usage; a sweep that nobody has confirmed
3   no such job or queue
130 interrupted
"""

import sys
from collections.abc import Sequence

import click

from trioworq.cli.jobs import jobs
from trioworq.cli.load import load
from trioworq.cli.output import note, safe
from trioworq.cli.queues import queues
from trioworq.client import ClientError, NotFound, Unauthorized, Unavailable


def manage(arguments: Sequence[str]) -> int:
    """Run one of the commands; return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character is no reason to end in the middle of a table.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # none is replaced here
    # The daemon's command has -h, so who asks here by it should be told too.
    settings = {"help_option_names": ["-h", "--help"]}
    group = click.Group("trioworq", commands=[jobs, queues, load], context_settings=settings)
    try:
        _check_text(arguments)
        return group.main(list(arguments), prog_name="trioworq", standalone_mode=False) or 0
    except click.UsageError as error:
        error.show()
        return 2
    except click.Abort:
        return 130
    except ClientError as error:
        note(f"trioworq: {safe(_explain(error))}")
        return 3 if isinstance(error, NotFound) else 1
    except OSError as error:
        note(f"trioworq: cannot write: {error.strerror}")
        return 1


def _check_text(arguments: Sequence[str]) -> None:
    """Raise UsageError for what no URL and no JSON can hold."""
    try:
        "".join(arguments).encode()
    except UnicodeEncodeError:
        raise click.UsageError("the arguments should be UTF-8") from None


def _explain(error: ClientError) -> str:
    match error:
        case Unauthorized():
            return f"{error}; see --token-file"
        case Unavailable(may_be_done=True):
            return f"no answer: {error}; it may be done all the same"
        case Unavailable():
            return f"no answer: {error}"
        case _:
            return str(error)
