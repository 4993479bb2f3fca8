"""Numbers in a message that say how many bytes of it follow, guessed from one message.

Each is a hypothesis: whoever sends a message with more bytes shows whether it is true.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

Form = Literal["decimal", "big", "little", "7 bits"]

_NUMBER: Final = re.compile(rb"[0-9]{1,10}")
_TEXT: Final = re.compile(rb"[\t\r\n -~]{2,}")
_LINE_ENDS: Final = (b"\r\n", b"\n")
_BLANK_LINES: Final = (b"\r\n\r\n", b"\n\n")
_BEHIND: Final = (b"\r\n", b"\n", b"\0", b",", b";", b")")
"""One of these follows what is counted, where that isn't all that is left."""
_WIDTHS: Final = (8, 4, 2, 1)
_SPARE_BYTES: Final = 8
_MOST_DIGITS_OF_7_BITS: Final = 4
_FARTHEST_BYTES: Final = 1024
"""Into a message: behind it, binary numbers are payload."""


class Count(msgspec.Struct, frozen=True):
    """A number that says how many bytes there are from one place to another.

    Attributes:
        form: how it is written: in digits, in binary of a fixed size and an order, or by seven
            bits a byte, the lowest first, as MQTT and Protocol Buffers do.
        offset_bytes: where it stands.
        size_bytes: its size as it stands.
        value: what it says.
        begin: where what it counts begins.
        end: where that ends.

    """

    form: Form
    offset_bytes: int
    size_bytes: int
    value: int
    begin: int
    end: int

    def counts(self, at: int) -> bool:
        """Say whether bytes that are put in there are counted."""
        return self.begin <= at <= self.end and self.offset_bytes + self.size_bytes <= at

    def written(self, value: int) -> bytes:
        """Return another value in the same form.

        Raises:
            ValueError: the field can't hold it.

        """
        if self.form == "decimal":
            return str(value).encode()
        if self.form == "7 bits":
            return _in_7_bits(value)
        try:
            return value.to_bytes(self.size_bytes, self.form)
        except OverflowError:
            raise ValueError(f"{value} does not fit {self.size_bytes} bytes") from None


def counts_of(message: bytes) -> list[Count]:
    """Return every number of a message that may count bytes of it, the likelier first.

    Those that count up to the message's end are likelier than others, digits than binary numbers,
    wide ones than narrow, and later ones than earlier: the payload comes last.
    """
    binary = [*_in_binary(message), *_by_7_bits(message)]
    found = [*_decimals(message), *(one for one in binary if not _is_text(message, one))]
    return sorted(
        dict.fromkeys(found),
        key=lambda one: (
            one.end != len(message),
            one.form != "decimal",
            one.size_bytes == 1 and one.form != "7 bits",
            -one.size_bytes,
            -one.offset_bytes,
        ),
    )


def _is_text(message: bytes, one: Count) -> bool:
    """Say whether a number in binary stands among letters: then it is some of them."""
    begin = max(0, one.offset_bytes - 1)
    return bool(_TEXT.fullmatch(message, begin, one.offset_bytes + one.size_bytes + 1))


def _decimals(message: bytes) -> Iterator[Count]:
    for number in _NUMBER.finditer(message):
        value = int(number[0])
        if not value or str(value).encode() != number[0]:
            continue
        for begin in _begins(message, number.end()):
            end = begin + value
            if end == len(message) or message.startswith(_BEHIND, end):
                yield Count("decimal", number.start(), len(number[0]), value, begin, end)


def _begins(message: bytes, end: int) -> Iterator[int]:
    """Yield where what a number counts may begin: a byte behind it, the next line, the content."""
    yield end + 1
    for ends in (_LINE_ENDS, _BLANK_LINES):
        found = [at + len(one) for one in ends if (at := message.find(one, end)) >= 0]
        if found:
            yield min(found)


def _in_binary(message: bytes) -> Iterator[Count]:
    size = len(message)
    orders: tuple[Literal["big", "little"], ...] = ("big", "little")
    for width in _WIDTHS:
        for offset in range(min(_FARTHEST_BYTES, size - width)):
            for order in orders[: min(width, 2)]:
                behind = offset + width
                value = int.from_bytes(message[offset:behind], order)
                if not 0 < value <= size:
                    continue
                if 0 <= size - value <= behind + _SPARE_BYTES:
                    yield Count(order, offset, width, value, size - value, size)
                # Itself counted too or not, as a string in a record is.
                yield from (
                    Count(order, offset, width, value, begin, begin + value)
                    for begin in (behind, offset)
                    if behind < begin + value < size
                )


def _by_7_bits(message: bytes) -> Iterator[Count]:
    for offset in range(min(_FARTHEST_BYTES, len(message) - 1)):
        value = 0
        for number, byte in enumerate(message[offset : offset + _MOST_DIGITS_OF_7_BITS]):
            value |= (byte & 0x7F) << (7 * number)
            if byte < 0x80:
                begin = offset + number + 1
                if 0 < value <= len(message) - begin:
                    yield Count("7 bits", offset, number + 1, value, begin, begin + value)
                break


def _in_7_bits(value: int) -> bytes:
    digits = bytearray()
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)
