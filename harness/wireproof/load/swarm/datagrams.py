"""A connection of a swarm over UDP: one datagram out, one datagram back.

What was lost is seen when the time for its reply is over; the socket stays, and the next datagram
goes out. A reply that comes after that is late; one to a datagram that was answered already is a
duplicate. Requests that follow each other differ, so that each reply tells which one it answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from wireproof.causes import Cause
from wireproof.load.failures import ConnectionFailedError, transfer_cause
from wireproof.load.swarm.connection import SwarmConnection
from wireproof.load.swarm.corpus import Batch
from wireproof.load.swarm.dialling import dial
from wireproof.load.swarm.dialogue import WOULD_BLOCK
from wireproof.load.swarm.link import State
from wireproof.load.tally import Sample
from wireproof.protocols.base import Protocol
from wireproof.protocols.oracle import WrongReplyError, printable
from wireproof.target import Target

_REMEMBERED = 16


class DatagramConnection(SwarmConnection):
    """A UDP socket, and the user that it belongs to."""

    __slots__ = ("_lost",)

    def __init__(
        self,
        target: Target,
        protocol: Protocol,
        first: Batch,
        stamp_sink: Callable[[SwarmConnection, int], None],
    ) -> None:
        """Be closed; the arguments are those of a connection over a stream."""
        super().__init__(target, protocol, first, stamp_sink)
        self._lost: deque[Batch] = deque(maxlen=_REMEMBERED)

    def connect(self, source: str, serial: int) -> None:
        """Have a socket.

        Args:
            source: the local address to come from; empty for the system's choice.
            serial: of no meaning here.

        Raises:
            ConnectionFailedError: there is none to be had.

        """
        del serial
        self._sock = dial(self._target, source)
        self.fd = self._sock.fileno()
        self.expired = False
        self.state = State.OPENING
        self.watch_level(writable=True)

    def go_on(self, event: int) -> bool:
        """Be open: there is nobody to wait for."""
        del event
        self._be_open(self._sock)
        return True

    def begin(self, now_ns: int, intended_ns: int) -> None:
        """Send the next datagram.

        Raises:
            ConnectionFailedError: the system refuses to.

        """
        if not self.begin_hot(intended_ns):
            self._take_next(intended_ns)
        self.sent_ns = now_ns
        try:
            self.send(self.batch.payload)
        except WOULD_BLOCK:
            self.sent_partly(0)
        except OSError as error:
            raise self.broken(error) from None

    def sent_partly(self, count: int) -> None:
        """Let a datagram go for which our own buffer has no room: lost, as anywhere on the way."""
        del count

    def on_data(self, data: bytes) -> int:
        """Judge a datagram.

        Raises:
            ConnectionFailedError: it answers none of ours, or one that was answered or given up.

        """
        if self.state is State.BUSY and self._answers(self.batch, data):
            return 1
        for batch in self._lost:
            if self._answers(batch, data):
                self._lost.remove(batch)
                raise ConnectionFailedError(Cause.LATE, closes=False)
        earlier = self.batch.previous if self.state is State.BUSY else self.batch
        for _ in range(_REMEMBERED):
            if self._answers(earlier, data):
                raise ConnectionFailedError(Cause.DUPLICATE, closes=False)
            earlier = earlier.previous
        problem = "a datagram that answers none of ours"
        raise self._failed(Cause.WRONG_REPLY, problem, printable(data))

    def overdue(self) -> ConnectionFailedError:
        """Give the datagram under way up; a late reply to it will be known as such."""
        self._lost.append(self.batch)
        self.settle(self.sent_ns)
        return ConnectionFailedError(Cause.LOST, closes=False)

    def broken(self, error: OSError) -> ConnectionFailedError:
        """Return what a failed send or receive means."""
        cause = transfer_cause(error.errno, mid_frame=False)
        return self._failed(cause, error.strerror or str(error) if cause is Cause.OTHER else cause)

    @property
    def complete(self) -> bool:
        """Whether the datagram is answered: what `on_data` does not refuse is the reply to it."""
        return True

    @property
    def has_ended(self) -> bool:
        """Never: there is no stream to end."""
        return False

    @property
    def under_way(self) -> int:
        """Datagrams without a reply."""
        return int(self.state is State.BUSY)

    @property
    def _came_whole(self) -> bool:
        return True

    def _answers(self, batch: Batch, data: bytes) -> bool:
        """Whether `data` is the whole right reply, to the oracle of a connection of its own."""
        if data == batch.reply:
            return True
        oracle = self._protocol.oracle()
        oracle.announce(batch.payload)
        oracle.sent(batch.size)
        try:
            oracle.receive_data(data)
        except WrongReplyError:
            return False
        return oracle.settled

    def _failed(self, cause: Cause, problem: str, actual: str = "") -> ConnectionFailedError:
        request = printable(self.batch.payload)
        sample = Sample(cause=cause, problem=problem, actual=actual, request=request)
        return ConnectionFailedError(cause, problem, sample)
