"""Datagrams: each is a message of its own, may be answered once, and may be lost.

Over UDP nothing keeps replies in order, so a reply is right if some datagram that is not answered
yet explains it. A reply that none explains is wrong: a second reply to one datagram above all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from wireproof.errors import UsageError
from wireproof.protocols.base import Protocol
from wireproof.protocols.oracle import MalformedReplyError, Oracle, WrongReplyError, printable
from wireproof.protocols.replies import Expected, Matcher, matches, replies_of, shown
from wireproof.protocols.user_code import call_user_code, code_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

MAX_OUTSTANDING = 65536


class Datagrams(ABC):
    """What a protocol has that is spoken over UDP, besides a stream or alone."""

    max_datagram_bytes: ClassVar[int] = 1472
    """What one Ethernet frame carries over IPv4."""

    def datagrams(self) -> SearchStrategy[bytes]:
        """Return a strategy for one valid datagram; the stream's requests where they are that."""
        limit = self.max_datagram_bytes
        assert isinstance(self, Protocol)
        return self.requests().filter(lambda request: len(request) <= limit)

    @abstractmethod
    def expected_datagram(self, datagram: bytes) -> Matcher | None:
        """Return the right reply to `datagram`, or None where it has none."""

    def unanswered_datagrams(self) -> Sequence[bytes]:
        """Return datagrams that no server may answer, for example because they are replies."""
        return ()

    def sized_datagram(self, size_bytes: int) -> bytes | None:
        """Return a valid datagram of exactly `size_bytes`, or None where there is none."""
        assert isinstance(self, Protocol)
        return self.sized_request(size_bytes)

    def datagram_oracle(self) -> DatagramOracle:
        """Return a judge of one socket."""
        return DatagramOracle(self)


class DatagramProtocol(Datagrams, Protocol):
    """A protocol that is spoken in datagrams alone."""

    transports: ClassVar[frozenset[str]] = frozenset({"udp"})

    @abstractmethod
    def expected(self, datagram: bytes) -> Matcher | None:
        """Return the right reply to `datagram`, or None where it has none."""

    def expected_datagram(self, datagram: bytes) -> Matcher | None:
        """Return the right reply to `datagram`, or None where it has none."""
        return self.expected(datagram)

    def oracle(self) -> Oracle:
        """Refuse: there is no stream."""
        raise UsageError(f"{self.name or type(self).__name__} is spoken over UDP alone")


class DatagramOracle:
    """Judges one socket: told of each datagram that goes out, shown each that comes in."""

    def __init__(self, protocol: Datagrams) -> None:
        """Judge by `protocol`."""
        self._judge = protocol.expected_datagram
        if isinstance(protocol, DatagramProtocol):  # so that what is at fault is the user's line
            self._judge = protocol.expected
        self._outstanding: list[Matcher] = []
        self._received = 0

    def sent(self, datagram: bytes) -> None:
        """Say that `datagram` goes out now."""
        judge = self._judge
        expected: Expected = call_user_code(judge, datagram)
        # An empty datagram is a reply like any other; only streams have no empty ones.
        replies = (
            [expected] if expected == b"" else [r.matcher for r in replies_of(expected, judge)]
        )
        if len(replies) > 1:
            raise code_error(judge, "returned several replies", "a datagram has one reply at most")
        self._outstanding += replies
        if len(self._outstanding) > MAX_OUTSTANDING:  # lost ones, long ago
            del self._outstanding[0]

    def receive(self, datagram: bytes) -> None:
        """Take one datagram.

        Raises:
            WrongReplyError: no datagram that is still unanswered explains it.

        """
        why = ""
        for position, matcher in enumerate(self._outstanding):
            try:
                if matches(matcher, datagram, None):
                    del self._outstanding[position]
                    self._received += 1
                    return
            except MalformedReplyError as error:
                why = f" ({error})"
        raise WrongReplyError(
            f"a datagram that answers nothing{why}",
            expected=" or ".join(shown(m) for m in self._outstanding[:3]) or "nothing",
            actual=printable(datagram),
            offset_bytes=self._received,
        )

    def forget(self) -> int:
        """Give up on what is outstanding, and return how many replies that were."""
        lost = len(self._outstanding)
        self._outstanding.clear()
        return lost

    @property
    def owed(self) -> int:
        """How many datagrams that have a reply are not answered yet."""
        return len(self._outstanding)
