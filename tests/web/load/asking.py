"""Requests as the endpoints of the load see them."""

from trioworq.web.load.queries import Query
from trioworq.web.messages import Request


def asked(query_string: bytes = b"", *, host: bytes = b"x", is_secure: bool = False) -> Request:
    """Return a request for the load."""
    return Request(
        method="GET",
        path="/v6/load/",
        arguments={},
        query={},
        body=b"",
        query_string=query_string,
        host=host,
        is_secure=is_secure,
    )


def query(query_string: bytes) -> Query:
    """Return what a request's query names."""
    return Query.of(asked(query_string))
