r"""Where a frame ends: the ready-made answers.

A reply arrives in pieces, and its end is asked for after each. So that nothing is read twice, the
oracle's buffer remembers how far it was searched (`ReplyBuffer`), and a protocol whose replies
consist of lines keeps its place in a `LineCursor`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from wireproof.protocols.oracle import MalformedReplyError

MOST_VARINT_BYTES = 10
"""As many as 64 bits need, seven a byte."""


class ReplyBuffer(bytearray):
    """What has arrived of a reply, and how far it was searched for delimiters.

    Attributes:
        searched: by delimiter, where the last search began and where the next is to go on.

    """

    __slots__ = ("searched",)

    def __init__(self) -> None:
        """Be empty."""
        super().__init__()
        self.searched: dict[bytes, tuple[int, int]] = {}

    def drop(self, size_bytes: int) -> None:
        """Forget the first bytes, and what was searched."""
        del self[:size_bytes]
        if self.searched:
            self.searched.clear()


def find_end(buffer: bytearray, delimiter: bytes, start: int = 0) -> int | None:
    r"""Return where the first `delimiter` at or behind `start` ends, or None while it is not there.

    In an oracle's buffer a search goes on where the last one for this delimiter ended.

    >>> find_end(bytearray(b"OK\r\nnext\r\n"), b"\r\n", 4)
    10
    """
    if not isinstance(buffer, ReplyBuffer):
        at = buffer.find(delimiter, start)
        return None if at < 0 else at + len(delimiter)
    begun, reached = buffer.searched.get(delimiter, (0, 0))
    if begun > start:  # what lies before that search is unknown
        reached = start
    at = buffer.find(delimiter, max(start, reached))
    if at < 0:
        reached = max(start, len(buffer) - len(delimiter) + 1)
        buffer.searched[delimiter] = start, reached
        return None
    buffer.searched[delimiter] = start, at
    return at + len(delimiter)


def ends(parts: Sequence[bytes]) -> list[int]:
    r"""Return where each of some parts ends that follow each other.

    >>> ends([b"PWD\r\n", b"NOOP\r\n"])
    [5, 11]
    """
    return list(accumulate(map(len, parts)))


class LineCursor:
    r"""How far a reply of lines, and of data counted in them, is read while it grows.

    >>> cursor = LineCursor()
    >>> cursor.line(bytearray(b"$3\r")) is None
    True
    >>> cursor.line(bytearray(b"$3\r\nabc"))
    b'$3'
    >>> cursor.at += 5  # the data, and its CR LF
    >>> cursor.end(bytearray(b"$3\r\nabc\r\n"))
    9

    Attributes:
        at: the offset behind the last line; a reader moves it over what it has counted.

    """

    __slots__ = ("_end_of_line", "at")

    def __init__(self, end_of_line: bytes = b"\r\n") -> None:
        """Stand at the start of a reply."""
        self._end_of_line = end_of_line
        self.at = 0

    def __deepcopy__(self, memo: object) -> LineCursor:
        """Copy what each connection gets: as copy.deepcopy does, in a fraction of its time."""
        copied = LineCursor(self._end_of_line)
        copied.at = self.at
        return copied

    def line(self, buffer: bytearray) -> bytes | None:
        """Return the next line without its end, and move behind it; None while it is not there."""
        end = find_end(buffer, self._end_of_line, self.at)
        if end is None:
            return None
        line = bytes(buffer[self.at : end - len(self._end_of_line)])
        self.at = end
        return line

    def end(self, buffer: bytearray) -> int:
        """Return where the reply ends, which is here; once it is whole, begin anew."""
        end = self.at
        if end <= len(buffer):
            self.at = 0
        return end


def delimited(buffer: bytearray, delimiter: bytes) -> int | None:
    r"""Return the length of what ends with `delimiter`, or None while it is not there.

    >>> delimited(bytearray(b"OK\r\nnext"), b"\r\n")
    4
    """
    return find_end(buffer, delimiter)


def length_prefixed(
    buffer: bytearray, size_bytes: int, *, little_endian: bool = False, inclusive: bool = False
) -> int | None:
    r"""Return the length of a frame that starts with its own length, or None before that is read.

    Args:
        buffer: what was received.
        size_bytes: how many bytes the length field has.
        little_endian: the field's byte order.
        inclusive: whether the length counts the field itself.

    >>> length_prefixed(bytearray(b"\x00\x02hi"), 2)
    4
    """
    if len(buffer) < size_bytes:
        return None
    length = int.from_bytes(buffer[:size_bytes], "little" if little_endian else "big")
    return length if inclusive else size_bytes + length


def header_with_length(
    buffer: bytearray,
    header_bytes: int,
    length_at: int,
    size_bytes: int,
    *,
    little_endian: bool = False,
    adjust: int = 0,
) -> int | None:
    r"""Return the length of a frame whose header holds the length of what follows it.

    Args:
        buffer: what was received.
        header_bytes: how long the header is.
        length_at: where in it the length field begins.
        size_bytes: how many bytes the length field has.
        little_endian: the field's byte order.
        adjust: added to the length; minus `header_bytes` where the field counts the header too.

    >>> header_with_length(bytearray(b"\x07\x00\x02hi"), 3, 1, 2)
    5
    """
    if len(buffer) < header_bytes:
        return None
    field = buffer[length_at : length_at + size_bytes]
    return header_bytes + adjust + int.from_bytes(field, "little" if little_endian else "big")


def varint(number: int) -> bytes:
    r"""Return `number` in seven bits a byte, the lowest first; the top bit says that more follow.

    >>> varint(300)
    b'\xac\x02'
    """
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def read_varint(
    data: bytes | bytearray, start: int = 0, most_bytes: int = MOST_VARINT_BYTES
) -> tuple[int, int] | None:
    r"""Return the number that `varint` wrote at `start`, and where it ends; None before it is read.

    Raises:
        MalformedReplyError: it has more than `most_bytes`.

    >>> read_varint(b"\xac\x02rest")
    (300, 2)
    """
    number = 0
    for place, digit in enumerate(data[start : start + most_bytes]):
        number |= (digit & 0x7F) << 7 * place
        if not digit & 0x80:
            return number, start + place + 1
    if len(data) - start >= most_bytes:
        raise MalformedReplyError(f"a length of more than {most_bytes} bytes")
    return None
