"""What kind of place it is, told by the values that several plays showed there.

Strategy: the telling kinds first, and a kind only where it explains every value. What nothing
explains is random, and so is not judged.
"""

import math
import re
from collections.abc import Sequence
from typing import Final

from wireproof.learning.alignment import Common, Piece
from wireproof.learning.patterns.pattern import alphabet_of
from wireproof.learning.values.clocks import clock_of
from wireproof.learning.values.counting import counter_of, rising_of
from wireproof.learning.values.dates import find_dates
from wireproof.learning.values.fields import with_fields
from wireproof.learning.values.kinds import Kind, Random, Settled, Unique
from wireproof.learning.values.numerals import TEXT
from wireproof.learning.values.parts import Part, Samples, literal

_LEAST_PLAYS: Final = 4
"""Fewer say nothing of what repeats."""
_LEAST_UNIQUE_BITS: Final = 32
"""So that what never repeats doesn't do so by chance in the thousands of plays of a check."""
_LETTERS: Final = {
    "digits": 10,
    "lower-case hexadecimal": 16,
    "upper-case hexadecimal": 16,
    "hexadecimal": 16,
    "letters and digits": 36,
    "base64": 64,
}
"""How many letters an alphabet has at least, where its words are drawn at random."""
_AROUND_NUMBER = re.compile(rb"([^0-9]*)([0-9]+)([^0-9]*)")


def classified(pieces: Sequence[Piece], samples: Samples) -> list[Part]:
    """Return the parts of a reply, each with its kind; none refers to another part yet."""
    parts: list[Part] = []
    for piece in pieces:
        if isinstance(piece, Common):
            parts += _common(piece.data, samples)
        elif piece.binary:
            parts.append(Part(piece.values, binary=True))
        else:
            parts += _words(piece.values, samples)
    return [
        one if one.kind is not None or one.is_literal else _unexplained(one)
        for one in with_fields(parts, samples)
    ]


def _common(data: bytes, samples: Samples) -> list[Part]:
    """Return literal bytes, and dates among them that just haven't moved between the plays."""
    plays = len(samples.replies)
    parts: list[Part] = []
    at = 0
    for begin, end in find_dates(data):
        date = (data[begin:end],) * plays
        if clock := clock_of(date, samples.moments):
            parts += [*literal(data[at:begin], plays), Part(date, clock)]
            at = end
    return parts + literal(data[at:], plays)


def _words(values: tuple[bytes, ...], samples: Samples) -> list[Part]:
    """Return what words are, a number apart from the letters around it."""
    if clock := clock_of(values, samples.moments):
        return [Part(values, clock)]
    if _settled(values):
        return [Part(values)]
    if kind := _number(values, samples):
        return [Part(values, kind)]
    around = [_AROUND_NUMBER.fullmatch(value) for value in values]
    found = [one for one in around if one is not None]
    borders = {one.group(1, 3) for one in found}
    if len(found) < len(values) or len(borders) != 1:
        return [Part(values)]
    before, behind = borders.pop()
    numbers = tuple(one[2] for one in found)
    kind = clock_of(numbers, samples.moments) or _number(numbers, samples)
    if kind is None:
        return [Part(values)]
    plays = len(values)
    return [*literal(before, plays), Part(numbers, kind), *literal(behind, plays)]


def _number(values: Sequence[bytes], samples: Samples) -> Kind | None:
    return counter_of(values, samples.skipped, TEXT) or rising_of(values, TEXT)


def _settled(values: Sequence[bytes]) -> Settled | None:
    if len(values) < _LEAST_PLAYS or len(set(values[1:])) != 1:
        return None
    return Settled(values[0], values[1])


def _unexplained(part: Part) -> Part:
    """Return a part that nothing but its values explains."""
    if settled := _settled(part.values):
        return Part(part.values, settled, part.binary)
    unique = (
        len(part.values) >= _LEAST_PLAYS
        and len(set(part.values)) == len(part.values)
        and _least_bits(part) >= _LEAST_UNIQUE_BITS
    )
    return Part(part.values, Unique() if unique else Random(), part.binary)


def _least_bits(part: Part) -> float:
    """Return how much chance there is in the shortest value, apart from what all begin with."""
    common = _common_prefix_bytes(part.values)
    size = min(map(len, part.values)) - common
    letters = 256 if part.binary else _LETTERS.get(alphabet_of(part.values), 1)
    return size * math.log2(letters)


def _common_prefix_bytes(values: Sequence[bytes]) -> int:
    least, most = min(values), max(values)
    pairs = zip(least, most, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(least), len(most)))
