"""The connections of a swarm: which are open, which are opening, and which come again, and when.

One epoll watches all of them. While a connection's replies come as predicted, it is watched for
edges: a reply that was read to its end needs no second look, which a level would cost. What is left
unread shows no edge, so a level is what anything else is watched by.
"""

from __future__ import annotations

import heapq
import random
import select
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count, cycle
from select import EPOLLET, EPOLLOUT

from gevent.monkey import get_original

from harness.load.channel import Channel, State
from harness.load.phases import NS_PER_S

_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 0.05, 1.0

_new_epoll: type[select.epoll] = get_original("select", "epoll")


class Connections:
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
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Have none yet.

        Args:
            sources: local addresses to connect from, in turn.
            lifetime_s: after how long a connection is replaced.
            worker: this process's number among the load's `workers`.
            workers: how many there are.
            clock: monotonic, in nanoseconds.

        """
        self.epoll = _new_epoll()
        self.members: set[Channel] = set()
        self.opened: dict[int, Channel] = {}
        self.opening: dict[int, Channel] = {}
        self._sources = cycle(sources or [""])
        self._serials = count(worker, workers)
        self._lifetime_ns = int(lifetime_s * NS_PER_S) if lifetime_s else 0
        self._spread = random.Random(0)  # noqa: S311 - of the lifetimes
        self._later: list[tuple[int, int, Channel]] = []  # when, a tie-breaker, whose
        self._order = count()
        self._clock = clock

    @property
    def users(self) -> int:
        """Connections that can carry requests."""
        return sum(channel.state >= State.IDLE for channel in self.members)

    def connect(self, channel: Channel) -> None:
        """Begin to connect.

        Raises:
            Failure: it failed at once.

        """
        channel.connect(next(self._sources), next(self._serials))
        channel.sent_ns = now = self._clock()
        if self._lifetime_ns:  # spread, so that they do not all end at once
            channel.expires_ns = now + int(self._lifetime_ns * self._spread.uniform(0.5, 1.5))
        self.opening[channel.fd] = channel
        self.epoll.register(channel.fd, channel.watched)
        channel.registered = channel.watched

    def has_opened(self, channel: Channel) -> None:
        """Count a connection among those that carry requests."""
        self.opened[channel.fd] = self.opening.pop(channel.fd)

    def watch(self, channel: Channel) -> None:
        """Have epoll tell what the channel waits for now."""
        if channel.state is not State.CLOSED and channel.registered != channel.watched:
            self.epoll.modify(channel.fd, channel.watched)
            channel.registered = channel.watched

    def drop(self, channel: Channel) -> None:
        """Close a connection."""
        self.opened.pop(channel.fd, None)
        self.opening.pop(channel.fd, None)
        channel.close()

    def come_again(self, channel: Channel) -> None:
        """Have a connection that failed connect again, each time after twice the pause."""
        channel.backoff_s = min(_LAST_BACKOFF_S, channel.backoff_s * 2 or _FIRST_BACKOFF_S)
        when = self._clock() + int(channel.backoff_s * NS_PER_S)
        heapq.heappush(self._later, (when, next(self._order), channel))

    def due(self, now: int) -> Iterator[Channel]:
        """Yield those whose pause is over."""
        while self._later and self._later[0][0] <= now:
            channel = heapq.heappop(self._later)[2]
            if not channel.gone:
                yield channel

    def outlived(self, now: int) -> Iterator[Channel]:
        """Yield those whose lifetime is over and that have nothing left to send."""
        if self._lifetime_ns:
            for channel in list(self.opened.values()):
                over = channel.expires_ns <= now and not channel.expired
                if over and not channel.watched & EPOLLOUT:
                    yield channel

    def waiting_since(self, before: int) -> Iterator[Channel]:
        """Yield those that have waited for a connect or a reply since before a moment."""
        for channel in (*self.opened.values(), *self.opening.values()):
            if channel.state is not State.IDLE and channel.sent_ns <= before:
                yield channel

    def close(self) -> None:
        """Close all for good."""
        for channel in self.members:
            self.drop(channel)
        self.members.clear()
        self.epoll.close()


def look_again(channel: Channel) -> None:
    """Have the next `watch` ask anew: what is there already, and is left, would show no edge."""
    if channel.registered & EPOLLET:
        channel.registered = 0
