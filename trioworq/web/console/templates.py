"""The one environment of templates: everything is escaped, and an unknown name is an error."""

import socket
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trioworq import __version__
from trioworq.web.console.assets import asset
from trioworq.web.console.numbers import count, duration, moment, rate
from trioworq.web.console.shown import plain, shown, shown_lines
from trioworq.web.console.urls import url

_FOLDER = Path(__file__).parent


def render(template: str, values: dict[str, Any]) -> bytes:
    """Return a template's text, named as it lies in this folder; what is no UTF-8 becomes `?`."""
    return _environment().get_template(template).render(values).encode("utf-8", "replace")


@cache
def _environment() -> Environment:
    """Make it when the first page is asked for; templates are compiled one by one, as they are needed."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    written = {
        "moment": moment,
        "duration": duration,
        "count": count,
        "rate": rate,
        "shown": shown,
        "shown_lines": shown_lines,
        "plain": plain,
    }
    environment.filters.update(written)
    environment.globals.update(
        written, asset=asset, url=url, version=__version__, node_host=socket.gethostname()
    )
    return environment
