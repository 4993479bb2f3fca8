"""Whether anybody listens at an address, read from the kernel: no connection tells it."""

from pathlib import Path

from wireproof.target import Target
from wireproof.wire.kernel.process import unix_listeners
from wireproof.wire.kernel.sock_diag import SockDiag

_UDP_TABLES = ("/proc/net/udp", "/proc/net/udp6")


def is_listening(target: Target) -> bool:
    """Return whether a socket of this network namespace takes what is sent to `target`.

    Over UDP any socket bound to the port counts, whichever of this machine's addresses it has.

    Args:
        target: resolved.

    Raises:
        CannotRunError: this system has no sock_diag.

    """
    if isinstance(target.address, str):
        return bool(unix_listeners(target.address))
    if target.is_stream:
        with SockDiag() as diag:
            return diag.listener(target.address) is not None
    return target.address[1] in _udp_ports()


def _udp_ports() -> set[int]:
    """Return the ports of all UDP sockets (the second column, `address:port` in hexadecimal)."""
    ports = set()
    for table in _UDP_TABLES:
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:  # no IPv6
            continue
        ports |= {int(line.split()[1].rpartition(":")[2], 16) for line in lines}
    return ports
