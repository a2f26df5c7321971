"""Enqueuing, finding and taking pull jobs, on every store."""

from attrs import evolve

from tests.stores.conftest import OpenStore
from tests.stores.nodes import NOW, new_job, push_one
from tests.stores.workers import (
    TIMEOUT_S,
    completion,
    enqueue_keys,
    enqueue_one,
    found,
    pull_job,
    take,
    take_one,
)
from trioworq.core.jobs import JobState
from trioworq.core.pull import INT32_MAX, Run, Verdict
from trioworq.stores.claims import CLAIM_BYTES
from trioworq.stores.interface import Store


async def test_enqueued_job_is_found_as_it_was_enqueued(store: Store) -> None:
    """Every field can be read back; it waits, has no saved state and has never been tried."""
    job = pull_job(
        payload=b' {"b":1.0, "a" : null} ',
        created_at_ms=NOW - 3,
        run_at_ms=NOW + 1,
        timeout_s=9,
        max_retries=5,
        priority=-1_000_000,
    )
    job_id = await enqueue_one(store, job)
    stored = await found(store)
    assert stored == job.stored(job_id)
    assert (stored.state, stored.saved_state, stored.attempt) == (JobState.WAITING, None, 0)
    assert (stored.retries_left, stored.fail_count, stored.lease_ends_at_ms) == (5, 0, None)
    assert (stored.run, stored.tries) == (None, 0)


async def test_job_that_is_retried_without_end_keeps_its_number(store: Store) -> None:
    """A negative `max_retries` is given back as it came (contract pull §2.3)."""
    await enqueue_one(store, pull_job(max_retries=-7))
    assert (await found(store)).max_retries == -7


async def test_job_is_found_under_its_own_queue_and_key_only(store: Store) -> None:
    """Asking another queue, or for another key, finds nothing; neither does the end of a name count."""
    await enqueue_one(store, pull_job("k"))
    for queue, key in [("other", "k"), ("q", "other"), ("q", "K"), ("q", "k "), ("Q", "k"), ("q", "")]:
        assert await store.pull_job(queue, key) is None
    assert await store.pull_job("q", "k") is not None


async def test_empty_names_are_names(store: Store) -> None:
    """Queue and key may both be empty (contract pull §2.3)."""
    job_id = await enqueue_one(store, pull_job("", queue=""))
    assert await store.enqueue([pull_job("", queue="")]) == [None]
    assert [job.id for job in await take(store, queue="")] == [job_id]


async def test_key_that_is_taken_is_not_enqueued_again(store: Store) -> None:
    """The job that is there stays as it was, waiting or running (contract pull §2.5)."""
    job_id = await enqueue_one(store, pull_job())
    assert await store.enqueue([pull_job(payload=b"2")]) == [None]
    assert await found(store) == pull_job().stored(job_id)
    running = await take_one(store)
    assert await store.enqueue([pull_job(payload=b"2")]) == [None]
    assert await found(store) == running


async def test_same_key_in_another_queue_is_free(store: Store) -> None:
    """A key is unique within its queue only."""
    first = await enqueue_one(store, pull_job())
    second = await enqueue_one(store, pull_job(queue="other"))
    assert second > first


async def test_key_is_free_again_once_its_job_has_ended(store: Store) -> None:
    """The new job is another one: its id is new, and its attempts begin anew."""
    first = await enqueue_one(store, pull_job())
    await take(store)
    assert await store.change(completion()) is Verdict.DONE
    second = await enqueue_one(store, pull_job())
    assert second > first
    assert (await take_one(store)).run == Run(second, 1)


async def test_batch_skips_keys_that_are_taken_and_keeps_the_others(store: Store) -> None:
    """Those that were there before and repeats within the batch: the first wins (contract pull §2.5)."""
    await enqueue_keys(store, "b")
    batch = [
        pull_job("a", payload=b"1"),
        pull_job("b", payload=b"2"),
        pull_job("a", payload=b"3"),
        pull_job("a", payload=b"4", queue="other"),
        pull_job("c", payload=b"5"),
    ]
    ids = await store.enqueue(batch)
    stored = [job_id for job_id in ids if job_id is not None]
    assert [job_id is None for job_id in ids] == [False, True, True, False, False]
    assert stored == sorted(stored)
    payloads = {job.key: job.payload for job in await take(store)}
    assert payloads == {"a": b"1", "b": b'{"a": 1}', "c": b"5"}


async def test_batch_of_nothing_but_taken_keys_stores_nothing(store: Store) -> None:
    """And so does an empty one (contract pull §2.5)."""
    (job_id,) = await enqueue_keys(store, "a")
    assert await store.enqueue([pull_job("a"), pull_job("a")]) == [None, None]
    assert await store.enqueue([]) == []
    assert [job.id for job in await take(store)] == [job_id]


async def test_ids_come_from_the_same_numbers_as_those_of_push_jobs(store: Store) -> None:
    """No two jobs of any kind have one id (contract one-port §5.2)."""
    ids = [
        await enqueue_one(store, pull_job("a")),
        await push_one(store, new_job()),
        *await enqueue_keys(store, "b", "c"),
        await push_one(store, new_job(queue="other")),
    ]
    assert ids == sorted(set(ids))


async def test_ids_are_not_used_again_after_a_restart(open_durable: OpenStore) -> None:
    """Nor are those of jobs that have ended, so a run_id names one run for ever (README 13)."""
    async with open_durable("node-1") as store:
        ids = await enqueue_keys(store, "a", "b")
        for key in "ab":
            assert await store.change(completion(key)) is Verdict.DONE
    async with open_durable("node-2") as store:
        assert await enqueue_one(store, pull_job("a")) > max(ids)


async def test_jobs_survive_a_restart_waiting_or_handed_out(open_durable: OpenStore) -> None:
    """What was answered is there when the store is opened again, leases and all (I1)."""
    async with open_durable("node-1") as store:
        await enqueue_keys(store, "a", "b")
        (running,) = await take(store, 1)
        waiting = await found(store, "b")
    async with open_durable("node-2") as store:
        assert await found(store, "a") == running
        assert await found(store, "b") == waiting


async def test_taken_job_is_running_under_a_lease(store: Store) -> None:
    """It is handed out as it is from now on: its attempt has grown, its lease ends its timeout from now."""
    job_id = await enqueue_one(store, pull_job())
    job = await take_one(store, now_ms=NOW + 10)
    assert job == evolve(
        pull_job().stored(job_id),
        state=JobState.RUNNING,
        attempt=1,
        lease_ends_at_ms=NOW + 10 + TIMEOUT_S * 1000,
        started_at_ms=NOW + 10,
    )
    assert (job.run, job.tries) == (Run(job_id, 1), 1)
    assert await found(store) == job


async def test_lease_is_as_long_as_its_own_jobs_timeout(store: Store) -> None:
    """Also of jobs that are taken together; with none or a negative one it is over at once."""
    timeouts = {"a": 1, "b": INT32_MAX, "c": 0, "d": -5}
    for key, timeout_s in timeouts.items():
        await enqueue_one(store, pull_job(key, timeout_s=timeout_s))
    ends = {job.key: job.lease_ends_at_ms for job in await take(store)}
    assert ends == {key: NOW + timeout_s * 1000 for key, timeout_s in timeouts.items()}


async def test_taken_job_is_not_taken_again(store: Store) -> None:
    """However long ago its lease has ended: only that its lease is ended gives it back (I3)."""
    await enqueue_one(store, pull_job())
    await take_one(store)
    assert await take(store, now_ms=NOW + 10**9) == []


async def test_jobs_are_taken_by_priority_then_run_at_then_id(store: Store) -> None:
    """Lower priorities first, then earlier ones, then smaller ids (I9, contract pull §2.6)."""
    places = [(100, NOW), (5, NOW), (100, NOW - 9), (-7, NOW), (100, NOW), (5, NOW - 1), (-7, -NOW)]
    enqueued = [
        (priority, due, await enqueue_one(store, pull_job(str(key), priority=priority, run_at_ms=due)))
        for key, (priority, due) in enumerate(places)
    ]
    taken = [(job.priority, job.run_at_ms, job.id) for job in await take(store)]
    assert taken == sorted(enqueued)


async def test_order_holds_from_one_take_to_the_next(store: Store) -> None:
    """Taking two at a time gives the same order as taking all at once (I9)."""
    places = [(100, NOW - 2), (1, NOW), (100, NOW - 3), (1, NOW - 1), (50, NOW)]
    enqueued = [
        (priority, due, await enqueue_one(store, pull_job(str(key), priority=priority, run_at_ms=due)))
        for key, (priority, due) in enumerate(places)
    ]
    taken = [job for _ in range(3) for job in await take(store, 2)]
    assert [(job.priority, job.run_at_ms, job.id) for job in taken] == sorted(enqueued)


async def test_job_is_not_taken_before_its_time(store: Store) -> None:
    """It is due at run_at itself, not a millisecond earlier (I5)."""
    job_id = await enqueue_one(store, pull_job(run_at_ms=NOW + 5000))
    assert await take(store, now_ms=NOW + 4999) == []
    assert [job.id for job in await take(store, now_ms=NOW + 5000)] == [job_id]


async def test_deferred_job_of_a_better_priority_does_not_hold_up_due_ones(store: Store) -> None:
    """Priority orders due jobs only."""
    await enqueue_one(store, pull_job("later", priority=1, run_at_ms=NOW + 1))
    await enqueue_one(store, pull_job("due", priority=100))
    assert [job.key for job in await take(store)] == ["due"]


async def test_order_holds_behind_any_number_of_priorities_of_deferred_jobs(store: Store) -> None:
    """Also where the store no longer goes through them one by one."""
    deferred = [
        pull_job(f"later {number}", priority=-1 - number, run_at_ms=NOW + 1) for number in range(1100)
    ]
    due = [pull_job(str(place), priority=priority) for place, priority in enumerate((300, -1, 200, 300))]
    await store.enqueue([*deferred, *due])
    assert [job.key for job in await take(store, 3)] == ["1", "2", "0"]
    assert [job.key for job in await take(store)] == ["3"]


async def test_take_takes_no_more_than_its_limit(store: Store) -> None:
    """The rest waits for the next one; a limit of none takes none (contract pull §2.5)."""
    ids = await enqueue_keys(store, *"abcde")
    assert await take(store, 0) == []
    assert [job.id for job in await take(store, 3)] == ids[:3]
    assert [job.id for job in await take(store, 3)] == ids[3:]
    assert await take(store, 3) == []


async def test_take_of_many_small_jobs_is_not_cut(store: Store) -> None:
    """One that may take a hundred jobs takes a hundred, in order."""
    ids = await store.enqueue([pull_job(str(number)) for number in range(105)])
    assert [job.id for job in await take(store, 100)] == ids[:100]
    assert [job.id for job in await take(store, 100)] == ids[100:]


async def test_take_takes_jobs_of_its_own_queue_only(store: Store) -> None:
    """Queues whose names begin alike are apart; one that has never been is empty."""
    for queue in ("q2", "Q", "q ", ""):
        await enqueue_one(store, pull_job(queue=queue))
    assert await take(store) == []


async def test_take_of_large_payloads_ends_early(store: Store) -> None:
    """It stops soon after CLAIM_BYTES; the next ones go on where it stopped, each job once (I13)."""
    payload = b'"' + b"x" * (CLAIM_BYTES // 2) + b'"'
    ids = await enqueue_keys(store, *"abcdef", payload=payload)
    takes = []
    while jobs := await take(store):
        takes.append([job.id for job in jobs])
    assert len(takes) > 1
    assert [job_id for each in takes for job_id in each] == ids
