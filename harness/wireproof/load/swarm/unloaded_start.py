"""A closed loop begins with one connection, which meets an idle server."""

from __future__ import annotations

from wireproof.load.swarm.connections.connection import SwarmConnection
from wireproof.load.swarm.connections.link import State
from wireproof.load.swarm.measuring.phases import NEVER_NS

_LASTS_NS = 30_000_000
_AT_MOST_NS = 1_000_000_000


class UnloadedStart:
    """Says who may send while the first connection is alone, for the unloaded latency."""

    def __init__(self, *, wanted: bool) -> None:
        """Wait for the first connection; where it is not wanted, nobody is ever held back."""
        self._wanted = wanted
        self._alone: SwarmConnection | None = None
        self._until_ns = NEVER_NS

    def holds_back(self, connection: SwarmConnection, now: int) -> bool:
        """Whether `connection`, which could send, has to wait; the first of all has not."""
        if self._wanted:
            self._wanted = False
            self._alone = connection
            self._until_ns = now + _LASTS_NS
        return self._alone is not None and self._alone is not connection

    @property
    def under_way(self) -> bool:
        """Whether one connection is alone."""
        return self._alone is not None

    def ends(self, now: int) -> bool:
        """Whether it was under way and is over now: the time is up, and a reply was seen in it."""
        alone = self._alone
        if alone is None or now <= self._until_ns:
            return False
        answered = alone.state is State.CLOSED or alone.sent_ns > self._until_ns - _LASTS_NS
        if answered or now > self._until_ns + _AT_MOST_NS:
            self._alone = None
            return True
        return False
