"""What stands in the form: nothing yet, what was sent, or what is known of another job."""

import re
from collections.abc import Mapping, Sequence
from uuid import uuid4

from attrs import frozen

from trioworq.core.jobs import Kind
from trioworq.web.console.forms import Form
from trioworq.web.console.new_job.bodies import JSON

# With a ticked `instead` the `failed` job is deleted when the new one is there.
_BOTH = ("payload", "form", "timeout", "max_retries", "priority", "failed", "instead")
_FIELDS: Mapping[Kind, Sequence[str]] = {
    Kind.PUSH: ("category", "url", "run_after", "retry_delay", *_BOTH),
    Kind.PULL: ("queue", "id", "run_at", *_BOTH),
}

# Seconds; a pull job has to have one.
_TIMEOUT = "60"


@frozen(kw_only=True)
class Typed:
    """The values of a form's fields by their names, and what has to be said of them."""

    kind: Kind
    values: Mapping[str, str]
    notes: Sequence[str] = ()
    trouble: str = ""
    wrong: str = ""
    like: int | None = None


def begun(kind: Kind, values: Mapping[str, str], notes: Sequence[str] = (), like: int | None = None) -> Typed:
    """Return a form in which some fields are filled in, perhaps `like` a job, and the others as usual."""
    usual = {"form": JSON} | ({"id": uuid4().hex, "timeout": _TIMEOUT} if kind is Kind.PULL else {})
    known = {name: value for name, value in values.items() if name in _FIELDS[kind]}
    return Typed(kind=kind, values=dict.fromkeys(_FIELDS[kind], "") | usual | known, notes=notes, like=like)


def sent(kind: Kind, form: Form, trouble: str) -> Typed:
    """Return a form as it was sent, and what is wrong with it: what the message names first."""
    names = _FIELDS[kind]
    wrong = next((word for word in re.findall(r"\w+", trouble) if word in names), "")
    values = {name: form.text(name) for name in names}
    return Typed(kind=kind, values=values, trouble=trouble, wrong=wrong)
