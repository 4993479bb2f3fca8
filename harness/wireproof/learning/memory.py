"""What earlier plays said at each place, so that counters and unique values can be judged."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from wireproof.learning.plays import Moment

Place = tuple[int, int]
"""A reply, and the element of its pattern, both counted from 0."""

Judged = Literal["exactly", "by kind", "not"]
"""How well values are judged at a place."""

MOST_REMEMBERED: Final = 100_000


class Seen:
    """What was seen at one place.

    Attributes:
        last: the value of the last play, or None before the first.
        skipped: plays since then that the server may have counted, or not.

    """

    __slots__ = ("_order", "_values", "last", "skipped")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.last: bytes | None = None
        self.skipped = 0
        self._values: set[bytes] = set()
        self._order: deque[bytes] = deque()

    def __contains__(self, value: bytes) -> bool:
        return value in self._values

    def add(self, value: bytes) -> None:
        """Take the value of a play."""
        self.last = value
        self.skipped = 0
        if value not in self._values:
            self._values.add(value)
            self._order.append(value)
            if len(self._order) > MOST_REMEMBERED:
                self._values.discard(self._order.popleft())


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a value at one place is judged by, besides the value.

    Attributes:
        seen: what earlier plays said there; None to look at the form alone.
        moment: when it was said; None where no clock is to be compared with.
        ordered: whether plays follow each other one by one.

    """

    seen: Seen | None = None
    moment: Moment | None = None
    ordered: bool = True

    @property
    def last(self) -> bytes | None:
        """What the last play said there, where that is known."""
        return self.seen.last if self.seen is not None else None

    def came_before(self, value: bytes) -> bool:
        """Whether any play said the same."""
        return self.seen is not None and value in self.seen


class Memory:
    """What was seen at all places: changed only by what its owner accepted.

    Attributes:
        ordered: whether plays follow each other one by one. Beside other plays, a counter's next
            value isn't known; only that none comes twice.

    """

    def __init__(self, *, ordered: bool = True) -> None:
        """Begin with nothing seen."""
        self.ordered = ordered
        self._seen: dict[Place, Seen] = {}

    def at(self, place: Place) -> Seen:
        """Return what was seen at a place."""
        return self._seen.setdefault(place, Seen())

    def circumstances(self, place: Place, moment: Moment | None) -> Circumstances:
        """Return what a value at a place is judged by."""
        return Circumstances(self.at(place), moment, self.ordered)

    def commit(self, values: Mapping[Place, bytes]) -> None:
        """Take the values of a play that was accepted."""
        for place, value in values.items():
            self.at(place).add(value)

    def skip(self, plays: int = 1) -> None:
        """Say that plays were made whose values are not known, or not accepted."""
        for seen in self._seen.values():
            seen.skipped += plays
