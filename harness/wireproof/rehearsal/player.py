"""Plays a conversation uncut, in lock step, and sees where each reply ends: by the quiet behind it.

Nobody knows yet what a reply looks like. It is over once nothing has come for ten times as long as
the server has paused so far; measured on 516 replies of 49 conversations, that was never too early.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from wireproof.conversation import Conversation, End
from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.learning.carrying import Carried, value_now, with_values
from wireproof.learning.patterns.pattern import Pattern
from wireproof.learning.plays import Moment, Play
from wireproof.learning.unasked import Sieve
from wireproof.rehearsal.overhearing import overheard, trickling
from wireproof.rehearsal.upgrading import secured
from wireproof.target import Target
from wireproof.wire.connecting import connect
from wireproof.wire.connection import ConnectError, Connection
from wireproof.wire.observations import Data, EndOfStream, Reset, TimedOut

_GREETING_WAIT_S: Final = 1.0
"""For a server to speak first, where nobody has seen whether it does."""
_FIRST_WAIT_S: Final = 2.0
"""For the first byte of a reply, where it isn't known that there is one."""
_LONGEST_WAIT_S: Final = 10.0
"""For the first byte of a reply that was seen before."""
_LEAST_QUIET_S: Final = 0.1
_LEAST_QUIET_OF_KNOWN_SIZE_S: Final = 0.01
_MOST_QUIET_S: Final = 3.0
_QUIET_FACTOR: Final = 10.0
_MOST_REPLY_BYTES: Final = 16 * 1024 * 1024
_MOST_TURN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Performance:
    """One play, and how the server ended it.

    Attributes:
        play: the replies.
        closed_after: behind how many turns the server ended the stream; None if it did not.
        was_reset: whether it did so by a reset.
        several: whether a datagram was answered by more than one.

    """

    play: Play
    closed_after: int | None = None
    was_reset: bool = False
    several: bool = False


class Player:
    """Plays conversations to one server, and learns its pace on the way.

    Attributes:
        overheard: what the server said unasked in the first play.
        misheard: whether the first play took a part of a reply for that.
        began_tls: whether TLS began inside the latest play.

    """

    def __init__(
        self,
        target: Target,
        carried: Sequence[Carried] = (),
        unasked: Sequence[Pattern] | None = (),
        upgrades: Collection[bytes] = (),
    ) -> None:
        """Play to `target`, which is resolved.

        Args:
            target: speaks streams.
            carried: what requests repeat from replies.
            unasked: what belongs to no reply; None to hear that in the first play, whose replies
                may hold some of it then.
            upgrades: requests behind whose reply TLS begins.

        """
        self._target = target
        self.overheard: tuple[Pattern, ...] = ()
        self.misheard = self.began_tls = False
        self._upgrades = upgrades
        self._sieve = Sieve(unasked or ())
        self._listens = unasked is None
        self._slowest_s = 0.0  # to the first byte of a reply, or from one byte to the next
        self._sizes: dict[int, tuple[int, ...]] = {}  # of each turn's replies so far
        self._carried = carried

    def play(
        self,
        conversation: Conversation,
        *,
        patience: float = 1.0,
        pause_s: float = 0.0,
    ) -> Performance:
        """Play a conversation on a fresh connection.

        Args:
            conversation: its requests; always the same one for a player.
            patience: how many times the usual quiet ends a reply.
            pause_s: how long to wait before each request.

        Raises:
            CannotRunError: there is no connection, or a reply has no end.

        """
        replies: list[bytes] = []
        moments: list[Moment] = []
        closed_after, was_reset = None, False
        self.began_tls = False
        with self._connected() as plain:
            connection = plain
            for number, turn in enumerate(conversation.turns):
                if pause_s:
                    time.sleep(pause_s)  # not to wait for anything: a slow client is a client
                since_s = time.time()
                request = self._request(conversation, number, replies)
                gone = closed_after is not None or not _send(connection, request)
                if conversation.end is End.HALF_CLOSE and number == len(conversation.turns) - 1:
                    connection.half_close()
                known = bool(turn.reply) if conversation.replies_known else None
                reply, end = (
                    (b"", None) if gone else self._reply(connection, number, known, patience)
                )
                if end is not None and closed_after is None:
                    closed_after, was_reset = number + 1, isinstance(end, Reset)
                if turn.request in self._upgrades and closed_after is None:
                    connection = self._secured(plain)
                replies.append(reply)
                moments.append(Moment(since_s, time.time()))
            if closed_after is None and conversation.end is End.SERVER:
                last = connection.next_observation(Deadline(_FIRST_WAIT_S))
                if isinstance(last, EndOfStream | Reset):
                    closed_after = len(conversation.turns)
            if self._listens:
                self._listen(connection, is_open=closed_after is None)
        for number, reply in enumerate(replies):
            self._sizes[number] = (*self._sizes.get(number, ()), len(reply))
        return Performance(Play(tuple(replies), tuple(moments)), closed_after, was_reset)

    def _secured(self, plain: Connection) -> Connection:
        """Return the connection inside TLS, or as it is where the server does no handshake."""
        try:
            connection = secured(plain, self._target.host)
        except OSError:
            return plain
        self.began_tls = True
        return connection

    def _listen(self, connection: Connection, *, is_open: bool) -> None:
        """Hear what the server says unasked, once, and take nothing out of replies from then on."""
        self.overheard = overheard(connection) if is_open else ()
        self.misheard = bool(self._sieve) and not self.overheard
        self._sieve, self._listens = Sieve(()), False

    def _request(self, conversation: Conversation, number: int, replies: Sequence[bytes]) -> bytes:
        """Return a request with what the replies of this play gave it."""
        values = [
            (one, now)
            for one in self._carried
            if one.request == number
            and (now := value_now(one, conversation.replies[one.reply], replies[one.reply]))
        ]
        return with_values(conversation.turns[number].request, values)

    def is_greeted(self) -> bool:
        """Say whether the server speaks before it is spoken to.

        Raises:
            CannotRunError: there is no connection.

        """
        with self._connected() as connection:
            until = Deadline(_GREETING_WAIT_S)
            while isinstance(seen := connection.next_observation(until), Data):
                if self._sieve.cleaned([seen.data]):
                    return True
                if until.expired:  # it goes on without a pause
                    break
            return False

    def _connected(self) -> Connection:
        try:
            return connect(self._target)
        except ConnectError as error:
            raise CannotRunError(
                f"no connection to {self._target}: {error.reason}", "start the server first"
            ) from None

    def _reply(
        self, connection: Connection, number: int, known: bool | None, patience: float
    ) -> tuple[bytes, EndOfStream | Reset | None]:
        """Return all that comes until it is quiet, and the end of the stream if that comes."""
        arrivals: list[tuple[float, bytes]] = []
        size_bytes = received_bytes = 0
        begun_s = last_s = time.monotonic()
        until = Deadline(self._first_wait_s(number, known))
        while True:
            seen = connection.next_observation(until)
            now_s = time.monotonic()
            if not isinstance(seen, Data):
                end = None if isinstance(seen, TimedOut) else seen
                return self._sieve.cleaned([data for _, data in arrivals]), end
            arrivals.append((time.time(), seen.data))
            received_bytes += len(seen.data)
            if received_bytes > _MOST_REPLY_BYTES or now_s - begun_s > _MOST_TURN_S:
                raise CannotRunError(
                    f"the reply to request {number + 1} has no end:"
                    f" {received_bytes:,} bytes in {now_s - begun_s:.0f} s",
                    "an endless stream needs a protocol: --protocol",
                )
            if self._sieve and not self._sieve.cleaned([seen.data]):
                continue
            if self._listens and (unasked := trickling(arrivals)):
                self._sieve = Sieve(unasked)
                self._slowest_s = 0.0  # what came was no part of a reply
                until = Deadline(_LEAST_QUIET_S)
                continue
            self._slowest_s = max(self._slowest_s, now_s - last_s)
            last_s = now_s
            size_bytes += len(seen.data)
            until = Deadline(self._quiet_s(number, size_bytes) * patience)

    def _first_wait_s(self, number: int, known: bool | None) -> float:
        sizes = self._sizes.get(number, ())
        if any(sizes) or (known and not sizes):
            return _LONGEST_WAIT_S
        if sizes:  # there never was one
            return max(_LEAST_QUIET_S, _QUIET_FACTOR * self._slowest_s)
        return _FIRST_WAIT_S

    def _quiet_s(self, number: int, size: int) -> float:
        quiet_s = min(_MOST_QUIET_S, max(_LEAST_QUIET_S, _QUIET_FACTOR * self._slowest_s))
        sizes = self._sizes.get(number, ())
        if len(sizes) >= 2 and set(sizes) == {size}:  # as long as ever: little is to be expected
            return max(_LEAST_QUIET_OF_KNOWN_SIZE_S, quiet_s / 5)
        return quiet_s


def _send(connection: Connection, request: bytes) -> bool:
    """Send a whole request; return whether the connection took it."""
    left = memoryview(request)
    until = Deadline(_MOST_TURN_S)
    while left:
        taken = connection.send(left)
        if taken is None:
            return True  # what the server said before it closed is still to be read
        left = left[taken:]
        if left and not connection.wait(until, readable=False, writable=True):
            return False
    return True
