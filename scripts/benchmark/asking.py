"""One request that may take long, on a connection of its own."""

import http.client
from contextlib import closing

from benchmark.connection import Answer
from benchmark.errors import BenchError, Deadline
from benchmark.target import Place

OK = 200


def ask(place: Place, deadline: Deadline, method: str, path: str) -> Answer:
    """Return the answer, which has to be a success. Raises BenchError."""
    limit_s = deadline.left_s(f"{method} {path}")
    try:
        with closing(http.client.HTTPConnection(*place.address, timeout=limit_s)) as connection:
            connection.request(method, path)
            reply = connection.getresponse()
            answer = Answer(reply.status, reply.read())
    except (OSError, http.client.HTTPException) as error:
        raise BenchError(f"{method} {path} was not answered: {error!r}") from None
    if answer.status != OK:
        raise answer.refusal(f"{method} {path}")
    return answer
