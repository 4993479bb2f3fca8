"""A reply in parts, while it is being understood: what every play showed at each."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from wireproof.learning.plays import Moment, Play
from wireproof.learning.values.kinds import Kind


@dataclass(frozen=True, slots=True)
class Samples:
    """One reply of a conversation, as several plays showed it.

    Attributes:
        replies: in the order of the plays.
        moments: of each.
        skipped: before each, plays that aren't among these.

    """

    replies: tuple[bytes, ...]
    moments: tuple[Moment, ...]
    skipped: tuple[int, ...]

    @classmethod
    def of(cls, plays: Sequence[Play], number: int) -> "Samples":
        """Return reply `number` of all plays."""
        return cls(
            tuple(play.replies[number] for play in plays),
            tuple(play.moments[number] for play in plays),
            tuple(play.skipped_before for play in plays),
        )


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a reply.

    Attributes:
        values: what each play showed.
        kind: what it was taken for; None for literal bytes, and for what isn't known yet.
        binary: whether it is a field of single bytes, not words.
        counted_by: the part that says its size, where one does.

    """

    values: tuple[bytes, ...]
    kind: Kind | None = None
    binary: bool = False
    counted_by: int | None = field(default=None, compare=False)

    @property
    def is_literal(self) -> bool:
        """Whether every play showed the same, and no kind says more of it."""
        return self.kind is None and len(set(self.values)) == 1

    @property
    def varies_in_size(self) -> bool:
        """Whether it was shorter in one play than in another."""
        return len(set(map(len, self.values))) > 1


def literal(data: bytes, plays: int) -> list[Part]:
    """Return a part that every play showed, or none for no bytes."""
    return [Part((data,) * plays)] if data else []
