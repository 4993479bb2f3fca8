"""Whether a segment has reached the server as a read of its own.

Strategy: a segment is delivered when it has arrived, and then the peer's receive queue is empty,
so the server has read it. The order matters: on loopback the bytes may still be under way while
the peer's queue is empty already (asking for the second alone merged 25 of 20,000 segments).

It has arrived when it is acknowledged, or when the peer's socket counts as received all that we
sent: a server that has answered before acknowledges what it merely reads 40 ms late. Both counts
are the kernel's, so that under TLS they are of records, as they must be.

Where the peer's socket cannot be seen (another host, another network namespace), segments are kept
apart by time, and that is said.
"""

import errno
import fcntl
import os
import socket
import struct
import termios
from typing import Protocol

from wireproof.wire.connection import Connection
from wireproof.wire.kernel.inet_diag import TcpState
from wireproof.wire.kernel.sock_diag import ExactQuery, SockDiag
from wireproof.wire.kernel.tcp_info import acknowledged_bytes, state_of
from wireproof.wire.stdio import PipeConnection

_SIOCOUTQ = 0x5411  # include/uapi/linux/sockios.h: unacknowledged bytes of our send queue
_zero = bytes(4)
_OUR_END_SENT = {
    TcpState.FIN_WAIT1,
    TcpState.FIN_WAIT2,
    TcpState.CLOSING,
    TcpState.LAST_ACK,
    TcpState.TIME_WAIT,
}


class DeliveryWatch(Protocol):
    """Tells whether what was sent on one connection has been read."""

    confirms: bool
    """Whether the answer is the kernel's, not a guess."""
    gap_s: float
    """How long to wait after a segment where it is a guess."""

    def sent_more(self) -> None:
        """Hear that more was sent, which the next looks are to be about as well."""

    def delivered(self) -> bool:
        """Look once."""

    def unread_bytes(self) -> int | None:
        """Return how much of what was sent has not been read, or None where that is unknown."""


class KernelWatch:
    """Asks the kernel for both ends of a TCP connection on this host."""

    confirms = True
    gap_s = 0.0

    def __init__(self, connected: socket.socket, query: ExactQuery) -> None:
        """Watch `connected`, whose other end `query` looks at."""
        self._connected = connected
        self._descriptor = connected.fileno()
        self._query = query
        self._arrived = False

    def sent_more(self) -> None:
        """Look for an arrival anew."""
        self._arrived = False

    def delivered(self) -> bool:
        """Look for the arrival of all that was sent, then for an empty queue of the peer's."""
        if not self._arrived:
            if fcntl.ioctl(self._descriptor, _SIOCOUTQ, _zero) != _zero and self._on_its_way():
                return False
            self._arrived = True
        # A socket that is gone (-1) reads nothing more; the observation comes from reading.
        return self._query.receive_queue_bytes() <= 0

    def unread_bytes(self) -> int:
        """Return what is on its way or in the peer's queue, our end of stream not counted."""
        unread = self._on_its_way() + max(0, self._query.receive_queue_bytes())
        return max(0, unread - (state_of(self._connected) in _OUR_END_SENT))

    def _on_its_way(self) -> int:
        """Return how many bytes have not arrived, an end of stream counted as one; 0 is certain.

        What is acknowledged has arrived. What is not may have, for up to 40 ms: then the peer's
        own count tells, or where that cannot be seen, nothing does.
        """
        unacknowledged = _queued(self._descriptor)
        if unacknowledged == 0:
            return 0
        received = self._query.received_bytes()
        # An acknowledgement between the two looks at our end counts twice; the next look is right.
        acknowledged = acknowledged_bytes(self._connected)
        if received is None or acknowledged is None:
            return unacknowledged
        return max(0, acknowledged + unacknowledged - received)


class UnixWatch:
    """Asks for our own send queue, which on a Unix socket empties when the peer has read."""

    confirms = True
    gap_s = 0.0

    def __init__(self, connected: socket.socket) -> None:
        """Watch `connected`."""
        self._descriptor = connected.fileno()

    def sent_more(self) -> None:
        """Need not know: a look is about all that was sent."""

    def delivered(self) -> bool:
        """Look once (unix(7): SIOCOUTQ; net/unix/af_unix.c, unix_outq_len)."""
        return fcntl.ioctl(self._descriptor, _SIOCOUTQ, _zero) == _zero

    def unread_bytes(self) -> int:
        """Return what is queued, the kernel's own overhead included."""
        return _queued(self._descriptor)


class PipeWatch:
    """Asks for what is in the pipe, which its write end tells too (pipe(7), FIONREAD)."""

    confirms = True
    gap_s = 0.0

    def __init__(self, connection: PipeConnection) -> None:
        """Watch what is written to `connection`."""
        self._connection = connection

    def sent_more(self) -> None:
        """Need not know: a look is about all that was sent."""

    def delivered(self) -> bool:
        """Look once."""
        return not self.unread_bytes()

    def unread_bytes(self) -> int:
        """Return what is in the pipe; nothing, once our end of it is closed."""
        descriptor = self._connection.input_descriptor
        if descriptor < 0:
            return 0
        return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, _zero))[0])


class GapWatch:
    """Knows nothing; leaves a gap of several round trips after each segment."""

    confirms = False

    def __init__(self, round_trip_s: float) -> None:
        """Leave four round trips, within reason."""
        self.gap_s = min(max(4 * round_trip_s, 0.002), 0.25)

    def sent_more(self) -> None:
        """Make no use of it."""

    def delivered(self) -> bool:
        """Never claims it."""
        return False

    def unread_bytes(self) -> None:
        """Cannot tell."""
        return


class GoneWatch:
    """Watches a connection that the peer has reset already: nothing more is read of it."""

    confirms = True
    gap_s = 0.0

    def sent_more(self) -> None:
        """Make no use of it: a send will say that the connection is gone."""

    def delivered(self) -> bool:
        """Wait for nothing; how it ended, reading tells."""
        return True

    def unread_bytes(self) -> None:
        """Cannot tell: what the peer left is gone with its socket."""
        return


def watch(connection: Connection, diag: SockDiag | None, round_trip_s: float) -> DeliveryWatch:
    """Return the best watch for a connection, found out by asking the kernel for its other end."""
    if isinstance(connection, PipeConnection):
        return PipeWatch(connection)
    connected = connection.socket
    if connected.family == socket.AF_UNIX:
        return UnixWatch(connected)
    if diag is not None:
        try:
            peer = connected.getpeername()
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # a reset after the connect
                raise
            return GoneWatch()
        query = diag.exact(connected.family, peer, connected.getsockname())
        if query.read() is not None:
            return KernelWatch(connected, query)
        if state_of(connected) == TcpState.CLOSE:  # a reset between the two questions
            return GoneWatch()
    return GapWatch(round_trip_s)


def pause_between_looks() -> None:
    """Let the server have the processor between two looks; at once, or it waits for ours."""
    os.sched_yield()


def _queued(descriptor: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(descriptor, _SIOCOUTQ, _zero))[0])
