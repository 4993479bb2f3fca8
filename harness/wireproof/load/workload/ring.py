"""A ring of batches of one connection's own, and how it comes to know their replies.

Strategy: where replies depend on what came before, or requests are private to their connection, a
connection goes round a ring of its own and has the oracle judge. A lap that ends with the oracle's
model in the state in which it began is closed: in every later lap each place has the same request
in the same state, and the reply that was accepted there is right again, for ever. One that differs
is judged: the oracle, which stopped where the lap was closed, is shown what it missed, a lap at
most. If it accepts, the connection walks on with it until a lap is closed once more.

Numbers that only grow, such as those of deliveries, are no part of the state. Each lap has them
grow by as much, in the model and in the replies: so the replies of the next lap are known, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from wireproof.load.workload.batch import Batch, Steps

_MOST_LAPS = 6
"""Without one that is closed; a state that only grows is not awaited any longer."""
_JUDGED_EVERY_NS = 5_000_000_000
"""A reply that is not known to the byte may hold a clock, or another connection's doing."""


class Ring(Protocol):
    """What one connection sends, round and round, and what it knows of the replies."""

    learns: bool
    """Whether what was heard is of any use to it."""
    opening: Sequence[bytes]
    """Requests that open a connection behind the protocol's own, before it begins."""

    def after(self, batch: Batch) -> Batch:
        """Return what is sent behind `batch`."""

    def begin(self, opened: Accepted) -> None:
        """Begin at a connection's first batch, with its opening behind it."""

    def counted(self, followed: Batch, last: Batch) -> Sequence[int]:
        """Return an oracle's counters after the laps that it missed; none where nobody counts."""

    def missed(self, followed: Batch, last: Batch) -> Iterable[Batch]:
        """Return what an oracle has to be shown that followed up to one batch, to be at `last`.

        Behind the whole laps that `counted` has told it of.
        """

    def forget(self, now_ns: int) -> None:
        """Have the oracle judge anew what has been known for too long."""

    def learn(self, batch: Batch, heard: bytes | None, now_ns: int, accepted: Accepted) -> bool:
        """Take what the oracle accepted.

        Args:
            batch: what it answers.
            heard: all that came since the batch before; None where that can't be told.
            now_ns: the time.
            accepted: by whom, and how.

        Returns:
            Whether the replies to what follows are known.

        """


class Accepted(Protocol):
    """A dialogue whose oracle has accepted a batch."""

    @property
    def state(self) -> object:
        """What its model holds; None where that is unknown."""

    @property
    def judged(self) -> int:
        """Replies so far that were not known to the byte."""

    @property
    def counters(self) -> tuple[int, ...]:
        """Its model's numbers that only grow."""

    def counters_in(self, replies: bytes) -> Sequence[tuple[int, int, int]]:
        """Return where replies hold counters: offset, size in bytes, and which."""

    def ends_of(self, batch: Batch, reply: bytes) -> Sequence[int]:
        """Return where the reply to each request ends; none where that is not known."""


class PrivateRing:
    """The ring of one connection: built as it is gone round first, and closed by its state.

    Attributes:
        before: stands before the first batch.
        learns: whether a lap may still close.
        opening: requests that open the connection behind the protocol's own.

    """

    def __init__(
        self, size: int, make: Callable[[int], Batch], opening: Sequence[bytes] = ()
    ) -> None:
        """Have `size` places.

        Args:
            size: one at least.
            make: returns the batch of a place.
            opening: requests that open the connection behind the protocol's own.

        """
        self.learns = True
        self.opening = opening
        self.before = Batch(())
        self._size, self._make = size, make
        self._built = 0
        self._last = self.before
        self._start: object = None
        self._counters: tuple[int, ...] = ()  # as the lap began
        self._steps: tuple[int, ...] = ()  # by which they grow in a lap
        self._recorded = 0
        self._judged = 0
        self._laps = 0
        self._closed = False
        self._judge_ns = 0

    def after(self, batch: Batch) -> Batch:
        """Return what is sent behind `batch`, made now in the first lap."""
        if batch is self._last and self._built < self._size:
            made = self._make(self._built)
            self._built += 1
            self.learns &= not made.waits  # what is known leaves in one piece
            batch.next, made.previous = made, batch
            self._last = made
            if self._built == self._size:
                made.next, self._first.previous = self._first, made
        return batch.next

    @property
    def _first(self) -> Batch:
        return self.before.next

    def begin(self, opened: Accepted) -> None:
        """Begin the first lap."""
        self._start, self._judged = opened.state, opened.judged
        self._counters = opened.counters

    def counted(self, followed: Batch, last: Batch) -> Sequence[int]:
        """Return the counters after the whole laps up to `last`, each of whose places counts."""
        if not self._closed or not self._counters:
            return ()
        laps = last.passes - (last is not followed)
        pairs = zip(self._counters, self._steps, strict=True)
        self._counters = tuple(counter + laps * step for counter, step in pairs)
        return self._counters

    def missed(self, followed: Batch, last: Batch) -> Iterable[Batch]:
        """Yield what lies between, a lap at most: those before it left the same state."""
        while followed is not last:
            followed = followed.next
            yield followed

    def learn(self, batch: Batch, heard: bytes | None, now_ns: int, accepted: Accepted) -> bool:
        """Take a reply; the last of a lap may close it."""
        if self._closed:
            self._closed = False
            self._recorded = self._place_of(batch)
        if heard is None:
            self._start = None  # this lap is of no use
        else:
            batch.accepted = heard
            self._recorded += 1
        if batch is not self._last or self._built < self._size:
            return False
        return self._end_lap(now_ns, accepted)

    def _end_lap(self, now_ns: int, accepted: Accepted) -> bool:
        state = accepted.state
        is_whole = self._recorded == self._size and self._start is not None
        self._closed = self.learns and is_whole and state == self._start
        self._start, self._recorded = state, 0
        exact = accepted.judged == self._judged
        self._judged = accepted.judged
        before, self._counters = self._counters, accepted.counters
        if not self._closed:
            self._laps += 1
            self.learns &= self._laps < _MOST_LAPS
            return False
        self._laps = 0
        self._steps = tuple(now - then for now, then in zip(self._counters, before, strict=True))
        self._judge_ns = 0 if exact else now_ns + _JUDGED_EVERY_NS
        batch = self._last
        for _ in range(self._size):
            batch = batch.next
            reply = batch.accepted
            if reply != batch.reply or not batch.ends:
                batch.know(reply or None, now_ns, accepted.ends_of(batch, reply or b""))
            if reply and self._counters:
                batch.grow(self._steps_in(reply, accepted))
        return True

    def _steps_in(self, reply: bytes, accepted: Accepted) -> Steps:
        found = accepted.counters_in(reply)
        return tuple((at, size, self._steps[which]) for at, size, which in found)

    def forget(self, now_ns: int) -> None:
        """Have the oracle judge a lap anew, where it is time."""
        if self._closed and 0 < self._judge_ns <= now_ns:
            self._judge_ns = 0
            self._first.know(None)

    def _place_of(self, batch: Batch) -> int:
        at, each = 0, self._first
        while each is not batch:
            at, each = at + 1, each.next
        return at
