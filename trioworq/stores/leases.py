"""Who gets a queue: the one rule of ownership, the same in every store (design §5)."""

from collections.abc import Mapping

from attrs import frozen

from trioworq.core.queues import Owner
from trioworq.stores.interface import Hold

FIRST_EPOCH = 1


@frozen
class LeasePlan:
    """The epochs under which queues are held from now on.

    `renewed` leases go on. `taken` ones start a new epoch, so the jobs that were running are released.
    """

    renewed: dict[str, int]
    taken: dict[str, int]

    @property
    def held(self) -> dict[str, int]:
        """The epoch of each queue that the node holds now."""
        return self.renewed | self.taken


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
