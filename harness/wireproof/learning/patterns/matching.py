"""Judges a stream of replies by their patterns, as the bytes arrive.

Strategy: one element at a time. A literal is compared byte by byte, so that a wrong byte is known
at once. A span is taken when its end is known: by its size, by a length that was read before, by a
byte that it cannot contain, or by the literal behind it. Only where nothing follows a span of
unknown size must the caller say, with `finish`, that nothing more has come.

Invariant: the verdict depends on the bytes and on the clock, never on how the bytes were cut.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from wireproof.learning.memory import Circumstances, Memory, Place
from wireproof.learning.patterns.extents import Extent, FormError
from wireproof.learning.patterns.mismatch import SHOWN_BYTES, Mismatch, MismatchError, accepted_by
from wireproof.learning.patterns.pattern import Literal, Pattern, Span
from wireproof.learning.plays import Moment
from wireproof.learning.values.kinds import Length, Same, name_of
from wireproof.words import printable

_MOST_COUNTED_BYTES: Final = 16 << 20
"""A length that says more is refused before its bytes are waited for."""


class Matcher:
    """Compares one connection's replies with the patterns that are owed.

    Attributes:
        values: what stood in each span so far; for `Memory.commit`, once all of it is accepted.

    """

    def __init__(
        self,
        memory: Memory | None = None,
        since_s: float | None = None,
        on_complete: Callable[[Pattern], None] = lambda _: None,
    ) -> None:
        """Owe nothing yet.

        Args:
            memory: of earlier plays; None to judge the form alone.
            since_s: seconds of the epoch at which the first request was begun; None to compare
                dates with no clock.
            on_complete: called with the pattern of each reply that is complete and accepted,
                before any byte behind it is judged.

        """
        self._on_complete = on_complete
        self.values: dict[Place, bytes] = {}
        self._memory = memory
        self._since_s = since_s
        self._now_s = since_s
        self._owed: deque[Pattern] = deque()
        self._buffer = bytearray()
        self._sizes: list[int] = []  # of the elements of this reply that are complete
        self._compared = 0  # bytes of the literal that is being read
        self._extent: Extent | None = None  # of the span that is being read
        self._reply_begin = 0  # where in the stream this reply begins

    def owe(self, pattern: Pattern) -> int:
        """Say that a reply of this pattern is due behind those that are.

        Returns:
            How many replies this completed: one, if it is to be empty.

        Raises:
            MismatchError: it isn't empty at all.

        """
        self._owed.append(pattern)
        return self._advance(is_over=False)

    def receive_data(self, data: bytes, now_s: float | None = None) -> int:
        """Take what arrived, in pieces of any size.

        Args:
            data: these bytes.
            now_s: seconds of the epoch at which they came.

        Returns:
            How many replies this completed.

        Raises:
            MismatchError: no reply that was learnt goes on like this.

        """
        self._buffer += data
        self._now_s = now_s if now_s is not None else self._now_s
        completed = self._advance(is_over=False)
        if self._buffer and not self._owed:
            raise self._surplus()
        return completed

    def finish(self, now_s: float | None = None) -> int:
        """Say that nothing more has come: the end of the stream, or enough of a wait.

        Returns:
            How many replies this completed.

        Raises:
            MismatchError: something was still owed.

        """
        self._now_s = now_s if now_s is not None else self._now_s
        completed = self._advance(is_over=True)
        if self._owed:
            raise self._missing()
        if self._buffer:
            raise self._surplus()
        return completed

    @property
    def owed(self) -> int:
        """How many replies aren't complete."""
        return len(self._owed)

    @property
    def may_be_complete(self) -> bool:
        """Whether nothing more need come: all that is owed is one span of any size, at its end."""
        if len(self._owed) != 1:
            return not self._owed
        elements = self._owed[0].elements
        last = elements[-1]
        if len(self._sizes) != len(elements) - 1 or not isinstance(last, Span) or last.ends_itself:
            return False
        reaches = last.stretch(self._buffer, 0, len(self._buffer))
        return reaches == len(self._buffer) >= last.least_bytes

    def _advance(self, *, is_over: bool) -> int:
        completed = 0
        while self._owed:
            elements = self._owed[0].elements
            if len(self._sizes) == len(elements):
                self._complete(self._owed[0])
                completed += 1
                continue
            element = elements[len(self._sizes)]
            if isinstance(element, Literal):
                is_known = self._compare(element)
            else:
                is_known = self._take(element, is_over=is_over)
            if not is_known:
                break
        return completed

    def _compare(self, literal: Literal) -> bool:
        """Compare what is there with a literal; return whether it is complete."""
        at = self._compared
        wanted = literal.data[at : at + len(self._buffer)]
        if not self._buffer.startswith(wanted):
            wrong = next(n for n, byte in enumerate(wanted) if byte != self._buffer[n])
            expected = printable(literal.data[at + wrong : at + wrong + SHOWN_BYTES])
            raise self._wrong("differs from every play", expected, wrong)
        del self._buffer[: len(wanted)]
        self._compared += len(wanted)
        if self._compared < len(literal.data):
            return False
        self._sizes.append(len(literal.data))
        self._compared = 0
        return True

    def _take(self, span: Span, *, is_over: bool) -> bool:
        """Judge a span; return whether it is complete."""
        number = len(self._sizes)
        if self._extent is None:
            size_bytes = None if span.counted_by is None else self._counted(span.counted_by)
            self._extent = Extent.of(self._owed[0].elements, number, size_bytes)
        try:
            size = self._extent.find(self._buffer, is_over=is_over)
        except FormError as error:
            there = error.reaches < len(self._buffer)
            problem = "is not of the form that was seen" if there else "ends early"
            raise self._wrong(problem, accepted_by(span), error.reaches) from None
        if size is None:
            return False
        place = (self._owed[0].reply, number)
        value = bytes(self._buffer[:size])
        when = self._circumstances(place)
        problem, expected = span.kind.problem(value, when), span.kind.expected(when)
        if isinstance(span.kind, Same):
            other = self.values.get(span.kind.place, value)
            if value != other:
                problem, expected = "is not what stood there before", printable(other)
        if problem:
            raise self._wrong(problem, expected, 0, value)
        self.values[place] = value
        del self._buffer[:size]
        self._sizes.append(size)
        self._extent = None
        return True

    def _circumstances(self, place: Place) -> Circumstances:
        moment = None
        if self._since_s is not None and self._now_s is not None:
            moment = Moment(self._since_s, self._now_s)
        if self._memory is None:
            return Circumstances(moment=moment)
        return self._memory.circumstances(place, moment)

    def _counted(self, counter_number: int) -> int:
        """Return the size that a length, read before, says the next element has."""
        pattern = self._owed[0]
        counter = pattern.elements[counter_number]
        assert isinstance(counter, Span)
        assert isinstance(counter.kind, Length)
        value = self.values[pattern.reply, counter_number]
        number = counter.kind.numeral.read(value)
        assert number is not None
        size = pattern.size_counted(len(self._sizes), number, self._sizes)
        if not 0 <= size <= _MOST_COUNTED_BYTES:
            raise self._wrong_length(counter_number, "a length that is possible")
        return size

    def _complete(self, pattern: Pattern) -> None:
        """Compare lengths with what they count, and go on with the next reply."""
        for number, element in enumerate(pattern.elements):
            if not isinstance(element, Span) or not isinstance(element.kind, Length):
                continue
            kind = element.kind
            size = sum(self._sizes[kind.first : kind.last + 1]) + kind.adjust
            right = kind.numeral.write(max(0, size))
            if right != self.values[pattern.reply, number]:
                raise self._wrong_length(number, kind.numeral.shown(right))
        self._reply_begin += sum(self._sizes)
        self._owed.popleft()
        self._sizes = []
        self._on_complete(pattern)

    def _wrong_length(self, number: int, expected: str) -> MismatchError:
        pattern = self._owed[0]
        value = self.values[pattern.reply, number]
        offset = sum(self._sizes[:number])
        return self._mismatch(number, offset, "is not the length of its part", expected, value)

    def _wrong(
        self, problem: str, expected: str, further: int, actual: bytes | None = None
    ) -> MismatchError:
        """Return what is wrong with the element that is being read, `further` into the buffer."""
        if actual is None:
            actual = bytes(self._buffer[further : further + SHOWN_BYTES])
        offset = sum(self._sizes) + self._compared + further
        return self._mismatch(len(self._sizes), offset, problem, expected, actual)

    def _missing(self) -> MismatchError:
        element = self._owed[0].elements[len(self._sizes)]
        rest = element
        if isinstance(element, Literal):
            rest = Literal(element.data[self._compared :])
        return self._wrong("is missing", accepted_by(rest), 0)

    def _mismatch(
        self, number: int, offset: int, problem: str, expected: str, actual: bytes
    ) -> MismatchError:
        pattern = self._owed[0]
        element = pattern.elements[number]
        return MismatchError(
            Mismatch(
                reply=pattern.reply,
                element=number,
                kind="literal" if isinstance(element, Literal) else name_of(element.kind),
                offset_bytes=offset,
                stream_offset_bytes=self._reply_begin + offset,
                problem=problem,
                expected=expected,
                actual=printable(actual, SHOWN_BYTES) if actual else "nothing",
            )
        )

    def _surplus(self) -> MismatchError:
        actual = printable(self._buffer, SHOWN_BYTES)
        at = self._reply_begin
        return MismatchError(
            Mismatch(-1, -1, "literal", 0, at, "is not owed", "nothing more", actual)
        )


def first_mismatch(
    patterns: Sequence[Pattern],
    replies: Sequence[bytes],
    *,
    memory: Memory | None = None,
    moments: Sequence[Moment] = (),
) -> Mismatch | None:
    """Return where the replies of a whole play first differ from their patterns, or None.

    Args:
        patterns: one for each reply.
        replies: whole; fewer than the patterns where the play broke off.
        memory: of earlier plays; None to judge the form alone.
        moments: of the replies; none to compare dates with no clock.

    """
    values: dict[Place, bytes] = {}
    for number, (pattern, reply) in enumerate(zip(patterns, replies, strict=False)):
        moment = moments[number] if moments else None
        matcher = Matcher(memory, moment.earliest_s if moment is not None else None)
        matcher.values = values
        try:
            matcher.owe(pattern)
            matcher.receive_data(reply, moment.latest_s if moment is not None else None)
            matcher.finish()
        except MismatchError as error:
            return error.mismatch
    return None
