"""Which queue takes a category (contract §1.9)."""

import pytest

from trioworq.core.errors import NoSuchRoute
from trioworq.core.routing import queue_of


def test_a_routing_beats_the_default_queue() -> None:
    """A category that is routed goes where its routing says."""
    assert queue_of("mail", {"mail": "slow"}, "default") == "slow"


def test_a_category_without_a_routing_goes_to_the_default_queue() -> None:
    """The default queue takes what no routing names."""
    assert queue_of("mail", {"Mail": "slow"}, "default") == "default"


def test_a_category_that_nothing_takes_is_refused() -> None:
    """Without a default queue a category that no routing names is a mistake of the caller."""
    with pytest.raises(NoSuchRoute, match="No routing of job category 'mail' exists"):
        queue_of("mail", {"post": "slow"}, "")
