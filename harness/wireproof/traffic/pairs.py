"""One relayed connection: a client, the connection made to the server for it, and its course.

Strategy: read from a side as long as little waits for the other, so that a slow reader slows its
writer down as it would without us. A reset, an end of stream in one direction alone, and a server
that refuses each reach the other side as what they are; a refusal as a reset, since the client has
been accepted by then.
"""

import select
import time
from typing import Final, Protocol

from wireproof.traffic.ends import Dialling
from wireproof.traffic.forwarding import (
    Arrival,
    Break,
    Course,
    Finish,
    Hold,
    Send,
    Settle,
    Side,
)
from wireproof.traffic.settling import Readers
from wireproof.wire.connection import ConnectError, Connection
from wireproof.wire.observations import RESET, Data, TimedOut
from wireproof.wire.tls_connection import TlsConnection

MOST_HELD_BYTES: Final = 256 * 1024
"""So much may wait for a side before its writer is made to wait."""
_FEW_BYTES: Final = 16 * 1024
_MOST_READS: Final = 16
"""So often is one side read before others have their turn."""


class Observer(Protocol):
    """Is told of what passes, as it happens."""

    def opened(self, connection: int, peer: str) -> None:
        """A client has connected."""

    def arrived(self, connection: int, source: Side, arrival: Arrival) -> None:
        """Bytes, an end or a reset came from a side."""

    def refused(self, connection: int, reason: str) -> None:
        """The server can't be reached for a client."""


class Pair:
    """Relays one connection.

    Attributes:
        number: of the connection, from 0.
        is_over: whether nothing more will pass, and both ends are closed.

    """

    def __init__(
        self,
        number: int,
        client: Connection,
        dialling: Dialling,
        course: Course,
        observer: Observer,
        *,
        readers: Readers,
    ) -> None:
        """Begin, while the connection to the server is being made."""
        self.number = number
        self.is_over = False
        self._dialling: Dialling | None = dialling
        self._ends: dict[Side, Connection] = {Side.CLIENT: client}
        self._course = course
        self._observer = observer
        self._readers = readers
        self._leaving: dict[Side, memoryview] = {}
        self._more_follows: set[Side] = set()
        self._held_until_s: dict[Side, float] = {}
        self._silent: set[Side] = set()  # nothing more will come from there
        self._finished: set[Side] = set()  # nothing more will go there
        self._hung: set[Side] = set()  # closed in both directions, and the kernel says so for ever
        self._unread: set[Side] = set()  # may have bytes inside TLS that no event tells of

    def awaited(self) -> dict[int, tuple[Side, int]]:
        """Return what to wait for: by descriptor its side, and events as of `select.epoll`."""
        if self._dialling is not None:
            return {self._dialling.socket.fileno(): (Side.SERVER, self._dialling.events)}
        found: dict[int, tuple[Side, int]] = {}
        for side, end in self._ends.items():
            events = self._events(side, end)
            if events or side not in self._hung:
                for descriptor, awaited in end.polled(events).items():
                    found[descriptor] = side, awaited
        return found

    @property
    def due_s(self) -> float | None:
        """When to go on without any event, on the monotonic clock; None for never."""
        if any(not self._is_crowded(side.other) for side in self._unread):
            return 0.0
        return min(self._held_until_s.values(), default=None)

    def handle(self, side: Side, events: int) -> None:
        """Do what has become possible at a side."""
        if self._dialling is not None:
            self._dial()
            return
        if events & select.EPOLLHUP and side in self._silent:
            self._hung.add(side)
        if events & select.EPOLLOUT:
            self._write(side)
        if events & ~select.EPOLLOUT and not self.is_over:
            self._read(side, is_broken=bool(events & select.EPOLLERR))

    def go_on(self) -> None:
        """Do what was due."""
        for side in Side:
            if not self.is_over and side in self._held_until_s:
                self._write(side)
            if not self.is_over and side in self._unread:
                self._read(side, is_broken=False)

    def close(self) -> None:
        """Close both ends."""
        self.is_over = True
        if self._dialling is not None:
            self._dialling.close()
        for end in self._ends.values():
            end.close()

    def _events(self, side: Side, end: Connection) -> int:
        events = 0
        if side not in self._silent and not self._is_crowded(side.other):
            events |= select.EPOLLIN
        if side in self._leaving or (isinstance(end, TlsConnection) and end.wants_to_send):
            events |= select.EPOLLOUT
        return events

    def _is_crowded(self, to: Side) -> bool:
        waiting = len(self._leaving.get(to, b"")) + self._course.held_bytes(to)
        return waiting >= MOST_HELD_BYTES

    def _dial(self) -> None:
        assert self._dialling is not None
        try:
            connection = self._dialling.go_on()
        except ConnectError as error:
            self._dialling = None
            self._observer.refused(self.number, error.reason)
            self._ends[Side.CLIENT].reset()
            self.is_over = True
            return
        if connection is not None:
            self._dialling = None
            self._ends[Side.SERVER] = connection

    def _read(self, side: Side, *, is_broken: bool) -> None:
        """Take what is there; all that the kernel has left of a broken connection, at once."""
        end = self._ends[side]
        self._unread.discard(side)
        if side in self._silent:
            if is_broken:
                self._break(side)
            return
        for _ in range(_MOST_READS):
            if self._is_crowded(side.other) and not is_broken:
                break
            seen = _received(end)
            if seen is None:
                return
            self._take(side, seen)
            if self.is_over or side in self._silent:
                return
            if isinstance(seen, Data) and len(seen.data) < _FEW_BYTES and not is_broken:
                break  # most likely all; the kernel tells if not
        end.acknowledge()
        if isinstance(end, TlsConnection):
            self._unread.add(side)

    def _take(self, side: Side, seen: Arrival) -> None:
        self._observer.arrived(self.number, side, seen)
        if not isinstance(seen, Data):
            self._silent.add(side)
        self._course.take(side, seen, time.monotonic())
        for to in (side.other, side):
            if not self.is_over:
                self._write(to)

    def _break(self, side: Side) -> None:
        """Take it that a side is gone, as a failed write or the kernel tells."""
        self._leaving.pop(side, None)
        self._finished.add(side)
        self._hung.add(side)
        self._take(side, RESET)

    def _write(self, to: Side) -> None:
        """Do what the course says towards a side, as far as the kernel takes it."""
        self._held_until_s.pop(to, None)
        while not self.is_over and self._has_sent(to) and self._has_settled(to):
            step = self._course.next_step(to, time.monotonic())
            if isinstance(step, Send):
                if step.data and to not in self._finished:
                    self._leaving[to] = memoryview(step.data)
                    self._more_follows.discard(to)
                    if step.more_follows:
                        self._more_follows.add(to)
            elif isinstance(step, Settle):
                self._readers.await_reader(to, self._ends[to], step.most_s)
            elif isinstance(step, Finish):
                self._finish(to)
            elif isinstance(step, Break):
                self._ends[to].reset()
                self.close()
            else:
                if isinstance(step, Hold):
                    self._held_until_s[to] = step.until_s
                return

    def _has_sent(self, to: Side) -> bool:
        """Send what leaves for a side; return whether all of it has left."""
        data = self._leaving.get(to)
        if data is None:
            return True
        taken = _taken(self._ends[to], data, more_follows=to in self._more_follows)
        if taken is None:
            self._break(to)
        elif taken < len(data):
            self._leaving[to] = data[taken:]
        else:
            del self._leaving[to]
            return True
        return False

    def _has_settled(self, to: Side) -> bool:
        """Look whether a side has read what it was sent; return whether to go on towards it."""
        look_s, delivery = self._readers.look(to)
        if look_s is not None:
            self._held_until_s[to] = look_s
            return False
        if delivery is not None:
            self._course.settled(to, delivery)
        return True

    def _finish(self, to: Side) -> None:
        if to not in self._finished:
            self._ends[to].half_close()
            self._finished.add(to)
        if len(self._finished) == len(Side):
            self.close()


def _received(end: Connection) -> Arrival | None:
    try:
        seen = end.receive()
    except OSError:  # timed out, or its network is gone
        return RESET
    assert not isinstance(seen, TimedOut)
    return seen


def _taken(end: Connection, data: memoryview, *, more_follows: bool) -> int | None:
    try:
        return end.send(data, more_follows=more_follows)
    except OSError:
        return None
