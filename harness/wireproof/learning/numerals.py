"""Numbers as servers write them: in decimal or hexadecimal text, or as binary fields."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

_DECIMAL = re.compile(rb"[0-9]{1,20}")
_HEXADECIMAL = {"lower": re.compile(rb"[0-9a-f]{1,16}"), "upper": re.compile(rb"[0-9A-F]{1,16}")}
Writing = Literal["decimal", "lower", "upper", "big", "little"]


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
        return self.writing in {"big", "little"}

    @property
    def order(self) -> Literal["big", "little"]:
        """The byte order of a binary field."""
        return "little" if self.writing == "little" else "big"


def numerals_of(values: Sequence[bytes], *, binary: bool) -> Iterator[tuple[Numeral, list[int]]]:
    """Yield each way in which all `values` are numbers, the plainest first, with the numbers."""
    width_bytes = len(values[0]) if len(set(map(len, values))) == 1 else 0
    if binary:
        widths: set[int] = {width_bytes} if width_bytes <= 8 else set()
        writings: tuple[Writing, ...] = ("big", "little") if width_bytes > 1 else ("big",)
    else:
        widths = {0, width_bytes}
        writings = ("decimal", "lower", "upper")
    for writing in writings:
        for width in sorted(widths):
            numeral = Numeral(writing, width)
            numbers = [number for one in values if (number := numeral.read(one)) is not None]
            if len(numbers) == len(values):
                yield numeral, numbers
                break
