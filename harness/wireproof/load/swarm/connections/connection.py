"""One connection of a swarm, and its batches.

Strategy: the swarm's loop handles the common case in line, a known reply that came whole. All else
comes here. A connection is `hot` while a batch is under way whose reply is known, and nothing of it
has come; what comes in pieces is compared piece by piece. As soon as something differs, its
dialogue catches up, is told of the batch and of what came of its reply, and goes on from there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import ClassVar

from wireproof.load.failures import ConnectionFailedError
from wireproof.load.swarm.connections.course import COLD, Course
from wireproof.load.swarm.connections.dialogue import WOULD_BLOCK
from wireproof.load.swarm.connections.link import State
from wireproof.load.swarm.connections.surroundings import REAL, Surroundings
from wireproof.load.swarm.measuring.recorder import Recorder
from wireproof.load.workload.batch import RECEIVE_BYTES, Batch, shares_of
from wireproof.load.workload.corpus import Corpus
from wireproof.protocols.base import Protocol
from wireproof.target import Target

_IDLE, _BUSY = State.IDLE, State.BUSY  # looking a member up costs as much as a comparison


class SwarmConnection(Course):
    """One connection, and the user that it belongs to.

    The loop's hot path reads `hot`, `recorder`, `receive` and `send`, and sets `hot`, `recorder`
    and `sent_ns` where one predicted batch follows the other. All else changes by the methods.

    Attributes:
        hot: the batch under way while its reply is predicted, else `COLD`.
        recorder: counts what becomes of the batch under way.
        intended_ns: when the batch was to leave.
        free_since_ns: when the connection became idle.
        gone: whether its user has left.

    """

    __slots__ = (
        "_ends",
        "_known",
        "_matched",
        "_stamp_ns",
        "_stamp_sink",
        "_whole",
        "free_since_ns",
        "gone",
        "hot",
        "intended_ns",
        "recorder",
    )

    recorder: Recorder
    outlives_silence: ClassVar[bool] = False
    """Whether the socket is of further use after a request without a reply."""

    def __init__(
        self,
        target: Target,
        protocol: Protocol,
        corpus: Corpus,
        start: int,
        stamp_sink: Callable[[SwarmConnection, int], None],
        *,
        surroundings: Surroundings = REAL,
    ) -> None:
        """Be closed.

        Args:
            target: resolved.
            protocol: judges the replies.
            corpus: what is sent.
            start: the place in it where a connection begins.
            stamp_sink: is told the kernel's timestamp, in ns of the wall clock, of a hot reply.
            surroundings: where sockets come from.

        """
        super().__init__(
            target, protocol, corpus, start, self._keep_stamp, surroundings=surroundings
        )
        self._stamp_sink = stamp_sink
        self._stamp_ns = self._matched = self._whole = 0
        self._known = b""
        self._ends: Sequence[int] = ()
        self.hot = COLD
        self.intended_ns = self.free_since_ns = 0
        self.gone = False

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
        batch = self._go_to_next()
        self.state = _BUSY
        self.intended_ns = intended_ns
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
        if self._matches(data):
            answered = self._answered_by(self._matched) - self._answered
        else:
            self.look_again()
            answered = self._ask_the_oracle(data)
        self._answered += answered
        if self.complete:  # so this piece was the last
            self._stamp_ns = stamp_ns
        return answered

    def _matches(self, data: bytes) -> bool:
        """Whether `data` is the next piece of the known reply to the batch, sent whole before."""
        batch = self.hot
        if batch is not COLD:
            reply = batch.reply
            # An end in between, behind which all may come or not, only the oracle sees.
            is_plain = batch.ends or data == reply
            if not (reply and data and is_plain and reply.startswith(data)):
                return False
            self._let_go()
            self._answered, self._matched, self._known = 0, len(data), reply
            # As they are now: what another connection learns meanwhile is another reply.
            self._ends, self._whole = batch.ends, batch.answered
            return True
        if not self._matched or not data or not self._known.startswith(data, self._matched):
            return False
        self._matched += len(data)
        if len(data) == RECEIVE_BYTES:  # there may be more, which would show no edge
            self.look_again()
        return True

    def _answered_by(self, matched_bytes: int) -> int:
        """Return how many requests so much of the known reply answers."""
        if matched_bytes == len(self._known):
            return self._whole
        return bisect_right(self._ends, matched_bytes)

    def _ask_the_oracle(self, data: bytes) -> int:
        """Have the oracle judge; returns how many requests this answered."""
        dialogue = self._dialogue
        had = self._known[: self._matched]
        self._cool_down()
        answered = 0
        if had:  # as known: the oracle has not seen it
            answered = dialogue.hear(had) - self._answered
        answered = max(0, min(answered + dialogue.hear(data), self.under_way))
        if dialogue.pauses:
            self._push()
        return answered

    @property
    def complete(self) -> bool:
        """Whether all of the batch is sent and answered."""
        if self._matched:
            return self._matched == len(self._known)
        return self._dialogue.is_over

    @property
    def has_ended(self) -> bool:
        """Whether the server has said that it closes: nothing more is answered."""
        return self._dialogue.has_ended

    def settle(self, now_ns: int) -> None:
        """Be idle: what was under way is complete."""
        self._let_go()
        self._matched = 0
        self.state = _IDLE
        self.free_since_ns = now_ns
        if self.has_more_to_send:
            self.watch_level()

    def learn(self, now_ns: int) -> None:
        """Trust what is known of the next replies if this one says so."""
        if self._matched:  # what went as known says nothing new
            self._batch.passed()
        else:
            self._learn_from_oracle(now_ns)

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
    def kinds_under_way(self) -> tuple[int, ...]:
        """The kind of each of them, where kinds are told apart."""
        return self.batch.kinds[self.batch.count - self.under_way :]

    def shares_of(self, answered: int) -> tuple[tuple[int, int], ...]:
        """Return how many of each kind the last `answered` requests were that had a reply."""
        if self.hot is not COLD or answered == self._batch.answered:
            return self.batch.shares
        return shares_of(self._batch.kinds[self._answered - answered : self._answered])

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
        try:
            self._cool_down()
        except ConnectionFailedError as failure:
            return failure
        return self._dialogue.broken(error)

    def close(self) -> None:
        """Give the socket back."""
        self._let_go()
        self._matched = 0
        super().close()

    def _let_go(self) -> None:
        """Have no hot batch."""
        if self.hot is not COLD:
            self._batch, self.hot = self.hot, COLD

    def _cool_down(self, sent_bytes: int | None = None) -> None:
        """Have the oracle judge; `sent_bytes` of a hot batch are on their way, if not all."""
        batch = self.hot
        if batch is COLD:
            if not self._matched:
                self._leave_prediction(self._batch)
                return
            batch = self._batch
        else:
            self._let_go()
            self._answered = 0
        self._matched = 0
        self._leave_prediction(batch.previous)
        self._dialogue.say(batch.requests, batch.cuts)
        self._dialogue.left(batch.size if sent_bytes is None else sent_bytes)

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
