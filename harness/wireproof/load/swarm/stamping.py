"""Which replies get a kernel timestamp: all at low rates, a sample at high ones.

A stamped read costs more than a plain one. So whoever stamps everything looks at the
rate while it does, and not only once a second: a load of a second would be over by then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from wireproof.load.figures.tally import Tally
from wireproof.load.swarm.connections.connection import SwarmConnection
from wireproof.load.swarm.connections.surroundings import Surroundings

_ALL_BELOW_PER_S = 5000
_LOOK_EVERY = 500
_RATE_KNOWN_AFTER_S = 0.5
_NS_PER_S = 1_000_000_000
_READINGS = 9
_UNDISTURBED_NS = 200


class Stamping:
    """The choice of one worker.

    Attributes:
        all: whether every reply is stamped now.

    """

    def __init__(self, now_ns: int) -> None:
        """Stamp everything at first."""
        self.all = True
        self._count = 0
        self._since_ns = now_ns

    def stamped(self, now_ns: int) -> bool:
        """Take note of a stamp; returns whether that was the last before only a sample gets one."""
        self._count += 1
        if self._count < _LOOK_EVERY:
            return False
        fast = self._count * _NS_PER_S > _ALL_BELOW_PER_S * (now_ns - self._since_ns)
        self._count = 0
        self._since_ns = now_ns
        changed = fast and self.all
        self.all = self.all and not fast
        return changed

    def counted(self, replies: int, length_s: float) -> bool:
        """Take note of the replies of a while; returns whether the choice changed."""
        if length_s <= _RATE_KNOWN_AFTER_S:
            return False
        before, self.all = self.all, replies < _ALL_BELOW_PER_S * length_s
        return before is not self.all


class Stamps:
    """The timestamps of one worker's replies."""

    def __init__(
        self,
        members: Collection[SwarmConnection],
        surroundings: Surroundings,
    ) -> None:
        """Stamp everything at first.

        Args:
            members: all connections of the worker.
            surroundings: their clocks.

        """
        self._clock, self._wall_clock = surroundings.clock, surroundings.wall_clock
        self._choice = Stamping(self._clock())
        self._members = members
        self.compare_clocks()

    @property
    def all(self) -> bool:
        """Whether every reply is stamped now."""
        return self._choice.all

    def compare_clocks(self) -> None:
        """Look how far the wall clock, which is set now and then, is ahead."""
        self._wall_offset_ns = wall_offset_ns(self._clock, self._wall_clock)

    def take_hot(self, connection: SwarmConnection, stamp_ns: int) -> None:
        """Count a right reply that arrived at `stamp_ns`, by the wall clock, and was read now."""
        self.take(connection, stamp_ns, self._clock())

    def take(self, connection: SwarmConnection, stamp_ns: int, read_ns: int) -> None:
        """Count a right reply that arrived at `stamp_ns`, by the wall clock, and was then read."""
        wire_ns = stamp_ns - self._wall_offset_ns - connection.sent_ns
        connection.recorder.stamp(read_ns - connection.sent_ns, wire_ns)
        if self._choice.all and self._choice.stamped(read_ns):
            self._tell()

    def counted(self, tally: Tally) -> None:
        """Take note of a rate, which says what is stamped from now on."""
        if self._choice.counted(sum(tally.counts.get("service", [])[1::2]), tally.length_s):
            self._tell()

    def _tell(self) -> None:
        for connection in self._members:
            connection.stamp(always=self._choice.all)


def wall_offset_ns(
    clock: Callable[[], int] = time.monotonic_ns, wall: Callable[[], int] = time.time_ns
) -> int:
    """Return how far the wall clock, which stamps replies, is ahead of the monotonic one.

    Of several readings the one counts that took least: whoever loses the CPU between the two clocks
    would have replies arrive after they were read.
    """
    least, offset_ns = -1, 0
    for _ in range(_READINGS):
        before, wall_ns, after = clock(), wall(), clock()
        if least < 0 or after - before < least:
            least, offset_ns = after - before, wall_ns - (before + after) // 2
        if least < _UNDISTURBED_NS:
            break
    return offset_ns
