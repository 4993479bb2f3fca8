"""The smallest set of cuts that still fails: delta debugging, without running anything itself.

A. Zeller, R. Hildebrandt, Simplifying and Isolating Failure-Inducing Input (2002): halves, then
smaller parts, then what is left without them; until no single cut can be left out.
"""

from collections.abc import Generator, Sequence
from itertools import pairwise

from wireproof.between.runs.schedules import Cut

Shrinking = Generator[tuple[Cut, ...], bool, tuple[Cut, ...]]
"""Yields sets of cuts to try, is sent whether each fails, and returns the smallest that did."""


def shrinking(cuts: Sequence[Cut]) -> Shrinking:
    """Begin with a set of cuts that fails."""
    failing = tuple(sorted(cuts))
    parts = 2
    while len(failing) > 1:
        smaller = yield from _one_round(failing, parts)
        if smaller is None:
            if parts >= len(failing):
                return failing
            parts = min(len(failing), parts * 2)
        else:
            is_part = len(smaller) <= -(-len(failing) // parts)
            parts = 2 if is_part else max(2, parts - 1)
            failing = smaller
    return failing


def _one_round(
    failing: tuple[Cut, ...], parts: int
) -> Generator[tuple[Cut, ...], bool, tuple[Cut, ...] | None]:
    """Try each part alone, then what is left without it; return the first that fails."""
    borders = [len(failing) * number // parts for number in range(parts + 1)]
    spans = list(pairwise(borders))
    for begin, end in spans:
        if (yield failing[begin:end]):
            return failing[begin:end]
    if parts > 2:
        for begin, end in spans:
            rest = failing[:begin] + failing[end:]
            if (yield rest):
                return rest
    return None
