"""Where messages end: what the data itself shows of delimiters and lengths.

Each message is one that is known to be whole, such as the reply to a request that was sent by
itself. A framing is told only where the messages leave no other.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Order = Literal["big", "little"]
Bytes = bytes | bytearray

_LONGEST_DELIMITER_BYTES: Final = 8
_FARTHEST_LENGTH_BYTES: Final = 64
_LEAST_DECIMAL_LENGTHS: Final = 3
_LEAST_FIXED_MESSAGES: Final = 3
_SPARE_BYTES: Final = 8
_LONGEST_LINE_BYTES: Final = 40
_NUMBER = re.compile(rb"[0-9]{1,10}")
_BLANK_LINES: Final = (b"\r\n\r\n", b"\n\n", b"")


@dataclass(frozen=True, slots=True)
class Ending:
    """Every message ends with the same bytes, which stand nowhere else in it.

    Attributes:
        delimiter: these bytes.

    """

    delimiter: bytes

    def length(self, buffer: Bytes, begin: int = 0) -> int | None:
        """Return the size of the message that begins there; None while it isn't known."""
        at = buffer.find(self.delimiter, begin)
        return None if at < 0 else at + len(self.delimiter) - begin


@dataclass(frozen=True, slots=True)
class BinaryLength:
    """A binary field says how long the message is.

    Attributes:
        offset_bytes: where the field begins.
        width_bytes: its size: 1, 2, 4 or 8.
        order: its byte order.
        adjust_bytes: what the whole message has more than the field says.

    """

    offset_bytes: int
    width_bytes: int
    order: Order
    adjust_bytes: int

    def length(self, buffer: Bytes, begin: int = 0) -> int | None:
        """Return the size of the message that begins there; None while it isn't known."""
        at = begin + self.offset_bytes
        field = buffer[at : at + self.width_bytes]
        if len(field) < self.width_bytes:
            return None
        return int.from_bytes(field, self.order) + self.adjust_bytes


@dataclass(frozen=True, slots=True)
class DecimalLength:
    """A decimal number says how long the rest of the message is.

    Attributes:
        before: what stands before the number, at its first place in the message.
        blank_line: what ends the part that isn't counted; nothing where the number does.
        adjust_bytes: what the rest has more than the number says.

    """

    before: bytes
    blank_line: bytes
    adjust_bytes: int

    def length(self, buffer: Bytes, begin: int = 0) -> int | None:
        """Return the size of the message that begins there; None while it isn't known."""
        at = buffer.find(self.before, begin) if self.before else begin
        number = _NUMBER.match(buffer, at + len(self.before)) if at >= 0 else None
        if number is None or number.end() == len(buffer):
            return None
        end = number.end()
        if self.blank_line:
            at = buffer.find(self.blank_line, end)
            if at < 0:
                return None
            end = at + len(self.blank_line)
        return end + int(number[0]) + self.adjust_bytes - begin


@dataclass(frozen=True, slots=True)
class FixedSize:
    """Every message has the same size.

    Attributes:
        size_bytes: this.

    """

    size_bytes: int

    def length(self, buffer: Bytes, begin: int = 0) -> int | None:
        """Return the size of the message that begins there; None while it isn't there."""
        return self.size_bytes if len(buffer) - begin >= self.size_bytes else None


Framing = Ending | BinaryLength | DecimalLength | FixedSize


def framings_of(messages: Sequence[bytes]) -> list[Framing]:
    """Return every framing that explains all messages, the likeliest first.

    Binary lengths may be ambiguous, where an inner count goes with the outer one; ids that rise
    with the length can't be told from it.

    Args:
        messages: whole ones; equal ones say nothing more.

    """
    different = sorted({one for one in messages if one}, key=len)
    if len(different) < 2:
        return []
    return [
        *_endings(different),
        *_binary_lengths(different),
        *_decimal_lengths(different),
        *_fixed_sizes(different),
    ]


def split(stream: bytes, framing: Framing) -> list[bytes] | None:
    """Return the messages that a stream holds, or None where it doesn't end with one's end."""
    messages = []
    at = 0
    while at < len(stream):
        size = framing.length(stream, at)
        if size is None or size <= 0 or at + size > len(stream):
            return None
        messages.append(stream[at : at + size])
        at += size
    return messages


def _endings(messages: Sequence[bytes]) -> Iterator[Framing]:
    """Yield the common ending, without letters that all last words happen to share."""
    shortest = messages[0]
    size = 0
    while size < min(_LONGEST_DELIMITER_BYTES, len(shortest)) and all(
        one.endswith(shortest[len(shortest) - size - 1 :]) for one in messages
    ):
        size += 1
    ending = shortest[len(shortest) - size :]
    for delimiter in dict.fromkeys((re.sub(rb"(?s)^.*[0-9A-Za-z]", b"", ending), ending)):
        if delimiter and all(one.find(delimiter) + len(delimiter) == len(one) for one in messages):
            yield Ending(delimiter)
            return


def _binary_lengths(messages: Sequence[bytes]) -> list[BinaryLength]:
    """Return the fields that go with the length; wide ones at a multiple of their width first."""
    by_length = {len(one): one for one in messages}
    if len(by_length) < 2:
        return []
    found = []
    orders: tuple[Order, ...] = ("big", "little")
    for width in (8, 4, 2, 1):
        for offset in range(min(_FARTHEST_LENGTH_BYTES, len(messages[0]) - width + 1)):
            for order in orders[: min(width, 2)]:
                over = {
                    len(one) - int.from_bytes(one[offset : offset + width], order)
                    for one in messages
                }
                if len(over) == 1 and 0 <= min(over) <= offset + width + _SPARE_BYTES:
                    found.append(BinaryLength(offset, width, order, over.pop()))
    return sorted(found, key=lambda one: one.offset_bytes % one.width_bytes != 0)


def _decimal_lengths(messages: Sequence[bytes]) -> Iterator[DecimalLength]:
    """Yield the numbers that go with the length of the rest; small ones may do so by chance."""
    if len(set(map(len, messages))) < _LEAST_DECIMAL_LENGTHS:
        return
    seen = set()
    for number in _NUMBER.finditer(messages[0]):
        line = max(messages[0].rfind(b"\n", 0, number.start()) + 1, 0)
        before = messages[0][max(line, number.start() - _LONGEST_LINE_BYTES) : number.start()]
        for blank_line in _BLANK_LINES:
            bare = DecimalLength(before, blank_line, 0)
            if bare in seen:
                continue
            seen.add(bare)
            sizes = [bare.length(one) for one in messages]
            over = {
                len(one) - size
                for one, size in zip(messages, sizes, strict=True)
                if size is not None
            }
            if None not in sizes and len(over) == 1 and min(over) >= 0:
                yield DecimalLength(before, blank_line, over.pop())


def _fixed_sizes(messages: Sequence[bytes]) -> Iterator[FixedSize]:
    if len(messages) >= _LEAST_FIXED_MESSAGES and len(messages[0]) == len(messages[-1]):
        yield FixedSize(len(messages[0]))
