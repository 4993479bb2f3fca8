"""Waiting until a side has read what it was sent: how a cut is made certain.

Strategy: look at once, again and again for a moment, since a reader that waits reads within
microseconds; then once a millisecond, since one that is busy may take long.
"""

import time
from typing import Final

from wireproof.errors import CannotRunError
from wireproof.results import Delivery
from wireproof.traffic.forwarding import Side
from wireproof.wire.connection import Connection
from wireproof.wire.delivery import DeliveryWatch, pause_between_looks, watch
from wireproof.wire.kernel.sock_diag import SockDiag

_SPIN_S: Final = 0.0005
_LOOK_AGAIN_S: Final = 0.001
_ROUND_TRIP_S: Final = 0.001
"""Assumed where the reader is on another machine; a gap is several of these."""


def open_diag() -> SockDiag | None:
    """Return what asks the kernel of sockets; None where this system has none."""
    try:
        return SockDiag()
    except CannotRunError:
        return None


class Readers:
    """The readers at both ends of one relayed connection."""

    def __init__(self, diag: SockDiag | None) -> None:
        """Ask `diag`; without it cuts are kept apart by time."""
        self._diag = diag
        self._watches: dict[Side, DeliveryWatch] = {}
        self._awaited: dict[Side, tuple[float, float]] = {}

    def await_reader(self, to: Side, connection: Connection, most_s: float) -> None:
        """Begin to wait until a side has read all that was sent on `connection`."""
        if to not in self._watches:
            self._watches[to] = watch(connection, self._diag, _ROUND_TRIP_S)
        self._watches[to].sent_more()
        now_s = time.monotonic()
        self._awaited[to] = now_s, now_s + most_s

    def look(self, to: Side) -> tuple[float | None, Delivery | None]:
        """Look once.

        Returns:
            When to look again, on the monotonic clock, or None for not at all; and how the wait
            ended, if it was one and it ended now.

        """
        if to not in self._awaited:
            return None, None
        begun_s, until_s = self._awaited[to]
        watched = self._watches[to]
        now_s = time.monotonic()
        ended: Delivery | None = None
        if not watched.confirms:
            if now_s < begun_s + watched.gap_s:
                return begun_s + watched.gap_s, None
            ended = Delivery.ASSUMED
        elif watched.delivered():
            ended = Delivery.CONFIRMED
        elif now_s >= until_s:
            ended = Delivery.HELD
        if ended is not None:
            del self._awaited[to]
            return None, ended
        if now_s - begun_s < _SPIN_S:
            pause_between_looks()
            return now_s, None
        return now_s + _LOOK_AGAIN_S, None
