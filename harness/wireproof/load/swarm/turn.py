"""A turn of the loop: what came is compared with what is known, counted, and followed by the next.

This is the reference. `compiled_turn.pyx` is the same in C, without an object for what was received
and without a Python call for an epoll's `poll` or a socket's own `recv` and `send`. A property
holds the two together, and `wireproof.loop_form` says which one runs.

What is ready is received first, and only then are the next requests sent: a send takes several
times as long as a read, and replies that wait behind sends would seem slower than they were.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from select import EPOLLIN
from typing import TYPE_CHECKING, Any

from wireproof.histogram import EXACT_BELOW_US, index_of
from wireproof.load.swarm.measuring.recorder import Recorder

if TYPE_CHECKING:
    from wireproof.load.swarm.attendant import Attendant
    from wireproof.load.swarm.connections.connection import SwarmConnection

MOST_EVENTS = 1024
LONGEST_WAIT_S = 0.005
"""After which others of this process have their turn."""
STAMP_ONE_IN = 128
"""Replies: one with a timestamp takes several times as long."""


class Turn:
    """The common case of all connections; all else goes to the attendant."""

    def __init__(
        self,
        epoll: Any,
        opened: dict[int, SwarmConnection],
        attendant: Attendant,
        ready: list[SwarmConnection],
        clock: Callable[[], int],
        *,
        requests_in: Callable[[Collection[SwarmConnection]], int],
        tells_kinds: bool,
    ) -> None:
        """Take turns.

        Args:
            epoll: watches the connections.
            opened: those that are open, by descriptor.
            attendant: deals with all but the common case.
            ready: those that send a hot batch next; `receive` adds to it, `send` empties it.
            clock: monotonic, in ns.
            requests_in: says how many requests the hot batches of connections hold.
            tells_kinds: whether each kind of request is counted by itself.

        """
        self._epoll = epoll
        self._opened = opened
        self._attendant = attendant
        self._ready = ready
        self._clock = clock
        self._requests_in = requests_in
        self._tells_kinds = tells_kinds
        self._events: Sequence[tuple[int, int]] = ()
        self._stamp_in = STAMP_ONE_IN

    def stream(self, recorder: Recorder, until_ns: int) -> None:
        """Take turns until then; on each reply a request follows.

        Args:
            recorder: counts all of it.
            until_ns: the time at which to end.

        """
        now = self._clock()
        while now <= until_ns:
            self.poll(LONGEST_WAIT_S)
            polled_ns = self._clock()
            recorder.polling_ns += polled_ns - now
            self.receive(recorder, polled_ns, True)
            recorder.sent += self._requests_in(self._ready)
            self.send()
            now = self._clock()

    def poll(self, timeout_s: float) -> None:
        """Wait for something to receive, so long at most."""
        self._events = self._epoll.poll(timeout_s, MOST_EVENTS)

    def receive(  # noqa: C901, PLR0912 - one loop; a call costs what it saves
        self, recorder: Recorder, now: int, streaming: bool
    ) -> int:
        """Receive what epoll told of.

        Args:
            recorder: counts the requests that leave now.
            now: the time.
            streaming: whether a request follows on each reply.

        Returns:
            The time of the last reply, or `now`.

        """
        opened, attendant, ready = self._opened, self._attendant, self._ready
        clock, tells_kinds = self._clock, self._tells_kinds
        readable, exact_below_us = EPOLLIN, EXACT_BELOW_US  # a global costs more
        counts = recorder.service
        for fd, event in self._events:
            connection = opened.get(fd)
            if connection is None or event != readable:
                attendant.on_event(fd, event)
                continue
            batch = connection.hot
            try:
                data = connection.receive(batch.receive_bytes)
            except OSError as error:
                attendant.on_error(connection, error)
                continue
            if data != batch.reply:
                attendant.on_data(connection, data)
                continue
            now = clock()
            if batch.steps is not None:
                batch.passed()
            if batch.silent:
                unreplied = batch.kinds[batch.answered :]
                connection.recorder.count_unreplied(batch.silent, unreplied)
            if streaming:
                us = (now - connection.sent_ns) // 1000
                if us >= exact_below_us:
                    us = index_of(us)
                if tells_kinds:
                    for kind, share in batch.shares:
                        connection.recorder.by_kind[kind][us] += share
                if connection.recorder is recorder:
                    counts[us] += batch.answered
                else:
                    connection.recorder.service[us] += batch.answered
                    connection.recorder = recorder
                connection.hot = batch.next
                ready.append(connection)
            else:
                attendant.count(connection, now, batch.answered)
                attendant.free(connection, now)
        return now

    def send(self) -> None:
        """Send the hot batch of each that is ready; one reply in some gets a timestamp."""
        attendant, clock = self._attendant, self._clock
        for connection in self._ready:
            batch = connection.hot
            connection.sent_ns = clock()
            try:
                sent = connection.send(batch.first)
            except OSError as error:
                attendant.on_send_error(connection, error)
                continue
            if sent != batch.left:
                attendant.on_sent_partly(connection, sent)
        self._ready.clear()
        self._stamp_in -= len(self._events)
        if self._stamp_in < 0:
            self._stamp_in = STAMP_ONE_IN
            fd, _ = self._events[clock() % len(self._events)]
            if (chosen := self._opened.get(fd)) is not None:
                chosen.stamp_next()
