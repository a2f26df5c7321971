"""What was asked, and what came of it: a request is noted before it is sent, its answer before it is used."""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto
from itertools import count
from typing import Any

import trio
from attrs import define, evolve, field, frozen

from tests.process.harness.connection import Answer, Broken, Connection, Unsent
from tests.process.harness.journal import Journal

FOR_EVER = float("inf")
# What a request says of its end that its client did not want to wait for.
HUNG_UP = "hung up"
ENDS = ("answered", "broken", "unsent")


class Outcome(Enum):
    """What the client knows of a request."""

    DONE = auto()  # 2xx
    REFUSED = auto()  # any other answer
    UNKNOWN = auto()  # no answer
    UNSENT = auto()  # no connection


@frozen(kw_only=True)
class Request:
    """A request and what came of it.

    `ended_at_s` is when that was known, or never; `broken_at_s` when the client gave it up, or it was lost.
    `facts` are the client's, `told` what it kept of the answer.
    """

    event: str
    node: str
    path: str
    began_at_s: float
    ended_at_s: float = FOR_EVER
    broken_at_s: float = FOR_EVER
    outcome: Outcome = Outcome.UNKNOWN
    status: int = 0
    text: str = ""
    facts: Mapping[str, Any]
    told: Mapping[str, Any] = field(factory=dict)


@frozen
class Call:
    """A request to a node; `node` is what the ledger calls it."""

    node: str
    url: str
    method: str
    path: str
    body: Any = None


@define(eq=False)
class Ledger:
    """Lines of a journal; the disk has each one before its client goes on, unless that is not asked for."""

    journal: Journal
    is_synced: bool = True
    numbers: "count[int]" = field(factory=count)

    async def ask(
        self,
        connection: Connection,
        event: str,
        call: Call,
        keep: Callable[[Answer], Mapping[str, Any]] = lambda _: {},
        **facts: Any,
    ) -> Answer | None:
        """Send a request, and keep what was asked and, of the answer, what `keep` says; None for no answer.

        If cancelled: the client has hung up, which is in the ledger too.
        """
        number = next(self.numbers)
        await self._write(event, number=number, node=call.node, method=call.method, path=call.path, **facts)
        try:
            answer = await connection.ask(call.url, call.method, call.path, call.body)
        except Unsent as error:
            await self._write("unsent", number=number, text=str(error))
        except Broken as error:
            await self._write("broken", number=number, text=str(error))
        except trio.Cancelled:
            self.journal.note("broken", number=number, text=HUNG_UP)
            raise
        else:
            is_done = 200 <= answer.status < 300
            text = "" if is_done else answer.body[:200].decode(errors="replace")
            told = keep(answer) if is_done else {}
            await self._write("answered", number=number, status=answer.status, text=text, **told)
            return answer
        return None

    async def _write(self, event: str, **fields: Any) -> None:
        if self.is_synced:
            await self.journal.record(event, **fields)
        else:
            self.journal.note(event, **fields)


def read_requests(lines: Iterable[Mapping[str, Any]]) -> list[Request]:
    """Return every request of a ledger, in the order in which they began."""
    ends, begins = {}, []
    for line in lines:
        if line["event"] in ENDS:
            ends[line["number"]] = line
        elif "number" in line:
            begins.append(line)
    return [_request(line, ends.get(line["number"])) for line in begins]


def _request(line: Mapping[str, Any], end: Mapping[str, Any] | None) -> Request:
    request = Request(
        event=line["event"], node=line["node"], path=line["path"], began_at_s=line["at_s"], facts=line
    )
    if end is None:
        return request
    if end["event"] == "broken":
        return evolve(request, broken_at_s=end["at_s"], text=end["text"])
    if end["event"] == "unsent":
        return evolve(request, outcome=Outcome.UNSENT, ended_at_s=end["at_s"], text=end["text"])
    return evolve(
        request,
        outcome=Outcome.DONE if 200 <= end["status"] < 300 else Outcome.REFUSED,
        ended_at_s=end["at_s"],
        status=end["status"],
        text=end["text"],
        told=end,
    )
