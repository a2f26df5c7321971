"""The access, queue and error logs: what their lines say (contract §1.17, §1.18)."""

import logging
import os
import re
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
import trio
from attrs import frozen

from trioworq.clock import Clock
from trioworq.config import Config, ConfigError
from trioworq.core.jobs import Job
from trioworq.core.pull import NewPullJob, PullJob, Rescheduling, TimedOut, timeout_message
from trioworq.core.results import Result, ResultStatus
from trioworq.sinks import Sink

# How long the last lines may take to be written when the program ends.
CLOSING_TIMEOUT_S = 2.0
# A payload may have megabytes; a line shows this much of it.
SHOWN_PAYLOAD_BYTES = 64 * 1024

# In UTF-8, where nothing else has these bytes.
_LATIN_CONTROL = re.compile(rb"\x7f|\xc2[\x80-\x9f]")

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}

ErrorLog = structlog.typing.FilteringBoundLogger


@frozen
class AccessLine:
    """One handled request, as the access log shows it."""

    remote_addr: str
    user_agent: str | None
    method: str
    url: str
    status: int
    duration_ms: float


@frozen
class AccessLog:
    """One line a handled request."""

    _sink: Sink
    _clock: Clock
    _tag: str

    def write(self, line: AccessLine) -> None:
        """Log a request."""
        agent = {} if line.user_agent is None else {"user_agent": line.user_agent}
        fields = {
            "level": "info",
            "remote_addr": line.remote_addr,
            **agent,
            "tag": self._tag,
            "method": line.method,
            "url": line.url,
            "status": line.status,
            "duration": round(line.duration_ms, 3),
            "time": _local_time(self._clock.now_ms()),
        }
        self._sink.write(_encode(fields))


def _local_time(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms // 1000, UTC).astimezone().isoformat().replace("+00:00", "Z")


def _encode(fields: dict[str, Any]) -> bytes:
    line = _dump(fields)
    # JSON escapes the controls of ASCII only. Terminals obey those of Latin-1 as well.
    if b"\x7f" in line or b"\xc2" in line:
        return _LATIN_CONTROL.sub(_escape_control, line)
    return line


def _escape_control(match: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(match[0].decode())


def _dump(fields: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(fields)
    except orjson.JSONEncodeError:
        # Text from outside may hold lone surrogates, which no UTF-8 line can.
        clean = {
            key: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
            for key, value in fields.items()
        }
        return orjson.dumps(clean)


@frozen
class QueueLog:
    """One line for each step in the life of a job."""

    _sink: Sink
    _clock: Clock
    _tag: str
    _shows_info: bool
    _shows_debug: bool

    def pushed(self, job: Job) -> None:
        """Log a job that has just been stored."""
        if self._shows_info:
            self._write("info", "push", job, "claimed", job.fail_count, "New job accepted", job.created_at_ms)

    def popped(self, job: Job) -> None:
        """Log a job that has just been claimed."""
        if self._shows_debug:
            self._write("debug", "pop", job, "grabbed", job.fail_count, "A job grabbed", self._clock.now_ms())

    def completed(self, job: Job, result: Result) -> None:
        """Log the end of a job, good or bad."""
        if not self._shows_info:
            return
        good = result.status is ResultStatus.SUCCESS
        fail_count = job.fail_count if good else job.fail_count + 1
        status = "completed" if good else "failed"
        self._write("info", "complete", job, status, fail_count, result.message, self._clock.now_ms())

    def retried(self, job: Job, result: Result) -> None:
        """Log a failed attempt that is followed by another; shows the retries left before this one."""
        if self._shows_info:
            now_ms = self._clock.now_ms()
            self._write("info", "retry", job, "failed", job.fail_count + 1, result.message, now_ms)

    def _write(
        self, level: str, action: str, job: Job, status: str, fail_count: int, message: str, now_ms: int
    ) -> None:
        fields = {
            "level": level,
            "time": now_ms,
            "tag": self._tag,
            "action": action,
            "queue": job.queue,
            "category": job.category,
            "id": job.id,
            "status": status,
            "created_at": job.created_at_ms,
            "elapsed": now_ms - job.created_at_ms,
            "url": job.url,
            "payload": job.payload.body[:SHOWN_PAYLOAD_BYTES].decode("utf-8", "replace"),
            "next_try": job.next_try_ms,
            "retry_count": job.retries_left,
            "retry_delay": job.retry_delay_s,
            "fail_count": fail_count,
            "timeout": job.timeout_s,
        }
        if message:
            fields["message"] = message
        self._sink.write(_encode(fields))


@frozen
class PullLog:
    """One line for each step in the life of a pull job, in the queue log; `key` is its client's id."""

    _sink: Sink
    _clock: Clock
    _tag: str
    _shows_info: bool
    _shows_debug: bool

    def enqueued(self, job: NewPullJob, job_id: int) -> None:
        """Log a job that has just been stored."""
        if not self._shows_info:
            return
        more = {
            "id": job_id,
            "payload": job.payload[:SHOWN_PAYLOAD_BYTES].decode("utf-8", "replace"),
            "run_at": job.run_at_ms,
            "timeout": job.timeout_s,
            "max_retries": job.max_retries,
        }
        self._write("info", "enqueue", job.queue, job.key, "waiting", more)

    def fetched(self, job: PullJob) -> None:
        """Log a job that has just been handed out."""
        if self._shows_debug:
            more = {"id": job.id, "attempt": job.tries, "lease_ends_at": job.lease_ends_at_ms}
            self._write("debug", "fetch", job.queue, job.key, "running", more)

    def completed(self, queue: str, key: str) -> None:
        """Log a job that its worker has completed."""
        if self._shows_info:
            self._write("info", "complete", queue, key, "completed", {})

    def deleted(self, job: PullJob) -> None:
        """Log a job that an operator has removed."""
        if self._shows_info:
            self._write("info", "delete", job.queue, job.key, "deleted", {"id": job.id})

    def rescheduled(self, change: Rescheduling) -> None:
        """Log a job that its worker has put off."""
        if self._shows_info:
            more = {"run_at": change.run_at_ms}
            self._write("info", "reschedule", change.queue, change.key, "waiting", more)

    def timed_out(self, job: TimedOut) -> None:
        """Log a lease that has ended."""
        if not self._shows_info:
            return
        status = "failed" if job.is_failed else "waiting"
        more = {"id": job.id, "fail_count": job.fail_count, "message": timeout_message(job.fail_count)}
        self._write("info", "timeout", job.queue, job.key, status, more)

    def _write(
        self, level: str, action: str, queue: str, key: str, status: str, more: dict[str, Any]
    ) -> None:
        fields = {
            "level": level,
            "time": self._clock.now_ms(),
            "tag": self._tag,
            "action": action,
            "kind": "pull",
            "queue": queue,
            "key": key,
            "status": status,
            **more,
        }
        self._sink.write(_encode(fields))


@frozen
class Logs:
    """The three logs and their targets."""

    access: AccessLog
    queue: QueueLog
    pull: PullLog
    error: ErrorLog
    _sinks: tuple[Sink, ...]

    def reopen(self) -> None:
        """Reopen every log file, for rotation by renaming (SIGUSR1)."""
        for sink in self._sinks:
            try:
                sink.reopen()
            except ConfigError as error:
                self.error.error("log not reopened", reason=str(error))


@asynccontextmanager
async def open_logs(config: Config, clock: Clock) -> AsyncIterator[Logs]:
    """Open the logs.

    Tasks: one writer for each target, and one that ends its file. Stops when: the body ends; the last lines
    are written first, within CLOSING_TIMEOUT_S, whatever other targets do. Raises: ConfigError for a file
    that cannot be opened.
    """
    standard_output = Sink("", 1)
    access = Sink(config.access_log, 1) if config.access_log else standard_output
    queue = Sink(config.queue_log, 1) if config.queue_log else standard_output
    error = Sink(config.error_log, 2)
    sinks = tuple({id(sink): sink for sink in (standard_output, access, queue, error)}.values())
    level = _LEVELS[config.queue_log_level]
    logs = Logs(
        access=AccessLog(access, clock, config.access_log_tag),
        queue=QueueLog(queue, clock, config.queue_log_tag, level <= logging.INFO, level <= logging.DEBUG),
        pull=PullLog(queue, clock, config.queue_log_tag, level <= logging.INFO, level <= logging.DEBUG),
        error=_error_log(error, config),
        sinks=sinks,
    )
    try:
        async with trio.open_nursery() as writers:
            for sink in sinks:
                writers.start_soon(sink.run)
            yield logs
            writers.cancel_scope.cancel()
    finally:
        with trio.move_on_after(CLOSING_TIMEOUT_S, shield=True):
            async with trio.open_nursery() as finishing:
                for sink in sinks:
                    finishing.start_soon(sink.finish)


def _error_log(sink: Sink, config: Config) -> ErrorLog:
    """Return the error log: readable on standard error, JSON lines in a file."""
    last: list[structlog.typing.Processor]
    if config.error_log:
        renderer = structlog.processors.JSONRenderer(serializer=lambda fields, **_: _encode(fields).decode())
        last = [structlog.processors.EventRenamer("message"), renderer]
    else:
        last = [_escape_controls, structlog.dev.ConsoleRenderer(colors=os.isatty(2))]
    logger: ErrorLog = structlog.wrap_logger(
        _SinkLogger(sink),
        processors=[
            _add_level,
            structlog.processors.TimeStamper(
                fmt="iso", utc=False, key="time" if config.error_log else "timestamp"
            ),
            structlog.processors.format_exc_info,
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[config.error_log_level]),
        cache_logger_on_first_use=True,
    )
    return logger


def _add_level(_logger: object, method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the level as the options do."""
    fields["level"] = {"warning": "warn", "critical": "fatal", "exception": "error"}.get(method, method)
    return fields


def _escape_controls(
    _logger: object, _method: str, fields: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep text from outside from writing lines or colours of its own on the operator's terminal."""
    for key, value in fields.items():
        if key != "exception" and isinstance(value, str) and not value.isprintable():
            fields[key] = value.encode("unicode_escape").decode()
    return fields


@frozen
class _SinkLogger:
    """What structlog hands its rendered lines to."""

    _sink: Sink

    def msg(self, line: str) -> None:
        self._sink.write(line.encode("utf-8", "replace"))

    debug = info = warning = error = critical = exception = msg
