"""One connection of a swarm, and its batches.

Strategy: the swarm's loop handles the common case in line, a predicted reply that came whole. All
else comes here, where the oracle judges. A connection is `hot` while its conversation follows the
prediction; as soon as something else arrives, its dialogue catches up and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from wireproof.load.failures import ConnectionFailedError
from wireproof.load.swarm.corpus import Batch, Corpus
from wireproof.load.swarm.dialogue import WOULD_BLOCK
from wireproof.load.swarm.link import Link, State
from wireproof.load.swarm.recorder import Recorder
from wireproof.load.swarm.surroundings import REAL, Surroundings
from wireproof.protocols.base import Protocol
from wireproof.target import Target

COLD = Batch(())
"""Stands for "the oracle judges whatever comes": no reply equals None."""

_IDLE, _BUSY = State.IDLE, State.BUSY  # looking a member up costs as much as a comparison


class SwarmConnection(Link):
    """One connection, and the user that it belongs to.

    The loop's hot path reads `hot`, `recorder`, `receive` and `send`, and sets `hot`, `recorder`
    and `sent_ns` where one predicted batch follows the other. All else changes by the methods.

    Attributes:
        hot: the batch under way while its reply is predicted, else `COLD`.
        recorder: counts what becomes of the batch under way.
        sent_ns: when the batch left, on the monotonic clock; until then, when the connect began.
        intended_ns: when the batch was to leave.
        free_since_ns: when the connection became idle.
        used: whether anything was sent since it opened.
        gone: whether its user has left.

    """

    __slots__ = (
        "_answered",
        "_batch",
        "_predicted",
        "_stamp_ns",
        "_stamp_sink",
        "free_since_ns",
        "gone",
        "hot",
        "intended_ns",
        "recorder",
        "sent_ns",
        "used",
    )

    recorder: Recorder
    outlives_silence: ClassVar[bool] = False
    """Whether the socket is of further use after a request without a reply."""

    def __init__(
        self,
        target: Target,
        protocol: Protocol,
        first: Batch,
        stamp_sink: Callable[[SwarmConnection, int], None],
        surroundings: Surroundings = REAL,
    ) -> None:
        """Be closed.

        Args:
            target: resolved.
            protocol: judges the replies.
            first: what is sent first.
            stamp_sink: is told the kernel's timestamp, in ns of the wall clock, of a hot reply.
            surroundings: where sockets come from.

        """
        super().__init__(target, protocol, self._keep_stamp, surroundings)
        self._stamp_sink = stamp_sink
        self._stamp_ns = 0
        self._answered = 0
        self._batch = first.previous
        self._predicted = False
        self.hot = COLD
        self.sent_ns = self.intended_ns = self.free_since_ns = 0
        self.used = self.gone = False

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
        self.connect(source, serial)

    def begin(self, now_ns: int, intended_ns: int, recorder: Recorder) -> None:
        """Send the next batch.

        Args:
            now_ns: the time.
            intended_ns: when it was to be sent.
            recorder: counts what becomes of it.

        Raises:
            ConnectionFailedError: the connection is gone.

        """
        is_hot = self.begin_hot(intended_ns, recorder)
        self.sent_ns = now_ns
        if not is_hot:
            self._leave_prediction(self._batch)
            self._take_next(intended_ns, recorder)
            self._dialogue.say(self._batch.requests, self._batch.cuts)
            self._push()
            return
        try:
            count = self.send(self.hot.first)
        except WOULD_BLOCK:
            count = 0
        except OSError as error:
            raise self.broken(error) from None
        if count < self.hot.size:
            self.sent_partly(count)

    def begin_hot(self, intended_ns: int, recorder: Recorder) -> bool:
        """Make the next batch the hot one, for the caller to send; False where it cannot be."""
        batch = self._batch.next
        if not self._predicted or batch.reply is None:
            return False
        self._take_next(intended_ns, recorder)
        self.hot = batch
        return True

    def _take_next(self, intended_ns: int, recorder: Recorder) -> None:
        batch = self._batch = self._batch.next
        self.state = _BUSY
        self.used = True
        self.intended_ns = intended_ns
        self._answered = 0
        self.recorder = recorder
        recorder.sent += batch.count

    def unsend(self) -> None:
        """Take the hot batch back: nothing of it left, since the connection's time is over."""
        self.recorder.sent -= self.hot.count
        self.settle(self.sent_ns)

    def sent_partly(self, count: int) -> None:
        """Go on after `count` bytes of the hot batch were sent: not all, or its reply is not known.

        Raises:
            ConnectionFailedError: the connection is gone.

        """
        self._cool_down(count)
        self._push()

    def on_writable(self) -> None:
        """Send what is left.

        Raises:
            ConnectionFailedError: the connection is gone.

        """
        self._push()

    def on_data(self, data: bytes) -> int:
        """Judge what came; returns how many requests it answered.

        Raises:
            ConnectionFailedError: end of stream, or a wrong reply.

        """
        stamp_ns, self._stamp_ns = self._stamp_ns, 0
        self._cool_down()
        answered = min(self._dialogue.hear(data), self.under_way)
        self._answered += answered
        if self._dialogue.pauses:
            self._push()
        if self._dialogue.is_over:  # so this piece was the last
            self._stamp_ns = stamp_ns
        return answered

    @property
    def complete(self) -> bool:
        """Whether all of the batch is sent and answered."""
        return self._dialogue.is_over

    @property
    def has_ended(self) -> bool:
        """Whether the server has said that it closes: nothing more is answered."""
        return self._dialogue.has_ended

    def settle(self, now_ns: int) -> None:
        """Be idle: what was under way is complete."""
        self._let_go()
        self.state = _IDLE
        self.free_since_ns = now_ns
        if self.has_more_to_send:
            self.watch_level()

    def learn(self, corpus: Corpus, data: bytes, now_ns: int) -> None:
        """Trust predictions from here on if the batch went as one is predicted to go.

        Args:
            corpus: learns from the batch.
            data: what came last.
            now_ns: when.

        """
        if not self._came_whole or corpus.predictor is None or self.has_ended:
            return
        corpus.learn(self.batch, data, now_ns)
        self._predicted = data == self.batch.reply
        if self._predicted:
            self.watch_edges()

    @property
    def batch(self) -> Batch:
        """What is under way, or was last."""
        return self._batch if self.hot is COLD else self.hot

    @property
    def under_way(self) -> int:
        """Requests that left and have no fate yet."""
        if self.state is not _BUSY:
            return 0
        return self.hot.count or self._batch.count - self._answered

    @property
    def _came_whole(self) -> bool:
        """Whether the reply came in one piece."""
        return self._dialogue.pieces == 1

    @property
    def slip_ns(self) -> int:
        """How late the batch left though the connection was free."""
        return max(0, self.sent_ns - max(self.intended_ns, self.free_since_ns))

    def give_up(self, now_ns: int) -> None:
        """Be idle without a reply."""
        self.settle(now_ns)

    def leave(self) -> None:
        """Belong to nobody any more: send nothing more, but take the reply under way."""
        self.gone = True
        self.expire()

    def broken(self, error: OSError) -> ConnectionFailedError:
        """Return what a failed send or receive means."""
        self._cool_down()
        return self._dialogue.broken(error)

    def close(self) -> None:
        """Give the socket back."""
        self._let_go()
        self._predicted = False
        super().close()

    def _let_go(self) -> None:
        """Have no hot batch."""
        if self.hot is not COLD:
            self._batch, self.hot = self.hot, COLD

    def _cool_down(self, sent_bytes: int | None = None) -> None:
        """Have the oracle judge; `sent_bytes` of a hot batch are on their way, if not all."""
        batch = self.hot
        if batch is COLD:
            self._leave_prediction(self._batch)
            return
        self._let_go()
        self._answered = 0
        self._leave_prediction(batch.previous)
        self._dialogue.say(batch.requests, batch.cuts)
        self._dialogue.left(batch.size if sent_bytes is None else sent_bytes)

    def _leave_prediction(self, last: Batch) -> None:
        """Have the dialogue catch up, if it lags behind; `last` went as predicted."""
        if self._predicted:
            self._predicted = False
            self.watch_level()
            self._dialogue.catch_up(last)

    def _push(self) -> None:
        goes_on = self._dialogue.push(self.send)
        # Where no reply is to come, that the kernel has room is all that there is to wait for.
        self.watch_level(writable=goes_on or self._dialogue.is_over)

    def take_stamp(self) -> int:
        """Return the kernel's timestamp of the batch's last piece, once; 0 where it has none."""
        stamp_ns, self._stamp_ns = self._stamp_ns, 0
        return stamp_ns

    def _keep_stamp(self, data: bytes, stamp_ns: int) -> None:
        """Pass the stamp of a hot reply on; the oracle has yet to accept any other piece."""
        if data == self.hot.reply:
            self._stamp_sink(self, stamp_ns)
        else:
            self._stamp_ns = stamp_ns
