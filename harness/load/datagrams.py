"""A connection of a swarm over UDP: one datagram out, one datagram back.

What was lost is seen when the time for its reply is over; the socket stays, and the next datagram
goes out. A reply that comes after that is late; one to a datagram that was answered already is a
duplicate. Requests that follow each other differ, so that each reply tells which one it answers.
"""

from __future__ import annotations

import ssl
from collections import deque
from select import EPOLLIN

from harness.load.channel import COLD, WOULD_BLOCK, Channel, State
from harness.load.corpus import Exchange
from harness.load.failures import DUPLICATE, LATE, LOST, WRONG_REPLY, Failure
from harness.load.tally import Sample
from harness.protocols.base import Protocol
from harness.protocols.oracle import WrongReplyError, printable
from harness.target import Target

_REMEMBERED = 16


class DatagramChannel(Channel):
    """A UDP socket, and the user that it belongs to."""

    __slots__ = ("_answered", "_lost")

    def __init__(self, target: Target, protocol: Protocol, first: Exchange) -> None:
        """Be closed; `first` is what is sent first."""
        super().__init__(target, protocol, first)
        self._answered = False
        self._lost: deque[Exchange] = deque(maxlen=_REMEMBERED)

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
            Failure: the system refuses to.

        """
        exchange = self.exchange = self.exchange.next
        self.state = State.BUSY
        self.sent_ns = now_ns
        self.intended_ns = intended_ns
        self._answered = False
        self.hot = exchange if self.predicted and exchange.reply is not None else COLD
        try:
            self.send(exchange.payload)
        except WOULD_BLOCK:  # our own buffer is full: lost, as anywhere else on the way
            return
        except (OSError, ssl.SSLError) as error:
            raise self.broken(error) from None

    def on_data(self, data: bytes) -> int:
        """Judge a datagram.

        Raises:
            Failure: it answers none of ours, or one that was answered or given up.

        """
        if self.state is State.BUSY and self._answers(self.exchange, data):
            self._answered = True
            self._pieces = 1
            return 1
        for exchange in self._lost:
            if self._answers(exchange, data):
                self._lost.remove(exchange)
                raise Failure(LATE, closes=False)
        earlier = self.exchange.previous if self.state is State.BUSY else self.exchange
        for _ in range(_REMEMBERED):
            if self._answers(earlier, data):
                raise Failure(DUPLICATE, closes=False)
            earlier = earlier.previous
        raise Failure(
            WRONG_REPLY,
            sample=Sample(
                cause=WRONG_REPLY,
                problem="a datagram that answers none of ours",
                actual=printable(data),
                request=printable(self.exchange.payload),
            ),
        )

    def lose(self) -> None:
        """Give the datagram under way up; a late reply to it will be known as such."""
        self._lost.append(self.exchange)
        self.hot = COLD
        self.state = State.IDLE

    @property
    def complete(self) -> bool:
        """Whether the datagram is answered."""
        return self._answered

    def _answers(self, exchange: Exchange, data: bytes) -> bool:
        """Whether `data` is the whole right reply, to the oracle of a connection of its own."""
        if data == exchange.reply:
            return True
        oracle = self._protocol.oracle()
        oracle.announce(exchange.payload)
        oracle.sent(exchange.size)
        try:
            oracle.receive_data(data)
        except WrongReplyError:
            return False
        return oracle.settled


def lost() -> Failure:
    """Return what a datagram without a reply counts as."""
    return Failure(LOST, closes=False)
