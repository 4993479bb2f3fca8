"""A message that may be longer: more bytes at one place, and the numbers that count them."""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

import msgspec

from wireproof.learning.growing.counts import Count, counts_of

_WORD: Final = re.compile(rb"[0-9]*[A-Za-z][0-9A-Za-z]*")
_MOST_PLACES: Final = 8
_MOST_WIDER_BYTES: Final = 64
"""By which all numbers together may be longer than they were."""


class Stretch(msgspec.Struct, frozen=True):
    """A message, and how it gets longer.

    Attributes:
        data: the message as it was seen.
        at: where more bytes are put in.
        filler: these, one byte, as often as is wanted.
        counts: the numbers that count them, in the order of their places.

    """

    data: bytes
    at: int
    filler: bytes
    counts: tuple[Count, ...] = ()

    def grown(self, by_bytes: int) -> bytes:
        """Return the message with so many bytes more at its place.

        Raises:
            ValueError: a number can't say so.

        """
        parts: list[bytes] = []
        at = 0
        for begin, end, now in self._edits(by_bytes):
            parts += (self.data[at:begin], now)
            at = end
        return b"".join((*parts, self.data[at:]))

    def moved(self, offset_bytes: int, by_bytes: int) -> int:
        """Return where a place of the message is when that has so many bytes more.

        What ended where bytes are put in ends behind them.
        """
        return offset_bytes + sum(
            len(now) - (end - begin)
            for begin, end, now in self._edits(by_bytes)
            if end <= offset_bytes
        )

    def growth_to(self, size_bytes: int) -> int | None:
        """Return how many bytes more make a message of exactly this size; None where none do."""
        more = size_bytes - len(self.data)
        for by_bytes in range(more, max(-1, more - _MOST_WIDER_BYTES), -1):
            try:
                edits = self._edits(by_bytes)
            except ValueError:
                continue
            wider = sum(len(now) - (end - begin) for begin, end, now in edits)
            if wider == more:
                return by_bytes
            if wider < more:
                return None
        return None

    def _edits(self, by_bytes: int) -> list[tuple[int, int, bytes]]:
        """Return what is put in the place of what, from the beginning to the end.

        A number that is counted by one before it gets longer first.
        """
        edits = [(self.at, self.at, self.filler * by_bytes)]
        for one in reversed(self.counts):
            more = sum(
                len(now) - (end - begin)
                for begin, end, now in edits
                if one.begin <= begin and end <= one.end
            )
            end = one.offset_bytes + one.size_bytes
            edits.insert(0, (one.offset_bytes, end, one.written(one.value + more)))
        return edits


def stretches_of(message: bytes) -> Iterator[Stretch]:
    """Yield how a message may get longer, the likelier first.

    At the end of what is counted, and behind words; with numbers that count that place, each
    other's too, with each of them alone, and with none. Letters alone are put in, where there are
    some: more digits make another number.
    """
    counts = counts_of(message)
    counted = dict.fromkeys(one.end for one in counts)
    words = dict.fromkeys(word.end() for word in _words(message))
    mixed = (at for pair in zip_longest(counted, words) for at in pair if at is not None)
    seen = {b""}
    for at in list(dict.fromkeys(mixed))[:_MOST_PLACES]:
        filler = _filler(message, at)
        for chosen in sets_of([one for one in counts if one.counts(at)]):
            stretch = Stretch(message, at, filler, chosen)
            if (like := _like(stretch)) not in seen:
                seen.add(like)
                yield stretch


def sets_of(counts: Sequence[Count]) -> list[tuple[Count, ...]]:
    """Return which of several numbers may count a place together, the likelier first.

    Numbers that don't overlap, of which each counts the next or ends before it; those that end
    nowhere but there or with the message are likelier.
    """
    chain: list[Count] = []
    for one in counts:
        if all(_apart(one, other) for other in chain):
            chain.append(one)
    nested = tuple(sorted(chain, key=lambda one: one.offset_bytes))
    alone = [(one,) for one in counts[:3]]
    return list(dict.fromkeys([*([nested] if nested else []), *alone, ()]))


def _like(stretch: Stretch) -> bytes:
    """Return what tells a way to get longer from others; nothing for one that can't."""
    try:
        return stretch.grown(1)
    except ValueError:
        return b""


def _apart(one: Count, other: Count) -> bool:
    first, second = sorted((one, other), key=lambda each: each.offset_bytes)
    apart = first.offset_bytes + first.size_bytes <= second.offset_bytes
    return apart and second.end <= first.end


def _words(message: bytes) -> list["re.Match[bytes]"]:
    """Return words, the last first: verbs come first, and what may be any word behind them."""
    return list(_WORD.finditer(message))[::-1]


def _filler(message: bytes, at: int) -> bytes:
    before = message[at - 1 : at] if at else b""
    return before if before.isalpha() else b"a"
