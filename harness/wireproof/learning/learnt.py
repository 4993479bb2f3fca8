"""From several plays of one conversation to what its replies look like."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import msgspec

from wireproof.learning.alignment import align
from wireproof.learning.building import KnownValues, build
from wireproof.learning.classifying import classified
from wireproof.learning.memory import Memory
from wireproof.learning.patterns.matching import Matcher, first_mismatch
from wireproof.learning.patterns.mismatch import Mismatch, MismatchError
from wireproof.learning.patterns.pattern import Pattern, Shares, Span, SpanRow
from wireproof.learning.plays import Play
from wireproof.learning.values.durations import parted
from wireproof.learning.values.kinds import Duration, Settled
from wireproof.learning.values.parts import Part, Samples

_LEAST_PLAYS_TO_GROW: Final = 4


class Growth(msgspec.Struct, frozen=True):
    """A reply that is longer, or shorter, with every play: the server remembers.

    Attributes:
        reply: which, from 0.
        sizes_bytes: in each play.

    """

    reply: int
    sizes_bytes: tuple[int, ...]

    def __str__(self) -> str:
        verb = "grows" if self.sizes_bytes[-1] > self.sizes_bytes[0] else "shrinks"
        sizes = ", ".join(map(str, self.sizes_bytes))
        return f"reply {self.reply + 1} {verb} with each play: {sizes} bytes"


class Learnt(msgspec.Struct, frozen=True):
    """What several plays of one conversation say of its replies.

    Attributes:
        patterns: one for each reply.
        growth: replies that can't be judged, because they grow or shrink with every play.
        borders_moved: whether bytes went from one reply to the next while their sum was the same:
            the plays waited too short a time for the end of a reply.
        plays: how many it was learnt from.

    """

    patterns: tuple[Pattern, ...]
    growth: tuple[Growth, ...]
    borders_moved: bool
    plays: int

    @property
    def shares(self) -> Shares:
        """How well the bytes of all replies are judged."""
        total = Shares()
        for pattern in self.patterns:
            total += pattern.shares
        return total

    @property
    def used_up(self) -> tuple[int, ...]:
        """Replies, from 0, that only the first play was given: it changed the server's state."""
        return tuple(
            pattern.reply
            for pattern in self.patterns
            if any(
                isinstance(one, Span) and isinstance(one.kind, Settled) for one in pattern.elements
            )
        )

    def table(self) -> list[SpanRow]:
        """Return a row for each place that isn't judged as literal bytes."""
        return [row for pattern in self.patterns for row in pattern.table()]

    def differences(self, replies: Sequence[bytes]) -> list[Mismatch]:
        """Return how other replies to the same conversation, such as recorded ones, differ.

        Counters, clocks and unique values are looked at for their form alone. At most one
        difference is told for each reply; none where the stream as a whole is the same, because
        then the replies only ended elsewhere.
        """
        if self._accepts_stream(b"".join(replies)):
            return []
        found = []
        for pattern, reply in zip(self.patterns, replies, strict=False):
            mismatch = first_mismatch([pattern], [reply])
            if mismatch is not None:
                found.append(mismatch)
        return found

    def _accepts_stream(self, stream: bytes) -> bool:
        matcher = Matcher()
        try:
            for pattern in self.patterns:
                matcher.owe(pattern)
            matcher.receive_data(stream)
            matcher.finish()
        except MismatchError:
            return False
        return True


def learn(plays: Sequence[Play]) -> Learnt:
    """Return what the replies of several plays look like.

    Args:
        plays: of the same conversation, in the order in which they were played. Six and more that
            took longer than a second tell clocks, counters and random values apart.

    Raises:
        ValueError: there is none, or they have different numbers of replies.

    """
    if len({len(play.replies) for play in plays}) != 1:
        raise ValueError("plays of one conversation have the same number of replies")
    known = KnownValues()
    patterns = []
    for number in range(len(plays[0].replies)):
        samples = Samples.of(plays, number)
        patterns.append(build(number, _parts(samples), known))
    return Learnt(tuple(patterns), _growth(plays), _borders_moved(plays), len(plays))


def _parts(samples: Samples) -> list[Part]:
    """Return the parts of a reply, what stands between durations by itself."""
    parts: list[Part] = []
    for at, texts in enumerate(parted(samples.replies)):
        if at % 2:
            parts.append(Part(texts, Duration()))
        else:
            between = replace(samples, replies=texts)
            parts += classified(align(texts), between)
    return parts or classified(align(samples.replies), samples)


def remembered(learnt: Learnt, plays: Sequence[Play], *, ordered: bool = True) -> Memory:
    """Return a memory of the plays, for what is judged after them.

    Args:
        learnt: from these plays, or from some of them.
        plays: in their order.
        ordered: see `Memory`.

    """
    memory = Memory(ordered=ordered)
    for play in plays:
        memory.skip(play.skipped_before)
        matcher = Matcher()
        for pattern, reply in zip(learnt.patterns, play.replies, strict=True):
            matcher.owe(pattern)
            matcher.receive_data(reply)
            matcher.finish()
        memory.commit(matcher.values)
    return memory


def _growth(plays: Sequence[Play]) -> tuple[Growth, ...]:
    if len(plays) < _LEAST_PLAYS_TO_GROW:
        return ()
    found = []
    for number in range(len(plays[0].replies)):
        sizes = tuple(len(play.replies[number]) for play in plays)
        signs = {(later > earlier) - (later < earlier) for earlier, later in pairwise(sizes)}
        if signs in ({1}, {-1}):
            found.append(Growth(number, sizes))
    return tuple(found)


def _borders_moved(plays: Sequence[Play]) -> bool:
    sizes = [[len(reply) for reply in play.replies] for play in plays]
    return len(set(map(sum, sizes))) == 1 and len(set(map(tuple, sizes))) > 1
