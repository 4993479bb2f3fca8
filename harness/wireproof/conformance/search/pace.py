"""How much can be tried on a server of this pace: an allotment of time, and what to try first.

Pure, but for the clock of its deadlines.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from wireproof.conformance.subject import Depth
from wireproof.deadline import Deadline

_SHARES = 3
"""What one requirement may take at most: so many equal shares of the time that is left."""
_LEAST_S = 0.25
SLOW_S = 0.01
"""An exchange that takes no less is a slow server's."""
_TRIAL_SHARE = 3
Item = TypeVar("Item")


class Allotment:
    """Deals a check's time out to its requirements.

    A fast server never meets it: most requirements take far less than their share, and what they
    leave is dealt out again.
    """

    def __init__(self, depth: Depth, requirements: int, budget_s: float | None = None) -> None:
        """Deal out the depth's time, or less.

        Args:
            depth: says how long a requirement, and all of them, may take.
            requirements: how many there are.
            budget_s: the user's own limit for all; nothing is tried any more when it is used up.

        """
        self._requirement_s = depth.requirement_s
        self._left = requirements
        total_s = depth.total_s if budget_s is None else min(budget_s, depth.total_s)
        self._total = Deadline(total_s)
        self._budget = Deadline(float("inf") if budget_s is None else budget_s)

    @property
    def is_used_up(self) -> bool:
        """Whether the user's own limit is over."""
        return self._budget.expired

    @property
    def budget_left_s(self) -> float:
        """What is left of the user's own limit; infinite without one."""
        return self._budget.remaining_s()

    def next(self, pace_s: float) -> Deadline:
        """Return until when the next requirement may try plan after plan.

        A fast server gets all plans, however busy this machine is: the same seed, the same plans.

        Args:
            pace_s: what a plain exchange takes.

        """
        share_s = _SHARES * self._total.remaining_s() / max(1, self._left)
        self._left -= 1
        if not is_slow(pace_s):
            return Deadline(self._budget.remaining_s())
        return Deadline(
            min(self._requirement_s, max(_LEAST_S, share_s), self._budget.remaining_s())
        )


def is_slow(pace_s: float) -> bool:
    """Say whether a server whose plain exchange takes so long can't be given every plan."""
    return pace_s >= SLOW_S


class Paced(Iterator[Item]):
    """All items in order, or on a slow server those that its time allows, spread over all.

    Attributes:
        total: how many there are; 0 until that is known.

    """

    def __init__(self, items: Iterable[Item], until: Deadline) -> None:
        """Yield in order for a part of the time until `until`; the others then come spread."""
        self.total = 0
        self._items = iter(items)
        self._trial = Deadline(until.remaining_s() / _TRIAL_SHARE)
        self._yielded = 0

    def __next__(self) -> Item:
        """Return the next item.

        Raises:
            StopIteration: there is none left.

        """
        if self._trial.expired and self._yielded:
            self.left()
        item = next(self._items)
        self._yielded += 1
        return item

    def left(self) -> int:
        """Return how many have not come; from now on they come spread."""
        if not self.total:
            rest = tuple(self._items)
            self.total = self._yielded + len(rest)
            self._items = spread(rest)
        return self.total - self._yielded


def spread(items: Sequence[Item]) -> Iterator[Item]:
    """Yield all items once, in such an order that those yielded so far lie evenly spread.

    The places are those of van der Corput's sequence in base 2: first, middle, quarters, and so on
    (van der Corput, "Verteilungsfunktionen", Proc. Akad. Amsterdam 38, 1935).
    """
    bits = max(1, (len(items) - 1).bit_length())
    for number in range(1 << bits):
        place = int(format(number, f"0{bits}b")[::-1], 2)
        if place < len(items):
            yield items[place]
