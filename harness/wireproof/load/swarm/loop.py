"""One loop drives all connections of a worker process, and verifies every reply.

Strategy: Locust's users are greenlets; a switch for every request costs more than the request. Here
each user only owns a connection, and one greenlet waits for all of them in an epoll of its own. It
blocks the process's hub while it waits, for 20 ms at most, and then lets the hub's other greenlets
(Locust's reports, its heartbeats, the web UI) run.

What profiling taught, at 50 connections of 64 bytes: of a round trip's time, send() and recv() take
four fifths, so there is one of each and no call that tries in vain; a read asks for one byte more
than the predicted reply, because large buffers cost an allocation; one comparison verifies, header
and payload together; a plain list counts; one clock reading serves as the end of one request and
the start of the next. These steps stand in `turn.py`, and in C in `compiled_turn.pyx`. In C, the
kernel has 88 % of the time, the turns 4, and Python 8: looking after the house, and timestamps. To
do both half as often was worth about 4 % of all.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import gevent

from wireproof.errors import WireproofError
from wireproof.load.figures.tally import Tally
from wireproof.load.swarm.attendant import Attendant
from wireproof.load.swarm.connections.connection import SwarmConnection
from wireproof.load.swarm.connections.datagrams import DatagramConnection
from wireproof.load.swarm.connections.link import State
from wireproof.load.swarm.connections.surroundings import REAL, Surroundings
from wireproof.load.swarm.measuring.phases import NEVER_NS, NS_PER_S, Phases, Stage
from wireproof.load.swarm.pool import Pool
from wireproof.load.swarm.stamping import Stamps
from wireproof.load.swarm.thinking import Thinking
from wireproof.load.swarm.turn import LONGEST_WAIT_S
from wireproof.load.swarm.turns import turns
from wireproof.load.workload.corpus import Corpus
from wireproof.protocols.base import Protocol
from wireproof.target import Target

YIELD_EVERY_NS = int(LONGEST_WAIT_S * NS_PER_S)
_STREAM_NS = 4 * YIELD_EVERY_NS
"""A loop that keeps the CPU busy looks less often, since each look takes 0.3 ms."""
_SWEEP_EVERY_NS = 200_000_000

_IDLE = State.IDLE  # looking a member up costs as much as a comparison

_LAST_WORDS_NS = NS_PER_S
"""How long a run that is stopped waits for the replies under way, at most."""


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
        quick_ack: bool = False,
        think: tuple[float, bool] | None = None,
        worker: int = 0,
        workers: int = 1,
        on_tally: Callable[[Tally], None],
        on_stage_done: Callable[[int], None],
        on_trouble: Callable[[WireproofError], None],
        surroundings: Surroundings = REAL,
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
            quick_ack: whether what is received is acknowledged at once.
            think: how long a connection of a closed loop waits before its next request, in
                seconds, and whether only on average.
            worker: this process's number among the load's `workers`.
            workers: how many there are.
            on_tally: receives what was counted, a few times a second and at the end of each phase.
            on_stage_done: is told once a stage's last tally is out.
            on_trouble: is told when the loop has to stop, the user's protocol being at fault.
            surroundings: clocks, epoll, sockets.

        """
        self._target = target
        self._protocol = protocol
        self._corpus = corpus
        self._timeout_ns = int(timeout_s * NS_PER_S)
        self._open_loop, self._quick_ack = open_loop, quick_ack
        self._on_tally = on_tally
        self._on_trouble = on_trouble
        self._place = random.Random(0)  # noqa: S311 - spreads the connections over the corpus
        self._surroundings = surroundings
        self._clock = surroundings.clock
        now = self._next_sweep_ns = self._clock()
        self._pool = Pool(
            sources=sources,
            lifetime_s=lifetime_s,
            worker=worker,
            workers=workers,
            surroundings=surroundings,
        )
        self._phases = Phases(
            now, self._take_tally, on_stage_done, surroundings.usage(target), corpus.kinds
        )
        self._stamps = Stamps(self._pool.members, surroundings)
        self._thinking: Thinking[SwarmConnection] = Thinking(think, worker)
        self._attendant = Attendant(
            self._pool,
            self._phases,
            self._stamps,
            corpus,
            open_loop=open_loop,
            timeout_ns=self._timeout_ns,
            clock=self._clock,
            thinking=self._thinking,
        )
        self._ready: list[SwarmConnection] = []  # to send, each its hot batch
        self._greenlet = gevent.spawn(self._run)

    # What Locust's side calls.

    def join(self) -> SwarmConnection:
        """Add a connection; returns what `leave` takes."""
        start = self._place.randrange(len(self._corpus.batches))
        kind = SwarmConnection if self._target.is_stream else DatagramConnection
        connection = kind(
            self._target,
            self._protocol,
            self._corpus,
            start,
            self._stamps.take_hot,
            surroundings=self._surroundings,
        )
        connection.acks_at_once = self._quick_ack
        self._pool.members.add(connection)
        self._attendant.connect(connection)
        return connection

    def leave(self, connection: SwarmConnection) -> None:
        """Close a connection for good, once nothing is under way on it."""
        self._attendant.leave(connection)

    def start_stage(self, stage: Stage) -> None:
        """Begin a stage; it warms up once its connections are there, or could not be made."""
        self._phases.start(stage, self._clock())

    def stop(self) -> None:
        """End the loop; the last tally goes out, and no request is left without a fate.

        Replies under way have a second to come.
        """
        now = self._clock()
        self._phases.cut_short(now)
        until = now + min(self._timeout_ns, _LAST_WORDS_NS)
        while not (self._greenlet.dead or self._attendant.is_settled() or self._clock() >= until):
            self._surroundings.give_way(LONGEST_WAIT_S)
        if not self._greenlet.dead:
            self._greenlet.kill()
        now = self._clock()
        self._attendant.give_up(now)
        self._phases.flush(now, self._pool.users)
        self._pool.close()

    # The loop.

    def _run(self) -> None:
        try:
            self._loop()
        except WireproofError as error:
            for connection in self._ready:  # what was to be sent never left
                connection.settle(self._clock())
            self._on_trouble(error)

    def _loop(self) -> None:
        phases, attendant = self._phases, self._attendant
        idle = attendant.idle
        epoll = self._pool.epoll
        wait = self._surroundings.wait
        clock = self._clock
        closed_loop = not self._open_loop
        thinking = self._thinking
        # What goes on without looking: a request follows on the reply, however many there were.
        flows = (
            closed_loop
            and not thinking.is_wanted
            and not self._corpus.begins
            and self._protocol.most_requests >= Protocol.most_requests
        )
        yield_ns = 0
        ready = self._ready
        turn = turns()(
            epoll,
            self._pool.opened,
            attendant,
            ready,
            clock,
            requests_in=self._corpus.requests_in,
            tells_kinds=bool(self._corpus.kinds),
        )
        while True:
            now = clock()  # again: an oracle may have taken its time
            if now > yield_ns:
                self._keep_house(now)
                self._surroundings.give_way(0)
                now = clock()
                yield_ns = now + YIELD_EVERY_NS
            recorder = phases.recorder
            if flows and phases.is_sending:
                turn.stream(recorder, now + _STREAM_NS)
                continue
            if phases.due_ns < NEVER_NS and idle:  # without a free one, only a reply is news
                if phases.due_ns > now:
                    wait(epoll, min(phases.due_ns - now, YIELD_EVERY_NS))
                turn.poll(0)
            elif thinking.is_wanted and thinking.due_ns is not None:
                if thinking.due_ns > now:
                    wait(epoll, min(thinking.due_ns - now, YIELD_EVERY_NS))
                turn.poll(0)
            else:
                turn.poll(LONGEST_WAIT_S)
            polled_ns = clock()
            recorder.polling_ns += polled_ns - now
            now = turn.receive(recorder, polled_ns, False)
            if phases.due_ns <= now:
                self._take_due(now, ready)
            if thinking.is_wanted:
                attendant.end_thinking(clock())
            turn.send()

    def _take_due(self, now: int, ready: list[SwarmConnection]) -> None:
        """Give what an open loop's schedule has due to free connections, as long as there are any.

        Args:
            now: the time.
            ready: takes those that send a hot batch.

        """
        idle, phases = self._attendant.idle, self._phases
        while phases.due_ns <= now and idle:
            intended = phases.due_ns
            if intended >= phases.ends_ns:  # it belongs to the next phase
                self._advance(now)
                continue
            connection = idle.popleft()
            if connection.state is not _IDLE:
                continue
            phases.take_due()
            if connection.begin_hot(intended, phases.recorder_of(intended)):
                ready.append(connection)
            else:
                self._attendant.begin(connection, intended)

    def _keep_house(self, now: int) -> None:
        """Do what is due by the clock."""
        attendant = self._attendant
        attendant.come_again(now)
        if now >= self._next_sweep_ns:
            self._next_sweep_ns = now + min(_SWEEP_EVERY_NS, self._timeout_ns // 4)
            self._stamps.compare_clocks()
            attendant.sweep(now)
        self._advance(now)  # first: what is handed out of a phase that is over ends with it
        self._phases.tick(now, lambda: self._pool.users)
        attendant.resume(now)

    def _advance(self, now: int) -> None:
        attendant = self._attendant
        self._phases.advance(now, settled=attendant.is_settled, give_up=attendant.give_up)

    def _take_tally(self, tally: Tally) -> None:
        """Pass a tally on; its rate says which replies get a timestamp."""
        self._stamps.counted(tally)
        self._on_tally(tally)
