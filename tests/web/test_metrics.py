"""/metrics: numbers for Prometheus."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping

import pytest
from attrs import define, field
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from tests.dispatch.push_side import SUCCESS, answering, open_push_side
from tests.pull.pull_side import open_pull_side
from tests.web.face import CONFIG, Served, open_face, open_served, sources_of
from trioworq import __version__
from trioworq.dispatch.summary import Summary
from trioworq.pull.counters import PullCounters
from trioworq.stores.commits import Commits
from trioworq.web import fireworq, metrics
from trioworq.web.metrics import Sources
from trioworq.web.traffic import Traffic

Labels = frozenset[tuple[str, str]]

SUMMARY = Summary(
    pushed=1, started=2, succeeded=3, failed=4, retried=5, released=6, elapsed_s=7.5, active_queues=8,
    backup_queues=9, draining_queues=10, held_leases=11, worker_slots=12, calls=13, unsettled=14,
)  # fmt: skip
PULLED = PullCounters(
    enqueued=15, fetched=16, heartbeats=17, completed=18, rescheduled=19, returned=20, timed_out=21, failed=22
)
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"


@define
class Numbers:
    """What a scrape is to find."""

    trouble: str = ""
    commits: Commits = field(factory=Commits)
    traffic: Traffic = field(factory=Traffic)

    def sources(self) -> Sources:
        """Return where they stand."""
        return Sources(
            driver="sqlite",
            summary=lambda: SUMMARY,
            commits=lambda: self.commits,
            store_trouble=lambda: self.trouble,
            traffic=self.traffic,
            pulled=PULLED,
            waiting_workers=lambda: 23,
            paused_queues=lambda: 24,
        )


@pytest.fixture
def numbers() -> Numbers:
    """Those of a daemon that has just started, but for the queues'."""
    return Numbers()


@pytest.fixture
async def served(numbers: Numbers) -> AsyncIterator[Served]:
    """The route on a loopback port."""
    async with open_served(metrics.routes(numbers.sources()), is_watched=False) as served:
        yield served


async def scrape(served: Served) -> Mapping[tuple[str, Labels], float]:
    """Return the samples by name and labels."""
    answer = await served.client.get("/metrics")
    assert answer.status_code == 200
    families = read_text(answer.text)
    return {
        (sample[0], frozenset(sample[1].items())): sample[2] for each in families for sample in each.samples
    }


def labelled(**labels: str) -> Labels:
    """Return labels as `scrape` does."""
    return frozenset(labels.items())


NONE = labelled()


async def test_jobs_and_queues_are_counted_over_all_queues(served: Served) -> None:
    """Each number of the push side has a name of its own."""
    samples = await scrape(served)
    assert {name: samples[name, NONE] for name, labels in samples if not labels and "jobs" in name} == {
        "trioworq_jobs_pushed_total": 1,
        "trioworq_jobs_started_total": 2,
        "trioworq_jobs_completed_total": 3,
        "trioworq_jobs_failed_total": 4,
        "trioworq_jobs_retried_total": 5,
        "trioworq_jobs_released_total": 6,
        "trioworq_unsettled_jobs": 14,
    }
    assert samples["trioworq_job_duration_seconds_sum", NONE] == 7.5
    assert samples["trioworq_job_duration_seconds_count", NONE] == 7
    states = {"active": 8, "backup": 9, "draining": 10}
    assert {state: samples["trioworq_queues", labelled(state=state)] for state in states} == states
    assert samples["trioworq_leases", NONE] == 11
    assert samples["trioworq_worker_slots", NONE] == 12
    assert samples["trioworq_worker_calls", NONE] == 13


async def test_pull_jobs_are_counted_over_all_queues(served: Served) -> None:
    """Each number of the pull side has a name of its own too."""
    samples = await scrape(served)
    assert {name: samples[name, NONE] for name, _ in samples if name.startswith("trioworq_pull_")} == {
        "trioworq_pull_enqueued_total": 15,
        "trioworq_pull_fetched_total": 16,
        "trioworq_pull_heartbeats_total": 17,
        "trioworq_pull_completed_total": 18,
        "trioworq_pull_rescheduled_total": 19,
        "trioworq_pull_returned_total": 20,
        "trioworq_pull_timed_out_total": 21,
        "trioworq_pull_failed_total": 22,
        "trioworq_pull_waiting_workers": 23,
    }


async def test_paused_queues_are_counted(served: Served) -> None:
    """Those of both sides together."""
    assert (await scrape(served))["trioworq_paused_queues", NONE] == 24


async def test_transactions_are_counted_by_size_and_duration(numbers: Numbers, served: Served) -> None:
    """In buckets, which hold all below their bound; and those that failed apart."""
    numbers.commits.succeeded(3, 0.002)
    numbers.commits.succeeded(700, 20.0)
    numbers.commits.failed()
    samples = await scrape(served)
    sizes = "trioworq_store_transaction_operations"
    assert [samples[f"{sizes}_bucket", labelled(le=bound)] for bound in ("2.0", "5.0", "500.0", "+Inf")] == [
        0, 1, 1, 2,
    ]  # fmt: skip
    assert (samples[f"{sizes}_sum", NONE], samples[f"{sizes}_count", NONE]) == (703, 2)
    durations = "trioworq_store_transaction_duration_seconds"
    assert [samples[f"{durations}_bucket", labelled(le=bound)] for bound in ("0.001", "0.0025", "+Inf")] == [
        0, 1, 2,
    ]  # fmt: skip
    assert samples[f"{durations}_sum", NONE] == pytest.approx(20.002)
    assert samples["trioworq_store_transaction_failures_total", NONE] == 1


async def test_the_store_is_up_as_long_as_nothing_is_wrong_with_it(numbers: Numbers, served: Served) -> None:
    """The words are for /readyz."""
    assert (await scrape(served))["trioworq_store_up", NONE] == 1
    numbers.trouble = "out of reach"
    assert (await scrape(served))["trioworq_store_up", NONE] == 0


async def test_what_runs_here_is_named(served: Served) -> None:
    """And the process and its garbage collector have their usual names."""
    samples = await scrape(served)
    [about] = [dict(labels) for name, labels in samples if name == "trioworq_build_info"]
    assert (about["version"], about["driver"]) == (__version__, "sqlite")
    assert samples["process_resident_memory_bytes", NONE] > 1_000_000
    assert samples["process_open_fds", NONE] > 3
    assert samples["python_gc_collections_total", labelled(generation="2")] >= 0


async def test_the_format_is_the_one_that_the_client_takes(served: Served) -> None:
    """Prometheus' own unless OpenMetrics is asked for; both can be read to the end."""
    plain = await served.client.get("/metrics")
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    answer = await served.client.get("/metrics", headers={"Accept": OPENMETRICS})
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.text.endswith("# EOF\n")
    families = list(read_openmetrics(answer.text))  # type: ignore[no-untyped-call]
    names = {sample.name for family in families for sample in family.samples}
    assert names == {sample.name for family in read_text(plain.text) for sample in family.samples}
    assert len(names) > 30


@pytest.mark.parametrize(
    "accept",
    [
        "",
        ";",
        "application/openmetrics-text;version=x",
        "application/openmetrics-text; version=9; escaping=\xe9",
    ],
)
async def test_odd_wishes_do_no_harm(accept: str, served: Served) -> None:
    """What the client says is looked at and never read."""
    answer = await served.client.get("/metrics", headers={b"Accept": accept.encode("latin-1")})
    assert answer.status_code == 200
    assert (
        "version=1.0.0" in answer.headers["content-type"] or "version=0.0.4" in answer.headers["content-type"]
    )
    assert served.errors == []


async def test_names_follow_the_conventions(served: Served) -> None:
    """Ours have our prefix and a text; counters end in total; labels are few and not the users' (I14)."""
    answer = await served.client.get("/metrics")
    for family in read_text(answer.text):
        assert re.fullmatch(r"(trioworq|process|python_gc)_[a-z_]+", family.name)
        assert family.documentation.endswith(".") or not family.name.startswith("trioworq")
        for name, labels, *_ in family.samples:
            assert family.type != "counter" or name.endswith("_total")
            assert labels.keys() <= {
                "state",
                "lane",
                "status",
                "le",
                "generation",
                "version",
                "driver",
                "python",
            }


@pytest.mark.usefixtures("lane")
async def test_scrapes_are_not_in_the_access_log(served: Served) -> None:
    """They come all day."""
    await served.client.get("/metrics")
    assert served.access_lines == []


async def test_no_name_of_a_queue_or_category_is_shown() -> None:
    """They are the users' own, and there may be many (I14)."""
    async with open_face(answering(SUCCESS)) as face:
        await face.put_queue("secretive")
        await face.side.queues.routings.read()
        await face.client.put("/routing/furtive", content=b'{"queue_name":"secretive"}')
        await face.push("furtive")
        await face.side.wait_until_empty("secretive")
        text = (await face.client.get("/metrics")).text
    assert "trioworq_jobs_completed_total 1.0" in text
    assert "secretive" not in text
    assert "furtive" not in text
    assert "worker/" not in text


async def test_requests_and_connections_are_counted_by_lane() -> None:
    """A connection counts where it is served now, a request by who answered it; refusals count too."""
    async with open_push_side(answering(SUCCESS)) as side, open_pull_side(side.store) as pull_side:
        sources = sources_of(side, pull_side)
        routes = [*fireworq.routes(side.queues, side.pauses, CONFIG), *metrics.routes(sources)]
        async with open_served(routes, traffic=sources.traffic, is_watched=False) as served:
            for target in ("/job/a", "/job/a", "/jobs"):
                await served.ask("POST", target, b'{"url":"http://worker/"}')
            for target in ("/version", "/nothing", "/%ff", "/stats"):
                await served.ask("GET", target)
            async with await served.connect() as idle:
                await idle.send_all(b"P")
                samples = await scrape(served)
    requests = {
        (dict(labels)["lane"], dict(labels)["status"]): value
        for (name, labels), value in samples.items()
        if name == "trioworq_http_requests_total" and value
    }
    assert requests == {("intake", "2xx"): 2, ("intake", "4xx"): 1, ("app", "2xx"): 2, ("app", "4xx"): 2}
    assert samples["trioworq_http_connections", labelled(lane="intake")] == 1
    assert samples["trioworq_http_connections", labelled(lane="app")] == 1
    assert (sources.traffic.intake.connections, sources.traffic.app.connections) == (0, 0)


def test_the_library_is_loaded_by_the_first_scrape() -> None:
    """A daemon that nobody scrapes does without its memory."""
    program = "import sys, trioworq.daemon; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
