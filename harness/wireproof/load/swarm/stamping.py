"""Which replies get a kernel timestamp: all at low rates, a sample at high ones.

A stamped read costs more than a plain one. So whoever stamps everything looks at the
rate while it does, and not only once a second: a load of a second would be over by then.
"""

import time
from collections.abc import Callable

_ALL_BELOW_PER_S = 5000
_LOOK_EVERY = 500
_RATE_KNOWN_AFTER_S = 0.5
_NS_PER_S = 1_000_000_000


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


def wall_offset_ns(
    clock: Callable[[], int] = time.monotonic_ns, wall: Callable[[], int] = time.time_ns
) -> int:
    """Return how far the wall clock, which stamps replies, is ahead of the monotonic one.

    Of three readings the one counts that took least: whoever loses the CPU between the two clocks
    would have replies arrive after they were read.
    """
    readings = [(clock(), wall(), clock()) for _ in range(3)]
    before, wall_ns, after = min(readings, key=lambda reading: reading[2] - reading[0])
    return wall_ns - (before + after) // 2
