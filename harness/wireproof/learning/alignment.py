"""What several replies have in common, and where they differ.

Strategy: from the coarse to the fine. Lines that stand once in every reply, in one order, are the
anchors; what lies between two of them is cut finer: at blanks, then into words, dates and single
bytes. Where the pieces are equally many and mostly equal, they are compared one by one, without
anchors. What is left over differs; in binary data of one length it is narrowed down to the bytes
that do.

Invariants: the pieces of a reply, joined, are that reply. A word, a number or a date differs as a
whole, so that 9 and 10, or 1299 and 1300, are one place. Work grows with the size of the replies:
each level looks only at what the level above left open, and never goes back.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from wireproof.learning.cutting import LEVELS, Level, is_binary
from wireproof.learning.rising import longest_rising

_NOT_ZERO = re.compile(rb"[^\x00]")


@dataclass(frozen=True, slots=True)
class Common:
    """Bytes that all replies have.

    Attributes:
        data: these bytes.

    """

    data: bytes


@dataclass(frozen=True, slots=True)
class Varying:
    """A place where they differ.

    Attributes:
        values: what each has there, possibly nothing; in the order of the replies.
        binary: whether it is a field of single bytes, all of one size, not words.

    """

    values: tuple[bytes, ...]
    binary: bool = False


Piece = Common | Varying


@dataclass(slots=True)
class Work:
    """Counts what an alignment costs, which no machine's business changes.

    Attributes:
        steps: pieces that were compared or looked up, over all levels.

    """

    steps: int = 0


def align(replies: Sequence[bytes], work: Work | None = None) -> list[Piece]:
    """Return what `replies` have in common, and where they differ.

    Args:
        replies: one or more samples of the same reply.
        work: is told what it costs.

    """
    return _merged(_Alignment(work or Work()).level(replies, 0))


_WORD_LEVEL = len(LEVELS) - 1


@dataclass(frozen=True, slots=True)
class _Alignment:
    work: Work

    def level(self, replies: Sequence[bytes], depth: int) -> Iterator[Piece]:
        """Align at one level, and what it leaves open at the next."""
        self.work.steps += len(replies)
        if replies.count(replies[0]) == len(replies):
            if replies[0]:
                yield Common(replies[0])
            return
        if depth > _WORD_LEVEL or not all(replies):
            yield from self._bytes(replies)
            return
        if _is_binary_of_one_length(replies) and (found := self._by_position(replies)):
            yield from found
            return
        level = LEVELS[depth]
        rows = [level.cut(reply) for reply in replies]
        self.work.steps += sum(map(len, rows))
        if len(set(map(len, rows))) == 1 and level.are_comparable(rows):
            yield from self._columns(rows, depth)
        else:
            yield from self._between_anchors(rows, level, depth)

    def _columns(self, rows: Sequence[list[bytes]], depth: int) -> Iterator[Piece]:
        """Compare pieces that are equally many one by one."""
        width = len(rows)
        equal_from = 0
        for at, column in enumerate(zip(*rows, strict=True)):
            if column.count(column[0]) == width:
                continue
            if equal_from < at:
                yield Common(b"".join(rows[0][equal_from:at]))
            equal_from = at + 1
            if depth == _WORD_LEVEL:
                yield Varying(column)
            else:
                yield from self.level(column, depth + 1)
        yield Common(b"".join(rows[0][equal_from:]))

    def _between_anchors(
        self, rows: Sequence[list[bytes]], level: Level, depth: int
    ) -> Iterator[Piece]:
        begins = [0] * len(rows)
        for start, length in self._stretches(rows, level.least_anchor_bytes):
            gap = [
                b"".join(row[begin:end])
                for row, begin, end in zip(rows, begins, start, strict=True)
            ]
            if any(gap):
                yield from self.level(gap, depth + 1)
            yield Common(b"".join(rows[0][start[0] : start[0] + length]))
            begins = [at + length for at in start]
        rest = [b"".join(row[begin:]) for row, begin in zip(rows, begins, strict=True)]
        if any(rest):
            yield from self.level(rest, depth + 1)

    def _stretches(
        self, rows: Sequence[list[bytes]], least_bytes: int
    ) -> Iterator[tuple[list[int], int]]:
        """Yield where equal stretches begin in each row, and how long they are, in their order."""
        ends = [len(row) for row in rows]
        head = self._equal(rows, [0] * len(rows), ends, 1)
        tail = self._equal(rows, [end - 1 for end in ends], [head - 1] * len(rows), -1)
        begins = [head] * len(rows)
        if head:
            yield [0] * len(rows), head
        inner_ends = [end - tail for end in ends]
        anchors = self._anchors(rows, head, inner_ends, least_bytes)
        for anchor in anchors:
            if anchor[0] < begins[0]:  # the stretch before goes on through it
                continue
            back = self._equal(rows, [at - 1 for at in anchor], [at - 1 for at in begins], -1)
            length = back + self._equal(rows, anchor, inner_ends, 1)
            start = [at - back for at in anchor]
            yield start, length
            begins = [at + length for at in start]
        if tail:
            yield inner_ends, tail

    def _equal(
        self, rows: Sequence[list[bytes]], start: Sequence[int], stop: Sequence[int], step: int
    ) -> int:
        """Return how many pieces from `start` on are equal in all rows, before any `stop`."""
        most = max(0, min((end - at) * step for at, end in zip(start, stop, strict=True)))
        count, block = 0, 1
        while count < most:
            block = min(block, most - count)
            self.work.steps += block
            first, *others = [
                _block(row, at + count * step, block * step)
                for row, at in zip(rows, start, strict=True)
            ]
            if all(one == first for one in others):
                count, block = count + block, 2 * block
            elif block == 1:
                break
            else:
                most, block = count + block, 1 if block <= 8 else block // 8
        return count

    def _anchors(
        self, rows: Sequence[list[bytes]], head: int, ends: Sequence[int], least_bytes: int
    ) -> list[list[int]]:
        """Return where pieces stand that are in every row once, and in one order."""
        places = [
            _places_of_the_unique(row, head, end, least_bytes)
            for row, end in zip(rows, ends, strict=True)
        ]
        self.work.steps += sum(end - head for end in ends)
        common = [
            [place[piece] for place in places]
            for piece in places[0]
            if all(piece in place for place in places)
        ]
        common.sort()
        for number in range(1, len(rows)):
            kept = longest_rising([one[number] for one in common])
            common = [common[at] for at in kept]
            self.work.steps += len(common)
        return common

    def _bytes(self, replies: Sequence[bytes]) -> Iterator[Piece]:
        """Narrow binary data down to the bytes that differ; words stay whole."""
        found = self._by_position(replies) if _is_binary_of_one_length(replies) else None
        yield from found or [Varying(tuple(replies))]

    def _by_position(self, replies: Sequence[bytes]) -> list[Piece] | None:
        """Compare byte by byte; None where two replies have the same size by chance, it seems."""
        size = len(replies[0])
        differing = _differing_positions(replies)
        self.work.steps += size
        if len(replies) == 2 and len(differing) * 8 > size * 7:
            return None
        pieces: list[Piece] = []
        at = 0
        for begin, end in _runs(differing):
            if at < begin:
                pieces.append(Common(replies[0][at:begin]))
            pieces.append(Varying(tuple(reply[begin:end] for reply in replies), binary=True))
            at = end
        if at < size:
            pieces.append(Common(replies[0][at:]))
        return pieces


def _is_binary_of_one_length(replies: Sequence[bytes]) -> bool:
    """Say whether byte n of one reply is byte n of the others."""
    return len(set(map(len, replies))) == 1 and any(map(is_binary, replies))


def _differing_positions(replies: Sequence[bytes]) -> list[int]:
    """Return where replies of one length differ."""
    # As numbers, since an exclusive or of two big ones is one pass of the machine's own.
    first = int.from_bytes(replies[0])
    union = 0
    for other in replies[1:]:
        union |= first ^ int.from_bytes(other)
    return [one.start() for one in _NOT_ZERO.finditer(union.to_bytes(len(replies[0])))]


def _runs(positions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield begin and end of what is next to each other."""
    begin = previous = None
    for at in positions:
        if begin is None or previous is None or at != previous + 1:
            if begin is not None and previous is not None:
                yield begin, previous + 1
            begin = at
        previous = at
    if begin is not None and previous is not None:
        yield begin, previous + 1


def _places_of_the_unique(
    row: list[bytes], begin: int, end: int, least_bytes: int
) -> dict[bytes, int]:
    """Return where each piece stands that is long enough and there once."""
    places: dict[bytes, int] = {}
    repeated: set[bytes] = set()
    for at in range(begin, end):
        piece = row[at]
        if len(piece) < least_bytes:
            continue
        if piece in places:
            repeated.add(piece)
        places[piece] = at
    for piece in repeated:
        del places[piece]
    return places


def _merged(pieces: Iterator[Piece]) -> list[Piece]:
    """Join neighbours: equal bytes, and words that differ."""
    merged: list[Piece] = []
    for is_common, group in groupby(pieces, lambda piece: isinstance(piece, Common)):
        if is_common:
            data = b"".join(piece.data for piece in group if isinstance(piece, Common))
            if data:
                merged.append(Common(data))
            continue
        varying = [piece for piece in group if isinstance(piece, Varying)]
        values = zip(*(piece.values for piece in varying), strict=True)
        merged.append(Varying(tuple(map(b"".join, values)), all(one.binary for one in varying)))
    return merged


def _block(row: list[bytes], start: int, size: int) -> list[bytes]:
    """Return `size` pieces from `start` on; backwards where `size` is negative."""
    if size > 0:
        return row[start : start + size]
    return row[start + size + 1 : start + 1]
