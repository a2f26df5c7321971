"""Pull jobs of any name, any bytes, the largest sizes, and what does not fit; on every store."""

from typing import Any

import pytest
import trio
from attrs import evolve

from tests.stores.nodes import NOW
from tests.stores.test_store_hostile import NAMES
from tests.stores.workers import (
    completion,
    enqueue_keys,
    enqueue_one,
    found,
    heartbeat,
    lease_end,
    pull_job,
    rescheduling,
    take,
    take_one,
)
from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import INT64_MAX, Kind
from trioworq.core.pull import INT32_MAX, INT32_MIN, NewPullJob, Verdict
from trioworq.stores.claims import CLAIM_BYTES
from trioworq.stores.interface import FailureQuery, Store

MIB = 1024 * 1024

UNFIT: list[dict[str, Any]] = [
    {"queue": "q" * 256},
    {"key": "é" * 128},
    {"key": "lone \ud800"},
    {"queue": "lone \udfff"},
    {"timeout_s": INT32_MAX + 1},
    {"timeout_s": INT32_MIN - 1},
    {"max_retries": INT32_MAX + 1},
    {"max_retries": INT32_MIN - 1},
    {"run_at_ms": INT64_MAX + 1},
]


@pytest.mark.parametrize("name", NAMES)
async def test_any_name_is_kept_and_found_as_it_is(store: Store, name: str) -> None:
    """A queue and its jobs live under any names of up to 255 bytes, all their life long."""
    job_id = await enqueue_one(store, pull_job(name, queue=name, max_retries=0))
    assert await store.enqueue([pull_job(name, queue=name)]) == [None]
    assert (await store.outlook([name])).first_tries_ms == {name: NOW}
    (job,) = await take(store, queue=name)
    assert (job.id, job.queue, job.key) == (job_id, name, name)
    assert await store.pull_job(name, name) == job
    assert await store.change(heartbeat(name, b"1", queue=name, run=job.run)) is Verdict.DONE
    (ended,) = await store.expire_leases(lease_end(job) + 1, 10)
    assert (ended.queue, ended.key, ended.is_failed) == (name, name, True)
    (entry,) = (await store.failures(FailureQuery(name, 10, kind=Kind.PULL))).items
    assert (entry.queue, entry.key) == (name, name)
    await enqueue_one(store, pull_job(name, queue=name))
    assert await store.change(completion(name, queue=name)) is Verdict.DONE
    assert await store.pull_job(name, name) is None


async def test_names_that_look_alike_are_apart(store: Store) -> None:
    """Case, accents, composition and spaces at the end all count."""
    keys = ["a", "A", "a ", "á", "a\u0301", "ａ", "", " "]
    ids = await store.enqueue([pull_job(key) for key in keys])
    assert None not in ids
    assert [(await found(store, key)).id for key in keys] == ids


@pytest.mark.parametrize(
    "body", [b"", b"null", b' { "a":1.0,"a" :2e5 }\r\n', b'"\\u0000 \' \\" \xc3\xa9"', bytes(range(256)) * 3]
)
async def test_payload_and_saved_state_come_back_byte_by_byte(store: Store, body: bytes) -> None:
    """From a read, a take, a rescheduling and the failed store (contract pull §2.3, README 6)."""
    await enqueue_one(store, pull_job(payload=body, max_retries=0))
    job = await take_one(store)
    assert job.payload == body
    await store.change(heartbeat(saved_state=body))
    kept = await found(store)
    assert (kept.payload, kept.saved_state) == (body, body)
    await store.change(rescheduling(payload=body, saved_state=body, run_at_ms=NOW, max_retries=0))
    job = await take_one(store)
    assert (job.payload, job.saved_state) == (body, body)
    await store.expire_leases(lease_end(job) + 1, 10)
    (entry,) = (await store.failures(FailureQuery("q", 1, kind=Kind.PULL))).items
    assert entry.payload.body == body


async def test_payload_and_saved_state_of_16_mib_are_kept(store: Store) -> None:
    """The largest that the web lets in, one byte more than a MEDIUMBLOB holds."""
    body = bytes(range(256)) * (16 * MIB // 256)
    await enqueue_one(store, pull_job(payload=body))
    assert (await take_one(store)).payload == body
    assert await store.change(heartbeat(saved_state=body)) is Verdict.DONE
    kept = await found(store)
    assert (kept.payload, kept.saved_state) == (body, body)
    assert await store.change(rescheduling(payload=body[::-1], saved_state=body)) is Verdict.DONE
    job = await take_one(store, now_ms=NOW + 5)
    assert (job.payload, job.saved_state) == (body[::-1], body)


async def test_take_of_large_saved_states_ends_early(store: Store) -> None:
    """What workers have saved fills a take as payloads do (I13)."""
    keys = "abcdef"
    await enqueue_keys(store, *keys, max_retries=9)
    jobs = await take(store)
    for key in keys:
        await store.change(heartbeat(key, b"1" * (CLAIM_BYTES // 2)))
    await store.expire_leases(lease_end(jobs[0]) + 1, 10)
    takes = []
    while taken := await take(store):
        takes.append([job.key for job in taken])
    assert len(takes) > 1
    assert [key for each in takes for key in each] == list(keys)


@pytest.mark.parametrize("sign", [1, -1])
async def test_largest_numbers_are_kept(store: Store, sign: int) -> None:
    """At both ends, through a life that ends in failure."""
    largest = pull_job(
        run_at_ms=sign * INT64_MAX,
        timeout_s=INT32_MAX if sign == 1 else INT32_MIN,
        max_retries=INT32_MAX if sign == 1 else INT32_MIN,
        priority=sign * 1_000_000,
    )
    job_id = await enqueue_one(store, largest)
    assert await found(store) == largest.stored(job_id)
    job = await take_one(store, now_ms=INT64_MAX)
    assert job.lease_ends_at_ms == min(INT64_MAX, INT64_MAX + largest.timeout_s * 1000)


@pytest.mark.parametrize("unfit", UNFIT)
async def test_batch_with_a_job_that_does_not_fit_is_refused_whole(
    store: Store, unfit: dict[str, Any]
) -> None:
    """Nothing of it is stored; those who enqueue at the same time do not notice (contract pull §2.5)."""
    outcomes: list[object] = []

    async def enqueue(*jobs: NewPullJob) -> None:
        try:
            outcomes.append(await store.enqueue(jobs))
        except InvalidRequest as error:
            outcomes.append(error)

    async with trio.open_nursery() as clients:
        clients.start_soon(enqueue, pull_job("before"))
        clients.start_soon(enqueue, pull_job("first"), evolve(pull_job("bad"), **unfit), pull_job("last"))
        clients.start_soon(enqueue, pull_job("after"))
    (refusal,) = (outcome for outcome in outcomes if isinstance(outcome, InvalidRequest))
    assert str(refusal)
    assert sorted(job.key for job in await take(store)) == ["after", "before"]


@pytest.mark.parametrize("unfit", [change for change in UNFIT if not {"queue", "key"} & set(change)])
async def test_rescheduling_that_does_not_fit_changes_nothing(store: Store, unfit: dict[str, Any]) -> None:
    """The worker hears what is wrong and has its job still."""
    await enqueue_one(store, pull_job())
    job = await take_one(store)
    with pytest.raises(InvalidRequest):
        await store.change(evolve(rescheduling(), **unfit))
    assert await found(store) == job


async def test_large_batch_is_stored_whole(store: Store) -> None:
    """More jobs than a transaction usually has, some of them taken, in the order given."""
    await enqueue_keys(store, "700", "1100")
    batch = [pull_job(str(number), payload=b"[%d]" % number) for number in range(1200)]
    ids = await store.enqueue(batch)
    stored = [job_id for job_id in ids if job_id is not None]
    assert [place for place, job_id in enumerate(ids) if job_id is None] == [700, 1100]
    assert stored == sorted(stored)
    for number in (0, 699, 701, 1199):
        job = await found(store, str(number))
        assert (job.id, job.payload) == (ids[number], b"[%d]" % number)
