"""Where a connection is on its ring, and how far its oracle is behind.

Strategy: while the replies are known, a comparison verifies them and the oracle lags behind. As
soon as it is needed again, it is shown what it missed, and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable

from wireproof.load.swarm.connections.link import Link
from wireproof.load.swarm.connections.surroundings import Surroundings
from wireproof.load.workload.batch import Batch
from wireproof.load.workload.corpus import Corpus
from wireproof.load.workload.ring import Ring
from wireproof.protocols.base import Protocol
from wireproof.target import Target

COLD = Batch(())
"""Stands for "the oracle judges whatever comes": no reply equals None."""


class Course(Link):
    """A link, and its way round a ring.

    Attributes:
        sent_ns: when the batch left, on the monotonic clock; until then, when the connect began.
        used: whether anything was sent since it opened.

    """

    __slots__ = (
        "_answered",
        "_batch",
        "_corpus",
        "_followed",
        "_left",
        "_predicted",
        "_ring",
        "_start",
        "sent_ns",
        "used",
    )

    _ring: Ring

    def __init__(
        self,
        target: Target,
        protocol: Protocol,
        corpus: Corpus,
        start: int,
        on_stamp: Callable[[bytes, int], None],
        *,
        surroundings: Surroundings,
    ) -> None:
        """Be closed.

        Args:
            target: resolved.
            protocol: judges the replies.
            corpus: what is sent.
            start: the place in it where a connection begins.
            on_stamp: is told what was received with a timestamp, and that, in ns of the wall clock.
            surroundings: where sockets come from.

        """
        super().__init__(target, protocol, on_stamp, surroundings)
        self._corpus, self._start = corpus, start
        self._batch = self._followed = COLD
        self._answered = self._left = 0
        self._predicted = self.used = False
        self.sent_ns = 0

    def dial(self, now_ns: int, lifetime_ns: int, source: str, serial: int) -> None:
        """Start to connect.

        Args:
            now_ns: the time.
            lifetime_ns: after how long it is to be replaced; 0 for never.
            source: the local address to come from; empty for the system's choice.
            serial: this connection's number, which no other of the run has.

        Raises:
            ConnectionFailedError: it failed at once.

        """
        self.sent_ns = now_ns
        self.expires_ns = now_ns + lifetime_ns if lifetime_ns else 0
        self.used = False
        self._left = 1 if self._protocol.one_request else self._protocol.most_requests
        self._ring, self._batch = self._corpus.enter(serial, self._start)
        self._followed = self._batch
        self.connect(source, serial, self._ring.opening)

    @property
    def is_used_up(self) -> bool:
        """Whether the connection takes no more requests, or not as many as are next."""
        if not self.used:
            return False
        following = self._ring.after(self._batch)
        return following.begins or self._left < following.count

    def forget(self, now_ns: int) -> None:
        """Have the oracle judge anew what has been known for too long."""
        self._ring.forget(now_ns)

    def close(self) -> None:
        """Give the socket back, and know nothing."""
        self._predicted = False
        super().close()

    def _go_to_next(self) -> Batch:
        """Be at the next batch of the ring."""
        ring = self._ring
        if not self.used:
            self._enter(ring)
            self.used = True
        self._start += 1  # the next connection goes on from here
        batch = self._batch = ring.after(self._batch)
        self._left -= batch.count
        self._answered = 0
        return batch

    def _enter(self, ring: Ring) -> None:
        """Be at the beginning of the ring, the opening over."""
        dialogue = self._dialogue
        dialogue.take_heard()
        dialogue.keeps = ring.learns
        if ring.learns:
            ring.begin(dialogue)

    def _learn_from_oracle(self, now_ns: int) -> None:
        """Trust what is known of the next replies if this one, which the oracle took, says so."""
        dialogue = self._dialogue
        self._followed = self._batch
        heard = dialogue.take_heard() if dialogue.keeps else None
        if heard is not None:  # behind an end, what is without a reply might have one elsewhere
            self._batch.are_answered(self._answered)
        self._predicted = self._ring.learn(self._batch, heard, now_ns, dialogue)
        dialogue.keeps = self._ring.learns
        if self._predicted:
            self.watch_edges()

    def _leave_prediction(self, last: Batch) -> None:
        """Have the dialogue catch up, if it lags behind; `last` went as known."""
        if self._predicted:
            self._predicted = False
            self.watch_level()
            counted = self._ring.counted(self._followed, last)
            self._dialogue.catch_up(self._ring.missed(self._followed, last), counted)
            self._dialogue.recall(last)
            self._followed = last
