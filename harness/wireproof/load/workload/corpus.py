"""What the connections of a load run send: drawn beforehand, so that sending costs nothing."""

from __future__ import annotations

import typing
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from wireproof.load.workload.batch import RECEIVE_BYTES, Batch
from wireproof.load.workload.predictor import Predictor
from wireproof.load.workload.ring import Accepted, PrivateRing, Ring
from wireproof.protocols.base import Protocol, as_sent
from wireproof.protocols.user_code import call_user_code

_LEARNT_FOR_NS = 1_000_000_000


class _HasBatch(typing.Protocol):
    """What has a batch under way."""

    hot: Batch


@dataclass(frozen=True, slots=True)
class Privacy:
    """Says that each connection has requests, or replies, of its own.

    Attributes:
        protocol: makes requests private to a connection, and numbers them.
        places: how many batches its ring has.
        first_number: of the first request behind those that open it.
        is_written: whether the user has written the requests, or what they are about.

    """

    protocol: Protocol
    places: int
    first_number: int
    is_written: bool = False

    def made(self, batch: Batch, serial: int, number: int) -> Batch:
        """Return a batch as one connection sends it, with requests from `number` on."""
        first = self.first_number + number
        made = batch.made_of(as_sent(self.protocol, batch.requests, serial, first))
        made.waits = any(call_user_code(self.protocol.pauses, one) for one in made.requests)
        return made


class Corpus:
    """What the connections of a worker send: one ring for all, or one of its own for each.

    Attributes:
        batches: the ring, or what each connection's is made of.
        predictor: what knows the replies of a ring for all, or None where only the oracle can
            judge.
        learns: whether what was heard is of any use to a ring for all.
        opening: what opens a connection beside the protocol's own: nothing.
        is_private: whether each connection has a ring of its own.
        kinds: names of the kinds of requests, by number; none where they are not told apart.
        begins: the places at which conversations begin, each of which has a connection to itself;
            none where requests follow each other at will.

    """

    def __init__(
        self,
        batches: Sequence[Batch],
        predictor: Predictor | None,
        *,
        datagrams: bool = False,
        privacy: Privacy | None = None,
        kinds: Sequence[str] = (),
    ) -> None:
        """Link the batches to a ring.

        Args:
            batches: one at least.
            predictor: of a ring for all.
            datagrams: whether a read must have room for any of them.
            privacy: where each connection has a ring of its own.
            kinds: names of the batches' kinds.

        """
        self.kinds = tuple(kinds)
        self.opening: Sequence[bytes] = ()
        self._datagrams = datagrams
        self._privacy = privacy
        self.predictor = predictor
        self.is_private = privacy is not None
        self.learns = predictor is not None
        self.batches = list(batches)
        self.begins = [at for at, batch in enumerate(self.batches) if batch.begins]
        counts = {batch.count for batch in self.batches}
        self._count = counts.pop() if len(counts) == 1 else 0
        for at, batch in enumerate(self.batches):
            batch.previous = self.batches[at - 1]
            batch.previous.next = batch
        self.predict()

    def enter(self, serial: int, start: int) -> tuple[Ring, Batch]:
        """Return the ring of a connection, and the batch behind which it begins.

        Args:
            serial: the connection's number.
            start: the place where it begins, any number; where it must be the beginning of a
                conversation, the next one.

        """
        batches = self.batches
        if self.begins:
            start %= len(batches)
            start = next((at for at in self.begins if at >= start), self.begins[0])
        if self._privacy is None:
            return self, batches[start % len(batches)].previous
        privacy, number = self._privacy, 0

        def make(place: int) -> Batch:
            nonlocal number
            batch = privacy.made(batches[(start + place) % len(batches)], serial, number)
            number += batch.count
            return batch

        size = min(privacy.places, len(batches))
        opening: Sequence[bytes] = ()
        if privacy.is_written:
            places = (batches[(start + place) % len(batches)] for place in range(size))
            opening = call_user_code(
                privacy.protocol.forgetting, [one for batch in places for one in batch.requests]
            )
        ring = PrivateRing(size, make, opening)
        return ring, ring.before

    def after(self, batch: Batch) -> Batch:
        """Return what is sent behind `batch`."""
        return batch.next

    def begin(self, opened: Accepted) -> None:
        """Begin: no state is kept."""

    def counted(self, followed: Batch, last: Batch) -> Sequence[int]:
        """Return nothing: no state is kept."""
        del followed, last
        return ()

    def missed(self, followed: Batch, last: Batch) -> Sequence[Batch]:
        """Return the last alone: a reply may continue it, and nothing older matters."""
        del followed
        predictor = self.predictor
        needed = predictor is not None and predictor.continues and last.accepted is not None
        return (last,) if needed else ()

    def requests_in(self, connections: Collection[_HasBatch]) -> int:
        """Return how many requests the hot batches of connections hold; mostly all hold as many."""
        if self._count:
            return self._count * len(connections)
        return sum(connection.hot.count for connection in connections)

    def predict(self) -> None:
        """Ask the predictor for every reply, again after it has learnt."""
        if self.predictor is None:
            return
        for batch in self.batches:
            self._know(
                batch, self.predictor.reply(batch.requests), self.predictor.ends(batch.requests)
            )

    def learn(
        self, batch: Batch, heard: bytes | None, now_ns: int, accepted: Accepted | None = None
    ) -> bool:
        """Take the whole reply to a batch, which the oracle accepted; see `Ring.learn`."""
        if self.predictor is None or not heard:
            return False
        if heard != batch.reply:
            if self.predictor.learn(batch.payload, heard):
                self.predict()
            elif self.predictor.learns_replies:
                self._know(batch, heard, accepted.ends_of(batch, heard) if accepted else (), now_ns)
        return heard == batch.reply

    def forget(self, now_ns: int) -> None:
        """Have the oracle judge anew what was learnt a second ago.

        A reply may hold a clock: a server whose clock stands still answers the same for ever.
        """
        for batch in self.batches:
            if 0 < batch.learnt_ns < now_ns - _LEARNT_FOR_NS:
                batch.know(None)

    def _know(
        self, batch: Batch, reply: bytes | None, ends: Sequence[int] = (), learnt_ns: int = 0
    ) -> None:
        batch.know(reply, learnt_ns, ends)
        if self._datagrams:
            batch.receive_bytes = RECEIVE_BYTES
