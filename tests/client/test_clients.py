"""Both clients against a server that is told what to answer, on a real socket."""

import inspect
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
import trio

from tests.client.asking import ONCE, Asker
from tests.client.scripted_server import (
    DROP,
    HOLD_S,
    Asked,
    Reply,
    Respond,
    ScriptedServer,
    in_turn,
    scripted_server,
)
from tests.client.values import a_job, handed_out, shown
from tests.ports import free_port
from trioworq.client import (
    AsyncClient,
    BadAnswer,
    Client,
    JobExists,
    LeaseLost,
    NotFound,
    Refused,
    Unauthorized,
    Unavailable,
)

ACCEPTED = Reply(202, headers={"Trioworq-Job-Id": "7"})
BUSY = Reply(429, b"busy", {"Retry-After": "0"})


async def test_what_is_busy_is_asked_again(ask: Asker) -> None:
    """A 429 that becomes a 202 is a success, with one id throughout."""
    with scripted_server(in_turn(BUSY, Reply(503), ACCEPTED)) as server:
        enqueued = await ask(server.url, "enqueue", "q", {"n": 1})
    assert (len(server.asked), enqueued.job_id) == (3, "7")
    assert {request.value["id"] for request in server.asked} == {enqueued.id}


async def test_an_enqueue_survives_a_lost_answer(ask: Asker) -> None:
    """Its id is there the second time, as the first stored it."""
    with scripted_server(in_turn(DROP, Reply(409, b"exists"))) as server:
        enqueued = await ask(server.url, "enqueue", "q", id="a")
    assert (enqueued.id, enqueued.job_id, len(server.asked)) == ("a", None, 2)


async def test_a_job_of_that_id_is_told_of(ask: Asker) -> None:
    """A 409 to the first attempt is no success."""
    with (
        scripted_server(in_turn(Reply(409, b"exists"))) as server,
        pytest.raises(JobExists, match="exists"),
    ):
        await ask(server.url, "enqueue", "q", id="a")


@pytest.mark.parametrize("method", ["push", "push_many"])
async def test_a_push_whose_answer_was_lost_is_not_sent_twice(ask: Asker, method: str) -> None:
    """Its caller decides, and is told that it may be stored."""
    args: Any = {"push": ("c", "http://w/"), "push_many": ([],)}[method]
    with scripted_server(in_turn(DROP)) as server, pytest.raises(Unavailable) as caught:
        await ask(server.url, method, *args)
    assert (caught.value.may_be_done, len(server.asked)) == (True, 1)


async def test_a_push_is_sent_again_when_the_daemon_was_busy(ask: Asker) -> None:
    """It has stored nothing then."""
    with scripted_server(in_turn(Reply(503, b"away"), Reply(200, b'{"id":3}'))) as server:
        assert await ask(server.url, "push", "c", "http://w/", {"n": 1}, max_retries=2) == 3
    assert [request.value["max_retries"] for request in server.asked] == [2, 2]


async def test_a_batch_of_pushes_is_answered_one_by_one(ask: Asker) -> None:
    """An id or a refusal for each."""
    answer = Reply(200, b'[{"id":3},{"index":1,"status":404,"error":"no queue"}]')
    with scripted_server(in_turn(answer)) as server:
        stored, refused = await ask(server.url, "push_many", [])
    assert stored == 3
    assert isinstance(refused, NotFound)


async def test_nobody_there_is_certainly_not_stored(ask: Asker) -> None:
    """A connection that did not come about has told nobody anything."""
    with pytest.raises(Unavailable, match="ConnectError") as caught:
        await ask(f"http://127.0.0.1:{free_port()}", "push", "c", "http://w/", client={"retry": ONCE})
    assert not caught.value.may_be_done


async def test_an_answer_that_does_not_come_is_not_waited_for(ask: Asker) -> None:
    """After `timeout_s` nothing is known of the request."""
    gate = threading.Event()
    with scripted_server(lambda _: Reply(200, b'{"id":3}', gate=gate)) as server:
        with pytest.raises(Unavailable) as caught:
            await ask(server.url, "push", "c", "http://w/", client={"retry": ONCE, "timeout_s": 0.3})
        gate.set()
    assert caught.value.may_be_done


async def test_a_poll_may_take_as_long_as_it_asked_for(ask: Asker) -> None:
    """The time that the daemon may keep an answer back comes on top of `timeout_s`."""
    gate = threading.Event()

    def respond(_asked: Asked) -> Reply:
        threading.Timer(1.0, gate.set).start()
        return Reply(200, handed_out(shown()).body, gate=gate)

    with scripted_server(respond) as server:
        jobs = await ask(server.url, "next", "q", 1, 60, client={"retry": ONCE, "timeout_s": 0.2})
    assert [job.id for job in jobs] == ["1"]


async def test_jobs_are_fetched(ask: Asker) -> None:
    """As many as are handed out; none is an empty list."""
    with scripted_server(in_turn(handed_out(shown("a"), shown("b")), handed_out())) as server:
        assert [job.id for job in await ask(server.url, "next", "q", 5, 20)] == ["a", "b"]
        assert await ask(server.url, "next", "q") == []
    assert server.asked[0].query == {"queue": "q", "num_jobs": "5", "wait": "20"}


@pytest.mark.parametrize(
    ("method", "verb"), [("heartbeat", "PATCH"), ("complete", "DELETE"), ("reschedule", "POST")]
)
async def test_a_job_in_other_hands_is_told_of(ask: Asker, method: str, verb: str) -> None:
    """The run goes along, a 409 is a lost lease and a 404 a job that is gone."""
    with scripted_server(in_turn(Reply(409, b"stale"), Reply(404, b"gone"), ACCEPTED)) as server:
        with pytest.raises(LeaseLost):
            await ask(server.url, method, a_job())
        with pytest.raises(NotFound):
            await ask(server.url, method, a_job())
        assert await ask(server.url, method, a_job()) is None
    assert {(request.method, request.query["run_id"]) for request in server.asked} == {(verb, "1-1")}


async def test_a_batch_says_nothing_of_each(ask: Asker) -> None:
    """It is stored, as far as the ids were free."""
    with scripted_server(in_turn(DROP, Reply(202))) as server:
        assert await ask(server.url, "enqueue_many", []) is None
    assert [request.value for request in server.asked] == [[], []]


async def test_a_job_is_read(ask: Asker) -> None:
    """By queue and id."""
    with scripted_server(in_turn(Reply(200, handed_out(shown("a/b")).body[1:-1]))) as server:
        assert (await ask(server.url, "job", "q", "a/b")).id == "a/b"
    assert server.asked[0].target == "/v1/queues/q/jobs/a%2Fb"


async def test_a_job_exists_or_not(ask: Asker) -> None:
    """A HEAD answers that, without a body."""
    with scripted_server(in_turn(Reply(200, b"{}"), Reply(404, b"no"))) as server:
        assert await ask(server.url, "exists", "q", "a") is True
        assert await ask(server.url, "exists", "q", "a") is False
    assert {request.method for request in server.asked} == {"HEAD"}


async def test_a_daemon_that_starts_is_waited_for(ask: Asker) -> None:
    """Asking for its health returns once it is there."""
    with scripted_server(in_turn(Reply(503), Reply(200))) as server:
        assert await ask(server.url, "health") is None
    assert [request.path for request in server.asked] == ["/health", "/health"]


async def test_a_token_is_shown_and_nowhere_else_to_be_seen(
    ask: Asker, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the error of its refusal, and in no log line (I14)."""
    caplog.set_level(logging.DEBUG)
    with (
        scripted_server(in_turn(Reply(401, b"no bearer token"))) as server,
        pytest.raises(Unauthorized) as caught,
    ):
        await ask(server.url, "health", client={"token": "s3cret"})
    assert server.asked[0].headers["authorization"] == "Bearer s3cret"
    assert "s3cret" not in repr(caught.value) + str(caught.value) + caplog.text


@pytest.mark.parametrize("token", ["", "s3cret\n", "s3 cret", "s3cr\u00e9t", "s3cret\0"])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_token_that_no_header_can_have_is_a_mistake(
    kind: type[Client] | type[AsyncClient], token: str
) -> None:
    """It is told at once, and without the token (I14)."""
    with pytest.raises(ValueError, match="token") as caught:
        kind("http://127.0.0.1", token=token)
    assert "s3" not in str(caught.value)


async def test_the_environment_has_no_say(ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that it names is not used."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    with scripted_server(in_turn(Reply(200))) as server:
        await ask(server.url, "health", client={"retry": ONCE})
    assert len(server.asked) == 1


async def test_a_base_url_may_have_a_path(ask: Asker) -> None:
    """For a daemon behind a proxy."""
    with scripted_server(in_turn(Reply(200))) as server:
        await ask(f"{server.url}/queue/", "health")
    assert server.asked[0].path == "/queue/health"


@pytest.mark.parametrize("url", ["localhost:8080", "127.0.0.1", "ftp://host", "http://", "", "http://a:x"])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_base_url_that_is_none_is_a_mistake(kind: type[Client] | type[AsyncClient], url: str) -> None:
    """It is told at once, rather than tried for a while."""
    with pytest.raises(ValueError, match="base_url"):
        kind(url)


async def test_a_redirect_is_not_followed(ask: Asker) -> None:
    """Nobody but the daemon is to see jobs and tokens."""
    with (
        scripted_server(in_turn(Reply(307, headers={"Location": "/elsewhere"}))) as server,
        pytest.raises(BadAnswer, match="HTTP 307"),
    ):
        await ask(server.url, "enqueue", "q")
    assert len(server.asked) == 1


async def test_a_mistake_is_told_as_the_daemon_tells_it(ask: Asker) -> None:
    """With its status."""
    with (
        scripted_server(in_turn(Reply(400, b"400 Bad Request\n\nMissing field: url\n"))) as server,
        pytest.raises(Refused, match="Missing field: url") as caught,
    ):
        await ask(server.url, "push", "c", "")
    assert (caught.value.status, caught.value.detail) == (400, "Missing field: url")


async def test_a_cancelled_call_ends_at_once() -> None:
    """Its connection is closed, and the client goes on."""
    gate = threading.Event()
    with scripted_server(in_turn(Reply(204, gate=gate), Reply(204))) as server:
        async with AsyncClient(server.url) as client:
            with trio.move_on_after(0.2) as scope:
                await client.next("q", wait_s=60)
            assert scope.cancelled_caught
            assert await client.next("q") == []
            gate.set()


def _meeting(server: Callable[[], ScriptedServer], number: int) -> Respond:
    """Hold polls until so many have come."""
    gate = threading.Event()

    def respond(_asked: Asked) -> Reply:
        if len(server().asked) == number:
            gate.set()
        return Reply(204, gate=gate)

    return respond


async def test_many_tasks_share_a_client() -> None:
    """Each has a connection: none waits for another's poll."""
    with scripted_server(_meeting(lambda: server, 150)) as server, trio.fail_after(HOLD_S / 2):
        async with AsyncClient(server.url) as client, trio.open_nursery() as nursery:
            for _ in range(150):
                nursery.start_soon(client.next, "q", 1, 60)
    assert len(server.asked) == 150


def test_threads_share_a_client() -> None:
    """The same for plain code."""
    with scripted_server(_meeting(lambda: server, 20)) as server, Client(server.url) as client:
        threads = [threading.Thread(target=client.next, args=("q", 1, 60)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.asked) == 20


def methods_of(kind: type) -> dict[str, Callable[..., Any]]:
    """Return the public methods of a client."""
    own = {**vars(kind.__base__), **vars(kind)}
    return {name: method for name, method in own.items() if name[0] != "_" and "close" not in name}


def test_both_clients_have_the_same_methods() -> None:
    """With the same parameters, defaults and answers."""
    blocking, asynchronous = methods_of(Client), methods_of(AsyncClient)
    assert list(blocking) == list(asynchronous)
    for name, method in blocking.items():
        assert str(inspect.signature(method)) == str(inspect.signature(asynchronous[name]))
        assert inspect.getdoc(method) == inspect.getdoc(asynchronous[name])
        assert inspect.iscoroutinefunction(asynchronous[name])
