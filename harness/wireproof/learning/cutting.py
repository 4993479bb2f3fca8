"""How replies are cut into pieces that can be compared: lines, phrases, then words and dates."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wireproof.learning.values.dates import find_dates

_LINES = re.compile(rb"[^\r\n]*(?:\r?\n|\r)|[^\r\n]+")
_CLOSING: Final = b'\x00\t ,;|"<>(){}[]'
"""What stands between words, never within a token."""
_PHRASES = re.compile(rb"[^%b]*[%b]|[^%b]+" % ((re.escape(_CLOSING),) * 3))
_WORDS = re.compile(
    rb"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9A-Za-z_])"
    rb"|[0-9A-Za-z_]+|[^0-9A-Za-z_]"
)
_TEXT_BYTES: Final = bytes([*b"\t\r\n", *range(0x20, 0x7F)])
_LEAST_ANCHOR_BYTES: Final = 3
"""A shorter word may be the same by accident."""


def is_binary(data: bytes) -> bool:
    """Say whether more than an eighth of `data` is neither ASCII nor UTF-8 that can be printed."""
    strange = data.translate(None, _TEXT_BYTES)
    if len(strange) * 8 <= len(data):
        return False
    try:
        return not strange.decode().isprintable()
    except UnicodeDecodeError:
        return True


def _mostly_equal(rows: Sequence[list[bytes]]) -> bool:
    """Say whether at least half of the pieces are equal, one by one."""
    equal = sum(column.count(column[0]) == len(rows) for column in zip(*rows, strict=True))
    return equal * 2 >= len(rows[0])


def _closed_alike(rows: Sequence[list[bytes]]) -> bool:
    """Say whether what stands between the pieces is equal, one by one."""
    return all(
        len({piece[-1] if piece[-1] in _CLOSING else -1 for piece in column}) == 1
        for column in zip(*rows, strict=True)
    )


def _words_alone_differ(rows: Sequence[list[bytes]]) -> bool:
    """Say whether all that stands between the words is equal, one by one."""
    return all(
        column.count(column[0]) == len(rows) or all(map(_is_word, column))
        for column in zip(*rows, strict=True)
    )


def _is_word(piece: bytes) -> bool:
    return len(piece) > 1 or piece.isalnum() or piece == b"_"


@dataclass(frozen=True, slots=True)
class Level:
    """How fine to cut, and what of it may be an anchor.

    Attributes:
        piece: matches a piece.
        are_comparable: says whether piece n of one row is piece n of the others, given rows that
            are equally long.
        least_anchor_bytes: a shorter piece is no anchor: it may be the same by chance.
        through_dates: whether a piece may end inside a date.

    """

    piece: re.Pattern[bytes]
    are_comparable: Callable[[Sequence[list[bytes]]], bool]
    least_anchor_bytes: int = 1
    through_dates: bool = False

    def cut(self, data: bytes) -> list[bytes]:
        """Cut at this level, dates left whole."""
        if self.through_dates:
            return self.piece.findall(data)
        pieces: list[bytes] = []
        at = 0
        for begin, end in find_dates(data):
            pieces += self.piece.findall(data, at, begin)
            pieces.append(data[begin:end])
            at = end
        return pieces + self.piece.findall(data, at)


LEVELS: Final = (
    Level(_LINES, _mostly_equal, through_dates=True),
    Level(_PHRASES, _closed_alike, least_anchor_bytes=_LEAST_ANCHOR_BYTES + 1),
    Level(_WORDS, _words_alone_differ, least_anchor_bytes=_LEAST_ANCHOR_BYTES),
)
