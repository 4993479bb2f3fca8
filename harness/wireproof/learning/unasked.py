"""What a server says without being asked, such as a heartbeat: learnt, and taken out of a stream.

Who listens on a quiet connection hears such messages alone. In a stream of replies they stand at
borders: before a reply, behind it, or, where each ends with a line, behind any line.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from wireproof.learning.learnt import learn
from wireproof.learning.patterns.pattern import Literal, Pattern
from wireproof.learning.patterns.wholes import may_begin, size_of_whole
from wireproof.learning.plays import Moment, Play

_LEAST_HEARD: Final = 2
"""What comes once is a late reply, or a goodbye."""
_LEAST_TO_LEARN: Final = 3
_LEAST_LITERAL: Final = 0.3
"""Of a message's bytes; of less nobody would know it again."""
_MOST_BYTES: Final = 64 * 1024
"""A longer message is none that comes unasked now and then."""
_LINE: Final = b"\n"


def learn_unasked(heard: Sequence[tuple[float, bytes]]) -> tuple[Pattern, ...]:
    """Return what messages look like that came while nothing was asked; none where nobody can say.

    Args:
        heard: seconds of the epoch, and what came then: a message, or several.

    """
    shortest = min((data for _, data in heard), key=len, default=b"")
    messages = [(at_s, one) for at_s, data in heard for one in _parted(data, shortest)]
    if len(messages) < _LEAST_HEARD:
        return ()
    times = Counter(data for _, data in messages)
    if min(times.values()) >= _LEAST_HEARD:
        longest_first = sorted(times, key=len, reverse=True)
        return tuple(Pattern(number, (Literal(data),)) for number, data in enumerate(longest_first))
    if len(messages) < _LEAST_TO_LEARN:
        return ()
    pattern = learn([Play((data,), (Moment(at_s, at_s),)) for at_s, data in messages]).patterns[0]
    return (pattern,) if _is_known_again(pattern) else ()


def _parted(data: bytes, single: bytes) -> list[bytes]:
    """Return the messages in `data`: of as many lines as a single one, else of as many bytes."""
    ends = [found.end() for found in re.finditer(_LINE, data)]
    lines = single.count(_LINE)
    if lines and single.endswith(_LINE) and data.endswith(_LINE) and not len(ends) % lines:
        borders = [0, *ends[lines - 1 :: lines]]
    elif not len(data) % len(single) and len(set(data[:: len(single)])) == 1:
        borders = list(range(0, len(data) + 1, len(single)))
    else:
        return [data]
    return [data[begin:end] for begin, end in pairwise(borders)]


def _is_known_again(pattern: Pattern) -> bool:
    """Say whether a message can be told from a reply, and where it ends."""
    first = pattern.elements[0] if pattern.elements else None
    shares = pattern.shares
    return (
        isinstance(first, Literal)
        and pattern.ends_itself
        and shares.exact_bytes >= _LEAST_LITERAL * shares.total_bytes
    )


class Sieve:
    """Takes out of a stream what came unasked.

    Attributes:
        by_line: whether each such message ends with a line, so that it may stand behind any.

    """

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        """Take out what is of one of these patterns; each begins with literal bytes."""
        self._patterns = [(_first_literal(one), one) for one in patterns]
        lasts = [one.elements[-1] for one in patterns]
        self.by_line = all(
            isinstance(last, Literal) and last.data.endswith(_LINE) for last in lasts
        )

    def __bool__(self) -> bool:
        """Say whether anything is taken out at all."""
        return bool(self._patterns)

    def size_at(self, data: bytes, at: int = 0) -> int:
        """Return how many bytes a message has that begins at `at`, or 0 for none."""
        sizes = (
            size_of_whole(pattern, data[at : at + _MOST_BYTES])
            for literal, pattern in self._patterns
            if data.startswith(literal, at)
        )
        return max(sizes, default=0)

    def may_begin(self, data: bytes) -> bool:
        """Say whether `data` is the beginning of one, and not the whole."""
        return len(data) < _MOST_BYTES and any(
            literal.startswith(data[: len(literal)]) and may_begin(pattern, data)
            for literal, pattern in self._patterns
        )

    def next_border(self, data: bytes, at: int) -> int:
        """Return the next place behind `at` where one may begin; the end of `data` for nowhere."""
        if self.by_line:
            return data.find(_LINE, at) + 1 or len(data)
        found = (data.find(literal[:1], at + 1) for literal, _ in self._patterns)
        return min((place for place in found if place > 0), default=len(data))

    def cleaned(self, arrivals: Sequence[bytes]) -> bytes:
        """Return a reply without what came unasked before it, behind it, or between its lines.

        Args:
            arrivals: as they came: what comes by itself is likely to have been sent so.

        """
        if self.by_line:
            return self._without_lines(b"".join(arrivals))
        return b"".join(map(self._without_ends, arrivals))

    def _without_lines(self, data: bytes) -> bytes:
        kept = bytearray()
        at = 0
        while at < len(data):
            if size := self.size_at(data, at):
                at += size
                continue
            border = self.next_border(data, at)
            kept += data[at:border]
            at = border
        return bytes(kept)

    def _without_ends(self, data: bytes) -> bytes:
        begin = self._end_of_messages(data, 0)
        end = max(begin, len(data) - _MOST_BYTES)
        while end < len(data) and self._end_of_messages(data, end) < len(data):
            end = self.next_border(data, end)
        return data[begin:end]

    def _end_of_messages(self, data: bytes, at: int) -> int:
        while size := self.size_at(data, at):
            at += size
        return at


def _first_literal(pattern: Pattern) -> bytes:
    first = pattern.elements[0]
    if not isinstance(first, Literal):
        raise ValueError("what begins with any bytes may begin anywhere")  # noqa: TRY004
    return first.data
