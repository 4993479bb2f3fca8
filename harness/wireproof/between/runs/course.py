"""What becomes of one connection under a schedule: decided without a socket and without a clock."""

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from wireproof.between.runs.schedules import APART_S, LATE_S, MOMENT_S, Cut, Direction, Schedule
from wireproof.results import Delivery
from wireproof.traffic.forwarding import (
    Arrival,
    Break,
    Course,
    Finish,
    Hold,
    Send,
    Settle,
    Side,
    Step,
)
from wireproof.wire.observations import Data, EndOfStream

_FROM: Final = {Side.CLIENT: Direction.REQUEST, Side.SERVER: Direction.REPLY}
MOST_OCTETS: Final = 20_000
"""So many bytes of a connection's direction are sent one by one; the rest passes as it came."""
_MOST_GATHERED_BYTES: Final = 64 * 1024
_MOST_WRITES: Final = 1000
_DRAWN_BYTES: Final = 8
"""Segments that are drawn have so many bytes on average."""
_PATIENT_S: Final = 1.0
_IMPATIENT_S: Final = 0.05
_HELD_BEFORE_IMPATIENT: Final = 3
"""A reader that leaves bytes unread so often is not waited for long any more."""


@dataclass(frozen=True, slots=True)
class _Pause:
    seconds: float


@dataclass(slots=True)
class Stream:
    """What was seen of one direction.

    Attributes:
        sizes_bytes: of each message, as far as it came.
        data: the first of all bytes.
        end: how it ended, if it did.
        writes: of each message, the first offsets at which more of it came.
        is_late: whether some of it came when the other direction had ended.
        not_awaited_bytes: of the other direction, what was still to be sent when this one ended.

    """

    sizes_bytes: list[int] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)
    end: str = ""
    writes: list[list[int]] = field(default_factory=list)
    is_late: bool = False
    not_awaited_bytes: int = 0


@dataclass(slots=True)
class _Lane:
    """What is under way to a side."""

    steps: deque[Send | Settle | Finish | Break | _Pause] = field(default_factory=deque)
    held_bytes: int = 0
    gathered: bytearray = field(default_factory=bytearray)
    release_s: float = 0.0
    hold_until_s: float | None = None
    has_sent: bool = False
    is_broken: bool = False
    held_settles: int = 0


class HostileCourse(Course):
    """Does to one connection what a schedule says.

    Attributes:
        streams: what came from each side.
        applied: cuts that parted bytes.
        deliveries: how the waits for a reader ended, counted.
        last: whose bytes came last, None before any.

    """

    KEPT_BYTES: Final = 64 * 1024

    def __init__(self, schedule: Schedule) -> None:
        """Begin with nothing seen."""
        self.streams = {direction: Stream() for direction in Direction}
        self.applied: set[Cut] = set()
        self.deliveries = dict.fromkeys(Delivery, 0)
        self.last: Direction | None = None
        self._schedule = schedule
        self._lanes = {side: _Lane() for side in Side}
        self._octets = dict.fromkeys(Direction, 0)
        self._generators: dict[Direction, random.Random] = {}
        self._next_drawn = dict.fromkeys(Direction, 0)
        self._cuts: dict[tuple[Direction, int], list[int]] = {}
        for cut in sorted(schedule.cuts):
            self._cuts.setdefault((cut.direction, cut.message), []).append(cut.offset)

    def take(self, source: Side, arrival: Arrival, now_s: float) -> None:
        """Put it in line for the other side, cut."""
        direction, lane = _FROM[source], self._lanes[source.other]
        stream = self.streams[direction]
        if not isinstance(arrival, Data):
            stream.end = str(arrival)
            stream.not_awaited_bytes = self.held_bytes(source)
            self._end(lane, is_reset=not isinstance(arrival, EndOfStream))
            return
        if direction is not self.last:
            stream.sizes_bytes.append(0)
            stream.writes.append([])
            self.last = direction
        begin = stream.sizes_bytes[-1]
        if begin and len(stream.writes[-1]) < _MOST_WRITES:
            stream.writes[-1].append(begin)
        stream.is_late |= bool(self.streams[direction.other].end)
        stream.sizes_bytes[-1] += len(arrival.data)
        stream.data += arrival.data[: max(0, self.KEPT_BYTES - len(stream.data))]
        if direction is Direction.REQUEST:
            self._lanes[Side.CLIENT].release_s = 0.0  # what waited for the next request
        if self._is_held_back(direction):
            lane.gathered += arrival.data
            wait_s = LATE_S if self._schedule.is_late else MOMENT_S
            lane.release_s = now_s + wait_s
            return
        self._cut(lane, direction, begin, arrival.data)

    def next_step(self, to: Side, now_s: float) -> Step | None:
        """Return the first in line."""
        lane = self._lanes[to]
        if lane.gathered:
            if now_s < lane.release_s and len(lane.gathered) < _MOST_GATHERED_BYTES:
                return Hold(lane.release_s)
            return self._released(lane)
        if not lane.steps:
            return None
        step = lane.steps[0]
        if isinstance(step, _Pause):
            if lane.hold_until_s is None:
                lane.hold_until_s = now_s + step.seconds
            if now_s < lane.hold_until_s:
                return Hold(lane.hold_until_s)
            lane.hold_until_s = None
            lane.steps.popleft()
            return self.next_step(to, now_s)
        lane.steps.popleft()
        if isinstance(step, Send):
            lane.held_bytes -= len(step.data)
        return step

    def held_bytes(self, to: Side) -> int:
        """Return what is in line."""
        lane = self._lanes[to]
        return lane.held_bytes + len(lane.gathered)

    def settled(self, to: Side, delivery: Delivery) -> None:
        """Count it."""
        self.deliveries[delivery] += 1
        self._lanes[to].held_settles += delivery is Delivery.HELD

    def _is_held_back(self, direction: Direction) -> bool:
        late = self._schedule.is_late and direction is Direction.REPLY
        return late or direction in self._schedule.gather

    def _released(self, lane: _Lane) -> Send:
        data = bytes(lane.gathered)
        lane.gathered.clear()
        return Send(data, more_follows=bool(lane.steps))  # the end, so that both leave together

    def _end(self, lane: _Lane, *, is_reset: bool) -> None:
        if lane.is_broken:
            return
        lane.release_s = 0.0
        if is_reset:
            lane.steps.append(Break())
            return
        if self._schedule.end_apart and lane.has_sent:
            lane.steps += (Settle(_PATIENT_S), _Pause(APART_S))
        lane.steps.append(Finish())

    def _cut(self, lane: _Lane, direction: Direction, begin: int, data: bytes) -> None:
        """Put a message's next bytes in line, parted where the schedule says."""
        if lane.is_broken:
            return
        at = 0
        message = len(self.streams[direction].sizes_bytes)
        for offset in self._offsets(direction, message, begin, len(data)):
            if offset > begin + at:
                self._send(lane, data[at : offset - begin])
                at = offset - begin
            if self._cuts:
                self.applied.add(Cut(direction, message, offset))
            if lane.has_sent:
                few = lane.held_settles < _HELD_BEFORE_IMPATIENT
                lane.steps.append(Settle(_PATIENT_S if few else _IMPATIENT_S))
            if self._schedule.broken:
                lane.steps.append(Finish() if self._schedule.broken == "end" else Break())
                lane.is_broken = True
                return
            if self._schedule.hold_s and lane.has_sent:
                lane.steps.append(_Pause(self._schedule.hold_s))
        self._send(lane, data[at:])

    def _offsets(self, direction: Direction, message: int, begin: int, size: int) -> list[int]:
        """Return where, of a message's bytes from `begin` on, it is cut; before the first, too."""
        end = begin + size
        if direction in self._schedule.octets:
            left = MOST_OCTETS - self._octets[direction]
            self._octets[direction] += min(size, max(0, left))
            return list(range(begin, min(end, begin + left)))
        if self._schedule.seed is not None:
            return self._drawn(direction, message, begin, end)
        return [one for one in self._cuts.get((direction, message), ()) if begin <= one < end]

    def _drawn(self, direction: Direction, message: int, begin: int, end: int) -> list[int]:
        """Return drawn cuts: the same in a message of this number, however its bytes come."""
        if not begin:
            seed = f"{self._schedule.seed} {direction} {message}"
            self._generators[direction] = random.Random(seed)  # noqa: S311 - to be drawn again
            self._next_drawn[direction] = 0
        found = []
        while (offset := self._next_drawn[direction]) < end:
            found.append(offset)
            gap = self._generators[direction].expovariate(1 / _DRAWN_BYTES)
            self._next_drawn[direction] = offset + 1 + int(gap)
        return found

    def _send(self, lane: _Lane, data: bytes) -> None:
        if data:
            lane.steps.append(Send(data))
            lane.held_bytes += len(data)
            lane.has_sent = True
