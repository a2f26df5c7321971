"""Operations: how the daemon is, for those who look after it."""

from collections.abc import Mapping
from typing import Any

from trioworq.web.messages import TEXT
from trioworq.web.openapi.parts import Part, operation
from trioworq.web.openapi.refusals import RESPONSES

TAG = "Health"

_VERBOSE = {
    "name": "verbose",
    "in": "query",
    "allowEmptyValue": True,
    "description": "Be told of each check; any value will do.",
    "schema": {"type": "string"},
}
_NO_STORE = {
    "Cache-Control": {
        "description": "What was true a moment ago need not be now.",
        "schema": {"type": "string", "const": "no-store"},
    }
}
_LINES = r"(\[\+\]\w+ ok\n|\[-\]\w+ failed: [^\n]+\n)+"


def _well(name: str) -> Part:
    unavailable = RESPONSES["Unavailable"]["headers"]
    return {
        "description": "All is well.",
        "headers": {"X-Content-Type-Options": unavailable["X-Content-Type-Options"], **_NO_STORE},
        "content": {
            TEXT: {
                "schema": {"type": "string", "pattern": rf"^(ok|{_LINES}{name} check passed\n)$"},
                "example": "ok",
            }
        },
    }


_UNWELL: Part = {
    "description": "A check failed, and the lines say which; or the request could not be read for now.",
    "headers": {**RESPONSES["Unavailable"]["headers"], **_NO_STORE},
    "content": {
        TEXT: {
            "schema": {
                "type": "string",
                "pattern": rf"^({_LINES}readyz check failed\n|503 Service Unavailable\n\n[^\n]+\n)$",
            },
            "example": "[-]store failed: out of reach\n[+]schema ok\n[+]shutdown ok\nreadyz check failed\n",
        }
    },
}
_EXAMPLE = """\
# HELP trioworq_jobs_pushed_total Jobs accepted.
# TYPE trioworq_jobs_pushed_total counter
trioworq_jobs_pushed_total 7.0
"""
_NUMBERS: Part = {
    "description": "The numbers, in OpenMetrics where the client takes that.",
    "content": {
        "text/plain; version=0.0.4; charset=utf-8": {
            "schema": {"type": "string", "pattern": "^# HELP "},
            "example": _EXAMPLE,
        },
        "application/openmetrics-text; version=1.0.0; charset=utf-8": {
            "schema": {"type": "string", "pattern": "# EOF\n$"},
            "example": _EXAMPLE.replace("_total J", " J").replace("_total c", " c") + "# EOF\n",
        },
    },
}

OPERATIONS: Mapping[str, Any] = {
    "GET /livez": operation(
        "getLiveness",
        TAG,
        "Ask whether the daemon is alive",
        "It is while it answers. Requests are not in the access log.",
        answer=_well("livez"),
        query=[_VERBOSE],
    ),
    "GET /readyz": operation(
        "getReadiness",
        TAG,
        "Ask whether the daemon can be sent requests",
        "It can while its database answers, the schema is right, and no stop was asked for. Nothing is "
        "waited for, and requests are not in the access log.",
        answer=_well("readyz"),
        query=[_VERBOSE],
        refusals={503: _UNWELL},
    ),
    "GET /metrics": operation(
        "getMetrics",
        TAG,
        "Read the numbers of this node, for Prometheus",
        "Requests are not in the access log.",
        answer=_NUMBERS,
    ),
}
