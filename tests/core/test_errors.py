"""Mistakes of a caller: their kinds and the texts that reach the wire (contract §1.3)."""

from trioworq.core.errors import (
    CallerError,
    Conflict,
    InvalidRequest,
    JobExists,
    NoSuchJob,
    NoSuchJobId,
    NoSuchQueue,
    NoSuchRoute,
    NotFound,
    NotWaiting,
    StaleRun,
)


def test_an_undefined_queue_is_named_in_the_text() -> None:
    """The text is the one that Fireworq answers."""
    assert str(NoSuchQueue("none")) == "No such queue: none"


def test_a_category_without_a_queue_is_named_in_the_text() -> None:
    """The text is the one that Fireworq answers."""
    assert str(NoSuchRoute("mail")) == "No routing of job category 'mail' exists"


def test_a_pull_job_is_named_in_the_text() -> None:
    """The texts are those that relay-rs answers (contract pull §2.5)."""
    assert str(NoSuchJob("q", "k")) == "job with id `k` not found in queue `q`."
    assert str(JobExists("q", "k")) == "job with id `k` already exists in queue `q`."
    assert str(StaleRun("q", "k")) == "job with id `k` in queue `q` has another run now, or none."


def test_a_job_that_nobody_remembers_is_named_in_the_text() -> None:
    """The text begins as the original's (contract jobs §3.1)."""
    assert str(NoSuchJobId("7")).startswith("Job 7 not found: ")
    assert issubclass(NoSuchJobId, NotFound)


def test_a_job_that_does_not_wait_is_named_in_the_text() -> None:
    """Whoever wants it to be due now learns why it is not."""
    assert str(NotWaiting("7")) == "Job 7 does not wait"


def test_every_mistake_is_a_callers_error() -> None:
    """The edge can tell mistakes of a caller from everything else by one class."""
    assert issubclass(InvalidRequest, CallerError)
    assert issubclass(NotFound, CallerError)
    assert issubclass(NoSuchQueue, NotFound)
    assert issubclass(NoSuchRoute, NotFound)
    assert issubclass(NoSuchJob, NotFound)
    assert issubclass(Conflict, CallerError)
    assert issubclass(JobExists, Conflict)
    assert issubclass(StaleRun, Conflict)
    assert issubclass(NotWaiting, Conflict)
