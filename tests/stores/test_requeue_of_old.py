"""Failures that a node of the release before has written, run again (contract jobs §3.3)."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.mariadb import administer
from tests.stores.drivers import config_of
from tests.stores.nodes import NOW, Node, completed, failed, new_job, push_one, released
from tests.stores.workers import completion, enqueue_one, heartbeat, pull_job, returning, take_one
from trioworq.config import Config, Driver
from trioworq.core.failures import EVERY_FAILURE
from trioworq.core.jobs import INT64_MAX
from trioworq.core.pull import Verdict
from trioworq.core.queues import QueueDefinition
from trioworq.stores.interface import Store
from trioworq.stores.opening import open_store

AS_OLD_NODES_WRITE = "UPDATE failure SET attempt = NULL, started_at = NULL"


@pytest.fixture(params=["sqlite", "mysql"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Config:
    """A configuration that names a fresh, empty database."""
    return config_of(request.param, request, tmp_path)


def forget_attempts(config: Config) -> None:
    """Make failures what nodes of the release before make of them."""
    if config.driver is Driver.MYSQL:
        administer(config.mysql_dsn, AS_OLD_NODES_WRITE)
        return
    with closing(sqlite3.connect(config.sqlite_path)) as connection, connection:
        connection.execute(AS_OLD_NODES_WRITE)


async def retry_all(store: Store) -> None:
    """Have every failed job wait again."""
    ids = await store.failure_ids(EVERY_FAILURE, 0, INT64_MAX, 10)
    assert [outcome and outcome.obstacle for outcome in await store.retry_failures(ids, NOW)] == [None]


async def test_late_settlement_of_an_attempt_that_is_not_known_changes_nothing(config: Config) -> None:
    """However often the job had been given back before it failed (I3, I4)."""
    async with open_store(config, node_id="n") as store:
        await store.put_queue(QueueDefinition("q", 200, 20))
        node = Node(store)
        await node.hold("q")
        job_id = await push_one(store, new_job())
        for _ in range(3):
            await store.settle(released(await node.claim_one()))
        last = await node.claim_one()
        await store.settle(failed(last))
        forget_attempts(config)
        await retry_all(store)
        for _ in range(last.attempt + 1):
            again = await node.claim_one()
            assert not await store.settle(completed(last))
            assert await store.settle(released(again))
        assert await store.job("q", job_id) is not None


async def test_late_worker_of_a_lease_that_is_not_known_changes_nothing(config: Config) -> None:
    """Its run is not that of whoever has the job now, however often it had been given back (I3, I4)."""
    async with open_store(config, node_id="n") as store:
        await enqueue_one(store, pull_job(max_retries=0, timeout_s=0))
        for _ in range(3):
            await store.change(returning(await take_one(store)))
        last = await take_one(store)
        await store.expire_leases(NOW + 1, 10)
        forget_attempts(config)
        await retry_all(store)
        for _ in range(last.attempt + 1):
            again = await take_one(store)
            assert await store.change(heartbeat(run=last.run)) is Verdict.STALE
            assert await store.change(completion(run=last.run)) is Verdict.STALE
            assert await store.change(returning(again)) is Verdict.DONE
