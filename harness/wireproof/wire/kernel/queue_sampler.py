"""The accept queue of a listener, seen again and again while load runs.

A sample costs one exact query, about 10 µs, or where several listeners share the address one short
list, about 150 µs: at the 50 a second that `INTERVAL_S` stands for, under 1 % of a CPU. The
overflow counter is for the whole network namespace and dearer to read: once a second is enough.
"""

from typing import Self

from wireproof.target import Target
from wireproof.wire.kernel.listening import is_ours
from wireproof.wire.kernel.netstat import read_netstat
from wireproof.wire.kernel.sock_diag import SockDiag

INTERVAL_S = 0.02


class QueueSampler:
    """Reads the depth of one listener's queue; the caller keeps the time.

    Attributes:
        limit: the backlog as `listen` was told, capped by the kernel; summed over all listeners.
        listeners: sockets that share the address (SO_REUSEPORT), each with a queue of its own.
        inodes: of those sockets.
        peak_depth: the deepest seen since the last `take_peak`.

    """

    def __init__(self, target: Target) -> None:
        """Find the listener.

        Args:
            target: resolved; `tcp` or `tls`.

        Raises:
            CannotRunError: this system has no sock_diag.
            LookupError: its queue cannot be seen from here; the message says why.

        """
        if isinstance(target.address, str):
            reason = "the queue of a Unix socket cannot be read"
            raise LookupError(reason)  # noqa: TRY004 - a kind of target, not a mistake
        if not is_ours(target):
            raise LookupError("the server is not on this machine")
        self._diag = SockDiag()
        self._target = target
        found = self._diag.listener(target.address)
        if found is None:
            self._diag.close()
            raise LookupError(
                "its listener is not in this network namespace; is it in a container?"
            )
        self._address = target.address
        self._single = (
            self._diag.exact_listener(target.family, target.address)
            if len(found.sockets) == 1
            else None
        )
        self.limit = found.limit
        self.listeners = len(found.sockets)
        self.inodes = frozenset(one.inode for one in found.sockets)
        self.peak_depth = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def capacity(self) -> int:
        """Connections that fit: a queue is full when it holds more than its limit."""
        return self.limit + self.listeners

    def close(self) -> None:
        """Close the netlink socket."""
        self._diag.close()

    def sample(self) -> int | None:
        """Return the connections that wait now; None once the listener is gone."""
        depth: int | None
        if self._single is not None:
            waiting = self._single.receive_queue_bytes()
            depth = None if waiting < 0 else waiting
        else:
            found = self._diag.listener(self._address)
            depth = None if found is None else found.depth
        if depth is not None and depth > self.peak_depth:
            self.peak_depth = depth
        return depth

    def take_peak(self) -> int:
        """Return the deepest seen since this was last asked."""
        peak, self.peak_depth = self.peak_depth, 0
        return peak


def overflows() -> int:
    """Return how often a connection found a full accept queue, since boot, on any listener."""
    return read_netstat().get("ListenOverflows", 0)
