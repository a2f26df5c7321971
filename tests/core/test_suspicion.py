"""When a node counts as gone: looks in, names out."""

from trioworq.core.suspicion import LAPSED_LOOKS, LOOKS, Peer, Suspicion

NOW = 1_700_000_000_000
LATER = NOW + 3000


def test_a_node_is_gone_when_its_leases_have_lapsed() -> None:
    """At their very millisecond, whatever its mark says, if it has been silent for as long as it takes."""
    suspicion = Suspicion()
    seen = [Peer("a", NOW, True), Peer("b", NOW + 1, True)]
    looks = [suspicion.judge(seen, NOW) for _ in range(LAPSED_LOOKS)]
    assert looks == [{}] * (LAPSED_LOOKS - 1) + [{"a": NOW}]


def test_a_node_that_renews_lapsed_leases_is_not_gone() -> None:
    """Its clock is behind ours; it is alive all the same."""
    suspicion = Suspicion()
    for look in range(10 * LAPSED_LOOKS):
        seen = [Peer("a", NOW - 60_000 + look // (LAPSED_LOOKS - 1), True)]
        assert suspicion.judge(seen, NOW) == {}


def test_a_node_is_gone_when_its_mark_is_missing_look_after_look() -> None:
    """Once or twice may be a connection that is being made again."""
    suspicion = Suspicion()
    looks = [suspicion.judge([Peer("a", LATER, False), Peer("b", LATER, True)], NOW) for _ in range(LOOKS)]
    assert looks == [{}] * (LOOKS - 1) + [{"a": LATER}]


def test_a_node_that_renews_its_leases_is_not_gone() -> None:
    """It works, though its mark is not there."""
    suspicion = Suspicion()
    for look in range(10 * LOOKS):
        assert suspicion.judge([Peer("a", LATER + look // (LOOKS - 1), False)], NOW) == {}


def test_looks_have_to_follow_each_other() -> None:
    """A mark that is seen again clears its node."""
    suspicion = Suspicion()
    for _ in range(5):
        for _ in range(LOOKS - 1):
            assert suspicion.judge([Peer("a", LATER, False)], NOW) == {}
        assert suspicion.judge([Peer("a", LATER, True)], NOW) == {}


def test_a_node_that_has_left_is_forgotten() -> None:
    """When it comes back, it is looked at as often as anybody else."""
    suspicion = Suspicion()
    for _ in range(LOOKS - 1):
        suspicion.judge([Peer("a", LATER, False)], NOW)
    suspicion.judge([], NOW)
    assert suspicion.judge([Peer("a", LATER, False)], NOW) == {}


def test_nobody_is_gone_while_looks_are_distrusted() -> None:
    """From the time that was set on they count again, from the first look on."""
    suspicion = Suspicion()
    seen = [Peer("a", LATER, False), Peer("b", NOW, True)]
    for _ in range(LOOKS - 1):
        suspicion.judge(seen, NOW)
    suspicion.distrust_until(NOW + 1000)
    for _ in range(2 * LAPSED_LOOKS):
        assert suspicion.judge(seen, NOW + 999) == {}
    looks = [suspicion.judge(seen, NOW + 1000) for _ in range(LOOKS)]
    assert looks == [{}] * (LOOKS - 1) + [{"a": LATER}]
