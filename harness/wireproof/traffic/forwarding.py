"""What a relay does with what arrives: decided without a socket and without a clock.

A `Course` is told what arrived from either side, and asked, for each side, what to do there next.
The relay does what it says in that order, and reads no more from a side whose course holds enough
for the other. The transparent course passes everything on as it came.
"""

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from enum import IntEnum

from wireproof.results import Delivery
from wireproof.wire.observations import Data, EndOfStream, Reset


class Side(IntEnum):
    """One of the two that a relay stands between."""

    CLIENT = 0
    SERVER = 1

    @property
    def other(self) -> "Side":
        """Return the one across."""
        return _ACROSS[self]


_ACROSS = (Side.SERVER, Side.CLIENT)


Arrival = Data | EndOfStream | Reset


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes; over datagrams, as one.

    Attributes:
        data: at least one byte, but for a datagram.
        more_follows: keep the last segment for what is sent next, or for the end.

    """

    data: bytes
    more_follows: bool = False


@dataclass(frozen=True, slots=True)
class Finish:
    """End the stream towards this side; what it still sends is read."""


@dataclass(frozen=True, slots=True)
class Break:
    """Reset the connection to this side, and drop the other one."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Do nothing towards this side before then.

    Attributes:
        until_s: on the clock whose times `Course.take` was given.

    """

    until_s: float


@dataclass(frozen=True, slots=True)
class Settle:
    """Do nothing towards this side before it has read all that was sent to it.

    Attributes:
        most_s: seconds to wait for that; then the next step is done all the same.

    """

    most_s: float


Step = Send | Finish | Break | Hold | Settle


class Course(ABC):
    """Decides what becomes of what arrives on one connection."""

    @abstractmethod
    def take(self, source: Side, arrival: Arrival, now_s: float) -> None:
        """Take what arrived from a side; after an end or a reset nothing more does."""

    @abstractmethod
    def next_step(self, to: Side, now_s: float) -> Step | None:
        """Return what to do next towards a side, each step once, or None for nothing now.

        A step that was returned is done before the next is asked for; only a `Hold` is returned
        again as long as it holds.
        """

    @abstractmethod
    def held_bytes(self, to: Side) -> int:
        """Return how many bytes wait for a side, as far as no step has told of them."""

    def settled(self, to: Side, delivery: Delivery) -> None:  # noqa: B027 - few want to know
        """Hear how a `Settle` ended: read for certain, not read in time, or not known."""


class Transparent(Course):
    """Passes on what came, as it came."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._steps: dict[Side, deque[Step]] = {side: deque() for side in Side}
        self._held_bytes = dict.fromkeys(Side, 0)

    def take(self, source: Side, arrival: Arrival, now_s: float) -> None:
        """Put it in line for the other side."""
        del now_s
        if isinstance(arrival, Data):
            self._steps[source.other].append(Send(arrival.data))
            self._held_bytes[source.other] += len(arrival.data)
        else:
            self._steps[source.other].append(
                Finish() if isinstance(arrival, EndOfStream) else Break()
            )

    def next_step(self, to: Side, now_s: float) -> Step | None:
        """Return the first in line."""
        del now_s
        if not self._steps[to]:
            return None
        step = self._steps[to].popleft()
        if isinstance(step, Send):
            self._held_bytes[to] -= len(step.data)
        return step

    def held_bytes(self, to: Side) -> int:
        """Return what is in line."""
        return self._held_bytes[to]
