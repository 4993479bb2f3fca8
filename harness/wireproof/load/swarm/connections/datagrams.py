"""A connection of a swarm over UDP: one datagram out, one datagram back.

What was lost is seen when the time for its reply is over; the socket stays, and the next datagram
goes out. A reply that comes after that is late; one to a datagram that was answered already is a
duplicate. Requests that follow each other differ, so that each reply tells which one it answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from wireproof.causes import Cause
from wireproof.load.failures import ConnectionFailedError, transfer_cause
from wireproof.load.figures.tally import Sample
from wireproof.load.swarm.connections.connection import SwarmConnection
from wireproof.load.swarm.connections.dialogue import WOULD_BLOCK
from wireproof.load.swarm.connections.link import State
from wireproof.load.swarm.connections.surroundings import REAL, Surroundings
from wireproof.load.swarm.measuring.recorder import Recorder
from wireproof.load.workload.batch import Batch
from wireproof.load.workload.corpus import Corpus
from wireproof.load.workload.ring import Ring
from wireproof.protocols.base import Protocol
from wireproof.protocols.datagram import DatagramOracle, Datagrams
from wireproof.protocols.oracle import WrongReplyError
from wireproof.target import Target
from wireproof.words import printable

_REMEMBERED = 16


class DatagramConnection(SwarmConnection):
    """A UDP socket, and the user that it belongs to."""

    __slots__ = ("_heard", "_lost")

    outlives_silence = True

    def __init__(
        self,
        target: Target,
        protocol: Protocol,
        corpus: Corpus,
        start: int,
        stamp_sink: Callable[[SwarmConnection, int], None],
        *,
        surroundings: Surroundings = REAL,
    ) -> None:
        """Be closed; the arguments are those of a connection over a stream."""
        super().__init__(target, protocol, corpus, start, stamp_sink, surroundings=surroundings)
        self._heard = b""
        self._lost: deque[Batch] = deque(maxlen=_REMEMBERED)

    def connect(self, source: str, serial: int, opening: Iterable[bytes] = ()) -> None:
        """Have a socket.

        Args:
            source: the local address to come from; empty for the system's choice.
            serial: of no meaning here.
            opening: there is none here.

        Raises:
            ConnectionFailedError: there is none to be had.

        """
        del serial, opening
        self._sock = self._surroundings.dial(self._target, source)
        self.fd = self._sock.fileno()
        self.expired = False
        self.state = State.OPENING
        self.watch_level(writable=True)

    def go_on(self, event: int) -> bool:
        """Be open: there is nobody to wait for."""
        del event
        self._be_open(self._sock)
        return True

    def begin(self, now_ns: int, intended_ns: int, recorder: Recorder) -> None:
        """Send the next datagram; the arguments are those of a connection over a stream.

        Raises:
            ConnectionFailedError: the system refuses to.

        """
        if not self.begin_hot(intended_ns, recorder):
            self._take_next(intended_ns, recorder)
        self.sent_ns = now_ns
        try:
            sent = self.send(self.batch.payload)
        except WOULD_BLOCK:
            sent = 0
        except OSError as error:
            raise self.broken(error) from None
        if sent != self.batch.left:
            self.sent_partly(sent)

    def begin_hot(self, intended_ns: int, recorder: Recorder) -> bool:
        """Make the next datagram the hot one; False where it cannot be.

        While some are lost, each goes by `begin`: what is sent anew is not lost any more, and a
        second reply to it is none to the first.
        """
        return not self._lost and super().begin_hot(intended_ns, recorder)

    def _take_next(self, intended_ns: int, recorder: Recorder) -> None:
        super()._take_next(intended_ns, recorder)
        if self._batch in self._lost:
            self._lost.remove(self._batch)

    def sent_partly(self, count: int) -> None:
        """Have the reply judged that is not known, if there is to be one.

        Where our own buffer had no room the datagram is lost, as anywhere on the way.
        """
        self._let_go()
        self.watch_level(writable=bool(count) and not self._judge(self.batch).owed)

    def on_writable(self) -> None:
        """Be done with a datagram that has no reply: that it has left is all there is to know."""

    def on_data(self, data: bytes) -> int:
        """Judge a datagram.

        Raises:
            ConnectionFailedError: it answers none of ours, or one that was answered or given up.

        """
        stamp_ns = self.take_stamp()
        if self.state is State.BUSY and self._answers(self.batch, data):
            self._stamp_ns = stamp_ns
            self._let_go()
            self._answered = 1
            self._heard = data
            return 1
        for batch in self._lost:
            if self._answers(batch, data):
                self._lost.remove(batch)
                raise ConnectionFailedError(Cause.LATE, closes=False, is_fate=False)
        earlier = self.batch.previous if self.state is State.BUSY else self.batch
        for _ in range(_REMEMBERED):
            if self._answers(earlier, data):
                raise ConnectionFailedError(Cause.DUPLICATE, closes=False, is_fate=False)
            earlier = earlier.previous
        problem = "a datagram that answers none of ours"
        raise self._failed(Cause.WRONG_REPLY, problem, printable(data))

    def overdue(self, *, ending: bool) -> ConnectionFailedError:
        """Return that the datagram is lost, for all that can be known, at the end as before it."""
        del ending
        return ConnectionFailedError(Cause.LOST, closes=False)

    def give_up(self, now_ns: int) -> None:
        """Be idle without a reply; one that comes late will be known as such."""
        self._lost.append(self.batch)
        super().give_up(now_ns)

    def broken(self, error: OSError) -> ConnectionFailedError:
        """Return what a failed send or receive means."""
        cause = transfer_cause(error.errno, mid_frame=False)
        return self._failed(cause, error.strerror or str(error) if cause is Cause.OTHER else cause)

    @property
    def complete(self) -> bool:
        """Whether the datagram is done with: what `on_data` does not refuse is the reply to it."""
        return True

    @property
    def has_ended(self) -> bool:
        """Never: there is no stream to end."""
        return False

    def learn(self, now_ns: int) -> None:
        """Know the reply to this datagram, if it has one."""
        heard, self._heard = self._heard, b""
        self._predicted = self._corpus.learn(self._batch, heard, now_ns)

    def _enter(self, ring: Ring) -> None:
        """Have no opening."""

    def _judge(self, batch: Batch) -> DatagramOracle:
        """Return a judge of a socket on which nothing but this was sent."""
        assert isinstance(self._protocol, Datagrams)
        judge = self._protocol.datagram_oracle()
        judge.sent(batch.payload)
        return judge

    def _answers(self, batch: Batch, data: bytes) -> bool:
        """Whether `data` is a right reply."""
        if data == batch.reply:
            return True
        try:
            self._judge(batch).receive(data)
        except WrongReplyError:
            return False
        return True

    def _failed(self, cause: Cause, problem: str, actual: str = "") -> ConnectionFailedError:
        request = printable(self.batch.payload)
        sample = Sample(cause=cause, problem=problem, actual=actual, request=request)
        return ConnectionFailedError(cause, problem, sample)
