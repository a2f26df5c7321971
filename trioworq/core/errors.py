"""Mistakes of a caller, by what they mean; the edge turns each into a status (contract §1.3, README 4).

CallerError
├─ InvalidRequest     a value is wrong, missing or out of range
├─ NotFound
│  ├─ NoSuchQueue     the named queue is not defined
│  ├─ NoSuchRoute     a category that no routing and no default queue takes
│  ├─ NoSuchJob       a queue has no job of that name, or it is in nobody's hands
│  ├─ NoSuchJobId     no job has that id, or none that is remembered
│  └─ NotFailed       no failed job has that id
└─ Conflict
   ├─ JobExists       a queue has a job of that name already
   ├─ StaleRun        the job's present run is another than the one that was named, or none
   ├─ NotWaiting      a job that is to be due now runs, or has ended
   └─ CannotRequeue   a failed job cannot be run again as things are

The last of each are in `failures`.
"""


class CallerError(Exception):
    """The request cannot be carried out and nothing was stored; the message may be shown to the caller."""


class InvalidRequest(CallerError):
    """A value is wrong, missing or out of range."""


class NotFound(CallerError):
    """What the request names does not exist."""


class NoSuchQueue(NotFound):
    """The named queue is not defined."""

    def __init__(self, name: str) -> None:
        super().__init__(f"No such queue: {name}")


class NoSuchRoute(NotFound):
    """No routing names the category, and there is no default queue to take it."""

    def __init__(self, category: str) -> None:
        super().__init__(f"No routing of job category '{category}' exists")


class NoSuchJob(NotFound):
    """A queue has no job of that name, or it is in nobody's hands (contract pull §2.5)."""

    def __init__(self, queue: str, key: str) -> None:
        super().__init__(f"job with id `{key}` not found in queue `{queue}`.")


class NoSuchJobId(NotFound):
    """No job has this id, or it ended longer ago than is remembered (contract jobs §3.1)."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} not found: No such job, or it is not remembered any more")


class Conflict(CallerError):
    """What the request asks for does not fit what is there."""


class JobExists(Conflict):
    """A queue has a job of that name already (contract pull §2.5)."""

    def __init__(self, queue: str, key: str) -> None:
        super().__init__(f"job with id `{key}` already exists in queue `{queue}`.")


class StaleRun(Conflict):
    """The job's present run is another than the one that was named, or none (README 13)."""

    def __init__(self, queue: str, key: str) -> None:
        super().__init__(f"job with id `{key}` in queue `{queue}` has another run now, or none.")


class NotWaiting(Conflict):
    """A job that is to be due now runs, or has ended."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} does not wait")
