"""Who gets a queue: the one rule of ownership, the same in every store (design §5)."""

from collections.abc import Mapping

from attrs import frozen

from trioworq.core.queues import Owner
from trioworq.stores.interface import Hold, Tenure

FIRST_EPOCH = 1


@frozen
class LeasePlan:
    """The epochs under which queues are held from now on.

    `renewed` leases go on. `taken` ones start a new epoch, so the jobs that were running are released.
    """

    renewed: dict[str, int]
    taken: dict[str, int]

    def tenures(self, recovered: Mapping[str, int]) -> dict[str, Tenure]:
        """Return what the node holds now; `recovered` counts the jobs that were released, by queue."""
        held = self.renewed | self.taken
        return {queue: Tenure(epoch, recovered.get(queue, 0)) for queue, epoch in held.items()}


def plan(hold: Hold, leases: Mapping[str, Owner]) -> LeasePlan:
    """Decide on each queue of `hold`, given the leases that there are, lapsed ones included.

    A node's own lease is renewed even if it had lapsed: nobody took it, so its epoch still stands.
    """
    renewed, taken = {}, {}
    for queue in hold.queues:
        lease = leases.get(queue)
        if lease is None:
            taken[queue] = FIRST_EPOCH
        elif lease.node_id == hold.node_id:
            renewed[queue] = lease.epoch
        elif lease.expires_at_ms <= hold.now_ms:
            taken[queue] = lease.epoch + 1
    return LeasePlan(renewed, taken)
