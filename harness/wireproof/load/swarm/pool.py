"""The connections of a swarm: which are open, which are opening, and which come again, and when.

One epoll watches all of them. While a connection's replies come as predicted, it is watched for
edges: a reply that was read to its end needs no second look, which a level would cost. What is left
unread shows no edge, so a level is what anything else is watched by.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Sequence
from itertools import count, cycle

from wireproof.load.swarm.connections.connection import SwarmConnection
from wireproof.load.swarm.connections.link import State
from wireproof.load.swarm.connections.surroundings import REAL, Surroundings
from wireproof.load.swarm.measuring.phases import NS_PER_S


class Pool:
    """All connections of this process.

    Attributes:
        epoll: watches them.
        members: all of them, closed ones that come again too.
        opened: those that carry requests, by descriptor.
        opening: those that connect, shake hands or log in, by descriptor.

    """

    def __init__(
        self,
        *,
        sources: Sequence[str],
        lifetime_s: float | None,
        worker: int,
        workers: int,
        surroundings: Surroundings = REAL,
    ) -> None:
        """Have none yet.

        Args:
            sources: local addresses to connect from, in turn.
            lifetime_s: after how long a connection is replaced.
            worker: this process's number among the load's `workers`.
            workers: how many there are.
            surroundings: clock and epoll.

        """
        self.epoll = surroundings.epoll()
        self.members: set[SwarmConnection] = set()
        self.opened: dict[int, SwarmConnection] = {}
        self.opening: dict[int, SwarmConnection] = {}
        self._sources = cycle(sources or [""])
        self._serials = count(worker, workers)
        self._lifetime_ns = int(lifetime_s * NS_PER_S) if lifetime_s else 0
        self._spread = random.Random(0)  # noqa: S311 - of the lifetimes
        self._later: list[tuple[int, int, SwarmConnection]] = []  # when, a tie-breaker, whose
        self._order = count()
        self._clock = surroundings.clock

    @property
    def users(self) -> int:
        """Connections that can carry requests."""
        return sum(
            connection.state >= State.IDLE and not connection.gone for connection in self.members
        )

    def connect(self, connection: SwarmConnection) -> None:
        """Begin to connect.

        Raises:
            ConnectionFailedError: it failed at once.

        """
        lifetime_ns = 0
        if self._lifetime_ns:  # spread, so that they do not all end at once
            lifetime_ns = int(self._lifetime_ns * self._spread.uniform(0.5, 1.5))
        source, serial = next(self._sources), next(self._serials)
        connection.dial(self._clock(), lifetime_ns, source, serial)
        self.opening[connection.fd] = connection
        connection.register(self.epoll)

    def has_opened(self, connection: SwarmConnection) -> None:
        """Count a connection among those that carry requests."""
        self.opened[connection.fd] = self.opening.pop(connection.fd)

    def watch(self, connection: SwarmConnection) -> None:
        """Have epoll tell what the connection waits for now."""
        connection.watch(self.epoll)

    def drop(self, connection: SwarmConnection) -> None:
        """Close a connection."""
        self.opened.pop(connection.fd, None)
        self.opening.pop(connection.fd, None)
        connection.close()

    def lose(self, connection: SwarmConnection) -> None:
        """Close a connection for good."""
        self.members.discard(connection)
        self.drop(connection)

    def come_again(self, connection: SwarmConnection) -> None:
        """Have a connection that failed connect again, each time after twice the pause."""
        when = self._clock() + int(connection.next_pause_s() * NS_PER_S)
        heapq.heappush(self._later, (when, next(self._order), connection))

    def due(self, now: int) -> Iterator[SwarmConnection]:
        """Yield those whose pause is over."""
        while self._later and self._later[0][0] <= now:
            connection = heapq.heappop(self._later)[2]
            if connection in self.members:
                yield connection

    def outlived(self, now: int) -> Iterator[SwarmConnection]:
        """Yield those whose lifetime is over and that have nothing left to send."""
        if self._lifetime_ns:
            for connection in list(self.opened.values()):
                over = connection.expires_ns <= now and not connection.expired
                if over and not connection.has_more_to_send:
                    yield connection

    def waiting_since(self, before: int) -> Iterator[SwarmConnection]:
        """Yield those that have waited for a connect or a reply since before a moment."""
        for connection in (*self.opened.values(), *self.opening.values()):
            if connection.state is not State.IDLE and connection.sent_ns <= before:
                yield connection

    def close(self) -> None:
        """Close all for good."""
        for connection in self.members:
            self.drop(connection)
        self.members.clear()
        self.epoll.close()
