"""What is done to a cluster under load. Each fault has a name, and leaves the cluster whole."""

import random
import resource
import signal
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import trio
from attrs import frozen

from tests.process.harness.assignments import PULSE
from tests.process.harness.cluster import Cluster, Node
from tests.process.harness.databases import MariaDBServer, SqliteFile
from tests.process.harness.doomed import PULL_POINTS, PUSH_POINTS
from tests.process.harness.pull.crew import Crew, Member
from tests.process.harness.sides import Mode

# How long a doomed node has to come to its point beside the others, and then alone.
DOOM_BESIDE_S = 3.0
DOOM_ALONE_S = 15.0
CLOCK_STEP_S = 3600
# Most leases are of three seconds.
STALLED_WORKER_S = (3.5, 6.0)


@frozen
class Site:
    """What a fault is done to, and the chance that decides on its details."""

    cluster: Cluster
    rng: random.Random
    crew: Crew | None = None

    @property
    def sqlite(self) -> SqliteFile:
        """The database, which is one file."""
        assert isinstance(self.cluster.database, SqliteFile)
        return self.cluster.database

    @property
    def mariadb(self) -> MariaDBServer:
        """The database, which is a server."""
        assert isinstance(self.cluster.database, MariaDBServer)
        return self.cluster.database

    def any_worker(self) -> Member:
        """Pick a worker process that may be harmed."""
        assert self.crew is not None
        return self.rng.choice(self.crew.mortals)

    def any_node(self) -> Node:
        """Pick a node."""
        return self.rng.choice(self.cluster.nodes)


async def kill_owner(site: Site) -> None:
    """SIGKILL the node that dispatches the queue with the steady stream; start it again later."""
    node = await site.cluster.wait_for_owner(PULSE)
    await node.kill()
    await trio.sleep(site.rng.choice((0.0, 2.0, 4.0)))
    await node.start()


async def kill_node(site: Site) -> None:
    """SIGKILL any node and start it again."""
    node = site.any_node()
    await node.kill()
    await trio.sleep(site.rng.choice((0.0, 1.0)))
    await node.start()


async def stall_owner(site: Site) -> None:
    """SIGSTOP the node that dispatches the queue with the steady stream; SIGCONT it seconds later."""
    node = await site.cluster.wait_for_owner(PULSE)
    node.stall()
    await trio.sleep(site.rng.uniform(2, 8))
    node.resume()


async def stall_node(site: Site) -> None:
    """SIGSTOP any node; SIGCONT it seconds later."""
    node = site.any_node()
    node.stall()
    await trio.sleep(site.rng.uniform(2, 8))
    node.resume()


async def kill_worker(site: Site) -> None:
    """SIGKILL a worker process with all the jobs in its hands, and start another."""
    worker = site.any_worker()
    await worker.kill()
    await worker.start()


async def stall_worker(site: Site) -> None:
    """SIGSTOP a worker process until its leases have ended; it goes on as if nothing had happened."""
    worker = site.any_worker()
    worker.stall()
    await trio.sleep(site.rng.uniform(*STALLED_WORKER_S))
    worker.resume()


async def restart_node(site: Site) -> None:
    """SIGTERM any node, and start it again when it has ended."""
    node = site.any_node()
    await node.terminate()
    await node.start()


async def restart_owner(site: Site) -> None:
    """SIGTERM the node that dispatches the queue with the steady stream, and start it again."""
    node = await site.cluster.wait_for_owner(PULSE)
    await node.terminate()
    await node.start()


async def doom(point: str, site: Site) -> None:
    """Let a node kill itself at a named point; if it does not come there beside the others, without them."""
    node, others = site.any_node(), list(site.cluster.nodes)
    others.remove(node)
    await node.terminate()
    await node.start("tests.process.harness.doomed", point, str(site.rng.randint(1, 20)))
    with trio.move_on_after(DOOM_BESIDE_S) as beside:
        await node.wait()
    if beside.cancelled_caught:
        for other in others:
            await other.terminate()
        with trio.fail_after(DOOM_ALONE_S):
            await node.wait()
    async with trio.open_nursery() as starting:
        for each in site.cluster.nodes:
            if not each.is_alive:
                starting.start_soon(each.start)


async def skew_clock(site: Site) -> None:
    """Run a node whose wall clock is an hour ahead now and then; what counts is the database's."""
    node = site.any_node()
    await node.terminate()
    await node.start("tests.process.harness.skewed", "machine", str(CLOCK_STEP_S))
    for _ in range(3):
        await trio.sleep(1.0)
        node.send(signal.SIGUSR2)
    await trio.sleep(1.0)
    await node.terminate()
    await node.start()


async def kill_database(site: Site) -> None:
    """SIGKILL the server; start it again later."""
    await site.mariadb.kill()
    await trio.sleep(site.rng.choice((0.0, 1.0, 4.0)))
    await site.mariadb.start()


async def stall_database(site: Site) -> None:
    """SIGSTOP the server; SIGCONT it seconds later."""
    site.mariadb.server.stall()
    await trio.sleep(site.rng.uniform(1, 5))
    site.mariadb.server.resume()


async def kill_connections(site: Site) -> None:
    """Have the server kill all connections, again and again."""
    for _ in range(site.rng.choice((1, 3, 10))):
        await site.mariadb.kill_connections()
        await trio.sleep(site.rng.uniform(0, 0.3))


async def fill_disk(site: Site) -> None:
    """Let no file of any node grow for a while.

    By RLIMIT_FSIZE, for which nobody has to be root: a write fails with EFBIG instead of ENOSPC.
    """
    _limit_files(site.cluster, 4096)
    await trio.sleep(site.rng.uniform(0.5, 4))
    _limit_files(site.cluster, resource.RLIM_INFINITY)


def _limit_files(cluster: Cluster, limit: int) -> None:
    for node in cluster.serving:
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


async def lock_file(site: Site) -> None:
    """Hold SQLite's write lock as a foreign process would."""
    await site.sqlite.lock(site.rng.choice((0.5, 3.0, 7.0)))


Fault = Callable[[Site], Awaitable[None]]

# What concerns the owner of a queue concerns no job that workers fetch.
OF_NODES: Mapping[Mode, Mapping[str, Fault]] = {
    Mode.PUSH: {
        "kill owner": kill_owner,
        "kill node": kill_node,
        "stall owner": stall_owner,
        "restart owner": restart_owner,
        "restart node": restart_node,
        **{f"die {point}": partial(doom, point) for point in PUSH_POINTS},
    },
    Mode.PULL: {
        "kill node": kill_node,
        "stall node": stall_node,
        "restart node": restart_node,
        "kill worker": kill_worker,
        "stall worker": stall_worker,
        **{f"die {point}": partial(doom, point) for point in PULL_POINTS},
    },
}
OF_DATABASES: Mapping[str, Mapping[str, Fault]] = {
    "sqlite": {"fill disk": fill_disk, "lock file": lock_file},
    "mysql": {
        "kill database": kill_database,
        "stall database": stall_database,
        "kill connections": kill_connections,
        "skew clock": skew_clock,
    },
}


def faults(store: str, mode: Mode = Mode.PUSH) -> Mapping[str, Fault]:
    """Return what can be done to a cluster on this kind of store, by name."""
    of_nodes = (OF_NODES[Mode.PUSH], OF_NODES[Mode.PULL]) if mode is Mode.BOTH else (OF_NODES[mode],)
    return {name: fault for each in (*of_nodes, OF_DATABASES[store]) for name, fault in each.items()}
