"""Numbers as servers write them: in decimal or hexadecimal text, or as binary fields."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

_DECIMAL = re.compile(rb"[0-9]{1,20}")
_HEXADECIMAL = {"lower": re.compile(rb"[0-9a-f]{1,16}"), "upper": re.compile(rb"[0-9A-F]{1,16}")}
Writing = Literal["decimal", "lower", "upper", "big", "little"]

TEXT: Final[tuple[Writing, ...]] = ("decimal", "lower", "upper")
BINARY: Final[tuple[Writing, ...]] = ("big", "little")
_WIDEST_BYTES: Final = 8


class Numeral(msgspec.Struct, frozen=True):
    """How a number is written.

    Attributes:
        writing: `decimal`; `lower` or `upper` case hexadecimal; `big` or `little` endian binary.
        width_bytes: what it is padded to with zeros; 0 for none.

    """

    writing: Writing
    width_bytes: int = 0

    def read(self, text: bytes) -> int | None:
        """Return the number that `text` is, or None where it isn't written so."""
        if self.is_binary:
            return int.from_bytes(text, self.order) if len(text) == self.width_bytes else None
        form = _DECIMAL if self.writing == "decimal" else _HEXADECIMAL[self.writing]
        if not form.fullmatch(text):
            return None
        number = int(text, 10 if self.writing == "decimal" else 16)
        return number if self.write(number) == text else None

    def write(self, number: int) -> bytes:
        """Return `number` as the server writes it; a binary field begins anew when it is full."""
        if self.is_binary:
            number %= 1 << 8 * self.width_bytes
            return number.to_bytes(self.width_bytes, self.order)
        form = {"decimal": "d", "lower": "x", "upper": "X"}[self.writing]
        return f"{number:0{self.width_bytes or 1}{form}}".encode()

    def shown(self, text: bytes) -> str:
        """Return a number's bytes as people read them."""
        return f"0x{text.hex()}" if self.is_binary else text.decode("ascii", "backslashreplace")

    @property
    def is_binary(self) -> bool:
        """Whether it is a field of bytes, not text."""
        return self.writing in BINARY

    @property
    def order(self) -> Literal["big", "little"]:
        """The byte order of a binary field."""
        return "little" if self.writing == "little" else "big"


def numerals_of(
    values: Sequence[bytes], writings: Sequence[Writing]
) -> Iterator[tuple[Numeral, list[int]]]:
    """Yield each way in which all `values` are numbers, the plainest first, with the numbers.

    Args:
        values: one or more.
        writings: that come into question, such as `TEXT` or `BINARY`.

    """
    width_bytes = len(values[0]) if len(set(map(len, values))) == 1 else 0
    for writing in writings:
        is_binary = writing in BINARY
        if is_binary and not 0 < width_bytes <= _WIDEST_BYTES:
            continue
        for width in (width_bytes,) if is_binary else sorted({0, width_bytes}):
            numeral = Numeral(writing, width)
            numbers = [number for one in values if (number := numeral.read(one)) is not None]
            if len(numbers) == len(values):
                yield numeral, numbers
                break
