"""A connection of a swarm over UDP: one datagram out, one datagram back.

What was lost is seen when the time for its reply is over; the socket stays, and the next datagram
goes out. A reply that comes after that is late; one to a datagram that was answered already is a
duplicate. Requests that follow each other differ, so that each reply tells which one it answers.
"""

from __future__ import annotations

import ssl
from collections import deque
from select import EPOLLIN

from wireproof.load.failures import DUPLICATE, LATE, LOST, WRONG_REPLY, ConnectionFailedError
from wireproof.load.swarm.connection import COLD, WOULD_BLOCK, State, SwarmConnection
from wireproof.load.swarm.corpus import Batch
from wireproof.load.tally import Sample
from wireproof.protocols.base import Protocol
from wireproof.protocols.oracle import WrongReplyError, printable
from wireproof.target import Target

_REMEMBERED = 16


class DatagramConnection(SwarmConnection):
    """A UDP socket, and the user that it belongs to."""

    __slots__ = ("_answered", "_lost")

    def __init__(self, target: Target, protocol: Protocol, first: Batch) -> None:
        """Be closed; `first` is what is sent first."""
        super().__init__(target, protocol, first)
        self._answered = False
        self._lost: deque[Batch] = deque(maxlen=_REMEMBERED)

    def finish_connect(self) -> bool:
        """Be ready at once: there is nobody to wait for."""
        self.send = self.sock.send
        self.receive = self.receive_with_stamp if self.stamp_always else self.sock.recv
        self.watched = EPOLLIN
        self.backoff_s = 0.0
        self.state = State.IDLE
        return True

    def begin(self, now_ns: int, intended_ns: int) -> None:
        """Send the next datagram.

        Raises:
            ConnectionFailedError: the system refuses to.

        """
        batch = self.batch = self.batch.next
        self.state = State.BUSY
        self.sent_ns = now_ns
        self.intended_ns = intended_ns
        self._answered = False
        self.hot = batch if self.predicted and batch.reply is not None else COLD
        try:
            self.send(batch.payload)
        except WOULD_BLOCK:  # our own buffer is full: lost, as anywhere else on the way
            return
        except (OSError, ssl.SSLError) as error:
            raise self.broken(error) from None

    def on_data(self, data: bytes) -> int:
        """Judge a datagram.

        Raises:
            ConnectionFailedError: it answers none of ours, or one that was answered or given up.

        """
        if self.state is State.BUSY and self._answers(self.batch, data):
            self._answered = True
            self._pieces = 1
            return 1
        for batch in self._lost:
            if self._answers(batch, data):
                self._lost.remove(batch)
                raise ConnectionFailedError(LATE, closes=False)
        earlier = self.batch.previous if self.state is State.BUSY else self.batch
        for _ in range(_REMEMBERED):
            if self._answers(earlier, data):
                raise ConnectionFailedError(DUPLICATE, closes=False)
            earlier = earlier.previous
        raise ConnectionFailedError(
            WRONG_REPLY,
            sample=Sample(
                cause=WRONG_REPLY,
                problem="a datagram that answers none of ours",
                actual=printable(data),
                request=printable(self.batch.payload),
            ),
        )

    def lose(self) -> None:
        """Give the datagram under way up; a late reply to it will be known as such."""
        self._lost.append(self.batch)
        self.hot = COLD
        self.state = State.IDLE

    @property
    def complete(self) -> bool:
        """Whether the datagram is answered."""
        return self._answered

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


def lost() -> ConnectionFailedError:
    """Return what a datagram without a reply counts as."""
    return ConnectionFailedError(LOST, closes=False)
