"""Requests that were seen, made longer, and the replies to those.

Which bytes may be more, and what the reply does then, was guessed and tried: see
`rehearsal.growing`. What is right at one size is no more than foretold at others, so a control
decides there as everywhere.
"""

from collections.abc import Iterator

import msgspec

from wireproof.learning.growing.counts import Count, counts_of
from wireproof.learning.growing.stretch import Stretch, sets_of
from wireproof.learning.patterns.pattern import Element, Literal, Pattern

_MOST_CARRIED_BYTES = 16
"""Of what stands before the place of a request, as it is looked for in the reply."""
_MOST_OCCURRENCES = 3
_WORD_BYTES = bytes(one for one in range(128) if chr(one).isalnum())


class Grown(msgspec.Struct, frozen=True):
    """A request that may be longer.

    Attributes:
        request: the one that was seen, and how it gets longer.
        reply: what is constant of the reply to that, and how it does; None where it stays as it is.
        most_bytes: the longest request that was tried, and answered so.
        unanswered_bytes: the next longer one, where that got no answer at all; else 0.

    """

    request: Stretch
    reply: Stretch | None = None
    most_bytes: int = 0
    unanswered_bytes: int = 0

    @property
    def unanswered(self) -> bytes | None:
        """The shortest request that was tried and got no answer at all; None where all got one."""
        by_bytes = self.request.growth_to(self.unanswered_bytes) if self.unanswered_bytes else None
        return None if by_bytes is None else self.request.grown(by_bytes)

    def sized(self, size_bytes: int) -> bytes | None:
        """Return the request of this size; None where there is none, or it was not tried so far."""
        if not len(self.request.data) <= size_bytes <= self.most_bytes:
            return None
        by_bytes = self.request.growth_to(size_bytes)
        return None if by_bytes is None else self.request.grown(by_bytes)

    def pattern(self, usual: Pattern, by_bytes: int) -> Pattern:
        """Return the pattern of the reply to the request with so many bytes more.

        Args:
            usual: of the reply to the request that was seen.
            by_bytes: as `Stretch.grown` takes it.

        Raises:
            ValueError: a number in the reply can't say so.

        """
        if self.reply is None or not by_bytes:
            return usual
        data = self.reply.grown(by_bytes)
        elements: list[Element] = []
        at = begin = 0
        for element in usual.elements:
            if isinstance(element, Literal):
                at += len(element.data)
                end = self.reply.moved(at, by_bytes)
                elements.append(Literal(data[begin:end]))
                begin = end
            else:
                elements.append(element)
        return Pattern(usual.reply, tuple(elements))


def replies_of(request: Stretch, usual: Pattern) -> Iterator[Stretch | None]:
    """Yield what the reply may do when a request gets longer, the likelier first.

    Stay as it is; or repeat, at one place, what stands where the request gets longer.
    """
    yield None
    constant = b"".join(one.data for one in usual.elements if isinstance(one, Literal))
    counts: list[Count] | None = None
    for carried in _before(request):
        at = constant.find(carried)
        for _ in range(_MOST_OCCURRENCES):
            if at < 0:
                break
            end = at + len(carried)
            counts = counts_of(constant) if counts is None else counts
            for chosen in sets_of([one for one in counts if one.counts(end)]):
                yield Stretch(constant, end, request.filler, chosen)
            at = constant.find(carried, at + 1)


def _before(request: Stretch) -> Iterator[bytes]:
    """Yield what may be repeated of what ends where a request gets longer: all of it, a word."""
    begin = max((one.begin for one in request.counts), default=request.at)
    whole = request.data[begin : request.at]
    before = request.data[: request.at]
    word = before[len(before.rstrip(_WORD_BYTES)) :]
    for part in dict.fromkeys((whole, word)):
        if part:
            yield part[-_MOST_CARRIED_BYTES:]
