"""Operations: what the daemon says of itself (contract §1.12)."""

from collections.abc import Mapping
from typing import Any

from trioworq.config import FIREWORQ_VERSION, Config
from trioworq.web.openapi.parts import json_answer, operation, text_answer
from trioworq.web.openapi.shapes import schema

TAG = "Daemon"

_VERSION = text_answer(
    "The version, in a form that Fireworq's tools accept.",
    r"^Fireworq [0-9.]+\+trioworq\.\S+\n$",
    f"Fireworq {FIREWORQ_VERSION}\n",
)

OPERATIONS: Mapping[str, Any] = {
    "GET /": operation("getRoot", TAG, "Read the version", answer=_VERSION),
    "GET /version": operation("getVersion", TAG, "Read the version", answer=_VERSION),
    "GET /settings": operation(
        "getSettings",
        TAG,
        "Read the options in force",
        answer=json_answer("The options.", schema("Settings"), Config().shown()),
    ),
    "GET /stats": operation(
        "getRuntimeStats",
        TAG,
        "Read numbers of the process",
        "Requests for them are not in the access log.",
        answer={
            "description": "The numbers.",
            "content": {"application/json": {"schema": schema("RuntimeStats")}},
        },
    ),
    "GET /openapi.json": operation(
        "getDescription",
        TAG,
        "Read this description",
        answer=json_answer(
            "The description, in OpenAPI 3.1.",
            {"type": "object", "required": ["openapi"]},
            {"openapi": "3.1.0"},
        ),
    ),
}
