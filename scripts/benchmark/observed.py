"""The server's process as the operating system sees it."""

import psutil

from benchmark.errors import BenchError
from benchmark.figures import Memory


def listening_process(port: int) -> int | None:
    """Return the id of the process that listens on a local port; None when it is not to be seen."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return None
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and getattr(connection.laddr, "port", 0) == port:
            return connection.pid
    return None


def memory(pid: int) -> Memory:
    """Return the memory of a process and of its children, which share its work."""
    resident, peak = 0, 0
    for process in _family(pid):
        with open(f"/proc/{process.pid}/status") as status:
            sizes = dict(line.split(":", 1) for line in status)
        resident += _kib(sizes.get("VmRSS", "0"))
        peak += _kib(sizes.get("VmHWM", "0"))
    return Memory(resident / 1024, peak / 1024)


def _kib(text: str) -> int:
    return int(text.split()[0])


def processor_s(pid: int) -> float:
    """Return the seconds of processor time that a process and its children have used."""
    return sum(sum(process.cpu_times()[:2]) for process in _family(pid))


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        raise BenchError(f"the server's process {pid} is gone") from None
