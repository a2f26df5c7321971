"""The recording worker: does what payloads say, and writes down when each run began and how it ended."""

from collections import Counter
from contextlib import suppress
from functools import partial

import h11
import orjson
import trio
from attrs import define, field

from tests.process.harness.assignments import Kind
from tests.process.harness.journal import Journal

CUT_OFF = "cut off"

_VERDICTS = {
    Kind.SUCCESS: b'{"status":"success"}',
    Kind.FAILURE: b'{"status":"failure","message":"as told"}',
    Kind.PERMANENT: b'{"status":"permanent-failure","message":"as told"}',
    Kind.GARBAGE: b"<html>no verdict</html>",
}


@define(eq=False)
class Worker:
    """Its record is `journal`: lines `began` (run, name, queue, node) and `ended` (run, how)."""

    journal: Journal
    url: str = ""
    arrivals: int = 0
    failed: Counter[str] = field(factory=Counter)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen on a loopback port, and serve until cancelled; reports started with `url` set.

        Tasks: one for each connection. Stops when: cancelled. Raises: OSError if there is no port.
        """
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=512)
        self.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        task_status.started()
        await trio.serve_listeners(partial(_serve, self), [listener])

    def begin(self, job: dict[str, object], queue: str, node: str) -> int:
        """Record the start of a run and return its number."""
        self.arrivals += 1
        self.journal.note("began", run=self.arrivals, name=job["name"], queue=queue, node=node)
        return self.arrivals

    def end(self, run: int, how: str) -> None:
        """Record the end of a run, before the daemon can know of it."""
        self.journal.note("ended", run=run, how=how)

    def verdict(self, job: dict[str, object]) -> Kind:
        """Say what comes of this run; only what is answered counts."""
        kind = Kind(str(job["kind"]))
        if kind not in (Kind.FLAKY, Kind.MENDED):
            return kind
        name = str(job["name"])
        self.failed[name] += 1
        if kind is Kind.MENDED:
            return Kind.PERMANENT if self.failed[name] == 1 else Kind.SUCCESS
        return Kind.FAILURE if self.failed[name] <= int(str(job["fails"])) else Kind.SUCCESS


async def _serve(worker: Worker, stream: trio.SocketStream) -> None:
    """Answer the requests of one connection until the daemon leaves."""
    connection = h11.Connection(h11.SERVER)
    async with stream:
        try:
            while (request := await _receive(connection, stream)) is not None:
                await _answer(worker, connection, stream, *request)
        except (trio.BrokenResourceError, h11.RemoteProtocolError, _CutOff):
            return  # a daemon that was killed leaves by halves


async def _receive(connection: h11.Connection, stream: trio.SocketStream) -> tuple[h11.Request, bytes] | None:
    request, body = None, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some(65_536))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            return request, body
        else:
            return None


class _CutOff(Exception):
    """The daemon has closed the connection under a run."""


async def _answer(
    worker: Worker, connection: h11.Connection, stream: trio.SocketStream, request: h11.Request, body: bytes
) -> None:
    job = orjson.loads(body)
    node = dict(request.headers)[b"user-agent"].decode()
    run = worker.begin(job, request.target.decode().strip("/"), node)
    how = CUT_OFF
    try:
        hold_s = float("inf") if job["kind"] == Kind.HANGING else job["hold_ms"] / 1000
        if hold_s:
            await _hold(stream, hold_s)
        how = worker.verdict(job)
    finally:
        worker.end(run, how)
    reply = _VERDICTS[Kind(how)]
    head = h11.Response(status_code=200, headers=[("Content-Length", str(len(reply)))])
    parts = (
        connection.send(head),
        connection.send(h11.Data(data=reply)),
        connection.send(h11.EndOfMessage()),
    )
    await stream.send_all(b"".join(part for part in parts if part))
    connection.start_next_cycle()


async def _hold(stream: trio.SocketStream, hold_s: float) -> None:
    """Take some time; raises _CutOff as soon as the daemon gives up."""
    with trio.move_on_after(hold_s):
        # It sends nothing before it has its answer, so anything that can be read is the end.
        with suppress(trio.BrokenResourceError):
            await stream.receive_some(1)
        raise _CutOff
