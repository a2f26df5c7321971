"""How the figures change as one thing grows: the number of queues, the payload, the workers.

The curves over the depth of a queue are in `depth`.
"""

import math
from collections.abc import Iterator, Sequence

from attrs import evolve

from benchmark.figures import Flat, given, resident
from benchmark.push import phases
from benchmark.push.phases import NAME, Stage
from benchmark.push.worker import started_worker

# As many bytes as one point of the payload curve may push.
PAYLOADS_BYTES = 300_000_000
WORKER_DELAYS_MS = (0, 10, 200)
# How long a point of the workers' curve takes at best.
WORKERS_BUSY_S = 3


def queues(stage: Stage, counts: Sequence[int]) -> Iterator[Flat]:
    """So many queues share the load in turn."""
    for count in counts:
        names = [f"{NAME}-{number}" for number in range(count)]
        with stage.target.defined(names, stage.plan.max_workers):
            yield {"queues": count} | _speed(evolve(stage, queues=names))


def payload(stage: Stage, sizes: Sequence[int]) -> Iterator[Flat]:
    """Payloads of so many bytes; fewer jobs where they are large."""
    with stage.target.defined([NAME], stage.plan.max_workers):
        for size in sizes:
            jobs = max(1, min(stage.plan.jobs, PAYLOADS_BYTES // size))
            plan = evolve(stage.plan, payload_bytes=size, jobs=jobs)
            yield {"bytes": size, "jobs": jobs} | _speed(evolve(stage, plan=plan))


def workers(stage: Stage, counts: Sequence[int]) -> Iterator[Flat]:
    """So many workers at a time, each of which takes 0, 10 or 200 ms for a job."""
    for delay_ms in WORKER_DELAYS_MS:
        with started_worker(stage.worker.host, delay_ms) as worker:
            for count in counts:
                yield _busy(evolve(stage, worker=worker), count, delay_ms)


def _busy(stage: Stage, count: int, delay_ms: int) -> Flat:
    ideal_per_s = count * 1000 / delay_ms if delay_ms else math.inf
    jobs = math.ceil(min(stage.plan.jobs, max(count, ideal_per_s * WORKERS_BUSY_S)))
    busy = evolve(stage, plan=evolve(stage.plan, jobs=jobs, max_workers=count))
    with stage.target.defined([NAME], count):
        load = phases.load(busy)
    return {
        "delay_ms": delay_ms,
        "workers": count,
        "jobs": jobs,
        "jobs_per_s": load.jobs_per_s,
        "ideal_per_s": ideal_per_s,
        "share_percent": 100 * load.jobs_per_s / ideal_per_s if delay_ms else math.nan,
        "processor_us": given(load.processor_us),
        "alone_per_s": _alone(evolve(busy, plan=evolve(busy.plan, connections=count))),
        **resident(load.memory),
    }


def _speed(stage: Stage) -> Flat:
    """Return what an idle and a busy server do."""
    idle = phases.idle(stage)
    load = phases.load(stage)
    return {
        "pushes_per_s": load.pushes_per_s,
        "jobs_per_s": load.jobs_per_s,
        "start_p50_ms": idle.start.p50_ms,
        "start_p99_ms": idle.start.p99_ms,
        "processor_us": given(load.processor_us),
        "alone_per_s": _alone(stage),
        **resident(load.memory),
    }


def _alone(stage: Stage) -> float:
    return phases.alone(stage.plan, stage.worker, stage.deadline, stage.progress)
