"""The knee: up to how many connections, or which rate, an objective still holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_REPEATS = 3
_ROUNDS = 5
_MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Knee:
    """An interval as the answer.

    Attributes:
        holds_at: the greatest load at which the objective held; 0 when it held nowhere.
        fails_at: the least load at which it failed; None when it never did.
        tried: each load with how often it held, of how many times.

    """

    holds_at: int
    fails_at: int | None
    tried: dict[int, tuple[int, int]]


def find_knee(
    holds: Callable[[int], bool], start: int = 1, most: int = _MOST, precision: float = 0.1
) -> Knee:
    """Grow until the objective fails, bisect, and repeat both ends of the interval.

    One run near the knee may go either way, so an end counts only once most of three runs agree.

    Args:
        holds: runs a load of that size and says whether the objective held.
        start: the first load.
        most: the greatest load to try.
        precision: the interval's width, relative to its upper end, at which to stop.

    """
    search = _Search(holds, most)
    low, high = search.grow(0, start)
    for _ in range(_ROUNDS):
        if high is None:
            break
        low, high = search.bisect(low, high, precision)
        # The ends decide, so they are tried again; one that turns moves the interval.
        if search.mostly_holds(high):
            low, high = search.grow(high, min(most, high * 2))
        elif low and not search.mostly_holds(low):
            low, high = low // 2, low
        else:
            break
    return Knee(low, high, search.tried)


class _Search:
    """The runs so far, and how to choose the next."""

    def __init__(self, holds: Callable[[int], bool], most: int) -> None:
        self._holds = holds
        self._most = most
        self.tried: dict[int, tuple[int, int]] = {}

    def grow(self, low: int, high: int) -> tuple[int, int | None]:
        """Double until it fails."""
        while self._once(high):
            if high >= self._most:
                return high, None
            low, high = high, min(self._most, high * 2)
        return low, high

    def bisect(self, low: int, high: int, precision: float) -> tuple[int, int]:
        """Narrow the interval."""
        while high - low > max(1, int(high * precision)):
            middle = (low + high) // 2
            if self._once(middle):
                low = middle
            else:
                high = middle
        return low, high

    def mostly_holds(self, load: int) -> bool:
        """Repeat until the majority is known."""
        while True:
            good, runs = self.tried.get(load, (0, 0))
            if max(good, runs - good) * 2 > _REPEATS:
                return good * 2 > runs
            self._once(load)

    def _once(self, load: int) -> bool:
        good, runs = self.tried.get(load, (0, 0))
        held = self._holds(load)
        self.tried[load] = (good + held, runs + 1)
        return held
