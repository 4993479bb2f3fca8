"""One connection of a swarm: from the connect to the last reply.

Strategy: the swarm's loop handles the common case in line, a predicted reply that came whole. All
else comes here, where the oracle judges. A connection is `hot` while its conversation follows the
prediction; its oracle then lags behind. As soon as something else arrives, the oracle is shown the
last batch again and goes on from there: between batches of a predictable protocol nothing
older matters to it, and the last one matters because a reply may continue it.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable, Sequence
from enum import IntEnum
from itertools import accumulate
from select import EPOLLET, EPOLLIN, EPOLLOUT, EPOLLRDHUP
from typing import Any

from wireproof.load.failures import (
    EOF_BEFORE_REPLY,
    EOF_MID_FRAME,
    OTHER,
    TLS,
    WRONG_REPLY,
    ConnectionFailedError,
    transfer_cause,
)
from wireproof.load.swarm.corpus import Batch, Corpus
from wireproof.load.swarm.dialling import dial, see_connected, with_tls
from wireproof.load.swarm.outbox import Outbox
from wireproof.load.tally import Sample
from wireproof.protocols.base import Protocol, as_sent, overrides
from wireproof.protocols.oracle import Oracle, WrongReplyError, printable
from wireproof.target import Target
from wireproof.wire.kernel.timestamps import enable_timestamps, receive_stamped

COLD = Batch(())
"""Stands for "the oracle judges whatever comes": no reply equals None."""

_NOTHING = Outbox()
WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class State(IntEnum):
    """What a connection is doing."""

    CLOSED = 0
    CONNECTING = 1
    HANDSHAKE = 2
    OPENING = 3
    """The protocol's greeting or log-in."""
    IDLE = 4
    BUSY = 5
    """Requests are under way."""


class SwarmConnection:
    """One connection, and the user that it belongs to.

    Attributes:
        batch: what is under way, or was last.
        hot: the same while a predicted reply is awaited, else `COLD`.
        sent_ns: when it was sent, on the monotonic clock.
        intended_ns: when it was to be sent.
        free_since_ns: when the connection became idle.
        receive: takes a limit and returns bytes; `recv`, or the same with a timestamp.

    """

    __slots__ = (
        "_begun",
        "_numbered",
        "_opening",
        "_oracle",
        "_outbox",
        "_personal",
        "_pieces",
        "_protocol",
        "_serial",
        "_steady",
        "_target",
        "_tls",
        "backoff_s",
        "batch",
        "expired",
        "expires_ns",
        "fd",
        "free_since_ns",
        "gone",
        "hot",
        "intended_ns",
        "owed",
        "predicted",
        "receive",
        "registered",
        "send",
        "sent_ns",
        "sock",
        "stamp_always",
        "stamp_ns",
        "stamp_sink",
        "stamped",
        "state",
        "used",
        "watched",
    )

    def __init__(self, target: Target, protocol: Protocol, first: Batch) -> None:
        """Be closed; `first` is what is sent first."""
        self._target = target
        self._protocol = protocol
        self._tls = target.scheme == "tls"
        # Each edge must be followed by a read to the end: one datagram, or one record, is not it.
        # The end of the stream shows no edge of its own if it was there with the reply.
        whole = target.is_stream and not self._tls
        self._steady = EPOLLIN | EPOLLET | EPOLLRDHUP if whole else EPOLLIN
        self._personal = any(
            overrides(protocol, Protocol, hook) for hook in ("personalise", "numbered", "pauses")
        )
        self._serial = self._numbered = 0
        self._opening: deque[bytes] = deque()
        self.batch = first.previous
        self.hot = COLD
        self.predicted = False
        self.state = State.CLOSED
        self.backoff_s = 0.0
        self.expires_ns = 0
        self.expired = False
        self.used = False
        self.gone = False
        self.sent_ns = self.intended_ns = self.free_since_ns = 0
        self.fd = -1
        self.stamped = self.stamp_always = False
        self.stamp_ns = 0
        self.stamp_sink: Callable[[SwarmConnection, int], None] | None = None
        self.owed = 0
        self.watched = self.registered = 0
        self._outbox = _NOTHING
        self._pieces = 0

    def connect(self, source: str = "", serial: int = 0) -> None:
        """Start to connect.

        Args:
            source: the local address to come from; empty for the system's choice.
            serial: this connection's number, which no other of the run has.

        Raises:
            ConnectionFailedError: it failed at once.

        """
        self.sock: Any = dial(self._target, source)
        self.fd = self.sock.fileno()
        self.stamped = not self._tls and enable_timestamps(self.sock)
        self.state = State.CONNECTING
        self._serial, self._numbered = serial, 0
        self.expired = self.used = False
        self.watched = EPOLLOUT

    def finish_connect(self) -> bool:
        """Go on once the socket is writable; returns whether requests can be sent.

        Raises:
            ConnectionFailedError: the connect, the handshake or the opening failed.

        """
        if self.state is State.CONNECTING:
            see_connected(self.sock)
            self.state = State.HANDSHAKE
            if self._tls:
                self.sock = with_tls(self.sock, self._target.host)
        if self.state is State.HANDSHAKE:
            if self._tls and not self._shake_hands():
                return False
            self._start_opening()
        elif self._outbox:
            self._push()
        return self._opened()

    def _shake_hands(self) -> bool:
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            self.watched = EPOLLIN
            return False
        except ssl.SSLWantWriteError:
            self.watched = EPOLLOUT
            return False
        except (ssl.SSLError, OSError) as error:
            raise ConnectionFailedError(TLS, f"TLS handshake: {error.args[-1]}") from None
        return True

    def _start_opening(self) -> None:
        self.state = State.OPENING
        self.send = self.sock.send
        self.receive = self.sock.recv
        if self.stamped and self.stamp_always:
            self.receive = self.receive_with_stamp
        self._oracle: Oracle = self._protocol.oracle()
        self._outbox = _NOTHING
        self.predicted = False
        self.hot = COLD
        self._opening = deque(self._protocol.opening())

    def _opened(self) -> bool:
        while True:
            if self._outbox or not self._oracle.settled:
                return False
            if not self._opening:
                break
            self._announce([self._opening.popleft()])
            self._push()
        self.backoff_s = 0.0
        self.state = State.IDLE
        return True

    def expire(self) -> None:
        """Send nothing more; the next attempt says so."""
        self.expired = True
        self.send = _refuse_to_send

    def begin(self, now_ns: int, intended_ns: int) -> None:
        """Send the next batch.

        Raises:
            ConnectionFailedError: the connection is gone.

        """
        batch = self.batch = self.batch.next
        self.state = State.BUSY
        self.used = True
        self.sent_ns = now_ns
        self.intended_ns = intended_ns
        self._pieces = 0
        if self.predicted and batch.reply is not None:
            self.hot = batch
            count = self._send(batch.first)
            if count < batch.size:
                self.sent_partly(count)
            return
        self._leave_prediction(None)
        self._announce(batch.requests)
        self._push()

    def sent_partly(self, count: int) -> None:
        """Go on after the swarm's loop could send only `count` bytes of a hot batch."""
        self._leave_prediction(count)
        self._push()

    def on_data(self, data: bytes) -> int:
        """Judge what came; returns how many requests it answered.

        Raises:
            ConnectionFailedError: end of stream, or a wrong reply.

        """
        if not data:
            raise self._end_of_stream()
        if self.hot is not COLD:
            self._leave_prediction(self.hot.size)
        elif self.predicted:  # nothing is under way, so the last batch is this one
            self._leave_prediction(None, self.batch)
        self._pieces += 1
        try:
            answered = self._oracle.receive_data(data)
        except WrongReplyError as wrong:
            sample = Sample(
                cause=WRONG_REPLY,
                problem=wrong.problem,
                expected=wrong.expected,
                actual=wrong.actual,
                offset_bytes=wrong.offset_bytes,
                request=printable(self.batch.payload),
            )
            raise ConnectionFailedError(WRONG_REPLY, sample=sample) from None
        self.owed = self._oracle.owed
        if self._outbox and self._outbox.pauses:
            self._push()
        return answered

    def on_writable(self) -> None:
        """Send what is left.

        Raises:
            ConnectionFailedError: the connection is gone.

        """
        self._push()

    @property
    def complete(self) -> bool:
        """Whether all of the batch is sent and answered."""
        return not self._outbox and self._oracle.settled

    def predict(self, corpus: Corpus, data: bytes) -> None:
        """Trust predictions from here on if the batch went as one is predicted to go.

        Args:
            corpus: learns from the batch.
            data: what came last.

        """
        if self._pieces != 1 or corpus.predictor is None:
            return
        batch = self.batch
        if data != batch.reply and corpus.predictor.learn(batch.payload, data):
            corpus.predict()
        self.predicted = data == batch.reply
        if self.predicted:
            self.watched = self._steady

    def close(self) -> None:
        """Give the socket back."""
        self.state = State.CLOSED
        self.hot = COLD
        self.predicted = False
        self._outbox = _NOTHING
        if self.fd >= 0:
            self.sock.close()
            self.fd = -1

    def broken(self, error: OSError) -> ConnectionFailedError:
        """Return what a failed send or receive means."""
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return self._end_of_stream()
        cause = transfer_cause(error.errno, mid_frame=self._mid_frame)
        problem = error.strerror or str(error) if cause == OTHER else cause
        return ConnectionFailedError(cause, problem, self._sample(cause, problem))

    def receive_with_stamp(self, limit_bytes: int) -> bytes:
        """Receive once with the kernel's timestamp, which goes to `stamp_ns`."""
        data, stamp_ns = receive_stamped(self.sock, limit_bytes)
        if not self.stamp_always:
            self.receive = self.sock.recv
        if stamp_ns and data == self.hot.reply and self.stamp_sink is not None:
            self.stamp_sink(self, stamp_ns)
        else:
            self.stamp_ns = stamp_ns
        return data

    def stamp_from_now_on(self, *, always: bool) -> None:
        """Ask for the kernel's timestamp with every reply, or only when `receive` is set so."""
        self.stamp_always = always
        if self.stamped and self.state >= State.IDLE:
            self.receive = self.receive_with_stamp if always else self.sock.recv

    def pending(self) -> bool:
        """Whether TLS holds bytes that epoll knows nothing of."""
        return self._tls and self.sock.pending() > 0

    @property
    def _mid_frame(self) -> bool:
        return self.state is State.BUSY and self._pieces > 0

    def _end_of_stream(self) -> ConnectionFailedError:
        if self.state is State.IDLE:
            cause = "closed while idle"
        else:
            cause = EOF_MID_FRAME if self._mid_frame else EOF_BEFORE_REPLY
        return ConnectionFailedError(cause, cause, self._sample(cause, cause))

    def _sample(self, cause: str, problem: str) -> Sample:
        return Sample(cause=cause, problem=problem, request=printable(self.batch.payload))

    def _leave_prediction(self, sent_bytes: int | None, last: Batch | None = None) -> None:
        """Have the oracle judge from here on; `sent_bytes` of the batch are on their way."""
        if self.predicted:
            self.predicted = False
            self.watched = EPOLLIN
            last = last or self.batch.previous
            if last.reply is not None:
                self._oracle_replays(last.requests, last.size, last.reply)
        self.hot = COLD
        if sent_bytes is not None:
            self._announce(self.batch.requests)
            self._note_sent(sent_bytes)

    def _oracle_replays(self, requests: tuple[bytes, ...], size: int, reply: bytes) -> None:
        for request in requests:
            self._oracle.announce(request)
        self._oracle.sent(size)
        self._oracle.receive_data(reply)

    def _announce(self, requests: Sequence[bytes]) -> None:
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
        cuts = self.batch.cuts if self.state is State.BUSY else ()
        self._outbox = Outbox(requests, pauses, cuts)

    def _push(self) -> None:
        outbox, oracle = self._outbox, self._oracle
        if outbox.may_go_on(settled=oracle.settled):
            # One piece a turn of the loop, so that the pieces of a cut request leave apart.
            self._note_sent(self._send(outbox.next_piece()))
        goes_on = outbox.may_go_on(settled=oracle.settled)
        self.watched = EPOLLIN | EPOLLOUT if goes_on else EPOLLIN

    def _note_sent(self, count: int) -> None:
        self._outbox.took(count)
        self._oracle.sent(count)
        self.owed = self._oracle.owed

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return int(self.send(data))
        except WOULD_BLOCK:
            return 0
        except OSError as error:
            raise self.broken(error) from None


def _refuse_to_send(data: object) -> int:
    del data
    raise ConnectionAbortedError
