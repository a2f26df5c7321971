"""When a node counts as gone although its leases have not lapsed (design §5)."""

from collections.abc import Iterable

from attrs import define, field, frozen

# A mark that is missing in fewer looks in a row may belong to a node that is just connecting again.
LOOKS = 3


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
class _Absence:
    """A node whose mark has been missing in `looks` looks, in which it has not renewed its leases."""

    expires_at_ms: int
    looks: int


@define(eq=False)
class Suspicion:
    """Follows the looks at other nodes.

    After looks that failed, or took long, everybody may have lost their connections, and so their marks:
    until everyone has had the time to come back, only leases count.
    """

    _absent: dict[str, _Absence] = field(factory=dict)
    _trusted_from_ms: int = 0

    def distrust_until(self, time_ms: int) -> None:
        """Believe no missing mark until then."""
        self._absent.clear()
        self._trusted_from_ms = time_ms

    def judge(self, seen: Iterable[Peer], now_ms: int) -> frozenset[str]:
        """Take what one look shows of the other nodes; name those that are gone."""
        lapsed = set()
        absent: dict[str, _Absence] = {}
        for peer in seen:
            if peer.expires_at_ms <= now_ms:
                lapsed.add(peer.node_id)
            elif not peer.is_present and now_ms >= self._trusted_from_ms:
                before = self._absent.get(peer.node_id)
                is_quiet = before is not None and before.expires_at_ms == peer.expires_at_ms
                looks = before.looks + 1 if before is not None and is_quiet else 1
                absent[peer.node_id] = _Absence(peer.expires_at_ms, looks)
        self._absent = absent
        return frozenset(lapsed | {node for node, absence in absent.items() if absence.looks >= LOOKS})
