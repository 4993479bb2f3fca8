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
from collections.abc import Callable, Sequence
from select import EPOLLIN

import gevent
from gevent.monkey import get_original

from wireproof.errors import WireproofError
from wireproof.histogram import EXACT_BELOW_US, index_of
from wireproof.load.swarm.attendant import Attendant
from wireproof.load.swarm.connection import SwarmConnection
from wireproof.load.swarm.corpus import Corpus
from wireproof.load.swarm.datagrams import DatagramConnection
from wireproof.load.swarm.link import State
from wireproof.load.swarm.phases import NEVER_NS, NS_PER_S, Phases, Stage
from wireproof.load.swarm.pool import Pool
from wireproof.load.swarm.recorder import Recorder
from wireproof.load.swarm.stamping import Stamps
from wireproof.load.tally import Tally
from wireproof.protocols.base import Protocol
from wireproof.target import Target

YIELD_EVERY_NS = 5_000_000
_YIELD_EVERY_S = YIELD_EVERY_NS / NS_PER_S
_SWEEP_EVERY_NS = 200_000_000
_STAMP_ONE_IN = 16

_IDLE = State.IDLE  # looking a member up costs as much as a comparison

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
        self._on_tally = on_tally
        self._on_trouble = on_trouble
        self._place = random.Random(0)  # noqa: S311 - spreads the connections over the corpus
        now = self._next_sweep_ns = _clock()
        self._pool = Pool(sources=sources, lifetime_s=lifetime_s, worker=worker, workers=workers)
        self._phases = Phases(now, self._take_tally, on_stage_done)
        self._stamps = Stamps(now, self._pool.members, self._recorder_of)
        self._attendant = Attendant(
            self._pool,
            self._phases,
            self._stamps,
            corpus,
            open_loop=open_loop,
            one_request=protocol.one_request,
            timeout_ns=self._timeout_ns,
        )
        self._greenlet = gevent.spawn(self._run)

    # What Locust's side calls.

    def join(self) -> SwarmConnection:
        """Add a connection; returns what `leave` takes."""
        batches = self._corpus.batches
        first = batches[self._place.randrange(len(batches))]
        kind = SwarmConnection if self._target.is_stream else DatagramConnection
        connection = kind(self._target, self._protocol, first, self._stamps.take)
        self._pool.members.add(connection)
        self._attendant.connect(connection)
        return connection

    def leave(self, connection: SwarmConnection) -> None:
        """Close a connection for good; what it has under way is not counted."""
        self._pool.lose(connection)

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
        phases, attendant = self._phases, self._attendant
        idle = attendant.idle
        poll = self._pool.epoll.poll
        clock = _clock
        closed_loop = not self._open_loop
        now = clock()
        yield_ns = now
        stamp_in = _STAMP_ONE_IN
        ready: list[SwarmConnection] = []  # to send, each its hot batch
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
                if connection is None or event != EPOLLIN:
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
                if closed_loop:
                    us = (now - connection.sent_ns) // 1000
                    counts[us if us < EXACT_BELOW_US else index_of(us)] += batch.count
                    connection.hot = batch.next
                    ready.append(connection)
                else:
                    attendant.count(connection, now, batch.count)
                    attendant.free(connection, now)
            if phases.due_ns <= now:
                self._take_due(now, ready)
            for connection in ready:
                batch = connection.hot
                connection.sent_ns = now = clock()
                try:
                    sent = connection.send(batch.first)
                except OSError as error:
                    attendant.on_send_error(connection, error)
                    continue
                if sent != batch.size:
                    attendant.on_sent_partly(connection, sent)
            ready.clear()
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

    def _take_due(self, now: int, ready: list[SwarmConnection]) -> None:
        """Give what an open loop's schedule has due to free connections, as long as there are any.

        Args:
            now: the time.
            ready: takes those that send a hot batch.

        """
        idle, phases = self._attendant.idle, self._phases
        while phases.due_ns <= now and idle:
            connection = idle.popleft()
            if connection.state is not _IDLE:
                continue
            now = _clock()
            intended = phases.due_ns
            if intended >= phases.ends_ns:
                phases.advance(now, settled=self._attendant.is_settled)
            phases.take_due()
            if connection.begin_hot(intended):
                ready.append(connection)
            else:
                self._attendant.begin(connection, now, intended)

    def _keep_house(self, now: int) -> None:
        """Do what is due by the clock."""
        attendant = self._attendant
        attendant.come_again(now)
        if now >= self._next_sweep_ns:
            self._next_sweep_ns = now + min(_SWEEP_EVERY_NS, self._timeout_ns // 4)
            self._stamps.compare_clocks()
            attendant.sweep(now)
        self._phases.tick(now, lambda: self._pool.users)
        self._phases.advance(now, settled=attendant.is_settled)

    def _stamp_next(self, fd: int) -> None:
        connection = self._pool.opened.get(fd)
        if connection is not None:
            connection.stamp_next()

    def _recorder_of(self, connection: SwarmConnection) -> Recorder:
        return self._attendant.recorder_of(connection)

    def _take_tally(self, tally: Tally) -> None:
        """Pass a tally on; its rate says which replies get a timestamp."""
        self._stamps.counted(tally)
        self._on_tally(tally)
