"""Whether a segment has reached the server as a read of its own.

Strategy: a segment is delivered when the kernel has nothing of it left: our own send queue is
empty, so the peer's kernel has acknowledged it, and the peer's receive queue is empty, so the
server has read it. The order matters: on loopback the bytes may still be under way while the
peer's queue is empty already (asking for the second alone merged 25 of 20,000 segments).

Where the peer's socket cannot be seen (another host, another network namespace), segments are kept
apart by time, and that is said.
"""

import fcntl
import os
import socket
import struct
from typing import Protocol

from wireproof.wire.kernel.sock_diag import ExactQuery, SockDiag

_SIOCOUTQ = 0x5411  # include/uapi/linux/sockios.h: unacknowledged bytes of our send queue
_zero = bytes(4)


class DeliveryWatch(Protocol):
    """Tells whether what was sent on one connection has been read."""

    confirms: bool
    """Whether the answer is the kernel's, not a guess."""
    gap_s: float
    """How long to wait after a segment where it is a guess."""

    def delivered(self) -> bool:
        """Look once."""

    def unread_bytes(self) -> int | None:
        """Return how much of what was sent has not been read, or None where that is unknown."""


class KernelWatch:
    """Asks the kernel for both queues of a TCP connection on this host."""

    confirms = True
    gap_s = 0.0

    def __init__(self, connected: socket.socket, query: ExactQuery) -> None:
        """Watch `connected`, whose other end `query` looks at."""
        self._descriptor = connected.fileno()
        self._query = query

    def delivered(self) -> bool:
        """Look at our send queue first, then at the peer's receive queue."""
        if fcntl.ioctl(self._descriptor, _SIOCOUTQ, _zero) != _zero:
            return False
        # A socket that is gone (-1) reads nothing more; the observation comes from reading.
        return self._query.receive_queue_bytes() <= 0

    def unread_bytes(self) -> int:
        """Return what is in either queue."""
        return _queued(self._descriptor) + max(0, self._query.receive_queue_bytes())


class UnixWatch:
    """Asks for our own send queue, which on a Unix socket empties when the peer has read."""

    confirms = True
    gap_s = 0.0

    def __init__(self, connected: socket.socket) -> None:
        """Watch `connected`."""
        self._descriptor = connected.fileno()

    def delivered(self) -> bool:
        """Look once (unix(7): SIOCOUTQ; net/unix/af_unix.c, unix_outq_len)."""
        return fcntl.ioctl(self._descriptor, _SIOCOUTQ, _zero) == _zero

    def unread_bytes(self) -> int:
        """Return what is queued, the kernel's own overhead included."""
        return _queued(self._descriptor)


class GapWatch:
    """Knows nothing; leaves a gap of several round trips after each segment."""

    confirms = False

    def __init__(self, round_trip_s: float) -> None:
        """Leave four round trips, within reason."""
        self.gap_s = min(max(4 * round_trip_s, 0.002), 0.25)

    def delivered(self) -> bool:
        """Never claims it."""
        return False

    def unread_bytes(self) -> None:
        """Cannot tell."""
        return


def watch(connected: socket.socket, diag: SockDiag | None, round_trip_s: float) -> DeliveryWatch:
    """Return the best watch for a connection, found out by asking the kernel for its other end."""
    if connected.family == socket.AF_UNIX:
        return UnixWatch(connected)
    if diag is not None:
        query = diag.exact(connected.family, connected.getpeername(), connected.getsockname())
        if query.read() is not None:
            return KernelWatch(connected, query)
    return GapWatch(round_trip_s)


def pause_between_looks() -> None:
    """Let the server have the processor between two looks; at once, or it waits for ours."""
    os.sched_yield()


def _queued(descriptor: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(descriptor, _SIOCOUTQ, _zero))[0])
