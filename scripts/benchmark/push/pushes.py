"""Requests that push jobs; each payload tells the job's number and when its request was sent."""

from collections.abc import Sequence

from attrs import frozen

from benchmark.connection import Answer
from benchmark.generator import Orders
from benchmark.push.sink import NUMBER_DIGITS, TIME_DIGITS

NAME = "a push"
OK = 200
MARKS = f'{{"n":"%0{NUMBER_DIGITS}d","t":"%0{TIME_DIGITS}d","pad":"'
HEAD = "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %%d\r\n\r\n"


@frozen
class SinglePushes:
    """One job a request, ``POST /job/{category}``; the categories take turns."""

    heads: Sequence[bytes]
    body: bytes
    batch: int = 1
    name: str = NAME

    def fill(self, numbers: range, run_after_s: int, sent_ns: int) -> bytes:
        """Return the whole request for one job."""
        (number,) = numbers
        body = self.body % (run_after_s, number, sent_ns)
        return self.heads[number % len(self.heads)] % len(body) + body

    def is_accepted(self, numbers: range, answer: Answer) -> bool:
        """Whether the answer is a success."""
        return answer.status == OK


@frozen
class BatchPushes:
    """Several jobs a request, ``POST /jobs``; the categories take turns within it."""

    head: bytes
    items: Sequence[bytes]
    batch: int
    name: str = NAME

    def fill(self, numbers: range, run_after_s: int, sent_ns: int) -> bytes:
        """Return the whole request for some jobs."""
        items, kinds = self.items, len(self.items)
        filled = [items[number % kinds] % (run_after_s, number, sent_ns) for number in numbers]
        body = b"[" + b",".join(filled) + b"]"
        return self.head % len(body) + body

    def is_accepted(self, numbers: range, answer: Answer) -> bool:
        """Whether there are as many ids as jobs: a refused one has none."""
        return answer.status == OK and answer.body.count(b'{"id":') == len(numbers)


def pushes(host: str, categories: Sequence[str], url: str, payload_bytes: int, batch: int) -> Orders:
    """Return what pushes jobs of these categories; a payload is never smaller than its marks."""
    padding = "x" * max(0, payload_bytes - len(MARKS % (0, 0)) - 2)
    rest = f'"url":"{url}","run_after":%d,"payload":{MARKS}{padding}"}}}}'
    if batch == 1:
        heads = [(HEAD % (f"/job/{category}", host)).encode() for category in categories]
        return SinglePushes(heads, f"{{{rest}".encode())
    items = [f'{{"category":"{category}",{rest}'.encode() for category in categories]
    return BatchPushes((HEAD % ("/jobs", host)).encode(), items, batch)
