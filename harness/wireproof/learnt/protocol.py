"""A protocol that nobody wrote: its requests are those that were seen, its replies were learnt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from wireproof.learning.memory import Memory
from wireproof.learning.patterns.pattern import Literal
from wireproof.learning.patterns.wholes import size_of_whole
from wireproof.learning.values.clocks import Clock
from wireproof.learning.values.kinds import Duration, Length, Random, Settled
from wireproof.learnt.any_order import AnyOrderOracle
from wireproof.learnt.cast import Cast
from wireproof.learnt.interim import InterimOracle, expects_interim, without_interim
from wireproof.learnt.oracle import LearntOracle
from wireproof.protocols.base import Protocol
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from wireproof.learnt.scripts import Scripts

_DIGITS = b"0123456789"
_LETTERS = b"abcdefghijklmnopqrstuvwxyz"
_CAPITALS = _LETTERS.upper()

_LONGER_BYTES = (150, 300, 1500)
_MAY_COME_AGAIN = (Clock, Duration, Length, Random, Settled)


class LearntProtocol(Protocol):
    """Conversations that were seen, and what was learnt of their replies.

    Attributes:
        scripts: all that was learnt.
        memory: of what was said, for counters and for values that never come twice.

    """

    name = "learnt"
    source = "what was seen"
    inapplicable: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "FRAME-EARLY": "without a protocol, the right reply to part of a request is unknown",
        }
    )

    levels: ClassVar[Mapping[str, Level]] = MappingProxyType({"SIZE-POWERS": Level.SHOULD})
    """Nobody has said how long a request may be."""

    def __init__(self, scripts: Scripts, clock: Callable[[], float]) -> None:
        """Judge by `scripts`; `clock` tells seconds of the epoch."""
        self.scripts = scripts
        self.memory = Memory(ordered=False)
        self.one_request = all(
            script.closes and len(script.requests) == scripts.opening + 1
            for script in scripts.scripts
        )
        self._form_only = self._any_order = self._leaves_out = False
        self._clock = clock
        self._cast = Cast(scripts)
        self._final = Cast(without_interim(scripts)) if expects_interim(scripts) else None
        self._last = {script.requests[-1] for script in scripts.scripts if script.closes}

    def requests(self) -> SearchStrategy[bytes]:
        """Return what is answered alike in any order, else what a connection begins with."""
        from hypothesis import strategies as st

        first = self.scripts.scripts[0].requests[self.scripts.opening]
        return st.sampled_from(self.scripts.independent or (first,))

    def kinds(self) -> Mapping[str, SearchStrategy[bytes]]:
        """Return them, and by itself each that may be longer, at a size of more than one read."""
        from hypothesis import strategies as st

        kinds = {"as seen": self.requests()}
        for one in self.scripts.grown:
            sizes = (min(one.most_bytes, size) for size in _LONGER_BYTES)
            longer = filter(None, map(one.sized, sizes))
            kinds[f"longer {len(kinds)}"] = st.sampled_from(list(longer) or [one.request.data])
        return kinds

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a request of this size, made of one that was seen; None where none can be."""
        found = (one.sized(size_bytes) for one in self.scripts.grown)
        return next((one for one in found if one is not None), None)

    def ends_itself(self, request: bytes) -> bool:
        """Say whether the end of its reply is known without waiting for more."""
        return all(line.pattern.ends_itself for _, _, line in self._cast.places(request))

    def unanswered(self) -> frozenset[bytes]:
        """Return longer requests that got no answer at all, however they were sent."""
        return frozenset(filter(None, (one.unanswered for one in self.scripts.grown)))

    def example(self) -> bytes | None:
        """Return the likeliest of them."""
        return next(iter(self.scripts.independent), None)

    def conversations(self) -> Sequence[tuple[bytes, ...]]:
        """Return each script, behind what opens a connection."""
        behind = (script.requests[self.scripts.opening :] for script in self.scripts.scripts)
        return list(dict.fromkeys(filter(None, behind)))

    def is_conversation(self, requests: Sequence[bytes]) -> bool:
        """Say whether requests may follow each other: as seen, where none is answered alike again.

        A server that counts the requests of a connection tells each of them another number.
        """
        if not self.is_scripted:
            return True
        begun = tuple(requests)
        return any(begun == one[: len(begun)] for one in self.conversations())

    def opening(self) -> Sequence[bytes]:
        """Return what all scripts begin with."""
        return self.scripts.scripts[0].requests[: self.scripts.opening]

    def begins_tls(self, request: bytes) -> bool:
        """Say whether TLS was seen to begin behind the reply to a request."""
        return request in self.scripts.upgrades

    def refused(self, reply: bytes) -> bool:
        """Say whether what came inside TLS answers nothing that is sent ahead of it in the clear.

        Such a request has its learnt reply, where it is answered; all else is a refusal.
        """
        stuffed = {self.example(), *self.opening()}
        return not any(
            line.request in stuffed and size_of_whole(line.pattern, reply)
            for line in self.scripts.lines
        )

    def oracle(self) -> LearntOracle | AnyOrderOracle:
        """Return what compares a connection with the scripts."""
        if self._any_order:
            return AnyOrderOracle(self._cast)
        memory = None if self._form_only else self.memory
        if self._leaves_out and self._final is not None:
            return InterimOracle(self._final, memory, self._clock)
        return LearntOracle(self._cast, memory, self._clock)

    def usual_reply_bytes(self, request: bytes) -> int:
        """Return how long the longest reply to a request usually is."""
        return max(line.pattern.typical_bytes for _, _, line in self._cast.places(request))

    def is_last(self, request: bytes) -> bool:
        """Say whether a request ends a script at whose end the server closes."""
        return request in self._last

    @property
    def repeats_itself(self) -> bool:
        """Whether a reply that was right is right again for the same request, within a second."""
        return (
            self._cast.vary is None
            and not self._cast.carries
            and not self._cast.unasked
            and all(
                isinstance(element, Literal) or isinstance(element.kind, _MAY_COME_AGAIN)
                for line in self.scripts.lines
                for element in line.pattern.elements
            )
        )

    @property
    def is_scripted(self) -> bool:
        """Whether no request can be sent again on its connection: then only scripts can."""
        return not self.scripts.independent

    @property
    def carries(self) -> bool:
        """Whether a request repeats what a reply gave."""
        return self._cast.carries

    def looks_at_form(self, *, only: bool) -> None:
        """Compare counters, clocks and unique values with nothing, from the next connection on."""
        self._form_only = only

    def leaves_order_open(self, *, is_open: bool) -> None:
        """Take replies in any order, from the next connection on."""
        self._any_order = is_open

    @property
    def expects_interim(self) -> bool:
        """Whether a request waits for an interim reply, which a server may leave out."""
        return self._final is not None

    def leaves_out_interim(self, *, is_left_out: bool) -> None:
        """Compare replies without the interim ones, from the next connection on."""
        self._leaves_out = is_left_out

    def begins_plan(self, *, ordered: bool) -> None:
        """Hear whether the next plan has one connection: beside others no counter has a next."""
        self.memory.ordered = ordered

    def has_lost_count(self) -> None:
        """Hear that requests were sent of which nobody knows how often they were counted."""
        for place in self.scripts.counters():
            self.memory.at(place).last = None


class VariedProtocol(LearntProtocol):
    """The same, where the user said what of requests is a name of the connection's own."""

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Return the request under another name."""
        names = self._cast.vary
        return request if names is None else names.sub(lambda one: variant(one[0], serial), request)


def variant(name: bytes, serial: int) -> bytes:
    """Return a name of the same size, another for each serial: its number counted on.

    >>> variant(b"user-17", 3)
    b'user-20'
    >>> variant(b"ann", 26)
    b'aon'
    """
    varied = bytearray(name)
    alphabets = (_DIGITS,) if any(one in _DIGITS for one in name) else (_LETTERS, _CAPITALS)
    for at in reversed(range(len(name))):
        for letters in alphabets:
            if name[at] in letters:
                serial, digit = divmod(letters.index(name[at]) + serial, len(letters))
                varied[at] = letters[digit]
    return bytes(varied)
