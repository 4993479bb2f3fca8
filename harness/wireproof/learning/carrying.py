"""Values that a reply gives and a later request repeats: tokens, session identifiers.

A recorded request repeats what was given then. Played again, it must repeat what is given now:
found by where it stands in the reply, since a reply now is aligned with the one then.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from wireproof.learning.alignment import Common, align
from wireproof.learning.cutting import is_binary
from wireproof.learning.patterns.matching import Matcher
from wireproof.learning.patterns.mismatch import MismatchError
from wireproof.learning.patterns.pattern import Literal, Pattern

_LEAST_BYTES: Final = 4
"""Shorter values are repeated by chance."""
_MOST_BYTES: Final = 4096
_WIDE_WORD = re.compile(rb"[0-9A-Za-z_+/=.-]{4,4096}")
_WORD = re.compile(rb"[0-9A-Za-z_]{4,4096}")
_TELLING = re.compile(rb".*[0-9]|.+[a-z].*[A-Z]|.{12}")
"""Shorter words of letters alone, as names of headers, belong to the protocol."""
_SIZE_BEFORE = re.compile(rb"(?s:.*?)(?<![0-9])([0-9]{1,10})(\r?\n|:)")


@dataclass(frozen=True, slots=True)
class Carried:
    """A value that a request repeats from an earlier reply.

    Attributes:
        value: as recorded.
        reply: which gave it, from 0.
        reply_offset_bytes: where in it.
        request: which repeats it, from 0.
        request_offset_bytes: where in it.

    """

    value: bytes
    reply: int
    reply_offset_bytes: int
    request: int
    request_offset_bytes: int

    @property
    def reply_end_bytes(self) -> int:
        """Where in the reply it ends."""
        return self.reply_offset_bytes + len(self.value)


class Excerpt(msgspec.Struct, frozen=True):
    """How to take a value from a reply that a pattern accepts.

    Attributes:
        pieces: literal bytes; or the number of an element, and how many bytes of what stood there
            to leave out at either end.

    """

    pieces: tuple[bytes | tuple[int, int, int], ...]

    def taken_from(self, reply: bytes, pattern: Pattern) -> bytes | None:
        """Return the value, or None where the pattern does not accept the reply."""
        stood = _read(reply, pattern)
        if stood is None:
            return None
        return b"".join(
            piece
            if isinstance(piece, bytes)
            else stood[piece[0]][piece[1] : len(stood[piece[0]]) - piece[2]]
            for piece in self.pieces
        )

    @property
    def is_constant(self) -> bool:
        """Whether it is the same in every play, so that nothing need be carried."""
        return all(isinstance(piece, bytes) for piece in self.pieces)


def carried_values(requests: Sequence[bytes], replies: Sequence[bytes]) -> list[Carried]:
    """Return what requests repeat that a reply gave before any request had it.

    Args:
        requests: of one recorded conversation, in their order.
        replies: to each of them.

    """
    found: list[Carried] = []
    for number in range(1, len(requests)):
        for offset, value in _repeated(requests, replies[:number], number):
            reply = max(one for one in range(number) if value in replies[one])
            found.append(Carried(value, reply, replies[reply].find(value), number, offset))
    return found


def value_now(carried: Carried, recorded: bytes, reply: bytes) -> bytes | None:
    """Return what stands now where a value stood in the recorded reply, or None: nowhere.

    Args:
        carried: the value.
        recorded: the reply that gave it then.
        reply: the reply to the same request now.

    """
    begin = end = None
    then_at = now_at = 0
    for piece in align([recorded, reply]):
        then, now = (piece.data, piece.data) if isinstance(piece, Common) else piece.values
        into = carried.reply_offset_bytes - then_at
        if begin is None and 0 <= into < len(then):
            if then[:into] != now[:into]:
                return None
            begin = now_at + into
        left = then_at + len(then) - carried.reply_end_bytes
        if end is None and 0 <= left < len(then):
            if left and then[-left:] != now[-left:]:
                return None
            end = now_at + len(now) - left
        then_at += len(then)
        now_at += len(now)
    if begin is None or end is None or not 0 < end - begin <= _MOST_BYTES:
        return None
    return reply[begin:end]


def excerpt(carried: Carried, pattern: Pattern, recorded: bytes) -> Excerpt | None:
    """Return how to take a value from what a pattern reads, or None where it can't be read so.

    Args:
        carried: the value.
        pattern: of the reply that gave it.
        recorded: that reply.

    """
    stood = _read(recorded, pattern)
    if stood is None:
        return None
    pieces: list[bytes | tuple[int, int, int]] = []
    at = 0
    for number, (element, data) in enumerate(zip(pattern.elements, stood, strict=True)):
        skipped = max(0, carried.reply_offset_bytes - at)
        left = max(0, at + len(data) - carried.reply_end_bytes)
        if skipped + left < len(data):
            literal = isinstance(element, Literal)
            pieces.append(data[skipped : len(data) - left] if literal else (number, skipped, left))
        at += len(data)
    return Excerpt(tuple(pieces))


def with_values(request: bytes, values: Sequence[tuple[Carried, bytes]]) -> bytes:
    r"""Return a recorded request with other values, and with the sizes written before them.

    Args:
        request: as recorded.
        values: what it repeats, and what that is now.

    >>> token = Carried(b"abcd", 0, 0, 1, 8)
    >>> with_values(b"AUTH $4\nabcd\n", [(token, b"defghi")])
    b'AUTH $6\ndefghi\n'
    """
    for carried, value in sorted(values, key=lambda one: -one[0].request_offset_bytes):
        at = carried.request_offset_bytes
        before, behind = request[:at], request[at + len(carried.value) :]
        sized = _SIZE_BEFORE.fullmatch(before[-16:])
        if sized is not None and int(sized[1]) == len(carried.value):
            begin = len(before) - len(sized[1]) - len(sized[2])
            before = before[:begin] + str(len(value)).encode() + sized[2]
        request = before + value + behind
    return request


def _read(reply: bytes, pattern: Pattern) -> list[bytes] | None:
    """Return what stands in a reply for each element of a pattern; None where it's refused."""
    matcher = Matcher()
    try:
        matcher.owe(pattern)
        matcher.receive_data(reply)
        matcher.finish()
    except MismatchError:
        return None
    return [
        element.data if isinstance(element, Literal) else matcher.values[pattern.reply, number]
        for number, element in enumerate(pattern.elements)
    ]


def _repeated(
    requests: Sequence[bytes], replies: Sequence[bytes], number: int
) -> Iterator[tuple[int, bytes]]:
    """Yield where a request repeats what an earlier reply gave."""
    request = requests[number]
    if is_binary(request):
        yield from _repeated_bytes(request, requests[:number], replies)
        return
    for wide in _WIDE_WORD.finditer(request):
        if _TELLING.match(wide[0]) and _is_given(wide[0], requests[:number], replies):
            yield wide.start(), wide[0]
            continue
        for word in _WORD.finditer(request, wide.start(), wide.end()):
            if _TELLING.match(word[0]) and _is_given(word[0], requests[:number], replies):
                yield word.start(), word[0]


def _is_given(value: bytes, earlier: Sequence[bytes], replies: Sequence[bytes]) -> bool:
    """Say whether a value stood in a reply before it stood in any earlier request."""
    given = next((at for at, one in enumerate(replies) if value in one), None)
    if given is None:
        return False
    return not any(value in one for one in earlier[: given + 1])


def _repeated_bytes(
    request: bytes, earlier: Sequence[bytes], replies: Sequence[bytes]
) -> Iterator[tuple[int, bytes]]:
    """Yield the longest runs of bytes that a reply had; not those of zeros, or of one byte."""
    at = 0
    while at + _LEAST_BYTES <= len(request):
        end = at + _LEAST_BYTES
        if len(set(request[at:end])) == 1 or not _is_given(request[at:end], earlier, replies):
            at += 1
            continue
        while end < len(request) and any(request[at : end + 1] in one for one in replies):
            end += 1
        yield at, request[at:end]
        at = end
