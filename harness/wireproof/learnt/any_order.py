"""Judges one connection by scripts in whose replies the order is left open.

Who sends several requests at once is answered by some servers as each is ready. Whether that is
right nobody has seen: what was learnt was asked one by one. So this oracle takes a whole reply to
any request that waits for one, and whoever needs the order asks `LearntOracle` first. Where all
replies are constant they may come in pieces, too.
"""

from wireproof.learning.patterns.pattern import Pattern
from wireproof.learning.patterns.wholes import may_begin, size_of_whole
from wireproof.learning.unasked import Sieve
from wireproof.learnt.cast import Cast, Cue
from wireproof.learnt.shuffled import Shuffle
from wireproof.protocols.oracle import Oracle, SentRequests, WrongReplyError
from wireproof.words import MAX_SHOWN_BYTES, printable

_MOST_WAITING = 64
"""Requests among which a reply is looked for."""


class AnyOrderOracle(Oracle):
    """Takes replies as learnt, looked at by their form, in whatever order they come."""

    def __init__(self, cast: Cast) -> None:
        """Begin a connection; `cast` knows the scripts."""
        self._cue = Cue(cast)
        self._requests = SentRequests()
        self._announced: list[Pattern] = []
        self._waiting: list[Pattern] = []
        # None where they would answer nothing, and where something unasked may be between them.
        self._pieces: Shuffle | None = None if cast.unasked else Shuffle()
        self._is_in_pieces = False
        self._buffer = b""
        self._taken_bytes = 0
        self._sieve = Sieve(cast.unasked)
        self._unasked_bytes = 0
        if cast.greeting is not None:
            self._owe(cast.greeting)

    def announce(self, request: bytes) -> None:
        """Look the request up."""
        self._announced.append(self._cue.pattern_for(request))
        self._requests.announce(len(request))

    def sent(self, count: int) -> None:
        """Wait for a reply to each request that is sent whole."""
        completed = self._requests.sent(count)
        asked, self._announced = self._announced[:completed], self._announced[completed:]
        for pattern in asked:
            if pattern.elements:
                self._owe(pattern)

    def receive_data(self, data: bytes) -> int:
        """Take the replies that are whole.

        Raises:
            WrongReplyError: there is no such reply, whichever request it answered.

        """
        before = self.owed
        if self._pieces is not None:
            self._pieces.receive_data(data)
            self._pieces = self._pieces if self._pieces.is_right else None
        self._buffer += data
        while (
            self._buffer and not self._is_in_pieces and (self._take_one() or self._take_unasked())
        ):
            pass
        if self._buffer and not self._is_in_pieces and not self._may_begin(self._buffer):
            self._is_in_pieces = self._pieces is not None
        elif not self._is_in_pieces:
            return before - self.owed
        if self._pieces is None:
            raise WrongReplyError(
                "wrong reply",
                expected="one of the replies that are owed, in any order",
                actual=printable(self._buffer),
                offset_bytes=self._taken_bytes,
                is_surplus=not (before if self._is_in_pieces else self._waiting),
            )
        return before - self.owed

    def receive_eof(self) -> None:
        """Take the end of the stream."""
        if self.owed:
            raise WrongReplyError(
                "end of stream",
                expected="a reply as learnt",
                actual="end of stream",
                offset_bytes=self._taken_bytes,
            )

    @property
    def owed(self) -> int:
        """How many requests are sent, and not answered whole."""
        if self._is_in_pieces and self._pieces is not None:
            return self._pieces.owed
        return len(self._waiting)

    @property
    def unasked_bytes(self) -> int:
        """How many bytes came that nobody had asked for."""
        return self._unasked_bytes

    @property
    def unfinished(self) -> bytes:
        """The beginning of a reply that is not here whole."""
        return self._buffer[:MAX_SHOWN_BYTES] if self.owed else b""

    def _owe(self, pattern: Pattern) -> None:
        self._waiting.append(pattern)
        reply = pattern.constant
        if self._pieces is not None and reply is not None:
            self._pieces.owe(reply)
        else:
            self._pieces = None

    def _take_one(self) -> bool:
        for at, pattern in enumerate(self._waiting[:_MOST_WAITING]):
            size_bytes = size_of_whole(pattern, self._buffer)
            if size_bytes:
                del self._waiting[at]
                self._buffer = self._buffer[size_bytes:]
                self._taken_bytes += size_bytes
                return True
        return False

    def _take_unasked(self) -> bool:
        size_bytes = self._sieve.size_at(self._buffer)
        self._buffer = self._buffer[size_bytes:]
        self._unasked_bytes += size_bytes
        return size_bytes > 0

    def _may_begin(self, data: bytes) -> bool:
        return self._sieve.may_begin(data) or any(
            may_begin(pattern, data) for pattern in self._waiting[:_MOST_WAITING]
        )
