"""One loop drives all connections of a worker process, and verifies every reply.

Strategy: Locust's users are greenlets; a switch for every request costs more than the request. Here
each user only owns a connection, and one greenlet waits for all of them in an epoll of its own. It
blocks the process's hub while it waits, for 5 ms at most, and then lets the hub's other greenlets
(Locust's reports, its heartbeats, the web UI) run.

What profiling taught, at 50 connections of 64 bytes: of a round trip's time, send() and recv() take
four fifths, so there is one of each and no call that tries in vain; a read asks for one byte more
than the predicted reply, because large buffers cost an allocation; one comparison verifies, header
and payload together; a plain list counts; one clock reading serves as the end of one request and
the start of the next.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from select import EPOLLIN, EPOLLOUT

import gevent
from gevent.monkey import get_original

from wireproof.errors import WireproofError
from wireproof.histogram import EXACT_BELOW_US, index_of
from wireproof.load.failures import CONNECT_TIMEOUT, TIMEOUT, ConnectionFailedError
from wireproof.load.swarm.connection import COLD, WOULD_BLOCK, State, SwarmConnection
from wireproof.load.swarm.corpus import RECEIVE_BYTES, Corpus
from wireproof.load.swarm.datagrams import DatagramConnection, lost
from wireproof.load.swarm.phases import NEVER_NS, NS_PER_S, Phases, Stage
from wireproof.load.swarm.pool import Pool, look_again
from wireproof.load.swarm.recorder import Recorder
from wireproof.load.swarm.stamping import Stamping, wall_offset_ns
from wireproof.load.swarm.unloaded_start import UnloadedStart
from wireproof.load.tally import Phase, Tally
from wireproof.protocols.base import Protocol
from wireproof.target import Target

YIELD_EVERY_NS = 5_000_000
_YIELD_EVERY_S = YIELD_EVERY_NS / NS_PER_S
_SWEEP_EVERY_NS = 200_000_000
_STAMP_ONE_IN = 16

_IDLE, _BUSY = State.IDLE, State.BUSY  # looking a member up costs as much as a comparison

_clock = time.monotonic_ns
_select: Callable[..., object] = get_original("select", "select")


class Swarm:
    """All connections of this process."""

    def __init__(
        self,
        target: Target,
        protocol: Protocol,
        corpus: Corpus,
        *,
        timeout_s: float,
        open_loop: bool,
        sources: Sequence[str] = (),
        lifetime_s: float | None = None,
        worker: int = 0,
        workers: int = 1,
        on_tally: Callable[[Tally], None],
        on_stage_done: Callable[[int], None],
        on_trouble: Callable[[WireproofError], None],
    ) -> None:
        """Start the loop; connections join later.

        Args:
            target: resolved.
            protocol: judges the replies.
            corpus: what is sent.
            timeout_s: how long a connect or a reply may take.
            open_loop: whether a stage's schedule says when to send.
            sources: local addresses to connect from, in turn.
            lifetime_s: after how long a connection is replaced.
            worker: this process's number among the load's `workers`.
            workers: how many there are.
            on_tally: receives what was counted, a few times a second and at the end of each phase.
            on_stage_done: is told once a stage's last tally is out.
            on_trouble: is told when the loop has to stop, the user's protocol being at fault.

        """
        self._target = target
        self._protocol = protocol
        self._corpus = corpus
        self._timeout_ns = int(timeout_s * NS_PER_S)
        self._open_loop = open_loop
        self._on_trouble = on_trouble
        self._pool = Pool(sources=sources, lifetime_s=lifetime_s, worker=worker, workers=workers)
        self._idle: deque[SwarmConnection] = deque()
        self._place = random.Random(0)  # noqa: S311 - spreads the connections over the corpus
        now = _clock()
        self._wall_offset_ns = wall_offset_ns()
        self._next_sweep_ns = now
        self._stamping = Stamping(now)
        self._unloaded = UnloadedStart(wanted=not open_loop)
        self._on_tally = on_tally
        self._phases = Phases(now, self._take_tally, on_stage_done)
        self._greenlet = gevent.spawn(self._run)

    # What Locust's side calls.

    def join(self) -> SwarmConnection:
        """Add a connection; returns what `leave` takes."""
        batches = self._corpus.batches
        first = batches[self._place.randrange(len(batches))]
        kind = SwarmConnection if self._target.is_stream else DatagramConnection
        connection = kind(self._target, self._protocol, first)
        connection.stamp_sink = self._take_stamp
        self._pool.members.add(connection)
        self._connect(connection)
        return connection

    def leave(self, connection: SwarmConnection) -> None:
        """Close a connection for good; what it has under way is not counted."""
        connection.gone = True
        self._pool.members.discard(connection)
        self._pool.drop(connection)

    def start_stage(self, stage: Stage) -> None:
        """Begin a stage; it warms up once its connections are there, or could not be made."""
        self._phases.start(stage, _clock())

    def stop(self) -> None:
        """End the loop; the last tally goes out."""
        if not self._greenlet.dead:
            self._greenlet.kill()
        self._phases.flush(_clock(), self._pool.users)
        self._pool.close()

    # The loop.

    def _run(self) -> None:
        try:
            self._loop()
        except WireproofError as error:
            self._on_trouble(error)

    def _loop(self) -> None:  # noqa: C901, PLR0912, PLR0915 - one loop; a call costs what it saves
        connections = self._pool.opened
        phases, idle = self._phases, self._idle
        poll = self._pool.epoll.poll
        clock = _clock
        closed_loop = not self._open_loop
        now = clock()
        yield_ns = now
        stamp_in = _STAMP_ONE_IN
        answered: list[SwarmConnection] = []
        while True:
            waited_from = now
            if phases.due_ns < NEVER_NS and idle:  # without a free one, only a reply is news
                self._wait_for_due(now)
                events = poll(0)
            else:
                events = poll(_YIELD_EVERY_S)
            now = clock()
            recorder = phases.recorder
            recorder.idle_ns += now - waited_from
            counts = recorder.service
            for fd, event in events:
                connection = connections.get(fd)
                if connection is None:
                    self._on_opening_event(fd, event)
                    continue
                if event != EPOLLIN:
                    self._on_event(connection, event)
                    continue
                batch = connection.hot
                try:
                    data = connection.receive(batch.receive_bytes)
                except OSError as error:
                    self._on_error(connection, error)
                    continue
                if data != batch.reply:
                    self._on_data(connection, data)
                    continue
                now = clock()
                if closed_loop:
                    us = (now - connection.sent_ns) // 1000
                    counts[us if us < EXACT_BELOW_US else index_of(us)] += batch.count
                    answered.append(connection)
                else:
                    self._count(connection, now, batch.count)
                    connection.hot = COLD
                    self._free(connection, now)
            for connection in answered:
                batch = connection.hot = connection.batch = connection.batch.next
                connection.sent_ns = now = clock()
                try:
                    sent = connection.send(batch.first)
                except OSError as error:
                    self._on_send_error(connection, error)
                    continue
                if sent != batch.size:
                    self._on_sent_partly(connection, sent)
            answered.clear()
            if phases.due_ns <= now:
                self._send_due(now)
            stamp_in -= len(events)
            if stamp_in < 0 and events:
                stamp_in = _STAMP_ONE_IN
                self._stamp_next(events[now % len(events)][0])
            if now > yield_ns:
                self._keep_house(now)
                gevent.sleep(0)
                yield_ns = clock() + YIELD_EVERY_NS

    def _wait_for_due(self, now: int) -> None:
        """Sleep until something can be read or the next request is due, to the microsecond.

        epoll's own time limit is in whole milliseconds.
        """
        wait_ns = self._phases.due_ns - now
        if wait_ns > 0:
            _select([self._pool.epoll], (), (), min(wait_ns, YIELD_EVERY_NS) / NS_PER_S)

    def _keep_house(self, now: int) -> None:
        """Do what is due by the clock."""
        for connection in self._pool.due(now):
            self._connect(connection)
        if now >= self._next_sweep_ns:
            self._next_sweep_ns = now + min(_SWEEP_EVERY_NS, self._timeout_ns // 4)
            self._wall_offset_ns = wall_offset_ns()
            self._sweep(now)
        if self._unloaded.ends(now):
            self._begin_all(now)
        self._phases.tick(now, lambda: self._pool.users)
        self._phases.advance(now, settled=self._settled)

    def _settled(self) -> bool:
        """Whether a ramp or a drain has nothing to wait for."""
        if self._phases.phase is Phase.DRAIN:
            return all(connection.state is not State.BUSY for connection in self._pool.members)
        if self._unloaded.under_way:
            return False
        return all(connection.state >= State.IDLE for connection in self._pool.members)

    # Replies.

    def _count(self, connection: SwarmConnection, now: int, answered: int) -> None:
        """Count replies in the phase that they belong to."""
        recorder = self._recorder_of(connection)
        if self._open_loop:
            recorder.scheduled[index_of((now - connection.intended_ns) // 1000)] += answered
        recorder.service[index_of((now - connection.sent_ns) // 1000)] += answered

    def _recorder_of(self, connection: SwarmConnection) -> Recorder:
        if self._open_loop:
            return self._phases.recorder_of(connection.intended_ns)
        return self._phases.recorder

    def _on_data(self, connection: SwarmConnection, data: bytes) -> None:
        """Have the oracle judge what was not predicted."""
        look_again(connection)
        try:
            while True:
                now = _clock()
                answered = connection.on_data(data)
                if connection.state is State.IDLE:
                    self._pool.watch(connection)
                    return
                if answered:
                    self._count(connection, now, answered)
                if connection.complete:
                    self._complete(connection, data, now)
                    return
                if not connection.pending():
                    self._pool.watch(connection)
                    return
                data = connection.receive(RECEIVE_BYTES)
        except ConnectionFailedError as failure:
            self._fail(connection, failure)
        except OSError as error:
            self._on_error(connection, error)

    def _complete(self, connection: SwarmConnection, data: bytes, now: int) -> None:
        """Go on after an batch that the oracle accepted to its end."""
        if connection.stamp_ns:
            self._take_stamp(connection, connection.stamp_ns)
            connection.stamp_ns = 0
        connection.predict(self._corpus, data)
        self._free(connection, now)

    def _free(self, connection: SwarmConnection, now: int) -> None:
        """Give a settled connection its next work."""
        connection.state = _IDLE
        connection.free_since_ns = now
        if connection.expired or (self._protocol.one_request and connection.used):
            self._renew(connection)
            return
        if self._open_loop or self._unloaded.holds_back(connection, now):
            self._idle.append(connection)
            self._pool.watch(connection)
            return
        self._begin(connection, now, now)

    def _begin_all(self, now: int) -> None:
        """Let all connections send."""
        while self._idle:
            connection = self._idle.popleft()
            if connection.state is State.IDLE:
                self._begin(connection, now, now)

    def _begin(self, connection: SwarmConnection, now: int, intended: int) -> None:
        try:
            connection.begin(now, intended)
        except ConnectionFailedError as failure:
            self._fail(connection, failure)
            return
        self._pool.watch(connection)

    def _send_due(self, now: int) -> None:
        """Send what an open loop's schedule has due, as long as a connection is free."""
        idle, phases = self._idle, self._phases
        while phases.due_ns <= now and idle:
            connection = idle.popleft()
            if connection.state is not _IDLE:
                continue
            now = _clock()
            intended = phases.due_ns
            if intended >= phases.ends_ns:
                phases.advance(now, settled=self._settled)
            recorder = phases.recorder
            recorder.slip_ns += max(0, now - max(intended, connection.free_since_ns))
            phases.take_due()
            batch = connection.batch.next
            if not connection.predicted or batch.reply is None:
                self._begin(connection, now, intended)
                continue
            connection.state = _BUSY
            connection.sent_ns = now
            connection.intended_ns = intended
            connection.batch = connection.hot = batch
            try:
                sent = connection.send(batch.first)
            except OSError as error:
                self._on_send_error(connection, error)
                continue
            if sent != batch.size:
                self._on_sent_partly(connection, sent)

    # Timestamps.

    def _stamp_next(self, fd: int) -> None:
        connection = self._pool.opened.get(fd)
        if connection is not None and connection.stamped and connection.state is State.BUSY:
            connection.receive = connection.receive_with_stamp

    def _take_stamp(self, connection: SwarmConnection, stamp_ns: int) -> None:
        wire_ns = stamp_ns - self._wall_offset_ns - connection.sent_ns
        now = _clock()
        self._recorder_of(connection).stamp(now - connection.sent_ns, wire_ns)
        if self._stamping.all and self._stamping.stamped(now):
            self._change_stamping()

    def _change_stamping(self) -> None:
        for connection in self._pool.members:
            connection.stamp_from_now_on(always=self._stamping.all)

    def _take_tally(self, tally: Tally) -> None:
        """Pass a tally on; its rate says which replies get a timestamp."""
        if self._stamping.counted(sum(tally.counts.get("service", [])[1::2]), tally.length_s):
            self._change_stamping()
        self._on_tally(tally)

    # Trouble.

    def _on_opening_event(self, fd: int, event: int) -> None:
        """Go on with a connect, a handshake or a log-in."""
        connection = self._pool.opening.get(fd)
        if connection is None:  # closed while this batch was worked on
            return
        try:
            if connection.state is State.OPENING and event & ~EPOLLOUT:
                connection.on_data(connection.receive(RECEIVE_BYTES))
            if connection.finish_connect():
                self._pool.has_opened(connection)
                self._pool.watch(connection)
                self._free(connection, _clock())
            else:
                self._pool.watch(connection)
        except ConnectionFailedError as failure:
            self._fail(connection, failure)
        except OSError as error:
            self._on_error(connection, error)

    def _on_event(self, connection: SwarmConnection, event: int) -> None:
        """Handle all that is not plain data on an open connection."""
        try:
            if event & EPOLLOUT:
                connection.on_writable()
            if event & ~EPOLLOUT:  # data, end of stream, or an error that recv will name
                self._on_data(connection, connection.receive(RECEIVE_BYTES))
            elif connection.state is State.BUSY and connection.complete:
                self._complete(connection, b"", _clock())
            else:
                self._pool.watch(connection)
        except ConnectionFailedError as failure:
            self._fail(connection, failure)
        except OSError as error:
            self._on_error(connection, error)

    def _on_error(self, connection: SwarmConnection, error: OSError) -> None:
        if not isinstance(error, WOULD_BLOCK):
            self._fail(connection, connection.broken(error))

    def _on_send_error(self, connection: SwarmConnection, error: OSError) -> None:
        if isinstance(error, WOULD_BLOCK):
            self._on_sent_partly(connection, 0)
        elif connection.expired:
            self._renew(connection)
        else:
            self._fail(connection, connection.broken(error))

    def _on_sent_partly(self, connection: SwarmConnection, sent: int) -> None:
        try:
            connection.sent_partly(sent)
        except ConnectionFailedError as failure:
            self._fail(connection, failure)
        else:
            self._pool.watch(connection)

    def _fail(self, connection: SwarmConnection, failure: ConnectionFailedError) -> None:
        """Count a failure, and connect again after a pause."""
        if not failure.closes:
            self._recorder_of(connection).fail(failure.cause)
            return
        under_way = connection.hot.count or connection.owed if connection.state is State.BUSY else 0
        lost = max(1, under_way)
        self._recorder_of(connection).fail(failure.cause, lost, failure.sample)
        self._pool.drop(connection)
        self._pool.come_again(connection)

    def _renew(self, connection: SwarmConnection) -> None:
        """Replace a connection whose time is over."""
        self._pool.drop(connection)
        self._connect(connection)

    def _connect(self, connection: SwarmConnection) -> None:
        connection.stamp_always = self._stamping.all
        try:
            self._pool.connect(connection)
        except ConnectionFailedError as failure:
            self._fail(connection, failure)

    def _sweep(self, now: int) -> None:
        """Replace what is too old, and fail what takes too long."""
        for connection in self._pool.outlived(now):
            connection.expire()
            if connection.state is State.IDLE:
                self._renew(connection)
        for connection in self._pool.waiting_since(now - self._timeout_ns):
            if isinstance(connection, DatagramConnection):
                self._fail(connection, lost())
                connection.lose()
                self._free(connection, now)
                continue
            cause = CONNECT_TIMEOUT if connection.state is State.CONNECTING else TIMEOUT
            self._fail(connection, ConnectionFailedError(cause, cause))
