"""What can go wrong, by what its user can do about it.

ClientError
├─ Refused            the daemon does not do it, and asking again would change nothing
│  ├─ Unauthorized    the token is missing, unknown or does not allow this
│  ├─ NotFound        no such job, or no queue for a category
│  ├─ JobExists       the queue has a job of that id already
│  └─ LeaseLost       the job is in other hands now, or waits
├─ Unavailable        nobody could do it for now, although it was tried for a while
└─ BadAnswer          the answer is none that a daemon in order gives
"""


class ClientError(Exception):
    """A call has failed."""


class Refused(ClientError):
    """The daemon does not do what it was asked; nothing has changed.

    `status` is the answer's HTTP status, `detail` the daemon's own words.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{detail} (HTTP {status})")
        self.status = status
        self.detail = detail


class Unauthorized(Refused):
    """The token is missing, is not known, or does not allow this."""


class NotFound(Refused):
    """There is no such job, it is in nobody's hands, or no queue takes the category."""


class JobExists(Refused):
    """The queue has a job of that id already."""


class LeaseLost(Refused):
    """The job's lease has ended: it waits, or another worker has it."""


class Unavailable(ClientError):
    """The daemon could not be reached or was not able to act, until the retries were used up.

    `may_be_done` is False if it is certain that nothing has changed; True if a connection broke, or a proxy
    gave up, before an answer came.
    """

    def __init__(self, reason: str, *, may_be_done: bool) -> None:
        super().__init__(reason)
        self.may_be_done = may_be_done


class BadAnswer(ClientError):
    """The daemon has a fault, or something else answers at its address.

    What became of the call is unknown.
    """
