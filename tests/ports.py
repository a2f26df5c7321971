"""Ports for processes that are started later, or again and again."""

import secrets
import socket

# Below what systems hand out on their own, to outgoing connections too: a process that is down for a while
# finds its port free, however many others run.
_LOWEST, _HIGHEST = 15_000, 32_767


def free_port() -> int:
    """Return a port of loopback that nothing uses. Every call returns another, but by accident."""
    while True:
        port = secrets.choice(range(_LOWEST, _HIGHEST + 1))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
