"""Chooses the TCP ports of a stack, all on 127.0.0.1.

Free ones come from below the kernel's ephemeral range: a port inside it can be taken by any outgoing connection while
a killed broker restarts, even by a client's own attempt to reconnect.
"""

import random
import socket
from pathlib import Path

from deploy.local.errors import PortTaken

HOST = "127.0.0.1"
_LOWEST = 15000
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that nothing listens on just now; a later bind can still lose a race."""
    highest = max(_first_ephemeral_port(), _LOWEST + 1000)
    candidates = random.SystemRandom().sample(range(_LOWEST, highest), 1000)
    ports: list[int] = []
    for port in candidates:
        if len(ports) == count:
            return ports
        if is_free(port):
            ports.append(port)
    raise PortTaken(f"no {count} free ports between {_LOWEST} and {highest} on {HOST}")


def require_free(port: int, purpose: str) -> int:
    """Return `port`; raises PortTaken when something listens on it."""
    if not is_free(port):
        raise PortTaken(f"port {port} for {purpose} is taken by another process on {HOST}")
    return port


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket() as probe:
        # Without it the remains of closed connections (TIME_WAIT) would count as a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _first_ephemeral_port() -> int:
    try:
        return int(_EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError):
        return 32768
