"""The longest rising part of a sequence: the heart of an alignment by anchors."""

from bisect import bisect_left
from collections.abc import Sequence


def longest_rising(numbers: Sequence[int]) -> list[int]:
    """Return the positions of a longest strictly rising subsequence, by patience sorting.

    >>> longest_rising([3, 1, 2, 9, 4])
    [1, 2, 4]
    """
    tops: list[int] = []
    top_positions: list[int] = []
    before: list[int] = []
    for position, number in enumerate(numbers):
        pile = bisect_left(tops, number)
        before.append(top_positions[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(number)
            top_positions.append(position)
        else:
            tops[pile] = number
            top_positions[pile] = position
    found = []
    position = top_positions[-1] if top_positions else -1
    while position >= 0:
        found.append(position)
        position = before[position]
    return found[::-1]
