"""The server under test, through the API that every Fireworq-compatible server has."""

import http.client
import ipaddress
import json
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

from attrs import define, field, frozen

from benchmark.connection import Address
from benchmark.errors import BenchError, Deadline

ANSWER_S = 10
CLEAN_UP_S = 10
POLL_S = 0.02
# A Fireworq restarts all its queues about a second after a definition has changed.
SETTLE_S = 1.5
OK, NOT_FOUND, NOT_IMPLEMENTED = 200, 404, 501


@frozen
class Place:
    """Where the server listens."""

    host: str
    address: Address

    @classmethod
    def of(cls, url: str, *, allow_remote: bool) -> "Place":
        """Read a base URL. Raises BenchError for one that cannot be used or leads off this machine."""
        try:
            parts = urlsplit(url)
            port = parts.port or 80
        except ValueError as error:
            raise BenchError(f"{url} is not a URL: {error}") from None
        if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
            raise BenchError(f"{url} should look like http://127.0.0.1:8080")
        try:
            resolved = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise BenchError(f"cannot resolve {parts.hostname}: {error}") from None
        ip = str(resolved[0][4][0])
        if not allow_remote and not ipaddress.ip_address(ip).is_loopback:
            raise BenchError(f"{url} is not on this machine; --allow-remote if it may be flooded")
        return cls(parts.netloc, (ip, port))

    def own_host(self) -> str:
        """Return the address by which the server can reach this machine."""
        family = socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(self.address)
            return str(probe.getsockname()[0])


@define
class Target:
    """The server's API, one request at a time over one connection."""

    place: Place
    deadline: Deadline
    _connection: http.client.HTTPConnection = field(init=False)

    def __enter__(self) -> Self:
        self._connection = http.client.HTTPConnection(*self.place.address, timeout=ANSWER_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def version(self) -> str:
        """Return what the server calls itself."""
        return self._ask("GET", "/version")[1].decode("utf-8", "replace").strip()

    @contextmanager
    def defined(self, queues: Sequence[str], max_workers: int) -> Iterator[None]:
        """Have queues that take the categories of their names; remove them on the way out."""
        try:
            for queue in queues:
                self.define_queue(queue, {"max_workers": max_workers})
                self._require("PUT", f"/routing/{quote(queue)}", {"queue_name": queue})
            time.sleep(SETTLE_S)
            yield
        finally:
            self.remove(*(f"/{kind}/{quote(queue)}" for queue in queues for kind in ("routing", "queue")))

    def define_queue(self, queue: str, definition: Mapping[str, int]) -> None:
        """Define a queue."""
        self._require("PUT", f"/queue/{quote(queue)}", definition)

    def remove(self, *paths: str) -> None:
        """Delete what was defined, with some time of its own, as far as the server goes along."""
        deadline, self.deadline = self.deadline, Deadline.after(CLEAN_UP_S)
        with suppress(BenchError):
            for path in paths:
                self._ask("DELETE", path)
        self.deadline = deadline

    def takes_batches(self) -> bool:
        """Whether the server has ``POST /jobs``."""
        return self._ask("POST", "/jobs", "[]")[0] == OK

    def answer_ms(self, path: str) -> float:
        """Ask for something that is there; return the milliseconds until it was."""
        started_s = time.perf_counter()
        self._get(path)
        return (time.perf_counter() - started_s) * 1000

    def first_job(self, queue: str, jobs: str, order: str) -> Mapping[str, Any]:
        """Return the first job of a list. Raises BenchError for an empty one."""
        found = self._jobs(queue, f"{jobs}?limit=1&order={order}")
        if not found:
            raise BenchError(f"there is no {jobs} job in {queue}")
        first: Mapping[str, Any] = found[0]
        return first

    def wait_until_empty(self, queue: str) -> None:
        """Return when no job of the queue is due or running."""
        while not self._is_empty(queue):
            self.deadline.left_s("the queue to become empty")
            time.sleep(POLL_S)

    def _is_empty(self, queue: str) -> bool:
        return not any(self._jobs(queue, f"{jobs}?limit=1") for jobs in ("waiting", "grabbed"))

    def _jobs(self, queue: str, query: str) -> list[Any]:
        body = self._get(f"/queue/{quote(queue)}/{query}")
        found: list[Any] = json.loads(body)["jobs"] if body else []
        return found

    def _get(self, path: str) -> bytes:
        status, body = self._ask("GET", path)
        if status == NOT_IMPLEMENTED:  # the in-memory Fireworq has no lists
            return b""
        if status != OK:
            raise BenchError(f"GET {path} was answered {status}")
        return body

    def _require(self, method: str, path: str, body: Mapping[str, object]) -> None:
        status, answer = self._ask(method, path, json.dumps(body))
        if status != OK:
            text = " ".join(answer.decode("utf-8", "replace").split())
            raise BenchError(f"{method} {path} was answered {status}: {text[:200]}")

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        limit_s = min(ANSWER_S, self.deadline.left_s(f"{method} {path}"))
        self._connection.timeout = limit_s
        if self._connection.sock is not None:
            self._connection.sock.settimeout(limit_s)
        try:
            self._connection.request(method, path, body)
            reply = self._connection.getresponse()
            return reply.status, reply.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            reason = f"no answer within {limit_s:.0f} s" if isinstance(error, TimeoutError) else str(error)
            raise BenchError(f"http://{self.place.host}{path}: {reason or type(error).__name__}") from None
