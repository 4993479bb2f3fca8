"""Connections opened before they are needed, so that a delay before a greeting passes meanwhile."""

import time
from collections import deque
from typing import NamedTuple

from wireproof.deadline import Deadline
from wireproof.target import Target
from wireproof.wire.connecting import connect
from wireproof.wire.connection import CONNECT_TIMEOUT_S, ConnectError, Connection
from wireproof.wire.observations import Data

_OLDEST_S = 2.0
"""A server may close a client that says nothing; few do so within seconds (RFC 5321, 4.5.3.2)."""
_LEAVE_S = 1.0


class Opened(NamedTuple):
    """A connection on which nothing has been read or sent, and what its connect took."""

    connection: Connection
    connect_s: float


class Ahead:
    """A queue of connections to one server, oldest first, as the server accepts them."""

    def __init__(self, target: Target, count: int) -> None:
        """Keep up to `count` connections open; the first `take` opens them."""
        self._target = target
        self._count = count
        self._waiting: deque[tuple[float, Opened]] = deque()

    def open(self, count: int) -> None:
        """Have at least `count` connections open, where the server lets us."""
        self._fill(max(count, self._count))

    def take(self) -> Opened | None:
        """Return the oldest connection, and open others; None where no connect succeeds."""
        taken = self._oldest()
        self._fill(self._count)
        return taken or self._oldest()

    def close(self) -> None:
        """End all connections in order, as a client that has changed its mind."""
        waiting = [one.connection for _, one in self._waiting]
        self._waiting.clear()
        for connection in waiting:
            connection.half_close()
        # What was greeted and closed unread would be reset: a test of its own, not of this one.
        soon = Deadline(_LEAVE_S)
        for connection in waiting:
            while not soon.expired and isinstance(connection.next_observation(soon), Data):
                pass
            connection.close()

    def _oldest(self) -> Opened | None:
        """Return the oldest that is open and not too old."""
        now = time.monotonic()
        while self._waiting:
            begun, opened = self._waiting.popleft()
            if now - begun <= _OLDEST_S and opened.connection.is_open():
                return opened
            opened.connection.half_close()
            opened.connection.next_observation(Deadline(0.0))
            opened.connection.close()
        return None

    def _fill(self, count: int) -> None:
        while len(self._waiting) < count:
            deadline = Deadline(CONNECT_TIMEOUT_S)
            try:
                connection = connect(self._target, deadline)
            except ConnectError:
                return
            took_s = CONNECT_TIMEOUT_S - deadline.remaining_s()
            self._waiting.append((time.monotonic(), Opened(connection, took_s)))
