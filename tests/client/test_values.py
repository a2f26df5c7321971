"""Values of the client that are made up."""

import time
from uuid import RFC_4122, UUID

from trioworq.client.values import NewJob, new_id


def test_made_up_ids_are_uuids_that_sort_by_time() -> None:
    """Of version 7, with the millisecond in front; no two are the same."""
    before_ms = time.time_ns() // 1_000_000
    ids = [UUID(new_id()) for _ in range(1000)]
    after_ms = time.time_ns() // 1_000_000
    assert {(each.version, each.variant) for each in ids} == {(7, RFC_4122)}
    stamps = [each.int >> 80 for each in ids]
    assert stamps == sorted(stamps)
    assert before_ms <= stamps[0] <= stamps[-1] <= after_ms
    assert len(set(ids)) == len(ids)


def test_a_job_without_an_id_gets_one_of_its_own() -> None:
    """So that it is in nobody's way."""
    assert NewJob(queue="q").id != NewJob(queue="q").id
