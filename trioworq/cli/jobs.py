"""`trioworq jobs`: failed jobs, any job's status, counts."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from trioworq.cli.connecting import connected
from trioworq.cli.moments import MOMENT, as_time
from trioworq.cli.output import note, safe, safe_json, say, say_table, shown_time
from trioworq.client import Client, JobReport, Sweep
from trioworq.client.calls import Call, with_body
from trioworq.client.manage import calls
from trioworq.client.manage.values import Which

Command = Callable[..., int]

_FILTERS = (
    click.option("--queue", metavar="NAME", help="Of this queue, of either kind."),
    click.option("--category", metavar="NAME", help="Push jobs of this category."),
    click.option("--failed-after", metavar="TIME", type=MOMENT, help="Failed then or later; PT3H is ago."),
    click.option("--failed-before", metavar="TIME", type=MOMENT, help="Failed before then; P7D is ago."),
)
_SWEEPING = (
    click.option("--dry-run", is_flag=True, help="Only tell how many there are."),
    click.option("--yes", is_flag=True, help="Do not ask."),
)


def _filtered(command: Command) -> Command:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def _sweeping(command: Command) -> Command:
    for option in reversed(_SWEEPING):
        command = option(command)
    return _filtered(command)


def _job_id(text: str) -> str:
    if not (text.isascii() and text.isdigit()):
        raise click.BadParameter("a job has a number.")
    return text


@click.group()
def jobs() -> None:
    """Failed jobs, any job's status, and counts."""


@jobs.command()
@_filtered
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="How many at most."
)
@click.option("--offset", default=0, type=click.IntRange(min=0), help="How many to pass over first.")
@connected
def failed(client: Client, is_json: bool, limit: int, offset: int, **which: Any) -> int:
    """List failed jobs, the oldest failure first."""
    chosen = _which(**which)
    reports, body = client.send(with_body(calls.failed(limit, offset, chosen)))
    if is_json:
        say(safe_json(body))
    else:
        _list(reports)
    following = offset + len(reports)
    # Where jobs are large there are fewer than were asked for, and more all the same.
    if reports and client.failed(limit=1, offset=following, **chosen):
        note(f"There are more: --offset {following}")
    return 0


def _list(reports: Sequence[JobReport]) -> None:
    say_table(
        ("JOB", "FAILED AT", "KIND", "QUEUE", "CATEGORY", "TRIES", "WHY"),
        [
            (each.job_id, shown_time(each.ended_at), each.kind, each.queue, each.category, each.fail_count,
             _first_line(each.exc_info))
            for each in reports
        ],
    )  # fmt: skip


@jobs.command()
@click.argument("job_id", type=_job_id)
@connected
def retry(client: Client, is_json: bool, job_id: str) -> int:
    """Run a failed job again, now and with all its retries."""
    return _change(client, is_json, calls.retry(job_id), f"Job {job_id} runs again.")


@jobs.command()
@click.argument("job_id", type=_job_id)
@connected
def delete(client: Client, is_json: bool, job_id: str) -> int:
    """Delete a failed job."""
    return _change(client, is_json, calls.delete_failed(job_id), f"Job {job_id} is deleted.")


def _change(client: Client, is_json: bool, call: Call[None], done: str) -> int:
    _, body = client.send(with_body(call))
    say(safe_json(body) if is_json else done)
    return 0


@jobs.command("retry-all")
@_sweeping
@connected
def retry_all(client: Client, is_json: bool, dry_run: bool, yes: bool, **which: Any) -> int:
    """Run failed jobs again: all, or those that the options choose."""
    return _sweep(client, is_json, calls.retry_all, "run again", dry_run, yes, _which(**which))


@jobs.command()
@_sweeping
@connected
def clear(client: Client, is_json: bool, dry_run: bool, yes: bool, **which: Any) -> int:
    """Delete failed jobs: all, or those that the options choose."""
    return _sweep(client, is_json, calls.clear, "be deleted", dry_run, yes, _which(**which))


def _sweep(
    client: Client,
    is_json: bool,
    ask: Callable[[bool, Which], Call[Sweep]],
    what: str,
    dry_run: bool,
    yes: bool,
    which: Which,
) -> int:
    if not (dry_run or yes):
        count = client.send(ask(True, which)).total
        if count and not _is_confirmed(f"{_jobs(count)} will {what}."):
            note("Nothing was changed.")
            return 1
    sweep, body = client.send(with_body(ask(dry_run, which)))
    if is_json:
        say(safe_json(body))
    elif not sweep.total:
        say("There are no such failed jobs.")
    elif dry_run:
        say(f"{_jobs(sweep.total)} would {what}.")
    else:
        say(f"{len(sweep.job_ids)} of {_jobs(sweep.total)} {what}".replace(" be ", " are ") + ".")
        if sweep.errors:
            say_table(("JOB", "WHY NOT"), [(left.job_id, left.error) for left in sweep.errors])
    return 1 if sweep.errors else 0


def _is_confirmed(question: str) -> bool:
    """Ask on the terminal. Raises UsageError where there is none: a script says `--yes` to what it means."""
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody can be asked here; say --yes if it is meant.")
    return click.confirm(f"{question} Go on?", err=True)


def _jobs(count: int) -> str:
    return "1 failed job" if count == 1 else f"{count} failed jobs"


@jobs.command()
@click.argument("job_id", type=_job_id)
@connected
def status(client: Client, is_json: bool, job_id: str) -> int:
    """Show a job: one that waits, runs or failed, or has finished some minutes ago."""
    report, body = client.send(with_body(calls.status(job_id)))
    if is_json:
        say(safe_json(body))
    else:
        _show(report)
    return 0


def _show(report: JobReport) -> None:
    lines: dict[str, str | int | None] = {
        "job": report.job_id,
        "status": report.status,
        "kind": report.kind,
        "queue": report.queue,
        "category": report.category,
        "url": report.url,
        "id in its queue": report.key,
        "priority": report.priority,
        "failed tries": report.fail_count,
        "created": shown_time(report.created_at),
        "started": shown_time(report.started_at),
        "ended": shown_time(report.ended_at),
        "args": "not kept" if report.payload_omitted else safe_json(report.args_json),
        "kwargs": "not kept" if report.payload_omitted else safe_json(report.kwargs_json),
        "result": report.result,
        "why it failed": report.exc_info,
    }
    for name, value in lines.items():
        if value is not None:
            # A traceback keeps its lines, each behind the margin, where none can pass for one of ours.
            first, *more = str(value).split("\n")
            say(f"{name:<15}  {safe(first)}")
            for line in more:
                say(f"{'':<15}  {safe(line)}")


@jobs.command()
@click.option("--queue", metavar="NAME", help="Of this queue, of either kind.")
@connected
def stats(client: Client, is_json: bool, queue: str | None) -> int:
    """Count jobs by state; those that wait for a time are not counted."""
    counts, body = client.send(with_body(calls.stats(queue)))
    if is_json:
        say(safe_json(body))
        return 0
    say_table(
        ("QUEUED", "STARTED", "FAILED", "FINISHED"),
        [(counts.queued, counts.started, counts.failed, counts.finished)],
    )
    return 0


def _which(
    queue: str | None,
    category: str | None,
    failed_after: datetime | timedelta | None,
    failed_before: datetime | timedelta | None,
) -> Which:
    return Which(
        queue=queue,
        category=category,
        failed_after=as_time(failed_after),
        failed_before=as_time(failed_before),
    )


def _first_line(text: str | None) -> str | None:
    return None if text is None else text.strip().partition("\n")[0]
