"""The OpenAPI document is whole, valid, and says what the server does; see also `witness`."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
import pytest
from attrs import evolve
from jsonschema_rs import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.described import document
from tests.dispatch.push_side import hanging, open_push_side
from tests.pull.pull_side import open_pull_side
from tests.web.face import CONFIG, WITHOUT_CONSOLE, Face, open_face, open_served, routes_of
from trioworq import __version__
from trioworq.core.errors import NoSuchJob
from trioworq.web.fireworq import MAX_LIMIT
from trioworq.web.messages import TEXT, VARIABLE_PART, Request, Response, Route
from trioworq.web.openapi import pulling
from trioworq.web.openapi.document import OPERATIONS, write_document
from trioworq.web.openapi.parameters import GREEDY

# They are asked for by their paths alone.
WITHOUT_BODY = {
    "retryFailedJob", "retryAllFailedJobs", "pauseQueue", "resumeQueue", "pausePullQueue", "resumePullQueue",
}  # fmt: skip
METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}


def operations(whole: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Return (method, path, operation) of each operation."""
    for path, item in whole["paths"].items():
        yield from ((method, path, item[method]) for method in METHODS & item.keys())


async def all_routes() -> list[Route]:
    """Return the routes that programs are served."""
    async with open_push_side(hanging()) as side, open_pull_side(side.store) as pull_side:
        return list(routes_of(side, pull_side, WITHOUT_CONSOLE))


@pytest.mark.usefixtures("lane")
async def test_the_document_is_served(face: Face) -> None:
    """`GET /openapi.json` answers it as JSON, each time with the same bytes, and is in the access log."""
    first = await face.client.get("/openapi.json")
    assert (first.status_code, first.headers["content-type"]) == (200, "application/json")
    assert first.json()["openapi"].startswith("3.1.")
    assert first.json()["info"]["version"] == __version__
    assert (await face.client.get("/openapi.json")).content == first.content
    assert [line["url"] for line in face.access_lines] == ["/openapi.json"] * 2


async def test_the_document_is_valid(face: Face) -> None:
    """It is OpenAPI 3.1, its schemas and defaults included."""
    served = (await face.client.get("/openapi.json")).json()
    assert [error.message for error in OpenAPIV31SpecValidator(served).iter_errors()] == []


async def test_each_route_has_one_operation(face: Face) -> None:
    """The document has every route of the daemon, itself included, and nothing else."""
    served = (await face.client.get("/openapi.json")).json()
    in_document = Counter((method.upper(), path) for method, path, _ in operations(served))
    in_app = Counter((route.method, VARIABLE_PART.sub(r"{\1}", route.path)) for route in await all_routes())
    assert in_document == in_app
    assert OPERATIONS.keys() == {f"{route.method} {route.path}" for route in await all_routes()}


async def test_what_takes_the_rest_of_a_path_is_marked() -> None:
    """OpenAPI has no form for it, so the parameter carries a mark, and those of one segment do not."""
    parameters = document()["components"]["parameters"]
    parts = [part for route in await all_routes() for part in VARIABLE_PART.finditer(route.path)]
    assert {(part[1], bool(part[2])) for part in parts} == {
        (name, GREEDY in parameters[name]) for name in ("q", "id", "category", "job_id", "job")
    }


def test_operations_have_names_of_their_own() -> None:
    """Generated clients name their methods by them."""
    names = Counter(operation["operationId"] for _, _, operation in operations(document()))
    assert set(names.values()) == {1}


def test_every_operation_is_told_about_in_words() -> None:
    """Each has a summary and a tag that is explained; what it takes and answers is described."""
    whole = document()
    tags = {tag["name"] for tag in whole["tags"]}
    for method, path, operation in operations(whole):
        assert operation["summary"], (method, path)
        assert set(operation["tags"]) <= tags
        takes_body = method in {"put", "post", "patch"} and operation["operationId"] not in WITHOUT_BODY
        assert takes_body == ("requestBody" in operation)
        for answer in operation["responses"].values():
            assert "$ref" in answer or answer["description"]


def examples(whole: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Return (schema, example) of everything in the document that has an example."""
    bodies = (op["requestBody"] for _, _, op in operations(whole) if "requestBody" in op)
    answers = (answer for _, _, op in operations(whole) for answer in op["responses"].values())
    shown = [*bodies, *(answer for answer in answers if "content" in answer)]
    shown += whole["components"]["responses"].values()
    for media in (media for part in shown for media in part["content"].values()):
        if "example" in media:
            yield media["schema"], media["example"]
        yield from ((media["schema"], each["value"]) for each in media.get("examples", {}).values())
    for parameter in whole["components"]["parameters"].values():
        yield parameter["schema"], parameter.get("example", parameter["schema"].get("default", ""))


def test_examples_are_as_their_schemas_say() -> None:
    """Whoever copies one has something that is taken."""
    whole = document()
    checked = list(examples(whole))
    assert len(checked) > 40
    for schema, example in checked:
        validator = Draft202012Validator({**schema, "components": whole["components"]}, validate_formats=True)
        assert [error.message for error in validator.iter_errors(example)] == [], example


async def test_examples_of_bodies_are_taken(face: Face) -> None:
    """Each body that the document shows of pushing is answered with 200."""
    await face.put_queue("mail")
    for method, path, operation in operations(document()):
        if operation["tags"] == [pulling.TAG]:
            continue
        for media in operation.get("requestBody", {}).get("content", {}).values():
            for example in media["examples"].values():
                target = path.format(q="mail", category="newsletter/weekly", id=1)
                answer = await face.client.request(
                    method.upper(), target, content=orjson.dumps(example["value"])
                )
                assert answer.status_code == 200, (target, answer.text)


async def test_examples_of_bodies_to_pull_are_taken(face: Face) -> None:
    """Each body that the document shows is answered with 202, where its job is handed out."""
    for method, path, operation in operations(document()):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            if operation["tags"] != [pulling.TAG]:
                continue
            for example in media["examples"].values():
                async with handed_out(face, "1", "2", unless="enqueue" in operation["operationId"]):
                    target = f"{path.format(q='my-queue', job_id=1)}?queue=my-queue&job_id=1"
                    answer = await face.client.request(
                        method.upper(), target, content=orjson.dumps(example["value"])
                    )
                    assert answer.status_code == 202, (target, answer.text)


@asynccontextmanager
async def handed_out(face: Face, *keys: str, unless: bool) -> AsyncIterator[None]:
    """Have jobs handed out, unless there are to be none; afterwards there are none."""
    pull_side = face.pull_side
    if not unless:
        await pull_side.enqueue(*keys, queue="my-queue")
        await pull_side.fetch(len(keys), queue="my-queue")
    yield
    for key in keys:
        with suppress(NoSuchJob):
            await pull_side.pull.complete("my-queue", key)


async def test_operations_name_the_scope_that_they_need(face: Face) -> None:
    """Each says what its route asks of a token, which is optional where none is asked for."""
    scopes = {
        (route.method.lower(), VARIABLE_PART.sub(r"{\1}", route.path)): route.scope
        for route in await all_routes()
    }
    for method, path, operation in operations((await face.client.get("/openapi.json")).json()):
        scope = scopes[method, path]
        assert operation["security"] == ([] if scope is None else [{}, {"token": [scope.value]}])
        assert ({"401", "403"} <= operation["responses"].keys()) == (scope is not None)


async def test_tokens_are_needed_where_they_are_asked_for() -> None:
    """With a file of tokens no operation may do without one."""
    whole = write_document(await all_routes(), evolve(CONFIG, api_tokens_file="tokens"))
    assert {} not in [way for _, _, operation in operations(whole) for way in operation["security"]]


async def test_limits_are_those_in_force() -> None:
    """A limit that is an option is shown as it is set."""
    async with open_face(max_batch_jobs=7) as face:
        served = (await face.client.get("/openapi.json")).json()
    assert served["components"]["schemas"]["Batch"]["maxItems"] == 7
    assert served["components"]["parameters"]["limit"]["schema"]["maximum"] == MAX_LIMIT


def changed(answer: Response) -> Any:
    """Return an endpoint that answers this."""

    async def endpoint(_request: Request) -> Response:
        return answer

    return endpoint


QUEUE = {"name": "default", "polling_interval": 200, "max_workers": 20}
RENAMED = {"name": "default", "poll_interval": 200, "max_workers": 20}


@pytest.mark.usefixtures("lane")
@pytest.mark.parametrize(
    "answer",
    [
        Response(200, orjson.dumps(RENAMED)),
        Response(200, orjson.dumps({**QUEUE, "extra": 1})),
        Response(200, orjson.dumps({**QUEUE, "max_workers": "20"})),
        Response(200, orjson.dumps(QUEUE), TEXT),
        Response(201, orjson.dumps(QUEUE)),
        Response(200, orjson.dumps(QUEUE), headers={"X-New": "1"}),
        Response(404, b"404 Not Found\n", TEXT),
        Response(404, b"nothing\n", TEXT, {"X-Content-Type-Options": "nosniff"}),
    ],
)
@pytest.mark.parametrize("asks_with_client", [True, False])
async def test_an_answer_that_is_not_described_fails_its_test(
    answer: Response, asks_with_client: bool
) -> None:
    """A field renamed, added or of another type, another status, type or header: each is noticed."""

    async def get_queue() -> None:
        routes = [
            evolve(route, endpoint=changed(answer)) if route.path == "/queue/{q}" else route
            for route in routes_of(side, pull_side)
        ]
        async with open_served(routes) as served:
            if asks_with_client:
                await served.client.get("/queue/default")
            else:
                await served.ask("GET", "/queue/default")

    async with open_push_side(hanging()) as side, open_pull_side(side.store) as pull_side:
        with pytest.raises(AssertionError, match="is not as described"):
            await get_queue()
