"""Datagrams: each is a message of its own, may be answered once, and may be lost.

Over UDP nothing keeps replies in order, so a reply is right if some datagram that is not answered
yet explains it. A reply that none explains is wrong: a second reply to one datagram above all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from wireproof.errors import UsageError
from wireproof.protocols.base import Protocol, overrides
from wireproof.protocols.oracle import MalformedReplyError, Oracle, WrongReplyError, told
from wireproof.protocols.replies import Expected, Matcher, matches, replies_of, shown
from wireproof.protocols.user_code import call_user_code, code_error
from wireproof.words import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hypothesis.strategies import SearchStrategy

MAX_OUTSTANDING = 65536

_Key = bytes | tuple[bytes]
"""What a reply is found by: its bytes, or, in a tuple, what names its datagram."""


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

    def datagram_id(self, datagram: bytes) -> bytes | None:
        """Return what names a datagram, in it and in its reply alike; None where nothing does.

        Without it, each reply is compared with all datagrams that are not answered.
        """
        del datagram
        return None

    def datagram_in_words(self, datagram: bytes) -> str:
        """Return what a wrong reply says in the protocol's own words, or nothing."""
        del datagram
        return ""

    def datagram_example(self) -> bytes | None:
        """Return a plain datagram, as an ordinary user would send it; the stream's, as a rule."""
        assert isinstance(self, Protocol)
        return self.example()

    def datagram_workload(self) -> Mapping[str, tuple[SearchStrategy[bytes], float]]:
        """Return what ordinary clients ask, as `Protocol.workload` does for streams."""
        assert isinstance(self, Protocol)
        return {self.name or type(self).__name__: (self.datagrams(), 1.0)}

    def fed_datagram(self, value: bytes) -> Mapping[str, tuple[bytes, float]]:
        """Return datagrams about `value`, as `Protocol.fed` does for streams."""
        assert isinstance(self, Protocol)
        return self.fed(value)

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
    """Judges one socket: told of each datagram that goes out, shown each that comes in.

    A reply is looked for among the datagrams that it names, or whose reply is known to the byte;
    only what has neither is tried one by one.
    """

    def __init__(self, protocol: Datagrams) -> None:
        """Judge by `protocol`."""
        self._protocol = protocol
        self._judge = protocol.expected_datagram
        if isinstance(protocol, DatagramProtocol):  # so that what is at fault is the user's line
            self._judge = protocol.expected
        named = overrides(protocol, Datagrams, "datagram_id")
        self._id_of = protocol.datagram_id if named else None
        self._outstanding: OrderedDict[int, tuple[Matcher, _Key | None]] = OrderedDict()
        self._by_key: dict[_Key, OrderedDict[int, None]] = {}
        self._others: OrderedDict[int, None] = OrderedDict()
        self._sent = 0
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
        for matcher in replies:
            self._sent += 1
            named = call_user_code(self._id_of, datagram) if self._id_of else None
            key: _Key | None = (named,) if named is not None else None
            if key is None and isinstance(matcher, bytes):
                key = matcher
            self._outstanding[self._sent] = matcher, key
            same = self._others if key is None else self._by_key.setdefault(key, OrderedDict())
            same[self._sent] = None
        if len(self._outstanding) > MAX_OUTSTANDING:  # lost ones, long ago
            self._settle(next(iter(self._outstanding)))

    def receive(self, datagram: bytes) -> None:
        """Take one datagram.

        Raises:
            WrongReplyError: no datagram that is still unanswered explains it.

        """
        why = ""
        for number in self._candidates(datagram):
            try:
                if matches(self._outstanding[number][0], datagram, None):
                    self._settle(number)
                    self._received += 1
                    return
            except MalformedReplyError as error:
                why = str(error)
        named = list(islice(self._named(datagram), 3))
        meant = named or list(islice(self._outstanding, 3))
        words = why or call_user_code(self._protocol.datagram_in_words, datagram)
        raise WrongReplyError(
            told("wrong reply" if named else "a datagram that answers nothing", words),
            expected=" or ".join(shown(self._outstanding[each][0]) for each in meant) or "nothing",
            actual=printable(datagram),
            offset_bytes=self._received,
        )

    def forget(self) -> int:
        """Give up on what is outstanding, and return how many replies that were."""
        lost = len(self._outstanding)
        for each in (self._outstanding, self._by_key, self._others):
            each.clear()
        return lost

    @property
    def owed(self) -> int:
        """How many datagrams that have a reply are not answered yet."""
        return len(self._outstanding)

    def _named(self, datagram: bytes) -> Iterator[int]:
        """Yield the numbers of the datagrams that `datagram` names."""
        if self._id_of is not None:
            named = call_user_code(self._id_of, datagram)
            yield from self._by_key.get((named,), ()) if named is not None else ()

    def _candidates(self, datagram: bytes) -> Iterator[int]:
        yield from self._named(datagram)
        yield from self._by_key.get(datagram, ())
        yield from self._others

    def _settle(self, number: int) -> None:
        _, key = self._outstanding.pop(number)
        if key is None:
            del self._others[number]
            return
        same = self._by_key[key]
        del same[number]
        if not same:
            del self._by_key[key]
