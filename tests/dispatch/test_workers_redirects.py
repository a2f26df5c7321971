"""Redirects: where they lead, what goes along, and how many are followed (contract §1.14)."""

import pytest

from tests.dispatch.hostile_worker import Peer, acting, answer, ask_and_hang, hostile_worker, polite, replying
from tests.dispatch.pools import pool, until
from trioworq.core.results import Result, ResultStatus
from trioworq.dispatch.hops import MAX_REDIRECTS

GOOD = Result(ResultStatus.SUCCESS, 200, "")


def redirect(code: int, location: str) -> bytes:
    """Return a reply that sends the caller elsewhere."""
    return answer(b"moved", f"Location: {location}", status=f"{code} Moved")


@pytest.mark.parametrize(("code", "method", "body"), [(302, "GET", b""), (307, "POST", b"payload")])
async def test_a_redirect_is_followed_to_the_answer(code: int, method: str, body: bytes) -> None:
    """The last hop's answer counts, and its code; a relative location stays on the connection."""
    script = replying(redirect(code, "/elsewhere"), answer(status="201 Created"))
    async with hostile_worker(script) as worker, pool() as workers:
        assert await workers.post(worker.url, b"payload", 5) == Result(ResultStatus.SUCCESS, 201, "")
    first, second = worker.requests
    assert (first.line, first.body) == ("POST / HTTP/1.1", b"payload")
    assert (second.line, second.body) == (f"{method} /elsewhere HTTP/1.1", body)
    assert second.header("Content-Type") == "application/json"
    assert second.header("Referer") == worker.url
    assert worker.connections == 1


async def test_a_redirect_to_another_host_takes_no_credentials_along() -> None:
    """Cross-origin redirects are followed, without the userinfo of the first URL."""
    async with hostile_worker(polite) as other:
        script = replying(redirect(308, other.url))
        async with hostile_worker(script) as worker, pool() as workers:
            url = worker.url.replace("127", "user:secret@127")
            assert await workers.post(url, b"payload", 5) == GOOD
    assert worker.requests[0].header("Authorization") == "Basic dXNlcjpzZWNyZXQ="
    (request,) = other.requests
    assert request.body == b"payload"
    assert request.header("Authorization") is None
    assert request.header("Referer") == worker.url


async def test_ten_redirects_are_followed() -> None:
    """As many as the contract allows."""
    redirects = [redirect(302, f"/{number}") for number in range(MAX_REDIRECTS)]
    async with hostile_worker(replying(*redirects, answer())) as worker, pool() as workers:
        assert await workers.post(worker.url, b"", 5) == GOOD


async def test_more_than_ten_redirects_are_not() -> None:
    """One more is an internal failure."""
    redirects = [redirect(302, f"/{number}") for number in range(MAX_REDIRECTS + 1)]
    async with hostile_worker(replying(*redirects, answer())) as worker, pool() as workers:
        result = await workers.post(worker.url, b"", 5)
    message = f'Request failed: Post "{worker.url}9": stopped after 10 redirects'
    assert result == Result(ResultStatus.INTERNAL_FAILURE, 0, message)
    assert len(worker.requests) == 11


async def test_a_redirect_without_location_is_an_answer() -> None:
    """A 302 that says nothing about where to go is judged by its body."""
    script = replying(answer(status="302 Found"))
    async with hostile_worker(script) as worker, pool() as workers:
        assert await workers.post(worker.url, b"", 5) == Result(ResultStatus.SUCCESS, 302, "")


async def test_a_redirect_to_another_scheme_is_an_internal_failure() -> None:
    """Only http and https are followed, and no password is shown."""
    script = replying(redirect(302, "ftp://u:secret@h/"))
    async with hostile_worker(script) as worker, pool() as workers:
        result = await workers.post(worker.url, b"", 5)
    message = 'Request failed: Post "ftp://u:xxxxx@h/": unsupported protocol scheme "ftp"'
    assert result == Result(ResultStatus.INTERNAL_FAILURE, 0, message)


async def test_the_body_of_a_redirect_is_not_waited_for() -> None:
    """A redirect is followed when its head has come, whatever its body does."""

    async def endless(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 99\r\n\r\n")
        await peer.hang()

    async with hostile_worker(acting(endless), polite) as worker, pool() as workers:
        assert await workers.post(worker.url, b"", 5) == GOOD
        await until(lambda: worker.open_connections == 1)


async def test_one_deadline_covers_redirects_too() -> None:
    """A redirect does not start the time anew, and the failure names the hop that was under way."""
    async with (
        hostile_worker(acting(ask_and_hang)) as slow,
        hostile_worker(replying(redirect(302, slow.url))) as worker,
        pool() as workers,
    ):
        result = await workers.post_within(0.2, worker.url, b"")
    assert result.code == 0
    assert result.message.startswith(f'Request failed: Post "{slow.url}": context deadline exceeded')
