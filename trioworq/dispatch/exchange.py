"""One request and its reply on one connection."""

import trio

from trioworq.dispatch.replies import Reply
from trioworq.streams import ConnectionLost, Stream

# What any socket takes without waiting for its reader, so that sending it cannot hold up the reading.
SMALL_REQUEST_BYTES = 16 * 1024


async def converse(connection: Stream, request: bytes, reply: Reply) -> bool:
    """Send `request` and read until `reply` is finished or redirects; return whether all was sent.

    Whatever goes wrong is in the reply. A worker may answer before it has read the request; then the
    rest is not sent. If cancelled: the connection is in the middle of something and has to be closed.
    """
    if len(request) <= SMALL_REQUEST_BYTES:
        is_sent = await _send(connection, request)
        await _read(connection, reply)
        return is_sent
    return await _send_while_reading(connection, request, reply)


async def _send_while_reading(connection: Stream, request: bytes, reply: Reply) -> bool:
    """Do both at once.

    Tasks: the sending. Stops when: the reply is finished. Raises: nothing.
    """
    is_sent = False

    async def send() -> None:
        nonlocal is_sent
        is_sent = await _send(connection, request)

    async with trio.open_nursery() as sending:
        sending.start_soon(send)
        await _read(connection, reply)
        sending.cancel_scope.cancel()
    return is_sent


async def _send(connection: Stream, request: bytes) -> bool:
    try:
        await connection.send(request)
    except ConnectionLost:
        # The reply may have come all the same; if not, reading will tell.
        return False
    return True


async def _read(connection: Stream, reply: Reply) -> None:
    while not reply.is_finished and reply.location is None:
        try:
            data = await connection.receive()
        except ConnectionLost as error:
            reply.break_off(str(error))
            return
        if not data:
            reply.feed_eof()
            return
        reply.feed(data)
        if not reply.is_finished:
            connection.acknowledge()
