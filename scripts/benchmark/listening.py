"""The other end of a measurement, in a process of its own: an epoll loop that answers HTTP requests.

It takes time from the server that is measured, so it understands no more than it is sent.
"""

import select
import socket
import struct
import time
from typing import Protocol

from attrs import define, field

BACKLOG = 1024
READ_BYTES = 256 * 1024
SEND_LIMIT_S = 10


@define(eq=False)
class Peer:
    """One connection; `is_last` and `arrived_ns` are of the request that is being served."""

    stream: socket.socket
    received: bytes = b""
    arrived_ns: int = 0
    is_last: bool = False

    def reply(self, body: bytes, status: bytes = b"200 OK") -> None:
        """Answer; a peer that stops reading, or is gone, is dropped."""
        if self.stream.fileno() < 0:
            return
        try:
            self.stream.sendall(answer(body, status, is_last=self.is_last))
        except OSError:
            self.is_last = True
        if self.is_last:
            self.stream.close()


class Service(Protocol):
    """What is asked of a program that listens."""

    def serve(self, peer: Peer, method: bytes, path: bytes, body: bytes) -> None:
        """Reply to a request, now or later; method and path are in lower case."""
        ...

    def wait_s(self) -> float:
        """Return the seconds until `catch_up` has something to do; -1 for nothing."""
        ...

    def catch_up(self) -> None:
        """Send the replies that are due."""
        ...


@define
class Loop:
    """All connections of a program that listens."""

    listener: socket.socket
    service: Service
    _events: select.epoll = field(factory=select.epoll)
    _peers: dict[int, Peer] = field(factory=dict)

    def run(self) -> None:
        """Serve until the process is ended."""
        self._events.register(self.listener, select.EPOLLIN)
        while True:
            for number, _ in self._events.poll(self.service.wait_s()):
                if number == self.listener.fileno():
                    self._accept()
                else:
                    self._read(self._peers[number])
            self.service.catch_up()

    def _accept(self) -> None:
        stream, _ = self.listener.accept()
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The kernel bounds a send. Python's own time-out would cost a system call before each.
        stream.setblocking(True)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_LIMIT_S, 0))
        self._peers[stream.fileno()] = Peer(stream)
        self._events.register(stream, select.EPOLLIN)

    def _read(self, peer: Peer) -> None:
        try:
            data = peer.stream.recv(READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:  # the event was of a dropped connection with the same number
            return
        except OSError:
            data = b""
        if not data:
            peer.stream.close()
            return
        if not peer.received:
            peer.arrived_ns = time.monotonic_ns()
        peer.received += data
        self._serve(peer)

    def _serve(self, peer: Peer) -> None:
        end = peer.received.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        head = peer.received[:end].lower()
        size = end + content_length(head)
        if len(peer.received) < size:
            return
        body, peer.received = peer.received[end:size], peer.received[size:]
        method, path, _ = head.split(b" ", 2)
        peer.is_last = b"connection: close" in head
        self.service.serve(peer, method, path, body)


def answer(body: bytes, status: bytes = b"200 OK", *, is_last: bool = False) -> bytes:
    """Return a reply with this body."""
    closing = b"Connection: close\r\n" if is_last else b""
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"
    return head % (status, closing, len(body)) + body


def content_length(head: bytes) -> int:
    """Return the length of the body that follows a lower-case request head."""
    at = head.find(b"content-length:")
    return int(head[at + 15 : head.find(b"\r\n", at)]) if at >= 0 else 0


def listen(host: str, service: Service) -> None:
    """Print a free port of `host`, and serve there until the process is ended."""
    with socket.create_server((host, 0), backlog=BACKLOG) as listener:
        print(listener.getsockname()[1], flush=True)
        Loop(listener, service).run()
