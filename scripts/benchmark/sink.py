"""The worker of the measurement, in a process of its own: says success and notes when each job came.

``POST /<run>`` is a job; ``GET /<run>`` answers how many different jobs of the run have come, and
``GET /<run>/deliveries`` all deliveries as 64-bit integers: number, pushed, arrived, number, ...
From ``GET /hold`` on jobs are left without an answer until ``GET /release``. ``POST /jobs`` is answered as
a server would that takes any job, so that the generator can be measured alone.
"""

import argparse
import heapq
import select
import socket
import struct
import time
from array import array

from attrs import define, field

MARK = b'"n":"'
NUMBER_DIGITS = 12
TIME_DIGITS = 20
SUCCESS = b'{"status":"success","message":""}'
BACKLOG = 1024
READ_BYTES = 256 * 1024
SEND_LIMIT_S = 10


def read_mark(body: bytes) -> tuple[int, int]:
    """Return (number, pushed_ns) from a payload of `pushes`; (-1, 0) from any other."""
    at = body.find(MARK)
    if at < 0:
        return -1, 0
    number = at + len(MARK)
    pushed = number + NUMBER_DIGITS + len('","t":"')
    return int(body[number : number + NUMBER_DIGITS]), int(body[pushed : pushed + TIME_DIGITS])


def answer(body: bytes, *, is_last: bool = False) -> bytes:
    """Return a reply with this body."""
    closing = b"Connection: close\r\n" if is_last else b""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"
    return head % (closing, len(body)) + body


def taken(body: bytes) -> bytes:
    """Return what a server answers that takes every job of a batch."""
    return b"[" + b",".join([b'{"id":1}'] * body.count(MARK)) + b"]"


def content_length(head: bytes) -> int:
    """Return the length of the body that follows a lower-case request head."""
    at = head.find(b"content-length:")
    return int(head[at + 15 : head.find(b"\r\n", at)]) if at >= 0 else 0


@define
class Ledger:
    """What came, by run."""

    deliveries: dict[bytes, "array[int]"] = field(factory=dict)
    numbers: dict[bytes, set[int]] = field(factory=dict)

    def note(self, run: bytes, body: bytes, arrived_ns: int) -> None:
        """Note a delivery."""
        number, pushed_ns = read_mark(body)
        self.deliveries.setdefault(run, array("q")).extend((number, pushed_ns, arrived_ns))
        self.numbers.setdefault(run, set()).add(number)

    def tell(self, path: bytes) -> bytes:
        """Answer a question about a run."""
        run, _, what = path.partition(b"/")
        if what == b"deliveries":
            return self.deliveries.get(run, array("q")).tobytes()
        return b"%d" % len(self.numbers.get(run, ()))


@define(eq=False)
class Peer:
    """One connection; a peer that stops reading is dropped with its answer half sent."""

    stream: socket.socket
    received: bytes = b""
    arrived_ns: int = 0


@define
class Sink:
    """The loop over all connections. Jobs are answered `delay_ns` after they came, or when released."""

    listener: socket.socket
    delay_ns: int
    _is_holding: bool = False
    _held: list[tuple[Peer, bool]] = field(factory=list)
    _ledger: Ledger = field(factory=Ledger)
    _events: select.epoll = field(factory=select.epoll)
    _peers: dict[int, Peer] = field(factory=dict)
    _later: list[tuple[int, int, Peer, bool]] = field(factory=list)
    _answers: int = 0

    def run(self) -> None:
        """Serve until the process is ended."""
        self._events.register(self.listener, select.EPOLLIN)
        while True:
            for number, _ in self._events.poll(self._wait_s()):
                if number == self.listener.fileno():
                    self._accept()
                elif number in self._peers:  # not dropped since
                    self._read(self._peers[number])
            self._answer_due()

    def _wait_s(self) -> float:
        if not self._later:
            return -1
        return max(0.0, (self._later[0][0] - time.monotonic_ns()) / 1e9)

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
            self._drop(peer)
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
        is_last = b"connection: close" in head
        match method, path:
            case b"post", b"/jobs":
                self._send(peer, taken(body), is_last)
            case b"post", _:
                self._ledger.note(path[1:], body, peer.arrived_ns)
                self._answer_later(peer, is_last)
            case _, b"/hold":
                self._is_holding = True
                self._send(peer, b"", is_last)
            case _, b"/release":
                self._release()
                self._send(peer, b"", is_last)
            case _:
                self._send(peer, self._ledger.tell(path[1:]), is_last)

    def _release(self) -> None:
        self._is_holding = False
        for peer, is_last in self._held:
            self._send(peer, SUCCESS, is_last)
        self._held.clear()

    def _answer_later(self, peer: Peer, is_last: bool) -> None:
        if self._is_holding:
            self._held.append((peer, is_last))
            return
        if not self.delay_ns:
            self._send(peer, SUCCESS, is_last)
            return
        self._answers += 1
        due_ns = time.monotonic_ns() + self.delay_ns
        heapq.heappush(self._later, (due_ns, self._answers, peer, is_last))

    def _answer_due(self) -> None:
        while self._later and self._later[0][0] <= time.monotonic_ns():
            _, _, peer, is_last = heapq.heappop(self._later)
            self._send(peer, SUCCESS, is_last)

    def _send(self, peer: Peer, body: bytes, is_last: bool) -> None:
        if peer.stream.fileno() < 0:
            return
        try:
            peer.stream.sendall(answer(body, is_last=is_last))
        except OSError:
            is_last = True
        if is_last:
            self._drop(peer)

    def _drop(self, peer: Peer) -> None:
        if peer.stream.fileno() >= 0:
            del self._peers[peer.stream.fileno()]
            peer.stream.close()


def main() -> None:
    """Print the port, then serve."""
    parser = argparse.ArgumentParser(description="The worker of scripts/bench.")
    parser.add_argument("--host", required=True)
    parser.add_argument("--delay-ms", type=float, default=0)
    options = parser.parse_args()
    with socket.create_server((options.host, 0), backlog=BACKLOG) as listener:
        print(listener.getsockname()[1], flush=True)
        Sink(listener, int(options.delay_ms * 1e6)).run()


if __name__ == "__main__":
    main()
