"""Every page that the console has, with the addresses at which it looks different."""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from attrs import frozen

from tests.console.shop import BACKWARDS, LONG, MARKUP, Shop


@frozen
class Address:
    """Where a page is, and what it is answered with."""

    path: str
    status: int = 200


def at(path: str, status: int = 200, /, **query: object) -> Address:
    """Return an address of the console; an underscore at the end of a name is not part of it."""
    pairs = {name.rstrip("_"): value for name, value in query.items()}
    return Address(f"/console{path}{'?' if pairs else ''}{urlencode(pairs)}", status)


def _queues(_shop: Shop) -> Sequence[Address]:
    tabs = ("waiting", "deferred", "running", "failed", "finished")
    return (
        *(at("/queue", kind="push", name="thumbnails", tab=tab) for tab in tabs),
        *(at("/queue", kind="pull", name="invoices", tab=tab) for tab in ("waiting", "running", "finished")),
        *(at("/queue", kind="push", name=name, tab="failed") for name in NAMES),
        at("/queue", kind="pull", name=MARKUP),
        at("/queue", kind="push", name="warehouse"),
        at("/queue", kind="push", name="checkout", edit=1),
        at("/queue", new=1),
        at("/queue", 404, kind="push", name="nothing"),
    )


def _jobs(shop: Shop) -> Sequence[Address]:
    return (*(at("/job", id=job_id) for job_id in shop.ids.values()), at("/job"), at("/job", 404, id=999_999))


def _failures(_shop: Shop) -> Sequence[Address]:
    return (
        at("/failures"),
        at("/failures", view="jobs"),
        at("/failures", kind="pull", text="lease", since="hour"),
        at("/failures", queue=MARKUP, error=MARKUP),
        at("/failures", 400, kind="sideways"),
    )


NAMES = (MARKUP, BACKWARDS, LONG)
PAGES: Mapping[str, Callable[[Shop], Sequence[Address]]] = {
    "/console": lambda _: (at(""), at("", q="ware", trouble=1)),
    "/console/queue": _queues,
    "/console/queue/delete": lambda _: (at("/queue/delete", name="mail"),),
    "/console/job": _jobs,
    "/console/failures": _failures,
    "/console/failures/confirm": lambda _: (
        at("/failures/confirm", action="retry"),
        at("/failures/confirm", action="delete", queue=MARKUP),
    ),
    # What it shows while it is at work is looked at where there is work for it.
    "/console/failures/sweep": lambda _: (at("/failures/sweep", 404, id="unknown", action="retry"),),
    "/console/routings": lambda _: (at("/routings"), at("/routings", text=MARKUP)),
    "/console/new": lambda shop: (
        at("/new", kind="push"),
        at("/new", kind="pull"),
        *(at("/new", from_=job_id) for job_id in (shop.ids["failed"], shop.ids["hostile"])),
    ),
    "/console/load": lambda _: (at("/load"), at("/load", span="week", show="queued", view="table")),
    "/console/settings": lambda _: (at("/settings"), at("/settings", text="dsn")),
    "/console/about": lambda _: (at("/about"),),
    # It is there where tokens are asked for, and looked at there.
    "/console/login": lambda _: (),
}
"""By the paths of their routes."""

NO_PAGES = frozenset(
    {
        "/console/",
        "/console/failures/sweep/progress",
        "/console/job/payload",
        "/console/job/stage",
        "/console/live",
        "/console/new/queue",
        "/console/static/{name...}",
    }
)
"""Routes that answer with something else: the way to a page, pieces of pages, files, streams."""
