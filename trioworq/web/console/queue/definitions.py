"""What is typed into the form of a definition → the body that the API takes, so that both check the same."""

import json
import re
from collections.abc import Mapping

from attrs import frozen

from trioworq.core.queues import QueueDefaults, QueueDefinition
from trioworq.web.console.forms import Form

FIELDS = ("max_workers", "polling_interval", "max_dispatches_per_second", "max_burst_size", "priority")

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
# How messages name fields, in the words of the original.
_NAMES = {"MaxDispatchesPerSecond": "max_dispatches_per_second", "MaxBurstSize": "max_burst_size"}


@frozen
class Typed:
    """What stands in the form, and what is wrong with it: `wrong` is the name of a field, or empty."""

    values: Mapping[str, str]
    name: str = ""
    trouble: str = ""
    wrong: str = ""


def typed_of(definition: QueueDefinition) -> Typed:
    """Return a definition as it would have been typed."""
    return Typed(
        {
            "max_workers": str(definition.max_workers),
            "polling_interval": str(definition.polling_interval_ms),
            "max_dispatches_per_second": repr(definition.max_dispatches_per_second).removesuffix(".0"),
            "max_burst_size": str(definition.max_burst_size),
            "priority": str(definition.priority),
        }
        | ({} if definition.is_throttled else {"max_dispatches_per_second": "", "max_burst_size": ""}),
        definition.name,
    )


def typed_anew(defaults: QueueDefaults, name: str = "") -> Typed:
    """Return an empty form; what is left so gets the defaults, but for those that are shown."""
    shown = {
        "max_workers": str(defaults.max_workers),
        "polling_interval": str(defaults.polling_interval_ms),
    }
    return Typed(dict.fromkeys(FIELDS, "") | shown, name)


def sent(form: Form, trouble: str) -> Typed:
    """Return a form as it was sent, and what is wrong with it."""
    words = [_NAMES.get(word, word) for word in re.findall(r"\w+", trouble)]
    wrong = next((word for word in words if word in FIELDS), "")
    return Typed({name: form.text(name) for name in FIELDS}, form.text("name"), trouble, wrong)


def body_of(form: Form) -> bytes:
    """Write what was filled in as an object; what is no number stays a string, which no field takes."""
    typed = {name: form.text(name).strip() for name in FIELDS}
    members = [f"{json.dumps(name)}:{_source(text)}" for name, text in typed.items() if text]
    return f"{{{','.join(members)}}}".encode()


def _source(text: str) -> str:
    return text if _NUMBER.fullmatch(text) else json.dumps(text)
