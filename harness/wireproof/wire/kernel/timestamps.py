"""The kernel's receive timestamps: when a reply had arrived, whenever we came to read it.

SO_TIMESTAMPNS, socket(7). On TCP the stamp is that of the last byte that the read returned; the
clock is CLOCK_REALTIME. Unix stream sockets and TLS have none.
"""

import socket
import struct
import sys

# The number on all architectures that Python runs Linux on save MIPS, SPARC and PA-RISC, where
# setsockopt refuses it, so that they have no stamps instead of wrong ones.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)


def enable_timestamps(target: socket.socket) -> bool:
    """Ask for a stamp on everything received; returns whether there will be any."""
    if sys.platform != "linux" or target.family not in {socket.AF_INET, socket.AF_INET6}:
        return False
    try:
        target.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def receive_stamped(source: socket.socket, limit_bytes: int) -> tuple[bytes, int]:
    """Receive, and return when the kernel had it.

    Returns:
        The bytes, and nanoseconds on CLOCK_REALTIME, 0 where the kernel gave none.

    Raises:
        OSError: as `recv` does.

    """
    data, ancillary, _, _ = source.recvmsg(limit_bytes, _ANCILLARY_BYTES)
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack_from(value)
            return data, seconds * 1_000_000_000 + nanoseconds
    return data, 0
