"""Who gets a queue: the one rule of ownership, the same in every store (design §5)."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from attrs import field, frozen

from trioworq.core.queues import Owner

FIRST_EPOCH = 1

# A node leaves queues beyond its share to others for this long; whose share they are may not know them yet.
GRACE_MS = 500


@frozen
class Hold:
    """A request to be counted among the live nodes, and to own `queues`, for `lease_ms` from `now_ms` on.

    Those that are `left` to others are counted, but neither taken nor renewed. The nodes that are `gone` have
    ended or stand still: their leases end here, unless they have been renewed since they were seen to end at
    the time that is given. A node that `is_leaving` is no longer counted, and takes nothing more. One that
    `is_patient` takes no lease that has been another's: the store has been away, and who has it may not have
    come to renew it yet.
    """

    node_id: str
    host: str
    queues: Sequence[str]
    now_ms: int
    lease_ms: int
    left: frozenset[str] = frozenset()
    gone: Mapping[str, int] = field(factory=dict)
    is_leaving: bool = False
    is_patient: bool = False

    @property
    def wanted(self) -> Sequence[str]:
        """The queues to own if possible."""
        return [queue for queue in self.queues if queue not in self.left]


@frozen
class Tenure:
    """A queue is held under `epoch`; taking it over put `recovered` running jobs back to waiting.

    `is_inherited` is True for a queue that another process has had before.
    """

    epoch: int
    recovered: int = 0
    is_inherited: bool = False


@frozen
class Held:
    """What a node holds now; `surplus` counts the queues that others should have for an even spread."""

    tenures: Mapping[str, Tenure]
    surplus: int = 0


@frozen
class LeasePlan:
    """The epochs under which queues are held from now on.

    `renewed` leases go on. `taken` ones start a new epoch, so the jobs that were running are released.
    """

    renewed: dict[str, int]
    taken: dict[str, int]
    surplus: int

    def held(self, recovered: Mapping[str, int]) -> Held:
        """Return what the node holds now: of the `taken` queues those in `recovered`.

        That counts the jobs that were released, for each queue that nobody else was faster to take.
        """
        tenures = {queue: Tenure(epoch) for queue, epoch in self.renewed.items()}
        for queue, count in recovered.items():
            epoch = self.taken[queue]
            tenures[queue] = Tenure(epoch, count, is_inherited=epoch > FIRST_EPOCH)
        return Held(tenures, self.surplus)


def plan(hold: Hold, leases: Mapping[str, Owner], live: Collection[str]) -> LeasePlan:
    """Decide on each queue of `hold`, given the leases that there are, lapsed ones included.

    `live` are the nodes that share the queues. A node's own lease is renewed even if it had lapsed: nobody
    took it, so its epoch still stands.
    """
    present = [leases[queue] for queue in hold.queues if queue in leases]
    owned = Counter(lease.node_id for lease in present if lease.expires_at_ms > hold.now_ms)
    renewed = {queue: leases[queue].epoch for queue in hold.wanted if _is_ours(hold, leases.get(queue))}
    owned[hold.node_id] = len(renewed)
    taken: dict[str, int] = {}
    before = {node: owned[node] for node in live}
    share = _even(before, len(hold.queues) - owned.total()).get(hold.node_id, 0)
    for queue in () if hold.is_leaving else hold.wanted:
        lease = leases.get(queue)
        if lease is None:
            taken[queue] = FIRST_EPOCH
        elif not _is_ours(hold, lease) and _may_take(hold, lease, has_share=owned[hold.node_id] >= share):
            taken[queue] = lease.epoch + 1
        else:
            continue
        owned[hold.node_id] += 1
    counts = {node: owned[node] for node in live}
    due = _even(counts, len(hold.queues) - owned.total())
    surplus = counts.get(hold.node_id, 0) - due.get(hold.node_id, 0)
    return LeasePlan(renewed, taken, max(0, surplus))


def _is_ours(hold: Hold, lease: Owner | None) -> bool:
    return lease is not None and lease.node_id == hold.node_id


def _may_take(hold: Hold, lease: Owner, *, has_share: bool) -> bool:
    return not hold.is_patient and lease.expires_at_ms + (GRACE_MS if has_share else 0) <= hold.now_ms


def _even(owned: Mapping[str, int], free: int) -> Mapping[str, int]:
    """Return how many queues each node should have, so that no two differ by more than one.

    Every node comes to the same result from the same rows: the `free` queues go to those with least, and
    then the one with most gives to the one with least.
    """
    counts = dict(owned)
    while counts:
        richest = max(counts, key=lambda node: (counts[node], node))
        poorest = min(counts, key=lambda node: (counts[node], node))
        if free > 0:
            free -= 1
        elif counts[richest] - counts[poorest] > 1:
            counts[richest] -= 1
        else:
            break
        counts[poorest] += 1
    return counts
