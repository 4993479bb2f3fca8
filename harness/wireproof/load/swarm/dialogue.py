"""What one connection says and hears, followed by its oracle.

The swarm's loop verifies a predicted reply without an oracle, which then lags behind. A dialogue
that takes up again is shown the last batch that went as predicted, and goes on from there: between
batches of a predictable protocol nothing older matters to its oracle, and the last one matters
because a reply may continue it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from itertools import accumulate

from wireproof.causes import Cause
from wireproof.load.failures import ConnectionFailedError, transfer_cause
from wireproof.load.swarm.corpus import Batch
from wireproof.load.swarm.outbox import Outbox
from wireproof.load.tally import Sample
from wireproof.protocols.base import Protocol, as_sent, overrides
from wireproof.protocols.oracle import Oracle, WrongReplyError, printable

WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

_NOTHING = Outbox()


class Dialogue:
    """The requests announced, those of them still to leave, and what judges the replies.

    Attributes:
        pieces: how many pieces were heard since something was said.

    """

    __slots__ = ("_numbered", "_oracle", "_outbox", "_personal", "_protocol", "_serial", "pieces")

    def __init__(self, protocol: Protocol) -> None:
        """Have no connection yet."""
        self._protocol = protocol
        self._personal = any(
            overrides(protocol, Protocol, hook) for hook in ("personalise", "numbered", "pauses")
        )
        self._outbox = _NOTHING
        self.pieces = 0

    def begin(self, serial: int) -> None:
        """Begin on a new connection, whose number no other of the run has."""
        self._serial, self._numbered = serial, 0
        self._oracle: Oracle = self._protocol.oracle()
        self._outbox = _NOTHING
        self.pieces = 0

    def catch_up(self, batch: Batch) -> None:
        """Show the oracle a batch that went as predicted."""
        if batch.reply is not None:
            self.say(batch.requests)
            self.left(batch.size)
            self._oracle.receive_data(batch.reply)

    def say(self, requests: Sequence[bytes], cuts: Sequence[int] = ()) -> None:
        """Announce requests, which then wait in pieces that end at `cuts`."""
        pauses: list[int] = []
        if self._personal:
            protocol = self._protocol
            requests = as_sent(protocol, requests, self._serial, self._numbered)
            self._numbered += len(requests)
            starts = accumulate(map(len, requests), initial=0)
            pauses = [
                start + pause
                for start, request in zip(starts, requests, strict=False)
                for pause in protocol.pauses(request)
            ]
        for request in requests:
            self._oracle.announce(request)
        self._outbox = Outbox(requests, pauses, cuts)
        self.pieces = 0

    def push(self, send: Callable[[memoryview], int]) -> bool:
        """Send the next piece if it may leave; returns whether another may follow it.

        One piece a turn of the loop, so that the pieces of a cut request leave apart.

        Raises:
            ConnectionFailedError: the connection is gone.

        """
        if not self._may_go_on:
            return False
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
