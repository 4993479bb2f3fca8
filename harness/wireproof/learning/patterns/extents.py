"""How far a span reaches in what has arrived, or that this isn't known yet.

Invariant: an answer, once given, would be the same with more bytes behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wireproof.learning.patterns.pattern import DATE, Element, Literal, Span
from wireproof.learning.values.dates import LONGEST_BYTES

_STOP_BYTES: Final = 64
"""How much of the literal behind a span is looked for."""
_MAY_GO_ON: Final = frozenset(b".,+- ABCDEFGHIJKLMNOPQRSTUVWXYZap0123456789")
"""What may follow a date that could be longer: a fraction, a zone."""
_LONGEST_ADDITION_BYTES: Final = 8


class FormError(Exception):
    """What arrived cannot be such a span.

    Attributes:
        reaches: how many of its bytes could.

    """

    def __init__(self, reaches: int) -> None:
        """Keep how far it could be one."""
        super().__init__(reaches)
        self.reaches = reaches


@dataclass(slots=True)
class Extent:
    """Finds the end of one span.

    Attributes:
        span: which begins with the first byte that arrives.
        size_bytes: where it is known beforehand; None where the span's own bytes tell.
        stop: the literal that ends it; empty where a byte that it cannot contain does.

    """

    span: Span
    size_bytes: int | None
    stop: bytes
    _looked_at: int = 0

    @classmethod
    def of(cls, elements: Sequence[Element], number: int, size_bytes: int | None) -> "Extent":
        """Begin with an element of a pattern.

        Args:
            elements: the pattern's.
            number: which; a span.
            size_bytes: what a length, read before, says of its size; None where there is none.

        """
        span = elements[number]
        assert isinstance(span, Span)
        if size_bytes is None and span.is_fixed:
            size_bytes = span.least_bytes
        following = elements[number + 1] if number + 1 < len(elements) else None
        stop = b""
        if isinstance(following, Literal) and span.may_contain(following.data[0]):
            stop = following.data[:_STOP_BYTES]
        return cls(span, size_bytes, stop)

    def find(self, buffer: bytearray, *, is_over: bool) -> int | None:
        """Return the span's size in bytes, or None while it isn't known.

        Args:
            buffer: what has arrived of it, and of what follows.
            is_over: whether nothing more will come.

        Raises:
            FormError: it cannot be such a span.

        """
        if self.size_bytes is not None:
            return self._of_known_size(buffer, self.size_bytes, is_over=is_over)
        if self.span.alphabet == DATE:
            return self._date(buffer, is_over=is_over)
        if self.stop:
            return self._before_stop(buffer, is_over=is_over)
        reaches = self.span.stretch(buffer, self._looked_at, self.span.most_bytes)
        self._looked_at = reaches
        if not is_over and reaches == len(buffer) and reaches < self.span.most_bytes:
            return None
        if reaches < self.span.least_bytes:
            raise FormError(reaches)
        return reaches

    def _of_known_size(self, buffer: bytearray, size: int, *, is_over: bool) -> int | None:
        there = min(size, len(buffer))
        if self.span.alphabet == DATE:
            if there < size and not is_over:
                return None
            reaches = self.span.stretch(buffer, 0, there)
        else:
            reaches = self.span.stretch(buffer, self._looked_at, there)
        if reaches < there or (is_over and there < size):
            raise FormError(reaches)
        self._looked_at = reaches
        return size if there == size else None

    def _date(self, buffer: bytearray, *, is_over: bool) -> int | None:
        there = len(buffer)
        end = self.span.stretch(buffer, 0, min(there, LONGEST_BYTES))
        if end == 0:
            if is_over or there >= LONGEST_BYTES:
                raise FormError(0)
            return None
        is_settled = end < there and (
            buffer[end] not in _MAY_GO_ON or there - end >= _LONGEST_ADDITION_BYTES
        )
        return end if is_over or is_settled else None

    def _before_stop(self, buffer: bytearray, *, is_over: bool) -> int | None:
        most = self.span.most_bytes + len(self.stop)
        found = buffer.find(self.stop, max(self.span.least_bytes, self._looked_at), most)
        if found < 0:
            if is_over or len(buffer) >= most:
                raise FormError(min(len(buffer), self.span.most_bytes))
            self._looked_at = max(0, len(buffer) - len(self.stop) + 1)
            return None
        reaches = self.span.stretch(buffer, 0, found)
        if reaches < found:
            raise FormError(reaches)
        return found
