"""`trioworq queues`: push queues, what waits in either kind, pauses."""

import json

import click

from trioworq.cli.connecting import connected
from trioworq.cli.output import safe, safe_json, say, say_table, shown_time
from trioworq.client import Client, PushQueue, QueueCounts
from trioworq.client.calls import with_body
from trioworq.client.manage import calls
from trioworq.client.manage.values import Kind


class _ListingGroup(click.Group):
    """A group that lists when no command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; `list` is what is meant by none."""
        is_bare = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        return super().parse_args(ctx, ["list", *args] if is_bare else args)


@click.group(cls=_ListingGroup)
def queues() -> None:
    """List push queues, or see what waits; pause and resume queues. Without a command: list."""


@queues.command("list")
@connected
def list_queues(client: Client, is_json: bool) -> int:
    """List the push queues; what they have done is counted by the daemon that is asked, since its start."""
    defined, body = client.send(with_body(calls.queues()))
    counts, counts_body = client.send(with_body(calls.queue_counts()))
    if is_json:
        say(_joined(body, counts_body))
        return 0
    say_table(
        ("QUEUE", "STATE", "PRIORITY", "WORKERS", "BUSY", "JOBS/S", "PUSHED", "DONE", "FAILED"),
        [_row(queue, counts.get(queue.name)) for queue in defined],
    )
    return 0


def _row(queue: PushQueue, counts: QueueCounts | None) -> tuple[str | int | None, ...]:
    known = (queue.name, _state(queue, counts), queue.priority, queue.max_workers)
    if counts is None:
        return (*known, None, None, None, None, None)
    return (
        *known,
        counts.total_workers - counts.idle_workers,
        counts.pops_per_second,
        counts.total_pushes,
        counts.total_successes,
        counts.total_permanent_failures,
    )


def _state(queue: PushQueue, counts: QueueCounts | None) -> str:
    if queue.is_paused:
        return "paused"
    return "runs here" if counts is not None and counts.active_nodes else "not here"


def _joined(body: bytes, counts_body: bytes) -> str:
    """Put two answers of the API into one document: each queue has its counters as `stats`."""
    counts = json.loads(counts_body)
    return json.dumps([{**queue, "stats": counts.get(queue["name"])} for queue in json.loads(body)])


@queues.command()
@connected
def waiting(client: Client, is_json: bool) -> int:
    """List the due jobs that wait, of either kind, by type: a push job's category, a pull job's queue."""
    if is_json:
        _, body = client.send(with_body(calls.queue_status(1)))
        say(safe_json(body))
        return 0
    say_table(
        ("TYPE", "JOBS", "LONGEST SINCE", "PRIORITY", "STATE", "WHAT"),
        [
            (each.name, each.count, shown_time(each.longest_queued), each.highest_priority,
             "paused" if each.is_paused else "runs", each.description)
            for each in client.queue_status()
        ],
    )  # fmt: skip
    return 0


@queues.command()
@click.argument("name")
@click.option("--pull", is_flag=True, help="A queue of jobs that workers fetch.")
@connected
def pause(client: Client, is_json: bool, name: str, pull: bool) -> int:
    """Have no more jobs of a queue start until it is resumed; those that run go on."""
    return _set_paused(client, is_json, name, "pull" if pull else "push", is_paused=True)


@queues.command()
@click.argument("name")
@click.option("--pull", is_flag=True, help="A queue of jobs that workers fetch.")
@connected
def resume(client: Client, is_json: bool, name: str, pull: bool) -> int:
    """Have jobs of a queue start again."""
    return _set_paused(client, is_json, name, "pull" if pull else "push", is_paused=False)


def _set_paused(client: Client, is_json: bool, name: str, kind: Kind, *, is_paused: bool) -> int:
    try:
        call = calls.pause(name, kind, is_paused=is_paused)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    _, body = client.send(with_body(call))
    said = f"Queue {safe(name)} is paused." if is_paused else f"Queue {safe(name)} is resumed."
    say(safe_json(body) if is_json else said)
    return 0
