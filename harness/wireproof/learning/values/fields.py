"""Binary fields: the bytes that differ are rarely all of a number; its higher ones stand still."""

from collections.abc import Iterator, Sequence
from typing import Final

from wireproof.learning.values.clocks import BINARY_FORMS, binary_clock_of
from wireproof.learning.values.counting import counter_of, rising_of
from wireproof.learning.values.numerals import BINARY, Writing
from wireproof.learning.values.parts import Part, Samples, literal

_WIDTHS: Final = (1, 2, 4, 8)
_SLOWNESS: Final = 4
"""Bytes drawn at random rise through six plays, and by so small a part of what they can, once in
100,000 times."""


def with_fields(parts: Sequence[Part], samples: Samples) -> list[Part]:
    """Return the parts with binary fields taken whole: clocks, counters, what grows.

    Args:
        parts: literal ones, and those of which nothing is known yet.
        samples: the replies that they come from.

    """
    done: list[Part] = []
    rest = list(parts)
    while rest:
        part = rest.pop(0)
        if part.kind is not None or not part.binary:
            done.append(part)
            continue
        left = done[-1].values[0] if done and done[-1].is_literal else b""
        right = rest[0].values[0] if rest and rest[0].is_literal else b""
        found = (
            _clock(part, left, right, samples)
            or _number(part, left, right, samples)
            or _upper_bytes_still(part, left)
        )
        if found is None:
            done.append(part)
            continue
        taken_left, field, over, taken_right = found
        if taken_left:
            done[-1:] = literal(left[: len(left) - taken_left], len(part.values))
        if taken_right:
            rest[:1] = literal(right[taken_right:], len(part.values))
        done.append(field)
        if over is not None:
            rest.insert(0, over)
    return done


_Found = tuple[int, Part, Part | None, int]
"""Bytes taken of the literal before, the field, what is left over, bytes taken of what follows."""


def _clock(part: Part, left: bytes, right: bytes, samples: Samples) -> _Found | None:
    """Look for a clock in every window that holds the first byte that differs."""
    size = len(part.values[0])
    for width in sorted({width for width, _, _ in BINARY_FORMS.values()}):
        for before in range(min(width, len(left) + 1)):
            behind = max(0, width - before - size)
            if behind > len(right):
                continue
            values = tuple(
                (left[len(left) - before :] + one + right[:behind])[:width] for one in part.values
            )
            clock = binary_clock_of(values, samples.moments)
            if clock is None:
                continue
            over = tuple(one[width - before :] for one in part.values)
            remains = Part(over, binary=True) if any(over) else None
            return before, Part(values, clock, binary=True), remains, behind
    return None


def _number(part: Part, left: bytes, right: bytes, samples: Samples) -> _Found | None:
    """Look for a number that counts, then for one that grows, in fields padded with zeros."""
    widened = list(_widened(part, left, right))
    for before, values, behind, orders in widened:
        if counter := counter_of(values, samples.skipped, orders):
            return before, Part(values, counter, binary=True), None, behind
    for before, values, behind, orders in widened:
        if len(values[0]) > 1 and (rising := rising_of(values, orders)):
            return before, Part(values, rising, binary=True), None, behind
    return None


def _upper_bytes_still(part: Part, left: bytes) -> _Found | None:
    """Look for a number that grows whose upper bytes stand still and aren't zero.

    Such as a process's, with a key behind it. A zero before them says that it is a number at all.
    """
    size = len(part.values[0])
    for taken, width in ((taken, width) for taken in (1, 2) for width in (4, 8)):
        before = width - taken
        if taken > size or len(left) < before or left[-before]:
            continue
        values = tuple(left[-before:] + one[:taken] for one in part.values)
        grown = int.from_bytes(values[-1]) - int.from_bytes(values[0])
        if grown * _SLOWNESS <= 1 << 8 * taken and (rising := rising_of(values, ("big",))):
            over = tuple(one[taken:] for one in part.values)
            remains = Part(over, binary=True) if any(over) else None
            return before, Part(values, rising, binary=True), remains, 0
    return None


def _widened(
    part: Part, left: bytes, right: bytes
) -> Iterator[tuple[int, tuple[bytes, ...], int, tuple[Writing, ...]]]:
    """Yield the field with the zeros before it, behind it, and as it is; each with byte orders."""
    size = len(part.values[0])
    width = next((one for one in _WIDTHS if one >= max(2, size)), size)
    more = width - size
    if more and left.endswith(bytes(more)):
        yield more, tuple(bytes(more) + one for one in part.values), 0, ("big",)
    if more and right.startswith(bytes(more)):
        yield 0, tuple(one + bytes(more) for one in part.values), more, ("little",)
    yield 0, part.values, 0, BINARY
