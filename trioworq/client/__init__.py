"""The Python client: push jobs, enqueue and fetch them, or let a `Worker` do the fetching."""

# General layout; nothing here imports anything of the daemon, and nothing of the daemon imports this:
#
#   worker         fetches jobs, has them handled, drains
#     leases       one job in a worker's hands
#   blocking       Client, for plain code
#   asynchronous   AsyncClient, for Trio; the same methods
#     transport    httpx2, as both use it
#     retries      when a call is asked again
#     calls        each method as a request
#     answers      what comes back
#     values       jobs
#     manage/      the same for who looks after jobs: failures, any job's status, counts, load, pauses
#     errors       what can go wrong

from trioworq.client.asynchronous import AsyncClient
from trioworq.client.blocking import Client
from trioworq.client.errors import (
    BadAnswer,
    ClientError,
    JobExists,
    LeaseLost,
    NotFound,
    Refused,
    Unauthorized,
    Unavailable,
)
from trioworq.client.leases import Run
from trioworq.client.manage.values import (
    JobCounts,
    JobReport,
    LoadPoint,
    NotSwept,
    PushQueue,
    QueueCounts,
    QueuedType,
    Sweep,
)
from trioworq.client.retries import Retry
from trioworq.client.values import UNCHANGED, Enqueued, Job, NewJob, NewPush, Unchanged
from trioworq.client.worker import STOP_SIGNALS, Worker, leave_to_lease, run_worker

__all__ = [
    "STOP_SIGNALS",
    "UNCHANGED",
    "AsyncClient",
    "BadAnswer",
    "Client",
    "ClientError",
    "Enqueued",
    "Job",
    "JobCounts",
    "JobExists",
    "JobReport",
    "LeaseLost",
    "LoadPoint",
    "NewJob",
    "NewPush",
    "NotFound",
    "NotSwept",
    "PushQueue",
    "QueueCounts",
    "QueuedType",
    "Refused",
    "Retry",
    "Run",
    "Sweep",
    "Unauthorized",
    "Unavailable",
    "Unchanged",
    "Worker",
    "leave_to_lease",
    "run_worker",
]
