"""The server's process as the operating system sees it."""

import psutil
from attrs import frozen

from benchmark.errors import BenchError
from benchmark.figures import Memory


@frozen
class Process:
    """The server's process and its children, which share its work; `pid` None for one out of sight."""

    pid: int | None

    @classmethod
    def listening(cls, port: int) -> "Process":
        """Return the process that listens on a local port."""
        try:
            connections = psutil.net_connections(kind="tcp")
        except psutil.AccessDenied:
            return cls(None)
        for connection in connections:
            if connection.status == psutil.CONN_LISTEN and getattr(connection.laddr, "port", 0) == port:
                return cls(connection.pid)
        return cls(None)

    def memory(self) -> Memory | None:
        """Return the memory as it is now."""
        if self.pid is None:
            return None
        resident, peak = 0, 0
        for process in _family(self.pid):
            with open(f"/proc/{process.pid}/status") as status:
                sizes = dict(line.split(":", 1) for line in status)
            resident += _kib(sizes.get("VmRSS", "0"))
            peak += _kib(sizes.get("VmHWM", "0"))
        return Memory(resident / 1024, peak / 1024)

    def processor_s(self) -> float | None:
        """Return the seconds of processor time that have been used so far."""
        return None if self.pid is None else processor_s(self.pid)

    def processor_us(self, since_s: float | None, jobs: int) -> float | None:
        """Return the processor time, in microseconds, for each of the jobs that have been done since."""
        now_s = self.processor_s()
        return None if now_s is None or since_s is None else (now_s - since_s) * 1e6 / jobs


def processor_s(pid: int) -> float:
    """Return the seconds of processor time that a process and its children have used."""
    return sum(sum(process.cpu_times()[:2]) for process in _family(pid))


def _kib(text: str) -> int:
    return int(text.split()[0])


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        raise BenchError(f"the server's process {pid} is gone") from None
