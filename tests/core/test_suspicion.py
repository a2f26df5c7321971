"""When a node counts as gone: looks in, names out."""

from trioworq.core.suspicion import LOOKS, Peer, Suspicion

NOW = 1_700_000_000_000
LATER = NOW + 3000


def test_a_node_is_gone_when_its_leases_have_lapsed() -> None:
    """At their very millisecond, whatever its mark says, and in the first look."""
    assert Suspicion().judge([Peer("a", NOW, True), Peer("b", NOW + 1, True)], NOW) == {"a"}


def test_a_node_is_gone_when_its_mark_is_missing_look_after_look() -> None:
    """Once or twice may be a connection that is being made again."""
    suspicion = Suspicion()
    looks = [suspicion.judge([Peer("a", LATER, False), Peer("b", LATER, True)], NOW) for _ in range(LOOKS)]
    assert looks == [frozenset()] * (LOOKS - 1) + [{"a"}]


def test_a_node_that_renews_its_leases_is_not_gone() -> None:
    """It works, though its mark is not there."""
    suspicion = Suspicion()
    for look in range(10 * LOOKS):
        assert suspicion.judge([Peer("a", LATER + look // (LOOKS - 1), False)], NOW) == frozenset()


def test_looks_have_to_follow_each_other() -> None:
    """A mark that is seen again clears its node."""
    suspicion = Suspicion()
    for _ in range(5):
        for _ in range(LOOKS - 1):
            assert suspicion.judge([Peer("a", LATER, False)], NOW) == frozenset()
        assert suspicion.judge([Peer("a", LATER, True)], NOW) == frozenset()


def test_a_node_that_has_left_is_forgotten() -> None:
    """When it comes back, it is looked at as often as anybody else."""
    suspicion = Suspicion()
    for _ in range(LOOKS - 1):
        suspicion.judge([Peer("a", LATER, False)], NOW)
    suspicion.judge([], NOW)
    assert suspicion.judge([Peer("a", LATER, False)], NOW) == frozenset()


def test_missing_marks_mean_nothing_while_they_are_distrusted() -> None:
    """From the time that was set on they count again, from the first look on; lapsed leases always do."""
    suspicion = Suspicion()
    for _ in range(LOOKS - 1):
        suspicion.judge([Peer("a", LATER, False)], NOW)
    suspicion.distrust_until(NOW + 1000)
    for _ in range(2 * LOOKS):
        assert suspicion.judge([Peer("a", LATER, False), Peer("b", NOW, False)], NOW + 999) == {"b"}
    looks = [suspicion.judge([Peer("a", LATER, False)], NOW + 1000) for _ in range(LOOKS)]
    assert looks == [frozenset()] * (LOOKS - 1) + [{"a"}]
