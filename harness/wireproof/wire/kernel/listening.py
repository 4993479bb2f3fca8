"""Who listens at an address, read from the kernel: no connection tells it."""

import socket
from pathlib import Path

from wireproof.target import Target
from wireproof.wire.kernel.process import unix_listeners
from wireproof.wire.kernel.sock_diag import SockDiag

_UDP_TABLES = ("/proc/net/udp", "/proc/net/udp6")


def is_listening(target: Target) -> bool:
    """Return whether a socket of this network namespace takes what is sent to `target`.

    Args:
        target: resolved.

    Raises:
        CannotRunError: this system has no sock_diag.

    """
    return bool(sockets_of(target))


def sockets_of(target: Target) -> frozenset[int]:
    """Return the inodes of the sockets in this network namespace that take what is sent to it.

    Over UDP any socket bound to the port counts, whichever of this machine's addresses it has.

    Args:
        target: resolved.

    Raises:
        CannotRunError: this system has no sock_diag.

    """
    if isinstance(target.address, str):
        return unix_listeners(target.address)
    if target.is_stream:
        with SockDiag() as diag:
            found = diag.listener(target.address)
            return frozenset(one.inode for one in found.sockets) if found else frozenset()
    return _udp_sockets(target.address[1])


def is_ours(target: Target) -> bool:
    """Return whether a target's address is one of this machine's: only those can be bound to."""
    if isinstance(target.address, str):
        return True
    with socket.socket(target.family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((target.address[0], 0, *target.address[2:]))
        except OSError:
            return False
    return True


def _udp_sockets(port: int) -> frozenset[int]:
    """Return the sockets of a port: in each row `address:port` in hexadecimal, and the inode."""
    found = set()
    for table in _UDP_TABLES:
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:  # no IPv6
            continue
        rows = map(str.split, lines)
        found |= {int(row[9]) for row in rows if int(row[1].rpartition(":")[2], 16) == port}
    return frozenset(found)
