"""Mistakes of a caller, by what they mean; the edge turns each into a status (contract §1.3, README 4).

CallerError
├─ InvalidRequest     a value is wrong, missing or out of range
└─ NotFound
   ├─ NoSuchQueue     the named queue is not defined
   └─ NoSuchRoute     a category that no routing and no default queue takes
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
