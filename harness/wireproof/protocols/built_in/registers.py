"""What a register may hold, while writes are under way and after them.

Requests that are under way together may be carried out in any order. So a write is over once
another is answered that was sent after its own answer; of the others any may have been last.

Strategy: time is counted in answered writes. A write that was sent at `begun` and answered at
`ended` is over when a later one is answered whose `begun` is no less than `ended`. The greatest
`begun` of any answered write tells that for all: what ended no later than it is over. A read
remembers that number as it was when the read was sent, and may return each value of which a write
was not over by it: all work is a comparison a value, whatever is under way.
"""

from __future__ import annotations

from dataclasses import dataclass

_LEAST_PRUNED = 64


@dataclass(slots=True)
class _Value:
    """The writes of one value.

    Attributes:
        under_way: how many are not answered.
        ended: when the last of them was answered, in answered writes.

    """

    under_way: int = 0
    ended: int = 0


class Register:
    """One register, as far as its client can know it."""

    __slots__ = ("_answered", "_over", "_prune_at", "_reads", "_under_way", "_values")

    def __init__(self) -> None:
        """Hold anything: before the first write is answered, nobody knows what."""
        self._answered = 0
        self._over = 0  # what ended no later is over
        self._values: dict[int, _Value] = {}
        self._reads = 0
        self._prune_at = _LEAST_PRUNED
        self._under_way = 0  # writes

    def begin(self, value: int) -> int:
        """Say that `value` is sent; return when, for `end`."""
        self._under_way += 1
        self._values.setdefault(value, _Value()).under_way += 1
        return self._answered

    def end(self, value: int, begun: int) -> None:
        """Say that the write of `value` that was sent at `begun` is answered."""
        self._answered += 1
        written = self._values[value]
        written.under_way -= 1
        written.ended = self._answered
        self._over = max(self._over, begun)
        self._under_way -= 1
        if not self._under_way and not self._reads:
            self._begin_anew()
        elif len(self._values) > self._prune_at and not self._reads:
            self._prune()
            self._prune_at = 2 * len(self._values) + _LEAST_PRUNED

    def _prune(self) -> None:
        """Forget what no read can return any more."""
        self._values = {
            each: writes
            for each, writes in self._values.items()
            if writes.under_way or writes.ended > self._over
        }

    def _begin_anew(self) -> None:
        """Count from here on, nothing being under way: equal knowledge is held in equal numbers."""
        self._prune()
        self._prune_at = _LEAST_PRUNED
        self._answered -= self._over
        for writes in self._values.values():
            writes.ended -= self._over
        self._over = 0

    def begin_read(self) -> int | None:
        """Say that a read is sent; return when, for `may_hold`: None where anything is right."""
        if not self._answered:
            return None
        self._reads += 1
        return self._over

    def may_hold(self, value: int, begun: int | None) -> bool:
        """Say whether a read that was sent at `begun` may return `value`."""
        if begun is None:
            return True
        written = self._values.get(value)
        return written is not None and (written.under_way > 0 or written.ended > begun)

    def end_read(self, begun: int | None) -> None:
        """Say that a read that was sent at `begun` is answered."""
        self._reads -= begun is not None
        if not self._under_way and not self._reads and self._over:
            self._begin_anew()

    def shown(self, begun: int | None) -> str:
        """Return in words what a read that was sent at `begun` may return."""
        if begun is None:
            return "any"
        return ", ".join(str(each) for each in sorted(self._values) if self.may_hold(each, begun))
