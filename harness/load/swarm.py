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

from harness.errors import WireproofError
from harness.histogram import EXACT_BELOW_US, index_of
from harness.load.channel import COLD, WOULD_BLOCK, Channel, State
from harness.load.connections import Connections, look_again
from harness.load.corpus import RECEIVE_BYTES, Corpus
from harness.load.datagrams import DatagramChannel, lost
from harness.load.failures import CONNECT_TIMEOUT, TIMEOUT, Failure
from harness.load.phases import NEVER_NS, NS_PER_S, Phases, Stage
from harness.load.recorder import Recorder
from harness.load.solo import Solo
from harness.load.stamping import Stamping, wall_offset_ns
from harness.load.tally import Phase, Tally
from harness.protocols.base import Protocol
from harness.target import Target

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
        self._connections = Connections(
            sources=sources, lifetime_s=lifetime_s, worker=worker, workers=workers
        )
        self._idle: deque[Channel] = deque()
        self._place = random.Random(0)  # noqa: S311 - spreads the connections over the corpus
        now = _clock()
        self._wall_offset_ns = wall_offset_ns()
        self._next_sweep_ns = now
        self._stamping = Stamping(now)
        self._solo = Solo(wanted=not open_loop)
        self._on_tally = on_tally
        self._phases = Phases(now, self._take_tally, on_stage_done)
        self._greenlet = gevent.spawn(self._run)

    # What Locust's side calls.

    def join(self) -> Channel:
        """Add a connection; returns what `leave` takes."""
        exchanges = self._corpus.exchanges
        first = exchanges[self._place.randrange(len(exchanges))]
        kind = Channel if self._target.is_stream else DatagramChannel
        channel = kind(self._target, self._protocol, first)
        channel.stamp_sink = self._take_stamp
        self._connections.members.add(channel)
        self._connect(channel)
        return channel

    def leave(self, channel: Channel) -> None:
        """Close a connection for good; what it has under way is not counted."""
        channel.gone = True
        self._connections.members.discard(channel)
        self._connections.drop(channel)

    def start_stage(self, stage: Stage) -> None:
        """Begin a stage; it warms up once its connections are there, or could not be made."""
        self._phases.start(stage, _clock())

    def stop(self) -> None:
        """End the loop; the last tally goes out."""
        if not self._greenlet.dead:
            self._greenlet.kill()
        self._phases.flush(_clock(), self._connections.users)
        self._connections.close()

    # The loop.

    def _run(self) -> None:
        try:
            self._loop()
        except WireproofError as error:
            self._on_trouble(error)

    def _loop(self) -> None:  # noqa: C901, PLR0912, PLR0915 - one loop; a call costs what it saves
        channels = self._connections.opened
        phases, idle = self._phases, self._idle
        poll = self._connections.epoll.poll
        clock = _clock
        closed_loop = not self._open_loop
        now = clock()
        yield_ns = now
        stamp_in = _STAMP_ONE_IN
        answered: list[Channel] = []
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
                channel = channels.get(fd)
                if channel is None:
                    self._on_opening_event(fd, event)
                    continue
                if event != EPOLLIN:
                    self._on_event(channel, event)
                    continue
                exchange = channel.hot
                try:
                    data = channel.receive(exchange.receive_bytes)
                except OSError as error:
                    self._on_error(channel, error)
                    continue
                if data != exchange.reply:
                    self._on_data(channel, data)
                    continue
                now = clock()
                if closed_loop:
                    us = (now - channel.sent_ns) // 1000
                    counts[us if us < EXACT_BELOW_US else index_of(us)] += exchange.count
                    answered.append(channel)
                else:
                    self._count(channel, now, exchange.count)
                    channel.hot = COLD
                    self._free(channel, now)
            for channel in answered:
                exchange = channel.hot = channel.exchange = channel.exchange.next
                channel.sent_ns = now = clock()
                try:
                    sent = channel.send(exchange.first)
                except OSError as error:
                    self._on_send_error(channel, error)
                    continue
                if sent != exchange.size:
                    self._on_sent_partly(channel, sent)
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
            _select([self._connections.epoll], (), (), min(wait_ns, YIELD_EVERY_NS) / NS_PER_S)

    def _keep_house(self, now: int) -> None:
        """Do what is due by the clock."""
        for channel in self._connections.due(now):
            self._connect(channel)
        if now >= self._next_sweep_ns:
            self._next_sweep_ns = now + min(_SWEEP_EVERY_NS, self._timeout_ns // 4)
            self._wall_offset_ns = wall_offset_ns()
            self._sweep(now)
        if self._solo.ends(now):
            self._begin_all(now)
        self._phases.tick(now, lambda: self._connections.users)
        self._phases.advance(now, settled=self._settled)

    def _settled(self) -> bool:
        """Whether a ramp or a drain has nothing to wait for."""
        if self._phases.phase is Phase.DRAIN:
            return all(channel.state is not State.BUSY for channel in self._connections.members)
        if self._solo.under_way:
            return False
        return all(channel.state >= State.IDLE for channel in self._connections.members)

    # Replies.

    def _count(self, channel: Channel, now: int, answered: int) -> None:
        """Count replies in the phase that they belong to."""
        recorder = self._recorder_of(channel)
        if self._open_loop:
            recorder.scheduled[index_of((now - channel.intended_ns) // 1000)] += answered
        recorder.service[index_of((now - channel.sent_ns) // 1000)] += answered

    def _recorder_of(self, channel: Channel) -> Recorder:
        if self._open_loop:
            return self._phases.recorder_of(channel.intended_ns)
        return self._phases.recorder

    def _on_data(self, channel: Channel, data: bytes) -> None:
        """Have the oracle judge what was not predicted."""
        look_again(channel)
        try:
            while True:
                now = _clock()
                answered = channel.on_data(data)
                if channel.state is State.IDLE:
                    self._connections.watch(channel)
                    return
                if answered:
                    self._count(channel, now, answered)
                if channel.complete:
                    self._complete(channel, data, now)
                    return
                if not channel.pending():
                    self._connections.watch(channel)
                    return
                data = channel.receive(RECEIVE_BYTES)
        except Failure as failure:
            self._fail(channel, failure)
        except OSError as error:
            self._on_error(channel, error)

    def _complete(self, channel: Channel, data: bytes, now: int) -> None:
        """Go on after an exchange that the oracle accepted to its end."""
        if channel.stamp_ns:
            self._take_stamp(channel, channel.stamp_ns)
            channel.stamp_ns = 0
        channel.predict(self._corpus, data)
        self._free(channel, now)

    def _free(self, channel: Channel, now: int) -> None:
        """Give a settled channel its next work."""
        channel.state = _IDLE
        channel.free_since_ns = now
        if channel.expired or (self._protocol.one_request and channel.used):
            self._renew(channel)
            return
        if self._open_loop or self._solo.holds_back(channel, now):
            self._idle.append(channel)
            self._connections.watch(channel)
            return
        self._begin(channel, now, now)

    def _begin_all(self, now: int) -> None:
        """Let all connections send."""
        while self._idle:
            channel = self._idle.popleft()
            if channel.state is State.IDLE:
                self._begin(channel, now, now)

    def _begin(self, channel: Channel, now: int, intended: int) -> None:
        try:
            channel.begin(now, intended)
        except Failure as failure:
            self._fail(channel, failure)
            return
        self._connections.watch(channel)

    def _send_due(self, now: int) -> None:
        """Send what an open loop's schedule has due, as long as a connection is free."""
        idle, phases = self._idle, self._phases
        while phases.due_ns <= now and idle:
            channel = idle.popleft()
            if channel.state is not _IDLE:
                continue
            now = _clock()
            intended = phases.due_ns
            if intended >= phases.ends_ns:
                phases.advance(now, settled=self._settled)
            recorder = phases.recorder
            recorder.slip_ns += max(0, now - max(intended, channel.free_since_ns))
            phases.take_due()
            exchange = channel.exchange.next
            if not channel.predicted or exchange.reply is None:
                self._begin(channel, now, intended)
                continue
            channel.state = _BUSY
            channel.sent_ns = now
            channel.intended_ns = intended
            channel.exchange = channel.hot = exchange
            try:
                sent = channel.send(exchange.first)
            except OSError as error:
                self._on_send_error(channel, error)
                continue
            if sent != exchange.size:
                self._on_sent_partly(channel, sent)

    # Timestamps.

    def _stamp_next(self, fd: int) -> None:
        channel = self._connections.opened.get(fd)
        if channel is not None and channel.stamped and channel.state is State.BUSY:
            channel.receive = channel.receive_with_stamp

    def _take_stamp(self, channel: Channel, stamp_ns: int) -> None:
        wire_ns = stamp_ns - self._wall_offset_ns - channel.sent_ns
        now = _clock()
        self._recorder_of(channel).stamp(now - channel.sent_ns, wire_ns)
        if self._stamping.all and self._stamping.stamped(now):
            self._change_stamping()

    def _change_stamping(self) -> None:
        for channel in self._connections.members:
            channel.stamp_from_now_on(always=self._stamping.all)

    def _take_tally(self, tally: Tally) -> None:
        """Pass a tally on; its rate says which replies get a timestamp."""
        if self._stamping.counted(sum(tally.counts.get("service", [])[1::2]), tally.length_s):
            self._change_stamping()
        self._on_tally(tally)

    # Trouble.

    def _on_opening_event(self, fd: int, event: int) -> None:
        """Go on with a connect, a handshake or a log-in."""
        channel = self._connections.opening.get(fd)
        if channel is None:  # closed while this batch was worked on
            return
        try:
            if channel.state is State.OPENING and event & ~EPOLLOUT:
                channel.on_data(channel.receive(RECEIVE_BYTES))
            if channel.finish_connect():
                self._connections.has_opened(channel)
                self._connections.watch(channel)
                self._free(channel, _clock())
            else:
                self._connections.watch(channel)
        except Failure as failure:
            self._fail(channel, failure)
        except OSError as error:
            self._on_error(channel, error)

    def _on_event(self, channel: Channel, event: int) -> None:
        """Handle all that is not plain data on an open connection."""
        try:
            if event & EPOLLOUT:
                channel.on_writable()
            if event & ~EPOLLOUT:  # data, end of stream, or an error that recv will name
                self._on_data(channel, channel.receive(RECEIVE_BYTES))
            elif channel.state is State.BUSY and channel.complete:
                self._complete(channel, b"", _clock())
            else:
                self._connections.watch(channel)
        except Failure as failure:
            self._fail(channel, failure)
        except OSError as error:
            self._on_error(channel, error)

    def _on_error(self, channel: Channel, error: OSError) -> None:
        if not isinstance(error, WOULD_BLOCK):
            self._fail(channel, channel.broken(error))

    def _on_send_error(self, channel: Channel, error: OSError) -> None:
        if isinstance(error, WOULD_BLOCK):
            self._on_sent_partly(channel, 0)
        elif channel.expired:
            self._renew(channel)
        else:
            self._fail(channel, channel.broken(error))

    def _on_sent_partly(self, channel: Channel, sent: int) -> None:
        try:
            channel.sent_partly(sent)
        except Failure as failure:
            self._fail(channel, failure)
        else:
            self._connections.watch(channel)

    def _fail(self, channel: Channel, failure: Failure) -> None:
        """Count a failure, and connect again after a pause."""
        if not failure.closes:
            self._recorder_of(channel).fail(failure.cause)
            return
        under_way = channel.hot.count or channel.owed if channel.state is State.BUSY else 0
        lost = max(1, under_way)
        self._recorder_of(channel).fail(failure.cause, lost, failure.sample)
        self._connections.drop(channel)
        self._connections.come_again(channel)

    def _renew(self, channel: Channel) -> None:
        """Replace a connection whose time is over."""
        self._connections.drop(channel)
        self._connect(channel)

    def _connect(self, channel: Channel) -> None:
        channel.stamp_always = self._stamping.all
        try:
            self._connections.connect(channel)
        except Failure as failure:
            self._fail(channel, failure)

    def _sweep(self, now: int) -> None:
        """Replace what is too old, and fail what takes too long."""
        for channel in self._connections.outlived(now):
            channel.expire()
            if channel.state is State.IDLE:
                self._renew(channel)
        for channel in self._connections.waiting_since(now - self._timeout_ns):
            if isinstance(channel, DatagramChannel):
                self._fail(channel, lost())
                channel.lose()
                self._free(channel, now)
                continue
            cause = CONNECT_TIMEOUT if channel.state is State.CONNECTING else TIMEOUT
            self._fail(channel, Failure(cause, cause))
