"""The accept loop, and the containment of what goes wrong on one connection."""

import errno
import socket
from collections.abc import Iterable
from contextlib import ExitStack, suppress

import trio
from attrs import field, frozen
from hypercorn.typing import ASGIFramework

from trioworq.logs import ErrorLog
from trioworq.streams import PlainStream, Stream, TlsStream
from trioworq.web.connection import Connection, Ends, Service
from trioworq.web.door import Door
from trioworq.web.edge import LAST_WORD_S, Edge, show_address
from trioworq.web.encoding import Encoder
from trioworq.web.hot import HotRoutes
from trioworq.web.lane import Lane, LaneService
from trioworq.web.messages import Route
from trioworq.web.traffic import Traffic

# How often connections are looked at, and so by how much a client's time may be exceeded.
LOOK_INTERVAL_S = 0.25

# Errors of accept() that pass when other files or memory are given back.
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}
_EXHAUSTED_PAUSE_S = 0.1


async def serve(
    app: ASGIFramework,
    routes: Iterable[Route],
    edge: Edge,
    door: Door,
    stop: trio.Event,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `app`, and the hot ones of `routes` in the intake lane; the sockets are closed at the end.

    Tasks: an accept loop for each socket, a task for each connection, one that looks after them. Stops
    when: `stop` is set; then nothing more is accepted, requests at hand are answered, and idle connections
    closed if they go on being idle. Raises: OSError from a socket that cannot accept. If cancelled: every
    connection is cut off.
    """
    is_secure = door.tls is not None
    server = _Server(
        lanes=LaneService(edge, HotRoutes.of(routes), Encoder(), is_secure),
        service=Service.of(app, edge, is_secure=is_secure),
        door=door,
        error_log=edge.error_log,
        traffic=edge.traffic,
        slots=trio.Semaphore(edge.config.max_connections),
    )
    async with trio.open_nursery() as looking:
        looking.start_soon(server.look_after)
        async with trio.open_nursery() as connections:
            with ExitStack() as closing:
                listeners = [
                    trio.SocketListener(trio.socket.from_stdlib_socket(bound)) for bound in door.sockets
                ]
                for listener in listeners:
                    closing.callback(listener.socket.close)
                async with trio.open_nursery() as accepting:
                    for listener in listeners:
                        accepting.start_soon(server.accept, listener, connections)
                    task_status.started()
                    await stop.wait()
                    accepting.cancel_scope.cancel(reason="the server stops")
            await server.stop()
        looking.cancel_scope.cancel(reason="every connection has ended")


@frozen(kw_only=True)
class _Server:
    """The connections of all listening sockets."""

    _lanes: LaneService
    _service: Service
    _door: Door
    _error_log: ErrorLog
    _traffic: Traffic
    _slots: trio.Semaphore
    _in_lane: set[Lane] = field(factory=set, init=False)
    _handed_over: set[Connection] = field(factory=set, init=False)

    async def accept(self, listener: trio.SocketListener, connections: trio.Nursery) -> None:
        """Accept as long as there are free slots. Runs until cancelled."""
        while True:
            await self._slots.acquire()
            try:
                accepted = (await listener.accept()).socket
            except OSError as error:
                self._slots.release()
                if error.errno not in _EXHAUSTED:
                    raise
                self._error_log.error("cannot accept a connection for now", reason=error.strerror)
                await trio.sleep(_EXHAUSTED_PAUSE_S)
            else:
                own = socket.socket(accepted.family, accepted.type, accepted.proto, accepted.detach())
                own.setblocking(False)
                connections.start_soon(self._run, own)

    async def look_after(self) -> None:
        """Look after the connections. Runs until cancelled."""
        while True:
            await trio.sleep(LOOK_INTERVAL_S)
            self._look(trio.current_time())

    def _look(self, now_s: float) -> None:
        # Not in the task itself: its frame would keep the last lane, and all that it holds, for too long.
        for lane in self._in_lane:
            lane.look_after(now_s)
        for connection in self._handed_over:
            connection.look_after(now_s)

    async def stop(self) -> None:
        """Have every connection end after its next answer, or soon without one."""
        await self._service.context.terminated.set()
        self._lanes.edge.uploads.end_at(trio.current_time() + LAST_WORD_S)
        for lane in self._in_lane:
            lane.stop()
        for connection in self._handed_over:
            connection.stop()

    async def _run(self, own: socket.socket) -> None:
        tls = self._door.tls
        stream: Stream = PlainStream(own) if tls is None else TlsStream(own, tls, None)
        try:
            ends = _ends(own)
            received = await self._run_lane(stream, ends)
            if received is not None:
                await self._hand_over(stream, ends, received)
        finally:
            stream.close()
            self._slots.release()

    async def _run_lane(self, stream: Stream, ends: Ends) -> bytes | None:
        lane = Lane(self._lanes, stream, show_address(ends.client))
        self._in_lane.add(lane)
        self._traffic.intake.connections += 1
        try:
            return await lane.run()
        except Exception as crash:  # noqa: BLE001  # one client must not be able to end the daemon
            self._error_log.error("connection failed", exc_info=crash)
            return None
        finally:
            self._traffic.intake.connections -= 1
            self._in_lane.discard(lane)

    async def _hand_over(self, stream: Stream, ends: Ends, received: bytes) -> None:
        connection = Connection(self._service, stream, ends, received)
        self._handed_over.add(connection)
        self._traffic.app.connections += 1
        try:
            await connection.run()
        except* Exception as crash:  # noqa: BLE001  # one client must not be able to end the daemon
            # Hypercorn tries to answer with a 500 where half of an answer is out already.
            if not connection.is_cut_off:
                self._error_log.error("connection failed", exc_info=crash)
        finally:
            self._traffic.app.connections -= 1
            self._handed_over.discard(connection)


def _ends(own: socket.socket) -> Ends:
    if own.family == socket.AF_UNIX:
        return Ends(None, None)
    client = None
    with suppress(OSError):
        client = own.getpeername()[:2]
    return Ends(client, own.getsockname()[:2])
