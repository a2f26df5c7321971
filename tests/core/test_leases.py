"""Who gets a queue: leases in, a plan out."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.leases import FIRST_EPOCH, GRACE_MS, Hold, LeasePlan, Tenure, plan
from trioworq.core.queues import Owner

NOW = 1_700_000_000_000
LATER = NOW + 3000


def hold(*queues: str, node_id: str = "a") -> Hold:
    return Hold(node_id, f"{node_id}.test", queues, NOW, 3000)


def lease(node_id: str, expires_at_ms: int = LATER, epoch: int = 5) -> Owner:
    return Owner(node_id, f"{node_id}.test", epoch, expires_at_ms)


def test_queue_that_nobody_had_is_taken_under_the_first_epoch() -> None:
    """However many queues the node has already."""
    planned = plan(hold("old", "new"), {"old": lease("a")}, ["a", "b"])
    assert planned.taken == {"new": FIRST_EPOCH}


def test_own_lease_is_renewed_under_its_epoch() -> None:
    """Also one that has lapsed: nobody took it."""
    planned = plan(hold("q", "r"), {"q": lease("a"), "r": lease("a", NOW - 1)}, ["a"])
    assert planned == LeasePlan({"q": 5, "r": 5}, {}, 0)


def test_lease_of_another_node_is_taken_from_its_very_end_on() -> None:
    """Under the next epoch, so that what the node may still write does nothing (I7)."""
    assert plan(hold("q"), {"q": lease("b", NOW + 1)}, ["a"]).taken == {}
    assert plan(hold("q"), {"q": lease("b", NOW)}, ["a"]).taken == {"q": 6}


def test_queues_beyond_a_share_are_left_to_others_for_a_while() -> None:
    """Half of two queues is one; the second is taken when nobody has wanted it."""
    fresh = {name: lease("c", NOW) for name in ("q", "r")}
    assert plan(hold("q", "r"), fresh, ["a", "b"]).taken == {"q": 6}
    stale = {name: lease("c", NOW - GRACE_MS) for name in ("q", "r")}
    assert plan(hold("q", "r"), stale, ["a", "b"]).taken == {"q": 6, "r": 6}


def test_queues_left_to_others_are_neither_taken_nor_renewed() -> None:
    """They count among those that are shared all the same."""
    asked = evolve(hold("q", "r"), left=frozenset({"q", "r"}))
    assert plan(asked, {"q": lease("a", NOW)}, ["a", "b"]) == LeasePlan({}, {}, 0)


def test_patient_node_takes_nothing_that_has_been_anothers() -> None:
    """Who had it may not have come to renew it yet; its own and new queues are another matter."""
    asked = evolve(hold("own", "lapsed", "new"), is_patient=True)
    planned = plan(asked, {"own": lease("a", NOW - 9), "lapsed": lease("b", NOW - 9)}, ["a", "b"])
    assert (planned.renewed, planned.taken) == ({"own": 5}, {"new": FIRST_EPOCH})


def test_node_that_is_leaving_keeps_what_it_has_and_takes_nothing() -> None:
    """It is no longer among the live ones, so it has no surplus either, be there others or not."""
    asked = evolve(hold("q", "new"), is_leaving=True)
    for live in (["b"], []):
        assert plan(asked, {"q": lease("a")}, live) == LeasePlan({"q": 5}, {}, 0)


def test_what_is_held_leaves_out_what_others_were_faster_to_take() -> None:
    """A queue is inherited if anybody had it before."""
    planned = LeasePlan({"mine": 4}, {"new": FIRST_EPOCH, "old": 7, "lost": 3}, surplus=2)
    held = planned.held({"new": 0, "old": 12})
    assert held.surplus == 2
    assert held.tenures == {
        "mine": Tenure(4),
        "new": Tenure(FIRST_EPOCH, 0, is_inherited=False),
        "old": Tenure(7, 12, is_inherited=True),
    }


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_letting_the_surplus_go_evens_out_the_counts(counts: list[int]) -> None:
    """From any spread; each node reckons for itself, and what they let go is just what the others lack."""
    live = [f"node-{place}" for place in range(len(counts))]
    owners = [node for node, count in zip(live, counts, strict=True) for _ in range(count)]
    leases = {f"q{number}": lease(node) for number, node in enumerate(owners)}
    plans = [plan(hold(*leases, node_id=node), leases, live) for node in live]
    left = sorted(count - each.surplus for count, each in zip(counts, plans, strict=True))
    spare = sum(each.surplus for each in plans)
    while spare:
        left = sorted([left[0] + 1, *left[1:]])
        spare -= 1
    assert left[-1] - left[0] <= 1


@given(st.lists(st.integers(0, 10), min_size=1, max_size=5), st.integers(1, 20))
def test_nobody_takes_what_it_would_have_to_let_go(counts: list[int], free: int) -> None:
    """Of queues that are just free each node takes its share and no more."""
    live = [f"node-{place}" for place in range(len(counts))]
    owners = [node for node, count in zip(live, counts, strict=True) for _ in range(count)]
    leases = {f"q{number}": lease(node) for number, node in enumerate(owners)}
    leases |= {f"free{number}": lease("gone", NOW) for number in range(free)}
    for node in live:
        planned = plan(hold(*leases, node_id=node), leases, live)
        assert not planned.taken or not planned.surplus
