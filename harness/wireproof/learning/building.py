"""From the parts of a reply to a pattern that accepts every sample of it.

Strategy: build, try it on the samples, and where it refuses one, take the parts there for one part
of which nothing is known; again, until none is refused. That ends, at the latest with a pattern
that accepts anything and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Final

from wireproof.learning.memory import Place
from wireproof.learning.patterns.matching import first_mismatch
from wireproof.learning.patterns.pattern import (
    DATE,
    Element,
    Literal,
    Pattern,
    Span,
    alphabet_of,
    examples_of,
)
from wireproof.learning.values.clocks import Clock
from wireproof.learning.values.dates import LONGEST_BYTES
from wireproof.learning.values.kinds import (
    Counter,
    Duration,
    Kind,
    Length,
    Random,
    Rising,
    Same,
    Unique,
)
from wireproof.learning.values.lengths import with_lengths
from wireproof.learning.values.numerals import Numeral
from wireproof.learning.values.parts import Part

_LONGEST_NUMBER_BYTES: Final = 20
_LONGEST_DURATION_BYTES: Final = 80
_LEAST_LETTERS_TO_BE_HEXADECIMAL: Final = 24
"""Fewer letters may all be hexadecimal by chance."""
_LEAST_LETTERS_TO_BE_NO_BASE64: Final = 600
_LEAST_BYTES_TO_BE_FIXED: Final = 6
_LEAST_VALUES_TO_BE_SAME: Final = 3


@dataclass(frozen=True, slots=True)
class KnownValues:
    """What each play showed at the places of earlier replies.

    Attributes:
        places: the first place that showed these values, by the values.

    """

    places: dict[tuple[bytes, ...], Place] = field(default_factory=dict)

    def add(self, reply: int, parts: Sequence[Part]) -> None:
        """Take the parts of a reply."""
        for number, part in enumerate(parts):
            if not part.is_literal:
                self.places.setdefault(part.values, (reply, number))


def build(reply: int, parts: Sequence[Part], known: KnownValues) -> Pattern:
    """Return a pattern that accepts all samples; `known` learns their values.

    Args:
        reply: its number in the conversation, from 0.
        parts: as classified.
        known: values of earlier replies, that this one may repeat.

    """
    plain = _joined_where_borders_are_lost(parts)
    while True:
        related = _with_repetitions(reply, with_lengths(plain), known)
        pattern = Pattern(reply, tuple(_element(part) for part in related))
        refused = _first_refused(pattern, plain)
        if refused is None:
            known.add(reply, related)
            return pattern
        # A single part that nothing is known of accepts anything, so there are two and more.
        plain = _coarser(plain, refused)


def _joined_where_borders_are_lost(parts: Sequence[Part]) -> list[Part]:
    """Join words between which nothing stands: where one ends, the next may begin as well."""
    done: list[Part] = []
    for part in parts:
        before = done[-1] if done else None
        if before is not None and not (before.is_literal or before.binary or part.is_literal):
            done[-1] = _joined([before, part])
        else:
            done.append(part)
    return done


def _with_repetitions(reply: int, parts: Sequence[Part], known: KnownValues) -> list[Part]:
    """Return the parts, with the kind `Same` for those that repeat what stood before."""
    places = dict(known.places)
    done = []
    for number, part in enumerate(parts):
        place = places.setdefault(part.values, (reply, number))
        repeats = (
            place != (reply, number)
            and isinstance(part.kind, Random | Unique | Rising)
            and len(set(part.values)) >= _LEAST_VALUES_TO_BE_SAME
        )
        done.append(replace(part, kind=Same(*place)) if repeats else part)
    return done


def _first_refused(pattern: Pattern, parts: Sequence[Part]) -> int | None:
    """Return the part at which a sample is refused, or None."""
    for sample in zip(*(part.values for part in parts), strict=True):
        mismatch = first_mismatch([pattern], [b"".join(sample)])
        if mismatch is not None:
            ends = accumulate(map(len, sample))
            reached = (at for at, end in enumerate(ends) if end > mismatch.stream_offset_bytes)
            return next(reached, len(parts) - 1)
    return None


def _coarser(parts: Sequence[Part], refused: int) -> list[Part]:
    """Return the parts with those around a refused one joined: one less at least."""
    begin = refused
    while begin > 0 and not parts[begin].varies_in_size:
        begin -= 1
    end = max(refused, begin + 1)
    if end == len(parts):
        begin, end = max(0, begin - 1), end - 1
    return [*parts[:begin], _joined(parts[begin : end + 1]), *parts[end + 1 :]]


def _joined(parts: Sequence[Part]) -> Part:
    values = tuple(map(b"".join, zip(*(part.values for part in parts), strict=True)))
    return Part(values, Random())


def _element(part: Part) -> Element:
    if part.kind is None:
        return Literal(part.values[0])
    least, most = _sizes(part, part.kind)
    return Span(
        kind=part.kind,
        alphabet=_alphabet(part, part.kind),
        least_bytes=least,
        most_bytes=most,
        counted_by=part.counted_by,
        examples=examples_of(part.values),
        typical_bytes=round(sum(map(len, part.values)) / len(part.values)),
    )


def _numeral(kind: Kind) -> Numeral | None:
    return kind.numeral if isinstance(kind, Counter | Rising | Length) else None


def _alphabet(part: Part, kind: Kind) -> str:
    """Return what a value of the kind may be made of."""
    if part.binary:
        return "any bytes"
    if isinstance(kind, Duration):
        return "a line"
    if isinstance(kind, Clock):
        return DATE
    if (numeral := _numeral(kind)) is not None and numeral.writing == "decimal":
        return "digits"
    found = alphabet_of(part.values)
    letters = sum(map(len, part.values))
    if "hexadecimal" in found and letters < _LEAST_LETTERS_TO_BE_HEXADECIMAL:
        found = "letters and digits"
    if found == "letters and digits" and letters < _LEAST_LETTERS_TO_BE_NO_BASE64:
        joined = b"".join(part.values)
        if joined.lower() != joined and joined.upper() != joined:  # marks are rare in base64
            return "base64"
    return found


def _sizes(part: Part, kind: Kind) -> tuple[int, int]:
    """Return how many bytes a value of the kind may have, at least and at most."""
    sizes = [len(value) for value in part.values]
    if part.binary:
        return sizes[0], sizes[0]
    if isinstance(kind, Clock):
        return 1, LONGEST_BYTES
    if isinstance(kind, Duration):
        return 1, _LONGEST_DURATION_BYTES
    if (numeral := _numeral(kind)) is not None:
        return max(1, numeral.width_bytes), _LONGEST_NUMBER_BYTES
    is_number = all(value.isdigit() for value in part.values)  # may need another digit
    if not part.varies_in_size and sizes[0] >= _LEAST_BYTES_TO_BE_FIXED and not is_number:
        return sizes[0], sizes[0]
    return min(*sizes, 1), 2 * max(sizes) + 64
