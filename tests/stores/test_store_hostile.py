"""Values that break stores: any name, any bytes, the largest sizes, what does not fit; on every store."""

import pytest
import trio

from tests.stores.nodes import A_FAILURE, NOW, Node, completed, failed, new_job, push_one
from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import INT64_MAX, NO_PAYLOAD, UINT32_MAX, Payload, PayloadForm
from trioworq.core.queues import QueueDefinition
from trioworq.core.retry import Completed, Retried
from trioworq.core.routing import Routing
from trioworq.stores.interface import FailureQuery, JobQuery, JobSet, Store

NAMES = [
    "'; DROP TABLE job; --",
    '"double" `back` \\ \\\\ \\\' %s %(a)s ? :a @a {0}',
    "trailing ",
    " \t\r\n",
    "%00 _% é",
    "あ x \U0001f600",
    "e\u0301",
    "\u202e\u2028\ufeff",
    "\x01\x1a\x1b\x7f",
    "a" * 255,
    "é" * 127 + "x",
    "1",
    "NULL",
]


@pytest.mark.parametrize("name", NAMES)
async def test_any_name_is_kept_and_found_as_it_is(store: Store, name: str) -> None:
    """A queue, its routing, its owner, its jobs and their failures live under any name of up to 255 bytes."""
    node = Node(store)
    await node.hold(name)
    await store.put_queue(QueueDefinition(name, 200, 20))
    await store.put_routing(Routing(name, name))
    await push_one(store, new_job(queue=name, category=name, url=name))
    assert await store.due_queues(NOW) == [name]
    (job,) = await node.claim(queue=name)
    assert (job.queue, job.category, job.url) == (name, name, name)
    assert (await store.jobs(JobQuery(name, JobSet.RUNNING, NOW, 10))).items == [job]
    await store.settle(failed(job))
    (entry,) = (await store.failures(FailureQuery(name, 10))).items
    assert (entry.queue, entry.category, entry.url) == (name, name, name)
    assert await store.routings() == [Routing(name, name)]
    assert await store.owner(name, NOW) is not None
    assert await store.delete_routing(name) == Routing(name, name)
    assert await store.delete_queue(name) == QueueDefinition(name, 200, 20)


@pytest.mark.parametrize(
    "payload",
    [
        NO_PAYLOAD,
        Payload(PayloadForm.TEXT, b""),
        Payload(PayloadForm.TEXT, "a\x00b \U0001f600 '\"\\".encode()),
        Payload(PayloadForm.JSON, b'{"bytes": "\xff\xfe\x80"}'),
        Payload(PayloadForm.JSON, bytes(range(256)) * 3),
        Payload(PayloadForm.JSON, b"[1.0, 2e5, 12345678901234567890]  "),
    ],
)
async def test_payload_comes_back_byte_by_byte(node: Node, payload: Payload) -> None:
    """From a read, a claim and the failure log, in the form it had (contract README 6)."""
    job_id = await push_one(node.store, new_job(payload=payload))
    found = await node.store.job("q", job_id)
    assert found is not None
    assert found.payload == payload
    job = await node.claim_one()
    assert job.payload == payload
    await node.store.settle(failed(job))
    (entry,) = (await node.store.failures(FailureQuery("q", 1))).items
    assert entry.payload == payload


async def test_payload_of_16_mib_is_kept(node: Node) -> None:
    """The largest that the web lets in, one byte more than a MEDIUMBLOB holds."""
    body = bytes(range(256)) * (16 * 1024 * 4)
    assert len(body) == 16 * 1024 * 1024
    await push_one(node.store, new_job(payload=Payload(PayloadForm.TEXT, body)))
    assert (await node.claim_one()).payload.body == body


async def test_url_of_the_largest_size_is_kept(node: Node) -> None:
    """65 535 bytes, in characters of several bytes too."""
    for url in ("http://worker/" + "x" * (65_535 - 14), "é" * 32_767):
        job_id = await push_one(node.store, new_job(url=url))
        found = await node.store.job("q", job_id)
        assert found is not None
        assert found.url == url


@pytest.mark.parametrize(
    "change",
    [
        {"queue": "q" * 256},
        {"category": "é" * 128},
        {"category": "lone \ud800"},
        {"url": "x" * 65_536},
        {"timeout_s": UINT32_MAX + 1},
        {"retry_delay_s": 2**64},
        {"max_retries": -1},
        {"next_try_ms": INT64_MAX + 1},
    ],
)
async def test_job_that_does_not_fit_is_refused_and_nothing_is_stored(
    store: Store, change: dict[str, object]
) -> None:
    """The pusher hears what is wrong, and those who push at the same time do not."""
    outcomes: list[object] = []

    async def push(changes: dict[str, object]) -> None:
        try:
            outcomes.append(await push_one(store, new_job(**changes)))
        except InvalidRequest as error:
            outcomes.append(error)

    async with trio.open_nursery() as pushers:
        for changes in ({}, {}, {}, change, {}, {}):
            pushers.start_soon(push, changes)
    refused = [outcome for outcome in outcomes if isinstance(outcome, InvalidRequest)]
    assert len(refused) == 1
    assert str(refused[0])
    waiting = (await store.jobs(JobQuery("q", JobSet.WAITING, NOW, 100))).items
    assert {job.id for job in waiting} == {outcome for outcome in outcomes if outcome is not refused[0]}
    assert len(waiting) == 5


async def test_largest_numbers_of_a_settlement_are_kept(node: Node) -> None:
    """A retry may lie at the end of time."""
    await push_one(node.store, new_job(max_retries=UINT32_MAX))
    job = await node.claim_one()
    await node.store.settle(Retried(job.id, job.attempt, INT64_MAX, UINT32_MAX - 1, 1, A_FAILURE))
    found = await node.store.job("q", job.id)
    assert found is not None
    assert (found.next_try_ms, found.retries_left) == (INT64_MAX, UINT32_MAX - 1)


async def test_ids_that_no_job_can_have_find_nothing(node: Node) -> None:
    """The edge lets any signed 64-bit number through (contract §1.10)."""
    store = node.store
    for job_id in (0, -1, INT64_MAX, -(2**63)):
        assert await store.job("q", job_id) is None
        assert await store.delete_job("q", job_id) is None
        assert await store.failure("q", job_id) is None
        assert await store.delete_failure("q", job_id) is None
        assert await store.settle(Completed(job_id, 1)) is False
    await push_one(store, new_job())
    assert await store.settle(completed(await node.claim_one())) is True
