"""Which replies get a kernel timestamp: all at low rates, a sample at high ones.

A stamped read costs more than a plain one. So whoever stamps everything looks at the
rate while it does, and not only once a second: a load of a second would be over by then.
"""

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
