"""What one connection says and hears, followed by its oracle.

The swarm's loop verifies a known reply without an oracle, which then lags behind. A dialogue that
takes up again is shown what its oracle missed and needs to know, and goes on from there.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from wireproof.causes import Cause
from wireproof.load.failures import ConnectionFailedError, transfer_cause
from wireproof.load.figures.tally import Sample
from wireproof.load.workload.batch import Batch
from wireproof.load.workload.outbox import Outbox
from wireproof.protocols.base import Protocol, as_sent, overrides
from wireproof.protocols.oracle import MalformedReplyError, Oracle, WrongReplyError
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.user_code import call_on_reply, takes_request
from wireproof.words import printable

WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

_NOTHING = Outbox()
_MOST_HEARD_BYTES = 4 * 1024 * 1024
"""Of a reply that is kept to compare with."""


class Dialogue:
    """The requests announced, those of them still to leave, and what judges the replies.

    Attributes:
        pieces: how many pieces were heard since something was said.
        keeps: whether what is heard is kept for `heard`.

    """

    __slots__ = (
        "_has_pauses",
        "_heard",
        "_heard_bytes",
        "_numbered",
        "_oracle",
        "_outbox",
        "_protocol",
        "_said_bytes",
        "_serial",
        "_unasked_before",
        "keeps",
        "pieces",
    )

    def __init__(self, protocol: Protocol) -> None:
        """Have no connection yet."""
        self._protocol = protocol
        self._has_pauses = overrides(protocol, Protocol, "pauses")
        self._outbox = _NOTHING
        self.pieces = 0
        self.keeps = False
        self._heard: list[bytes] = []
        self._heard_bytes = self._unasked_before = 0

    def begin(self, serial: int) -> None:
        """Begin on a new connection, whose number no other of the run has."""
        self._serial, self._numbered = serial, 0
        self._oracle: Oracle = self._protocol.oracle()
        self._outbox = _NOTHING
        self.pieces = self._said_bytes = 0
        self._heard = []
        self._heard_bytes = self._unasked_before = 0

    def catch_up(self, batches: Iterable[Batch], counted: Sequence[int] = ()) -> None:
        """Show the oracle batches whose replies were compared with what it had accepted.

        Args:
            batches: what it has missed.
            counted: its counters before these, where they have grown since.

        Raises:
            ConnectionFailedError: it does not accept them again.

        """
        oracle = self._oracle
        if counted:
            oracle.count_from(counted)
        for batch in batches:
            for request in batch.requests:
                oracle.announce(request)
            oracle.sent(batch.size)
            self._said_bytes += batch.size
            try:
                oracle.receive_data(batch.accepted or b"")
            except WrongReplyError as wrong:
                problem = f"the protocol refuses what it accepted before: {wrong.problem}"
                raise self._failed(Cause.OTHER, problem) from None

    def recall(self, batch: Batch) -> None:
        """Tell the oracle what came last, as far as that is of use to say what came instead."""
        reply = batch.accepted or b""
        start = batch.ends[-2] if len(batch.ends) > 1 else 0
        if reply:
            self._oracle.recall(reply[start:])

    def open_with(self, request: bytes) -> None:
        """Announce a request that opens the connection, made private to it."""
        self.say(as_sent(self._protocol, [request], self._serial, self._numbered))
        self._numbered += 1

    def say(self, requests: Sequence[bytes], cuts: Sequence[int] = ()) -> None:
        """Announce requests, which then wait in pieces that end at `cuts`."""
        pauses: list[int] = []
        if self._has_pauses:
            protocol = self._protocol
            starts = accumulate(map(len, requests), initial=0)
            pauses = [
                start + pause
                for start, request in zip(starts, requests, strict=False)
                for pause in protocol.pauses(request)
            ]
        for request in requests:
            self._oracle.announce(request)
        self._outbox = Outbox(requests, pauses, cuts)
        self._said_bytes += len(self._outbox.payload)
        self.pieces = 0

    def _fill_in(self) -> None:
        """Put the values that replies have given since into what is announced."""
        begin = self._said_bytes - len(self._outbox.payload)
        given = [(at - begin, value) for at, value in self._oracle.given()]
        if given := [each for each in given if each[0] >= 0]:  # not of what was caught up with
            self._outbox.put(given)

    def push(self, send: Callable[[memoryview], int]) -> bool:
        """Send the next piece if it may leave; returns whether another may follow it.

        One piece a turn of the loop, so that the pieces of a cut request leave apart.

        Raises:
            ConnectionFailedError: the connection is gone.

        """
        if not self._may_go_on:
            return False
        if self._oracle.carries:
            self._fill_in()
        try:
            self.left(send(self._outbox.next_piece()))
        except WOULD_BLOCK:
            return True
        except OSError as error:
            raise self.broken(error) from None
        return self._may_go_on

    def left(self, count: int) -> None:
        """Say that `count` bytes are on their way."""
        self._outbox.took(count)
        self._oracle.sent(count)

    def hear(self, data: bytes) -> int:
        """Judge what came; returns how many requests it answered for good.

        Raises:
            ConnectionFailedError: end of stream, or a wrong reply.

        """
        if not data:
            raise self._end_of_stream()
        self.pieces += 1
        if self.keeps:
            self._heard_bytes += len(data)
            if self._heard_bytes <= _MOST_HEARD_BYTES:
                self._heard.append(data)
        try:
            return self._oracle.receive_data(data)
        except WrongReplyError as wrong:
            sample = Sample(
                cause=Cause.WRONG_REPLY,
                problem=wrong.problem,
                expected=wrong.expected,
                actual=wrong.actual,
                offset_bytes=wrong.offset_bytes,
                request=self._request,
            )
            raise ConnectionFailedError(Cause.WRONG_REPLY, sample=sample) from None

    def broken(self, error: OSError) -> ConnectionFailedError:
        """Return what a failed send or receive means."""
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return self._end_of_stream()
        cause = transfer_cause(error.errno, mid_frame=self._is_mid_frame)
        if cause is Cause.RESET_BEFORE_REPLY and self.is_over:
            cause = Cause.CLOSED_IDLE
        return self._failed(cause, error.strerror or str(error) if cause is Cause.OTHER else cause)

    def take_heard(self) -> bytes | None:
        """Return what has come since the last call; None where it is more than replies.

        That is so where it is too long to keep, the server said something of its own, or ends.
        """
        heard, size = self._heard, self._heard_bytes
        self._heard, self._heard_bytes = [], 0
        unasked = self._oracle.unasked_bytes
        is_asked = unasked == self._unasked_before
        self._unasked_before = unasked
        if size > _MOST_HEARD_BYTES or not is_asked or self._oracle.ended:
            return None
        return heard[0] if len(heard) == 1 else b"".join(heard)

    def ends_of(self, batch: Batch, reply: bytes) -> Sequence[int]:
        """Return where the reply to each request of a batch ends; none where that is not known.

        It is known where each has one reply that must come, and nothing else came.
        """
        protocol = self._protocol
        if (
            batch.silent
            or not isinstance(protocol, RequestReply)
            or overrides(protocol, RequestReply, "oracle")
        ):
            return ()
        return _ends(protocol.session(), batch.requests, reply)

    @property
    def state(self) -> object:
        """What judgements from here on depend on; None where that is unknown."""
        return self._oracle.state()

    @property
    def judged(self) -> int:
        """Replies so far that were right though not known to the byte."""
        return self._oracle.judged

    @property
    def counters(self) -> tuple[int, ...]:
        """The model's numbers that only grow."""
        return self._oracle.counters

    def counters_in(self, replies: bytes) -> Sequence[tuple[int, int, int]]:
        """Return where replies hold counters: offset, size in bytes, and which."""
        return self._oracle.counters_in(replies)

    @property
    def pauses(self) -> bool:
        """Whether what is left to say waits for replies on its way."""
        return bool(self._outbox) and self._outbox.pauses

    @property
    def owed(self) -> int:
        """Replies that must still come for what was sent."""
        return self._oracle.owed

    @property
    def has_ended(self) -> bool:
        """Whether the server has said that it ends the stream."""
        return self._oracle.ended

    @property
    def is_over(self) -> bool:
        """Whether all is said, and all of it answered."""
        return not self._outbox and self._oracle.settled

    @property
    def _may_go_on(self) -> bool:
        return self._outbox.may_go_on(settled=self._oracle.settled)

    @property
    def _is_mid_frame(self) -> bool:
        return self.pieces > 0 and not self.is_over

    @property
    def _request(self) -> str:
        return printable(self._outbox.payload)

    def _end_of_stream(self) -> ConnectionFailedError:
        if self.is_over:
            return self._failed(Cause.CLOSED_IDLE, Cause.CLOSED_IDLE)
        cause = Cause.EOF_MID_FRAME if self._is_mid_frame else Cause.EOF_BEFORE_REPLY
        return self._failed(cause, cause)

    def _failed(self, cause: Cause, problem: str) -> ConnectionFailedError:
        sample = Sample(cause=cause, problem=problem, request=self._request)
        return ConnectionFailedError(cause, problem, sample)


def _ends(session: RequestReply, requests: Sequence[bytes], reply: bytes) -> Sequence[int]:
    """Return where each of so many replies ends, if there are that many."""
    length_of: Callable[..., int | None] = session.reply_length
    by_request = takes_request(length_of)
    ends: list[int] = []
    at = 0
    for request in requests:
        rest = bytearray(reply[at:])
        try:
            length = call_on_reply(length_of, *((rest, request) if by_request else (rest,)))
        except MalformedReplyError:
            return ()
        if not length or length > len(rest):
            return ()
        at += length
        ends.append(at)
    return ends if at == len(reply) else ()
