"""One run of the command, with the relay between, under one schedule."""

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Final

from wireproof.between.runs.command import Running
from wireproof.between.runs.course import HostileCourse, Stream
from wireproof.between.runs.recorded import RecordedCourse
from wireproof.between.runs.schedules import UNCUT, Cut, Direction, Schedule
from wireproof.results import Delivery
from wireproof.target import Target
from wireproof.traffic.forwarding import Arrival, Side
from wireproof.traffic.relay import Relay, listen
from wireproof.wire.transcript import Event, Transcript

_LOOK_S: Final = 0.1
_FED_S: Final = 1.0
_MOST_TIMES_FED: Final = 10
_AFTER_END_S: Final = 0.1
"""The server may be this long in seeing that the client is gone."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a run may take.

    Attributes:
        quiet_s: without a byte on any connection or output.
        total_s: altogether.

    """

    quiet_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class Played:
    """How a run went.

    Attributes:
        schedule: what was done to it.
        exit_code: the command's, as a shell has it; None where it had to be ended.
        output: what is kept of its standard output.
        errors: what is kept of its standard error.
        seconds: how long it took.
        begun_at_s: in seconds of the epoch.
        quiet_s: the longest time without a byte on any connection.
        streams: of each connection, what was seen of each direction.
        last: of each connection, whose bytes came last.
        applied: cuts that parted bytes.
        deliveries: how waits for a reader ended, counted.
        refusals: why the server could not be reached.
        events: what was sent to whom, as the client has it.

    """

    schedule: Schedule
    exit_code: int | None
    output: bytes
    errors: bytes
    seconds: float
    begun_at_s: float
    quiet_s: float = 0.0
    streams: tuple[dict[Direction, Stream], ...] = ()
    last: tuple[Direction | None, ...] = ()
    applied: frozenset[Cut] = frozenset()
    deliveries: Mapping[Delivery, int] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()

    def sizes(self, direction: Direction) -> list[int]:
        """Return the bytes of each message, the largest on any connection."""
        sizes: list[int] = []
        for streams in self.streams:
            found = streams[direction].sizes_bytes
            sizes = [
                max(pair) for pair in zip(_padded(sizes, found), _padded(found, sizes), strict=True)
            ]
        return sizes


class _Watching:
    """An observer that notes when something came, and what was refused."""

    def __init__(self) -> None:
        self.refusals: list[str] = []
        self.quiet_s = 0.0
        self._at_s = time.monotonic()

    def note(self) -> None:
        """Something came."""
        now_s = time.monotonic()
        self.quiet_s = max(self.quiet_s, now_s - self._at_s)
        self._at_s = now_s

    @property
    def since_s(self) -> float:
        """How long ago something came."""
        return time.monotonic() - self._at_s

    def opened(self, connection: int, peer: str) -> None:
        """Note it."""
        del connection, peer
        self.note()

    def arrived(self, connection: int, source: Side, arrival: Arrival) -> None:
        """Note it."""
        del connection, source, arrival
        self.note()

    def refused(self, connection: int, reason: str) -> None:
        """Keep it."""
        del connection
        self.refusals.append(reason)


class Player:
    """Runs the command.

    Attributes:
        runs: how often it did.

    """

    def __init__(
        self, words: Sequence[str], target: Target, own: Target, is_stopped: Callable[[], bool]
    ) -> None:
        """Keep what all runs share.

        Args:
            words: of the command.
            target: the server, resolved.
            own: where to listen, resolved; port 0 stands for a free one each time.
            is_stopped: whether the user wants an end.

        """
        self.runs = 0
        self._words = words
        self._target = target
        self._own = own
        self._is_stopped = is_stopped

    def play(self, schedule: Schedule, patience: Patience) -> Played:
        """Run it once.

        Raises:
            CannotRunError: there can be no listener or no process.

        """
        self.runs += 1
        transcript = Transcript()
        courses: list[HostileCourse] = []

        def course() -> RecordedCourse:
            courses.append(HostileCourse(schedule))
            return RecordedCourse(courses[-1], transcript, len(courses) - 1, seen.note)

        begun_at_s, begun_s = time.time(), time.monotonic()
        seen = _Watching()
        with listen(self._own) as listener, Relay(listener, self._target, seen, course) as relay:
            running = Running(self._words, _with_port(self._own, listener))
            try:
                self._serve(relay, running, seen, patience, courses=courses)
                exit_code = running.exit_code
                seconds = time.monotonic() - begun_s
            finally:
                running.close()
                if self._own.scheme == "unix":
                    Path(self._own.path).unlink(missing_ok=True)
        return Played(
            schedule=schedule,
            exit_code=exit_code,
            output=running.output.kept,
            errors=running.errors.kept,
            seconds=seconds,
            quiet_s=max(seen.quiet_s, seen.since_s),
            streams=tuple(one.streams for one in courses),
            last=tuple(one.last for one in courses),
            applied=frozenset(cut for one in courses for cut in one.applied),
            deliveries={kind: sum(one.deliveries[kind] for one in courses) for kind in Delivery},
            refusals=tuple(seen.refusals),
            events=tuple(transcript.events),
            begun_at_s=begun_at_s,
        )

    def play_directly(self, patience: Patience) -> Played:
        """Run it once with the server's own address; of what passes nothing is seen.

        Raises:
            CannotRunError: there can be no process.

        """
        self.runs += 1
        begun_at_s, begun_s = time.time(), time.monotonic()
        running = Running(self._words, self._target)
        try:
            while running.exit_code is None and not self._is_stopped():
                wait(running.descriptors, _LOOK_S)
                running.read()
                if time.monotonic() - begun_s > patience.total_s:
                    break
            exit_code, seconds = running.exit_code, time.monotonic() - begun_s
        finally:
            running.close()
        return Played(
            schedule=UNCUT,
            exit_code=exit_code,
            output=running.output.kept,
            errors=running.errors.kept,
            seconds=seconds,
            begun_at_s=begun_at_s,
        )

    def _serve(
        self,
        relay: Relay,
        running: Running,
        seen: _Watching,
        patience: Patience,
        *,
        courses: Sequence[HostileCourse],
    ) -> None:
        """Relay until the command has ended, or has to be."""
        begun_s = time.monotonic()
        for descriptor in running.descriptors:
            relay.wake_for(descriptor)
        while running.exit_code is None and not self._is_stopped():
            relay.serve_once(_LOOK_S)
            before = running.output.total_bytes + running.errors.total_bytes
            for descriptor in running.read():
                relay.forget(descriptor)
            if running.output.total_bytes + running.errors.total_bytes > before:
                seen.note()
            # While a reader takes one part after the other, it is us who keep it.
            is_fed = seen.since_s < _FED_S and any(
                one.held_bytes(side) for one in courses for side in Side
            )
            most_s = patience.total_s * (_MOST_TIMES_FED if is_fed else 1)
            too_long = time.monotonic() - begun_s > most_s
            if too_long or seen.since_s > patience.quiet_s:
                return
        for descriptor in running.descriptors:
            relay.forget(descriptor)
        until_s = time.monotonic() + _AFTER_END_S
        while not relay.is_idle and (left_s := until_s - time.monotonic()) > 0:
            relay.serve_once(left_s)


def _with_port(own: Target, listener: socket.socket) -> Target:
    return own if own.scheme == "unix" else replace(own, port=int(listener.getsockname()[1]))


def _padded(sizes: Sequence[int], other: Sequence[int]) -> list[int]:
    return [*sizes, *[0] * max(0, len(other) - len(sizes))]
