"""The daemon's numbers as Prometheus reads them; loaded by the first who asks for them.

Names of queues, categories and hosts are the users' own and no labels: what is not counted over all of them
is in `/queues/stats`.
"""

import platform
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from trioworq import __version__
from trioworq.core.histogram import Histogram
from trioworq.dispatch.summary import Summary
from trioworq.pull.counters import PullCounters
from trioworq.stores.commits import Commits
from trioworq.web.messages import Response
from trioworq.web.metrics import Sources
from trioworq.web.traffic import Traffic

_OPENMETRICS = "application/openmetrics-text"


class Exposition:
    """Writes the numbers of one daemon."""

    def __init__(self, sources: Sources) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Daemon(sources))
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def write(self, accept: str) -> Response:
        """Answer in OpenMetrics where the client takes that, else in Prometheus' own text format."""
        if _OPENMETRICS in accept:
            body = openmetrics.generate_latest(self._registry)  # type: ignore[no-untyped-call]
            return Response(200, body, openmetrics.CONTENT_TYPE_LATEST)
        return Response(200, generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4)


class _Daemon(Collector):
    """Reads the numbers when it is asked."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """Return every family."""
        sources = self._sources
        about = {"version": __version__, "driver": sources.driver, "python": platform.python_version()}
        yield InfoMetricFamily("trioworq_build", "What runs here.", about)
        summary = sources.summary()
        yield from _jobs(summary)
        yield from _queues(summary, sources.paused_queues())
        yield from _pull(sources.pulled, sources.waiting_workers())
        yield from _store(sources.commits(), is_in_reach=not sources.store_trouble())
        yield from _http(sources.traffic)


def _jobs(summary: Summary) -> Iterator[Metric]:
    totals = {
        "pushed": (summary.pushed, "Jobs accepted."),
        "started": (summary.started, "Attempts begun; a job counts again with each."),
        "completed": (summary.succeeded, "Jobs that ended in success."),
        "failed": (summary.failed, "Jobs that ended in failure."),
        "retried": (summary.retried, "Failed attempts that another follows."),
        "released": (summary.released, "Attempts given back without an outcome."),
    }
    for name, (value, about) in totals.items():
        yield CounterMetricFamily(f"trioworq_jobs_{name}", about, value)
    ended = summary.succeeded + summary.failed
    about = "Time from the push to the end of the jobs that ended, waiting and retries included."
    yield SummaryMetricFamily("trioworq_job_duration_seconds", about, ended, summary.elapsed_s)
    yield GaugeMetricFamily("trioworq_worker_calls", "Calls to workers under way.", summary.calls)
    yield GaugeMetricFamily(
        "trioworq_worker_slots",
        "Calls that may be under way at once, in the queues that this node dispatches.",
        summary.worker_slots,
    )
    about = "Ended calls whose outcome is being stored."
    yield GaugeMetricFamily("trioworq_unsettled_jobs", about, summary.unsettled)


def _queues(summary: Summary, paused: int) -> Iterator[Metric]:
    queues = GaugeMetricFamily(
        "trioworq_queues",
        "Queues: dispatched by this node, by another, or no longer defined and with jobs that run here.",
        labels=["state"],
    )
    queues.add_metric(["active"], summary.active_queues)
    queues.add_metric(["backup"], summary.backup_queues)
    queues.add_metric(["draining"], summary.draining_queues)
    yield queues
    yield GaugeMetricFamily("trioworq_paused_queues", "Queues that are paused, pull queues included.", paused)
    yield GaugeMetricFamily("trioworq_leases", "Leases of queues that this node holds.", summary.held_leases)


def _pull(counters: PullCounters, waiting_workers: int) -> Iterator[Metric]:
    totals = {
        "enqueued": (counters.enqueued, "Pull jobs accepted."),
        "fetched": (counters.fetched, "Pull jobs handed out; a job counts again each time."),
        "heartbeats": (counters.heartbeats, "Leases of pull jobs that were kept."),
        "completed": (counters.completed, "Pull jobs that their workers completed."),
        "rescheduled": (counters.rescheduled, "Pull jobs that their workers put off."),
        "returned": (counters.returned, "Pull jobs given back, as their workers had left."),
        "timed_out": (counters.timed_out, "Leases of pull jobs that ended, with another try to follow."),
        "failed": (counters.failed, "Pull jobs whose last lease ended."),
    }
    for name, (value, about) in totals.items():
        yield CounterMetricFamily(f"trioworq_pull_{name}", about, value)
    yield GaugeMetricFamily("trioworq_pull_waiting_workers", "Workers that wait for a job.", waiting_workers)


def _store(commits: Commits, *, is_in_reach: bool) -> Iterator[Metric]:
    yield GaugeMetricFamily("trioworq_store_up", "Whether the store answers.", int(is_in_reach))
    about = "Transactions that stored nothing; their operations may have been tried again."
    yield CounterMetricFamily("trioworq_store_transaction_failures", about, commits.failures)
    about = "Operations in a committed transaction."
    yield _histogram("trioworq_store_transaction_operations", about, commits.sizes)
    about = "Time that a committed transaction took."
    yield _histogram("trioworq_store_transaction_duration_seconds", about, commits.durations_s)


def _histogram(name: str, about: str, histogram: Histogram) -> HistogramMetricFamily:
    buckets = [
        ("+Inf" if bound == float("inf") else str(float(bound)), float(count))
        for bound, count in histogram.cumulative()
    ]
    return HistogramMetricFamily(name, about, buckets, histogram.total)


def _http(traffic: Traffic) -> Iterator[Metric]:
    connections = GaugeMetricFamily(
        "trioworq_http_connections", "Client connections, by the lane that serves them now.", labels=["lane"]
    )
    requests = CounterMetricFamily(
        "trioworq_http_requests", "Answered requests, by lane and class of status.", labels=["lane", "status"]
    )
    for name, lane in (("intake", traffic.intake), ("app", traffic.app)):
        connections.add_metric([name], lane.connections)
        for status, count in lane.answers().items():
            requests.add_metric([name, status], count)
    yield connections
    yield requests
