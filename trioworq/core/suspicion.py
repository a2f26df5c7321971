"""When a node counts as gone: its leases have lapsed, or its presence mark is not there (design §5)."""

from collections.abc import Iterable, Mapping

from attrs import define, field, frozen

# A mark that is missing in fewer looks in a row may belong to a node that is just connecting again.
LOOKS = 3
# Who has lapsed and renews nothing in so many looks has stopped; who renews has a clock unlike ours.
LAPSED_LOOKS = 10


@frozen
class Peer:
    """A node that is counted among the live ones, until `expires_at_ms` at least.

    `is_present` tells whether its presence mark is there, which goes with its process or its connection:
    a hint, no proof. Where the mark cannot be seen it counts as there.
    """

    node_id: str
    expires_at_ms: int
    is_present: bool


@frozen
class _Silence:
    """A node that has not renewed its leases in `looks` looks; in the last `absent` its mark was missing."""

    expires_at_ms: int
    looks: int = 0
    absent: int = 0

    def seen(self, peer: Peer) -> "_Silence":
        """Return what there is to say after one more look."""
        before = self if peer.expires_at_ms == self.expires_at_ms else _Silence(peer.expires_at_ms)
        return _Silence(peer.expires_at_ms, before.looks + 1, 0 if peer.is_present else before.absent + 1)

    def is_end(self, now_ms: int) -> bool:
        """Whether the node is gone."""
        return self.absent >= LOOKS or (self.expires_at_ms <= now_ms and self.looks >= LAPSED_LOOKS)


@define(eq=False)
class Suspicion:
    """Follows the looks at other nodes.

    After looks that failed, or took long, everybody may have lost their connections, and so their marks, and
    have been kept from renewing: until everyone has had the time to come back, nobody counts as gone.
    """

    _silences: dict[str, _Silence] = field(factory=dict)
    _trusted_from_ms: int = 0

    def distrust_until(self, time_ms: int) -> None:
        """Take nobody for gone until then."""
        self._silences.clear()
        self._trusted_from_ms = time_ms

    def judge(self, seen: Iterable[Peer], now_ms: int) -> Mapping[str, int]:
        """Take what one look shows of the other nodes; return those that are gone, with their leases' end."""
        if now_ms < self._trusted_from_ms:
            return {}
        self._silences = {
            peer.node_id: self._silences.get(peer.node_id, _Silence(peer.expires_at_ms)).seen(peer)
            for peer in seen
        }
        return {
            node_id: silence.expires_at_ms
            for node_id, silence in self._silences.items()
            if silence.is_end(now_ms)
        }
