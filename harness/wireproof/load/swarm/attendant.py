"""Gives each connection of a swarm its next work, and deals with all but the common case.

The loop's hot path knows one course of things: a predicted reply that came whole, and the next
batch that left whole. What is otherwise, and what is due by the clock, is done here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from select import EPOLLOUT

from wireproof.causes import Cause
from wireproof.load.failures import ConnectionFailedError
from wireproof.load.figures.tally import Phase
from wireproof.load.swarm.connections.connection import SwarmConnection
from wireproof.load.swarm.connections.dialogue import WOULD_BLOCK
from wireproof.load.swarm.connections.link import State
from wireproof.load.swarm.measuring.phases import Phases
from wireproof.load.swarm.pool import Pool
from wireproof.load.swarm.stamping import Stamps
from wireproof.load.swarm.thinking import Thinking
from wireproof.load.swarm.unloaded_start import UnloadedStart
from wireproof.load.workload.batch import RECEIVE_BYTES
from wireproof.load.workload.corpus import Corpus

_STARTS_NS = 60_000_000_000
"""So long may a process take until it has opened its connection: many of them start at a time."""


class Attendant:
    """What the connections of one worker are given to do.

    Attributes:
        idle: those that could send and wait for their turn; some of them may be closed since.

    """

    def __init__(
        self,
        pool: Pool,
        phases: Phases,
        stamps: Stamps,
        corpus: Corpus,
        *,
        open_loop: bool,
        timeout_ns: int,
        clock: Callable[[], int],
        thinking: Thinking[SwarmConnection],
    ) -> None:
        """Attend to the connections of `pool`.

        Args:
            pool: the connections.
            phases: say what counts where.
            stamps: say who gets a timestamp.
            corpus: what is sent.
            open_loop: whether a stage's schedule says when to send.
            timeout_ns: how long a connect or a reply may take.
            clock: monotonic, in ns.
            thinking: who waits before the next request, in a closed loop.

        """
        self._thinking = thinking
        self.idle: deque[SwarmConnection] = deque()
        self._pool = pool
        self._phases = phases
        self._stamps = stamps
        self._corpus = corpus
        self._open_loop = open_loop
        self._timeout_ns = timeout_ns
        self._clock = clock
        self._unloaded = UnloadedStart(wanted=not open_loop)

    # A connection's course.

    def connect(self, connection: SwarmConnection) -> None:
        """Open a connection, or try again later."""
        connection.stamp(always=self._stamps.all)
        try:
            self._pool.connect(connection)
        except ConnectionFailedError as failure:
            self.fail(connection, failure)

    def free(self, connection: SwarmConnection, now: int) -> None:
        """Give a connection that has nothing under way its next work."""
        connection.settle(now)
        if connection.expired or connection.is_used_up:
            self._renew(connection)
        elif (
            self._open_loop
            or not self._phases.is_sending
            or self._unloaded.holds_back(connection, now)
        ):
            self.idle.append(connection)
            self._pool.watch(connection)
        elif self._thinking.is_wanted and connection.used:
            self._thinking.begin(connection, now)
            self._pool.watch(connection)
        else:
            self.begin(connection)

    def begin(self, connection: SwarmConnection, intended: int | None = None) -> None:
        """Have a connection send what was due at `intended`, or is due now."""
        now = self._clock()  # again: the oracle may have taken its time since the reply
        recorder = self._phases.recorder
        if intended is not None:
            recorder = self._phases.recorder_of(intended)
        try:
            connection.begin(now, now if intended is None else intended, recorder)
        except ConnectionFailedError as failure:
            self.fail(connection, failure)
        else:
            self._pool.watch(connection)

    def fail(self, connection: SwarmConnection, failure: ConnectionFailedError) -> None:
        """Count a failure; a connection that is of no more use comes again after a pause."""
        requests = connection.under_way if failure.is_fate else 0
        recorder = connection.recorder if requests else self._phases.recorder
        kinds = connection.kinds_under_way if requests else ()
        if failure.cause is Cause.WRONG_REPLY and requests > 1:
            recorder.fail(Cause.CUT_OFF, requests - 1, kinds=kinds[1:])
            requests, kinds = 1, kinds[:1]
        recorder.fail(failure.cause, requests, failure.sample if failure.closes else None, kinds)
        if not failure.closes:
            return
        if connection.gone:
            self._pool.lose(connection)
            return
        self._pool.drop(connection)
        self._pool.come_again(connection)

    def _renew(self, connection: SwarmConnection) -> None:
        """Replace a connection whose time is over; one whose user has left is not replaced."""
        if connection.gone:
            self._pool.lose(connection)
            return
        self._pool.drop(connection)
        self.connect(connection)

    def leave(self, connection: SwarmConnection) -> None:
        """Close a connection for good, once nothing is under way on it."""
        connection.leave()
        if connection.state is not State.BUSY:
            self._pool.lose(connection)

    # What epoll tells.

    def on_event(self, fd: int, event: int) -> None:
        """Handle all that is not plain data on an open connection."""
        connection = self._pool.opened.get(fd) or self._pool.opening.get(fd)
        if connection is None:  # closed while this round's events were worked on
            return
        try:
            if connection.state is State.OPENING:
                self._go_on(connection, event)
                return
            if event & EPOLLOUT:
                connection.on_writable()
            if event & ~EPOLLOUT:  # data, end of stream, or an error that recv will name
                connection.look_again()  # the end may be behind the data, and shows no edge then
                self.on_data(connection, connection.receive(RECEIVE_BYTES))
            elif connection.state is State.BUSY and connection.complete:
                self._complete(connection, self._clock())
            else:
                self._pool.watch(connection)
        except ConnectionFailedError as failure:
            self.fail(connection, failure)
        except OSError as error:
            self.on_error(connection, error)

    def _go_on(self, connection: SwarmConnection, event: int) -> None:
        """Go on with a connect, a handshake or a log-in."""
        if connection.go_on(event):
            self._pool.has_opened(connection)
            self._pool.watch(connection)
            self.free(connection, self._clock())
        else:
            self._pool.watch(connection)

    def on_data(self, connection: SwarmConnection, data: bytes) -> None:
        """Have the oracle judge what was not predicted."""
        try:
            while True:
                now = self._clock()
                answered = connection.on_data(data)
                if connection.state is State.IDLE:
                    self._pool.watch(connection)
                    return
                if answered:
                    self.count(connection, now, answered)
                if connection.complete:
                    self._complete(connection, now)
                    return
                if not connection.pending():
                    self._pool.watch(connection)
                    return
                data = connection.receive(RECEIVE_BYTES)
        except ConnectionFailedError as failure:
            self.fail(connection, failure)
        except OSError as error:
            self.on_error(connection, error)

    def count(self, connection: SwarmConnection, now: int, answered: int) -> None:
        """Count right replies, in the phase that their requests belong to."""
        recorder = connection.recorder
        recorder.count(now - connection.sent_ns, answered, connection.shares_of(answered))
        if self._open_loop:
            recorder.count_scheduled(now - connection.intended_ns, connection.slip_ns, answered)

    def _complete(self, connection: SwarmConnection, now: int) -> None:
        """Go on after a batch that the oracle accepted to its end, `now`."""
        stamp_ns = connection.take_stamp()
        if stamp_ns:
            self._stamps.take(connection, stamp_ns, now)
        connection.learn(now)
        if not connection.has_ended:
            connection.recorder.count_unreplied(connection.under_way, connection.kinds_under_way)
            self.free(connection, now)
            return
        # The server said that it closes behind an earlier reply: what was sent in advance is not
        # served (RFC 9112, section 9.3.2), and no failure of its.
        connection.recorder.turned_away += connection.under_way
        connection.settle(now)
        self._renew(connection)

    def on_error(self, connection: SwarmConnection, error: OSError) -> None:
        """Take what the kernel says instead of data."""
        if not isinstance(error, WOULD_BLOCK):
            self.fail(connection, connection.broken(error))

    def on_send_error(self, connection: SwarmConnection, error: OSError) -> None:
        """Take what the kernel says instead of sending the hot batch."""
        if isinstance(error, WOULD_BLOCK):
            self.on_sent_partly(connection, 0)
        elif connection.expired:
            connection.unsend()
            self._renew(connection)
        else:
            self.fail(connection, connection.broken(error))

    def on_sent_partly(self, connection: SwarmConnection, sent: int) -> None:
        """Send the rest of a hot batch once the kernel takes it."""
        try:
            connection.sent_partly(sent)
        except ConnectionFailedError as failure:
            self.fail(connection, failure)
        else:
            self._pool.watch(connection)

    # What is due by the clock.

    def come_again(self, now: int) -> None:
        """Connect those whose pause is over."""
        for connection in self._pool.due(now):
            self.connect(connection)

    def end_thinking(self, now: int) -> None:
        """Have those send that have waited long enough."""
        for connection in self._thinking.ended(now):
            if connection.state is not State.IDLE:
                continue
            if self._phases.is_sending and not connection.gone:
                self.begin(connection)
            else:
                self.idle.append(connection)

    def resume(self, now: int) -> None:
        """Have all send that a closed loop holds back no longer."""
        is_over = self._unloaded.ends(now) or not self._unloaded.under_way
        if self._open_loop or not is_over or not self._phases.is_sending:
            return
        while self.idle:
            connection = self.idle.popleft()
            if connection.state is State.IDLE:
                self.begin(connection)

    def sweep(self, now: int) -> None:
        """Replace what is too old, and fail what takes too long."""
        if self._corpus.is_private:
            for connection in self._pool.opened.values():
                connection.forget(now)
        else:
            self._corpus.forget(now)
        for connection in self._pool.outlived(now):
            connection.expire()
            if connection.state is State.IDLE:
                self._renew(connection)
        ending = self._phases.phase is Phase.DRAIN
        for connection in self._pool.waiting_since(now - self._timeout_ns):
            if not connection.is_starting or connection.sent_ns <= now - _STARTS_NS:
                self._wait_no_longer(connection, now, connection.overdue(ending=ending))

    def give_up(self, now: int) -> None:
        """Wait no longer for any reply."""
        for connection in list(self._pool.opened.values()):
            if connection.state is State.BUSY:
                had_its_time = connection.sent_ns <= now - self._timeout_ns
                closes = not connection.outlives_silence
                self._wait_no_longer(
                    connection,
                    now,
                    connection.overdue(ending=True)
                    if had_its_time
                    else ConnectionFailedError(Cause.UNANSWERED, closes=closes),
                )

    def _wait_no_longer(
        self, connection: SwarmConnection, now: int, failure: ConnectionFailedError
    ) -> None:
        self.fail(connection, failure)
        if not failure.closes:
            connection.give_up(now)
            self.free(connection, now)

    def is_settled(self) -> bool:
        """Whether a ramp or a drain has nothing to wait for."""
        members = self._pool.members
        if self._phases.phase is Phase.DRAIN:
            return all(connection.state is not State.BUSY for connection in members)
        if self._unloaded.under_way:
            return False
        return all(connection.state >= State.IDLE for connection in members)
