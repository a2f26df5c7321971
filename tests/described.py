"""Judges answers by the OpenAPI document, closed so that a field of which it does not tell is a fault."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import httpx2
from attrs import field, frozen
from jsonschema_rs import Draft202012Validator

from trioworq.config import Config
from trioworq.core.errors import InvalidRequest
from trioworq.web.messages import JSON, Request, Response, Route
from trioworq.web.openapi.detail_refusals import DETAIL_EVERYWHERE, DETAIL_WITHOUT_TOKEN
from trioworq.web.openapi.document import OPERATIONS, write_document
from trioworq.web.openapi.parameters import GREEDY, NO_HEAD
from trioworq.web.openapi.pull_refusals import PULL_EVERYWHERE, PULL_WITHOUT_TOKEN
from trioworq.web.openapi.refusals import EVERYWHERE, WITHOUT_TOKEN
from trioworq.web.paths import decode_path
from trioworq.web.replies import has_detail, is_pull

# Headers that are no matter of the document.
_OF_HTTP = {"content-type", "content-length", "date", "connection"}


_MOST = ""
_ANYWHERE: Mapping[str, Mapping[int, Any]] = {
    _MOST: {**EVERYWHERE, **WITHOUT_TOKEN},
    "Pull": {**PULL_EVERYWHERE, **PULL_WITHOUT_TOKEN},
    "Detail": {**DETAIL_EVERYWHERE, **DETAIL_WITHOUT_TOKEN},
}
"""What any request may be answered, by what the names of its family's errors begin with."""


async def _nowhere(_request: Request) -> Response:
    raise NotImplementedError


def document() -> dict[str, Any]:
    """Return the document with every operation that is described, as clients read it."""
    keys = (key.split(" ", 1) for key in OPERATIONS)
    routes = [Route(method, path, _nowhere) for method, path in keys]
    whole: dict[str, Any] = json.loads(json.dumps(write_document(routes, Config())))
    return whole


@cache
def description() -> "Description":
    """Return the document, ready to judge."""
    return Description.of(document())


def faults_of(answer: httpx2.Response) -> list[str]:
    """Say what of an answer that has been read is not as described."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    request = answer.request
    return description().faults(
        request.method, request.url.raw_path, answer.status_code, headers, answer.content
    )


@frozen
class DescribedAnswer:
    """One answer of the document: its content by type, its headers by name in lower case."""

    content: Mapping[str, Draft202012Validator]
    headers: Mapping[str, Draft202012Validator]
    required_headers: frozenset[str]

    def faults(self, headers: Mapping[str, str], body: bytes | None) -> Iterator[str]:
        """Say what of an answer is not as described; None stands for a body that is not to be there."""
        content_type = headers.get("content-type", "")
        if not self.content and not content_type:
            yield from ["a body"] if body else []
        elif content_type not in self.content:
            yield f"content type {content_type!r}"
        elif body is not None:
            errors = self.content[content_type].iter_errors(_read(content_type, body))
            yield from (f"{error.instance_path}: {error.message[:500]}" for error in errors)
        yield from (f"no {name}" for name in self.required_headers - headers.keys())
        for name in headers.keys() - _OF_HTTP:
            if name not in self.headers or not self.headers[name].is_valid(_number(headers[name])):
                yield f"{name}: {headers[name]}"


def _read(content_type: str, body: bytes) -> Any:
    # A payload comes back as it was sent, with bytes that are not UTF-8 and numbers of any length.
    text = body.decode("utf-8", "replace")
    return json.loads(text, parse_int=lambda digits: int(digits[:30])) if content_type == JSON else text


def _number(text: str) -> int | str:
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else text


@frozen
class DescribedPath:
    """One path of the document: what it matches, and the answers of each method by status."""

    pattern: re.Pattern[str]
    methods: Mapping[str, Mapping[int, DescribedAnswer]]

    @property
    def allow(self) -> str:
        """What a 405 is to say."""
        return ", ".join(sorted(self.methods))


@frozen
class Description:
    """Which answers to which requests are as described."""

    _paths: tuple[DescribedPath, ...]
    _anywhere: Mapping[str, Mapping[int, DescribedAnswer]]
    _responses: Mapping[str, DescribedAnswer]

    @classmethod
    def of(cls, whole: dict[str, Any]) -> "Description":
        """Compile a document."""
        _close(whole)
        compiler = _Compiler(whole["components"])
        # A literal path goes before one with variable parts, as in the app.
        paths = sorted(whole["paths"].items(), key=lambda item: "{" in item[0])
        return cls(
            paths=tuple(compiler.path(path, item) for path, item in paths),
            anywhere={family: compiler.answers(answers) for family, answers in _ANYWHERE.items()},
            responses={
                name: compiler.answer(answer) for name, answer in whole["components"]["responses"].items()
            },
        )

    def faults(
        self, method: str, target: bytes, status: int, headers: Mapping[str, str], body: bytes
    ) -> list[str]:
        """Say what of an answer is not as described; the names of `headers` are in lower case."""
        try:
            path = decode_path(target.partition(b"?")[0])
        except InvalidRequest:
            return _faults(self._anywhere[_family(target.decode("latin-1"))], status, headers, body)
        place = next((place for place in self._paths if place.pattern.fullmatch(path)), None)
        described = self._answers(method, path, place).get(status)
        if described is None:
            return [f"status {status}"]
        found = list(described.faults(headers, None if method == "HEAD" else body))
        if status == 405 and place is not None and headers.get("allow") != place.allow:
            found.append(f"Allow should be {place.allow}")
        return found

    def unasked_faults(self, status: int, headers: Mapping[str, str], body: bytes) -> list[str]:
        """Say what of an answer to something that is no request is not as described."""
        return _faults(self._anywhere[_MOST], status, headers, body)

    def _answers(self, method: str, path: str, place: DescribedPath | None) -> Mapping[int, DescribedAnswer]:
        family = _family(path)
        if place is None:
            return {**self._anywhere[family], 404: self._responses[f"{family}UnknownPath"]}
        refused = {**self._anywhere[family], 405: self._responses[f"{family}MethodNotAllowed"]}
        return place.methods.get(method, refused)


def _faults(
    answers: Mapping[int, DescribedAnswer], status: int, headers: Mapping[str, str], body: bytes
) -> list[str]:
    described = answers.get(status)
    return [f"status {status}"] if described is None else list(described.faults(headers, body))


def _family(path: str) -> str:
    """Return what the names of the errors of a path's family begin with."""
    if has_detail(path):
        return "Detail"
    return "Pull" if is_pull(path) else _MOST


def _close(part: Any) -> None:
    """Let no object of the document have fields that are not described."""
    if isinstance(part, dict):
        if "properties" in part:
            part.setdefault("additionalProperties", False)
        for each in part.values():
            _close(each)


@frozen
class _Compiler:
    _components: Mapping[str, Any]
    _compiled: dict[str, Draft202012Validator] = field(factory=dict, init=False)

    def path(self, path: str, item: Mapping[str, Any]) -> DescribedPath:
        methods = {
            method.upper(): self.answers(operation["responses"])
            for method, operation in item.items()
            if method != "parameters"
        }
        if "get" in item and NO_HEAD not in item["get"]:
            methods["HEAD"] = methods["GET"]
        return DescribedPath(self._pattern(path), methods)

    def answers(self, answers: Mapping[Any, Any]) -> Mapping[int, DescribedAnswer]:
        return {int(status): self.answer(answer) for status, answer in answers.items()}

    def answer(self, answer: Mapping[str, Any]) -> DescribedAnswer:
        if "$ref" in answer:
            answer = self._components["responses"][answer["$ref"].rpartition("/")[2]]
        headers = answer.get("headers", {})
        return DescribedAnswer(
            content={
                kind: self._schema(media["schema"]) for kind, media in answer.get("content", {}).items()
            },
            headers={name.lower(): self._schema(header["schema"]) for name, header in headers.items()},
            required_headers=frozenset(name.lower() for name in headers if headers[name].get("required")),
        )

    def _schema(self, schema: Mapping[str, Any]) -> Draft202012Validator:
        key = json.dumps(schema)
        if key not in self._compiled:
            whole = {**schema, "components": {"schemas": self._components["schemas"]}}
            self._compiled[key] = Draft202012Validator(whole, validate_formats=True)
        return self._compiled[key]

    def _pattern(self, path: str) -> re.Pattern[str]:
        def form(name: str) -> str:
            return r"[\s\S]+" if self._components["parameters"][name].get(GREEDY) else "[^/]+"

        # Parameters and what is between them take turns.
        parts = enumerate(re.split(r"\{(\w+)\}", path))
        return re.compile("".join(form(part) if index % 2 else re.escape(part) for index, part in parts))
