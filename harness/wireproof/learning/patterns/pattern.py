"""What a reply looks like: literal bytes, and spans that vary, each with its kind.

A pattern is data: it can be written down and read again. What judges by it is `matching`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from wireproof.learning.cutting import is_binary
from wireproof.learning.memory import Judged, Place
from wireproof.learning.values.clocks import Clock
from wireproof.learning.values.dates import FORMS
from wireproof.learning.values.kinds import Kind, Length, name_of

ALPHABETS: Final = {
    "digits": rb"[0-9]",
    "lower-case hexadecimal": rb"[0-9a-f]",
    "upper-case hexadecimal": rb"[0-9A-F]",
    "hexadecimal": rb"[0-9a-fA-F]",
    "letters and digits": rb"[0-9a-zA-Z_]",
    "base64": rb"[0-9a-zA-Z_+/=.-]",
    "a line": rb"[^\r\n]",
    "any bytes": rb"[\x00-\xff]",
}
"""By name, the narrower first: what a span is made of, as a regular expression for one byte."""

DATE: Final = "a date"
"""The alphabet of a span that is read as a date, whose form its kind names."""

_WHOLE = {name: re.compile(one + rb"*+") for name, one in ALPHABETS.items()}
_MOST_EXAMPLES: Final = 3
_EXAMPLE_BYTES: Final = 80


class Literal(msgspec.Struct, frozen=True, tag="literal"):
    """Bytes that are always the same.

    Attributes:
        data: these.

    """

    data: bytes


class Span(msgspec.Struct, frozen=True, tag="span"):
    """A place where replies differ.

    Attributes:
        kind: what is right there.
        alphabet: what it is made of: a key of `ALPHABETS`, or `DATE`.
        least_bytes: its size, at least.
        most_bytes: its size, at most.
        counted_by: the element that says its size, where one does.
        examples: some values that were seen, long ones cut short.
        typical_bytes: its size on average, rounded.

    """

    kind: Kind
    alphabet: str
    least_bytes: int
    most_bytes: int
    counted_by: int | None = None
    examples: tuple[bytes, ...] = ()
    typical_bytes: int = 0

    @property
    def is_fixed(self) -> bool:
        """Whether it always has one size."""
        return self.least_bytes == self.most_bytes

    @property
    def ends_itself(self) -> bool:
        """Whether its end is known without what follows."""
        return self.is_fixed or self.counted_by is not None

    def may_contain(self, byte: int) -> bool:
        """Say whether a byte may stand in it."""
        return self.alphabet == DATE or bool(_WHOLE[self.alphabet].fullmatch(bytes([byte])))

    def stretch(self, data: bytes | bytearray, begin: int, end: int) -> int:
        """Return how far the bytes of its alphabet reach, from `begin`, at most to `end`.

        A date reaches as far as its form does, or not at all.
        """
        if self.alphabet == DATE:
            assert isinstance(self.kind, Clock)
            found = FORMS[self.kind.form].written.match(data, begin, end)
            return found.end() if found is not None else begin
        found = _WHOLE[self.alphabet].match(data, begin, end)
        return found.end() if found is not None else begin


Element = Literal | Span


class Shares(msgspec.Struct, frozen=True):
    """How many bytes of typical replies are judged, and how well.

    Attributes:
        exact_bytes: any other byte there is a finding.
        by_kind_bytes: of each kind that allows more than one value.
        masked_bytes: whatever stands there is accepted.

    """

    exact_bytes: int = 0
    by_kind_bytes: dict[str, int] = msgspec.field(default_factory=dict)
    masked_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """All of them."""
        return self.exact_bytes + sum(self.by_kind_bytes.values()) + self.masked_bytes

    @property
    def judged(self) -> float:
        """The share that is judged, exactly or by kind; 1 where there is nothing to judge."""
        total = self.total_bytes
        return 1 - self.masked_bytes / total if total else 1.0

    def __add__(self, other: "Shares") -> "Shares":
        by_kind = dict(self.by_kind_bytes)
        for name, size in other.by_kind_bytes.items():
            by_kind[name] = by_kind.get(name, 0) + size
        return Shares(
            self.exact_bytes + other.exact_bytes, by_kind, self.masked_bytes + other.masked_bytes
        )

    def __str__(self) -> str:
        total = self.total_bytes
        if not total:
            return "no reply bytes"
        parts = [f"{100 * self.exact_bytes / total:.0f} % of {total} reply bytes exact"]
        parts += [
            f"{100 * size / total:.0f} % checked as {name}"
            for name, size in sorted(self.by_kind_bytes.items())
        ]
        return ", ".join([*parts, f"{100 * self.masked_bytes / total:.0f} % masked"])


class SpanRow(msgspec.Struct, frozen=True):
    """One line of the table of what isn't literal.

    Attributes:
        reply: which, from 0.
        offset_bytes: where in a typical reply it begins.
        size_bytes: its typical size.
        kind: what it was taken for, one word.
        judged: how well it is judged.
        examples: values that were seen.

    """

    reply: int
    offset_bytes: int
    size_bytes: int
    kind: str
    judged: Judged
    examples: tuple[bytes, ...]


class Pattern(msgspec.Struct, frozen=True):
    """What one reply of a conversation looks like.

    Attributes:
        reply: which, from 0.
        elements: in their order; none for a request that isn't answered.

    """

    reply: int
    elements: tuple[Element, ...]

    @property
    def constant(self) -> bytes | None:
        """The reply, where it is the same every time."""
        if all(isinstance(one, Literal) for one in self.elements):
            return b"".join(one.data for one in self.elements if isinstance(one, Literal))
        return None

    @property
    def typical(self) -> bytes:
        """What it looked like when it was seen, long values cut short."""
        return b"".join(
            one.data if isinstance(one, Literal) else next(iter(one.examples), b"")
            for one in self.elements
        )

    @property
    def ends_itself(self) -> bool:
        """Whether a reader knows that it is complete, without waiting for more."""
        last = self.elements[-1] if self.elements else None
        return not isinstance(last, Span) or last.ends_itself

    @property
    def typical_bytes(self) -> int:
        """How long it is on average."""
        return sum(map(size_of, self.elements))

    @property
    def shares(self) -> Shares:
        """How well it is judged."""
        total = Shares()
        for element in self.elements:
            size = size_of(element)
            if isinstance(element, Literal) or element.kind.judged == "exactly":
                total += Shares(exact_bytes=size)
            elif element.kind.judged == "by kind":
                total += Shares(by_kind_bytes={name_of(element.kind): size})
            else:
                total += Shares(masked_bytes=size)
        return total

    def reply_of(self, values: Mapping[Place, bytes]) -> bytes:
        """Return the reply in whose spans these values stand."""
        return b"".join(
            element.data if isinstance(element, Literal) else values[self.reply, number]
            for number, element in enumerate(self.elements)
        )

    def table(self) -> Iterator[SpanRow]:
        """Yield a row for each span."""
        offset = 0
        for element in self.elements:
            size = size_of(element)
            if isinstance(element, Span):
                yield SpanRow(
                    self.reply,
                    offset,
                    size,
                    name_of(element.kind),
                    element.kind.judged,
                    element.examples,
                )
            offset += size

    def replaced(self, old: bytes, new: bytes) -> "Pattern":
        """Return the pattern for a request in which `old` was replaced by `new`, of one size.

        Raises:
            ValueError: they differ in size, so that lengths in the reply would be wrong.

        """
        if len(old) != len(new):
            raise ValueError(f"{old!r} and {new!r} differ in size")
        elements = tuple(
            Literal(one.data.replace(old, new)) if isinstance(one, Literal) else one
            for one in self.elements
        )
        return Pattern(self.reply, elements)

    def size_counted(self, element: int, number: int, sizes: Sequence[int]) -> int:
        """Return the size that a length says its part's only open span has.

        Args:
            element: the span.
            number: what the length says.
            sizes: of the elements before it, as they came.

        """
        span = self.elements[element]
        assert isinstance(span, Span)
        assert span.counted_by is not None
        counter = self.elements[span.counted_by]
        assert isinstance(counter, Span)
        kind = counter.kind
        assert isinstance(kind, Length)
        before = sum(sizes[kind.first : element])
        behind = sum(map(size_of, self.elements[element + 1 : kind.last + 1]))
        return number - kind.adjust - before - behind


def size_of(element: Element) -> int:
    """Return an element's size, the typical one where it varies."""
    return len(element.data) if isinstance(element, Literal) else element.typical_bytes


def alphabet_of(values: Sequence[bytes]) -> str:
    """Return the narrowest alphabet that all `values` are made of."""
    joined = b"".join(values)
    if is_binary(joined):
        return "any bytes"
    return next(name for name, whole in _WHOLE.items() if whole.fullmatch(joined))


def examples_of(values: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return a few different values, cut short."""
    return tuple(value[:_EXAMPLE_BYTES] for value in list(dict.fromkeys(values))[:_MOST_EXAMPLES])
