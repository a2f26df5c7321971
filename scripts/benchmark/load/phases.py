"""What is asked: the same time all in all, of one type and of every type, in pages of two sizes."""

import json
import time
from collections.abc import Iterator, Mapping

from attrs import frozen

from benchmark.asking import ask
from benchmark.errors import BenchError, Deadline
from benchmark.figures import Memory, Spread, spread
from benchmark.observed import Process
from benchmark.target import Place

DAY_S = 86_400
# What a daemon routes its categories to unless told otherwise.
DEFAULT_QUEUE = "default"


@frozen
class Plan:
    """What to do, as it was asked for on the command line."""

    days: int
    interval_s: int
    types: int
    seconds: int

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return self.days * DAY_S // self.interval_s

    def type_name(self, index: int) -> str:
        """Name one of the types."""
        return f"trioworq-bench-{index}"


@frozen
class Question:
    """One query: `name` is that of its figures."""

    name: str
    title: str
    query: str


@frozen
class Run:
    """Everything that one run measures; answers by the names of their questions."""

    answer: Mapping[str, Spread]
    memory: Memory | None


def questions(plan: Plan) -> Iterator[Question]:
    """Return every query."""
    filters = (
        ("all", "all jobs", ""),
        ("one", "one job type", f"&job_type_name={plan.type_name(0)}"),
        ("each", f"{plan.types} job types", f"&job_type_category={DEFAULT_QUEUE}"),
    )
    for name, title, query in filters:
        for size in (100, 1000):
            for page, where in (("1", "first"), ("last", "last")):
                yield Question(
                    f"{name}_{size}_{where}",
                    f"{title}, {where} page of {size}",
                    f"/v6/load/?started=P{plan.days}D&page_size={size}&page={page}{query}",
                )


def run(plan: Plan, place: Place, process: Process, deadline: Deadline) -> Run:
    """Ask every question for a while. Raises BenchError."""
    answer = {each.name: _asked(plan, each, place, deadline) for each in questions(plan)}
    return Run(answer, process.memory())


def _asked(plan: Plan, question: Question, place: Place, deadline: Deadline) -> Spread:
    answers_ns: list[int] = []
    ends_at_s = time.monotonic() + plan.seconds
    while time.monotonic() < ends_at_s or not answers_ns:
        started_ns = time.monotonic_ns()
        answer = ask(place, deadline, "GET", question.query)
        answers_ns.append(time.monotonic_ns() - started_ns)
    # The past goes by: samples at its beginning may have left it since they were written.
    count = json.loads(answer.body)["count"]
    if not plan.samples * 0.9 - 1 <= count <= plan.samples:
        raise BenchError(f"{count} samples were found and not {plan.samples}")
    return spread(answers_ns)
