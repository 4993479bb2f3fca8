"""Numbers that count or grow from play to play."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from wireproof.learning.values.kinds import Counter, Rising
from wireproof.learning.values.numerals import Numeral, Writing, numerals_of

_LEAST_PLAYS_TO_COUNT: Final = 4
_LEAST_PLAYS_TO_RISE: Final = 6
_LEAST_STEPS_TO_RISE: Final = 3
_SLOWNESS: Final = 4
"""Random numbers rise through six plays once in 720 times, and hardly ever by so small a part."""


def counter_of(
    values: Sequence[bytes], skipped: Sequence[int], writings: Sequence[Writing]
) -> Counter | None:
    """Return the counter that steps through `values`, or None where they aren't one.

    Args:
        values: one a play.
        skipped: before each play, others that may have counted or not.
        writings: of numbers that come into question.

    """
    for numeral, numbers in numerals_of(values, writings):
        if len(numbers) >= _LEAST_PLAYS_TO_COUNT and (step := _step(numeral, numbers, skipped)):
            return Counter(numeral, step)
    return None


def rising_of(values: Sequence[bytes], writings: Sequence[Writing]) -> Rising | None:
    """Return what grows from play to play, or never goes back at least; or None."""
    if len(values) < _LEAST_PLAYS_TO_RISE:
        return None
    for numeral, numbers in numerals_of(values, writings):
        grown = [later - earlier for earlier, later in pairwise(numbers)]
        is_slow = (numbers[-1] - numbers[0]) * _SLOWNESS <= numbers[-1]
        if min(grown) >= 0 and is_slow and len(set(numbers)) >= _LEAST_STEPS_TO_RISE:
            return Rising(numeral, strictly=min(grown) > 0)
    return None


def _step(numeral: Numeral, numbers: Sequence[int], skipped: Sequence[int]) -> int:
    """Return the step with which all numbers follow each other, or 0."""
    full = 1 << 8 * numeral.width_bytes if numeral.is_binary else 0
    grown = [later - earlier for earlier, later in pairwise(numbers)]
    certain = {
        _around(one, full) for one, plays in zip(grown, skipped[1:], strict=True) if not plays
    }
    if len(certain) != 1:
        return 0
    step = certain.pop()
    if step == 0:
        return 0
    for one, plays in zip(grown, skipped[1:], strict=True):
        if not any(_around(one - step * taken, full) == 0 for taken in range(1, plays + 2)):
            return 0
    return step


def _around(difference: int, full: int) -> int:
    """Return a difference between two fields that begin anew at `full`; the shorter way."""
    if not full:
        return difference
    return (difference + full // 2) % full - full // 2
