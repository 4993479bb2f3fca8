"""Numbers that say how long a part of the reply is."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final

from wireproof.learning.values.kinds import Counter, Length
from wireproof.learning.values.numerals import BINARY, Numeral, numerals_of
from wireproof.learning.values.parts import Part, literal

_MOST_PARTS: Final = 40
"""So many parts of varying size are looked at behind a number."""
_LEAST_LENGTHS: Final = 3
_LEAST_BINARY_LENGTHS: Final = 2
"""So many different lengths make a number a length: small decimal numbers fit by chance."""
_SPARE_BYTES: Final = 8
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_SEPARATOR = re.compile(rb"[^0-9A-Za-z]{1,4}")
_SILENT_LENGTH = re.compile(rb"(?s:(.*[^0-9A-Za-z])|)([0-9]+)(\r?\n|:)")


def with_lengths(parts: Sequence[Part]) -> list[Part]:
    """Return the parts, with the kind `Length` for those that say how long others are.

    A number in literal bytes may become one, and a binary one take in the zeros before it.
    """
    found = _with_body_length(_with_silent_lengths(_with_wide_fields(parts)))
    measured = _Measured(found)
    for number, part in enumerate(found):
        if part.kind is None or isinstance(part.kind, Counter | Length):
            continue
        length = _length(part, number, measured)
        if length is None:
            continue
        found[number] = replace(part, kind=length)
        open_ones = measured.of_varying_size(length.first, length.last)
        if len(open_ones) == 1 and open_ones[0] > number:
            found[open_ones[0]] = replace(found[open_ones[0]], counted_by=number)
    return found


def _with_wide_fields(parts: Sequence[Part]) -> list[Part]:
    """Return the parts, with binary lengths that take in the zeros before them."""
    measured = _Measured(parts)
    for number, part in enumerate(parts):
        is_field = part.binary and part.kind is not None
        length = _length(part, number, measured) if is_field else None
        if length and (wider := _with_zeros_before(parts, number, length.numeral)):
            return _with_wide_fields(wider)
    return list(parts)


def _with_silent_lengths(parts: Sequence[Part]) -> list[Part]:
    r"""Return the parts, with lengths of numbers that just never needed another digit.

    In `$6\r\n123456\r\n` the 6 is a length; it changes when the number has five digits.
    """
    done: list[Part] = []
    for part in parts:
        before = done[-1] if done else None
        is_number = part.kind is not None and all(one.isdigit() for one in part.values)
        if before is None or part.binary or not is_number or part.varies_in_size:
            done.append(part)
            continue
        found = _SILENT_LENGTH.fullmatch(before.values[0]) if before.is_literal else None
        if found is None or int(found[2][:9]) != len(part.values[0]) or found[2][:1] == b"0":
            done.append(part)
            continue
        plays = len(part.values)
        done[-1:] = literal(found[1] or b"", plays)
        at = len(done)
        length = Length(Numeral("decimal"), at + 2, at + 2, 0)
        done += [Part((found[2],) * plays, length), *literal(found[3], plays)]
        done.append(replace(part, counted_by=at))
    return done


def _with_body_length(parts: Sequence[Part]) -> list[Part]:
    """Return the parts, with the number that says how long all is behind the first blank line.

    As long as every play had a body of one size, it looks like any other number.
    """
    before, rest = _at_blank_line(parts)
    may_change = any(one.kind is not None and not one.binary for one in rest)
    if not before or not may_change:
        return list(parts)
    sizes = [sum(map(len, values)) for values in zip(*(one.values for one in rest), strict=True)]
    numbers = tuple(b"%d" % size for size in sizes)
    if len(set(numbers)) == 1:
        before = _with_number_apart(before, numbers[0])
    places = [at for at, one in enumerate(before) if one.values == numbers]
    if len(places) != 1:
        return list(parts)
    first, last = len(before), len(before) + len(rest) - 1
    length = Length(Numeral("decimal"), first, last, 0)
    before[places[0]] = replace(before[places[0]], kind=length)
    return [*before, *rest]


def _with_number_apart(parts: Sequence[Part], number: bytes) -> list[Part]:
    """Return the parts, with literal ones cut around a number that stands there once."""
    written = re.compile(rb"(?<![0-9A-Za-z.])%b(?![0-9A-Za-z.])" % number)
    done: list[Part] = []
    for part in parts:
        found = list(written.finditer(part.values[0])) if part.is_literal else []
        if len(found) != 1:
            done.append(part)
            continue
        data, plays = part.values[0], len(part.values)
        begin, end = found[0].span()
        for piece in (data[:begin], number, data[end:]):
            done += literal(piece, plays)
    return done


def _at_blank_line(parts: Sequence[Part]) -> tuple[list[Part], list[Part]]:
    """Cut the parts behind the first blank line; nothing stands before it where there is none."""
    for at, part in enumerate(parts):
        found = _BLANK_LINE.search(part.values[0]) if part.is_literal else None
        if found is not None:
            data, plays = part.values[0], len(part.values)
            before = [*parts[:at], *literal(data[: found.end()], plays)]
            return before, [*literal(data[found.end() :], plays), *parts[at + 1 :]]
    return [], list(parts)


class _Measured:
    """How long parts are, each play's, so that any number of them are measured at once.

    Attributes:
        parts: which.
        literal_bytes: of those that are literal.

    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts
        self.literal_bytes = sum(len(one.values[0]) for one in parts if one.is_literal)
        self._varying = [at for at, one in enumerate(parts) if one.varies_in_size]
        plays = zip(*(one.values for one in parts), strict=True)
        self._ends = [list(accumulate(map(len, values), initial=0)) for values in plays]

    def sizes(self, first: int, last: int) -> list[int]:
        """Return how long the parts from `first` to `last` are together, in each play."""
        return [ends[last + 1] - ends[first] for ends in self._ends]

    def of_varying_size(self, first: int, last: int, most: int | None = None) -> list[int]:
        """Return the parts among them that were shorter in one play than in another."""
        begin, end = bisect_left(self._varying, first), bisect_right(self._varying, last)
        return self._varying[begin : end if most is None else min(end, begin + most)]


def _length(part: Part, number: int, measured: _Measured) -> Length | None:
    for numeral, numbers in numerals_of(part.values, BINARY if part.binary else ("decimal",)):
        for first, last in _ranges(measured, number):
            sizes = measured.sizes(first, last)
            over = {said - size for said, size in zip(numbers, sizes, strict=True)}
            most_over = measured.literal_bytes + _SPARE_BYTES
            if len(over) != 1 or not -_SPARE_BYTES <= min(over) <= most_over:
                continue
            is_next = first == last == number + 2 and over == {0}
            separator = measured.parts[number + 1].values[0] if is_next else b""
            is_next = is_next and _SEPARATOR.fullmatch(separator) is not None
            least = _LEAST_BINARY_LENGTHS if part.binary or is_next else _LEAST_LENGTHS
            if len(set(numbers)) >= least:
                return Length(numeral, first, last, over.pop())
    return None


def _with_zeros_before(parts: Sequence[Part], number: int, numeral: Numeral) -> list[Part] | None:
    """Return the parts with the zeros before a length as its higher bytes, if there are any."""
    more = next((one for one in (2, 4, 8) if one > numeral.width_bytes), 0) - numeral.width_bytes
    before = parts[number - 1] if number else None
    if before is None or numeral.writing != "big" or more <= 0 or not before.is_literal:
        return None
    data = before.values[0]
    if not data.endswith(bytes(more)):
        return None
    field = parts[number]
    wider = replace(field, values=tuple(bytes(more) + value for value in field.values))
    rest = literal(data[:-more], len(field.values))
    return [*parts[: number - 1], *rest, wider, *parts[number + 1 :]]


def _ranges(measured: _Measured, number: int) -> Iterator[tuple[int, int]]:
    """Yield what a length may count: the next part, all that follows, others, the whole reply."""
    end = len(measured.parts) - 1
    following = measured.of_varying_size(number + 1, end, _MOST_PARTS)
    if following:
        yield following[0], following[0]
    for last in reversed(following):
        yield following[0], last
    for one in following[1:]:
        yield one, following[-1]
        yield one, one
    yield 0, end
