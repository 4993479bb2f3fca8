"""What a hostile relay does to the streams: data, by position in the conversation, not by time.

A *message* is what one side sends until the other one speaks; messages are counted for each
connection and direction by itself, from 1.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

import msgspec

from wireproof.words import counted

HOLD_S = 0.5
"""A cut that is held is held so long."""
LATE_S = 0.2
"""A reply waits so long for the next request."""
MOMENT_S = 0.02
"""What comes within so long of what came before is joined to it."""
APART_S = 0.1
"""An end of stream comes so long after the last byte was read."""


class Direction(StrEnum):
    """Whose bytes."""

    REQUEST = "request"
    """The client's."""
    REPLY = "reply"
    """The server's."""

    @property
    def other(self) -> "Direction":
        """Return the one across."""
        return Direction.REPLY if self is Direction.REQUEST else Direction.REQUEST


class Cut(msgspec.Struct, frozen=True, order=True):
    """A place between two bytes of a message, on every connection that has it.

    Attributes:
        direction: whose message.
        message: which, from 1.
        offset: how many of its bytes are before the cut.

    """

    direction: Direction
    message: int
    offset: int

    def __str__(self) -> str:
        return f"{self.direction} {self.message}, after byte {self.offset}"


class Schedule(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is done to all connections of one run of the command; nothing, by default.

    Attributes:
        cuts: what is behind one is sent only when all before it has been read.
        octets: directions in which each byte is a segment of its own.
        seed: draws where every message is cut; None for nowhere.
        hold_s: seconds to wait at each cut once what is before it has been read.
        gather: directions in which all that comes within a moment is sent as one.
        is_late: whether a reply waits for the next request, for a while.
        end_apart: whether an end of stream comes some time after the last byte was read.
        broken: how the stream of the only cut ends there, if it does.

    """

    cuts: tuple[Cut, ...] = ()
    octets: tuple[Direction, ...] = ()
    seed: int | None = None
    hold_s: float = 0.0
    gather: tuple[Direction, ...] = ()
    is_late: bool = False
    end_apart: bool = False
    broken: Literal["", "end", "reset"] = ""

    def __str__(self) -> str:
        return ", ".join(self._words()) or "uncut"

    def _words(self) -> Iterable[str]:
        if self.octets:
            yield f"{' and '.join(f'{one} bytes' for one in self.octets)} one by one"
        if self.seed is not None:
            yield f"cuts drawn by seed {self.seed}"
        if self.broken:
            yield f"{'end of stream' if self.broken == 'end' else 'reset'}: {self.cuts[0]}"
        elif self.cuts:
            yield told(self.cuts)
        if self.hold_s:
            yield f"held {self.hold_s:g} s at each cut"
        if self.gather:
            yield f"{' and '.join(f'{one} bytes' for one in self.gather)} of a moment as one"
        if self.is_late:
            yield "replies after the next request"
        if self.end_apart:
            yield "the end of stream apart from the last byte"

    @property
    def delay_s(self) -> float:
        """How long this makes the relay wait, at the least, where the cuts are its own."""
        return self.hold_s * len(self.cuts)


UNCUT = Schedule()
_FEW = 4


def told(cuts: Iterable[Cut]) -> str:
    """Return cuts in words: `cut in reply 1 after byte 18`."""
    places: dict[tuple[Direction, int], list[int]] = {}
    for cut in sorted(cuts):
        places.setdefault((cut.direction, cut.message), []).append(cut.offset)
    words = []
    for (direction, message), offsets in places.items():
        shown = ", ".join(map(str, offsets[:_FEW]))
        rest = f" and {len(offsets) - _FEW} more" if len(offsets) > _FEW else ""
        plural = "s" if len(offsets) > 1 else ""
        words.append(f"{direction} {message} after byte{plural} {shown}{rest}")
        if len(words) == _FEW and len(places) > _FEW:
            words.append(f"{counted(len(places) - _FEW, 'other message')}")
            break
    return f"cut in {'; '.join(words)}"
