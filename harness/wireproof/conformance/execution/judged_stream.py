"""What goes out on one connection under judgement, what comes in, and the one loop that waits."""

import time
from collections.abc import Callable

from wireproof.conformance.execution.outgoing import Outgoing
from wireproof.conformance.execution.waiting import (
    MOST_TIMEOUTS,
    Clock,
    DeliveryTimeout,
    Ended,
    Wait,
    never,
)
from wireproof.conformance.execution.witness import StreamWitness
from wireproof.deadline import Deadline
from wireproof.protocols.base import Protocol
from wireproof.protocols.oracle import Oracle, WrongReplyError
from wireproof.results import Delivery
from wireproof.wire.connection import CONNECT_TIMEOUT_S, Connection
from wireproof.wire.delivery import DeliveryWatch, pause_between_looks
from wireproof.wire.observations import RESET, Data, EndOfStream, Observation, Reset
from wireproof.wire.tls_connection import TlsConnection, shake_hands
from wireproof.wire.transcript import Transcript
from wireproof.words import counted

_READS_AT_A_TIME = 64
_READING_S = 0.05  # then the caller looks at its deadline: judging some replies is slow
_LOOKS_IN_A_ROW = 64
_LOOK_AGAIN_S = 0.001
_AT_WORK = 0.2
"""Share of a wait in which a process that starts runs, or would if others let it."""


class JudgedStream:
    """A connection of a plan: sends, reads, waits and judges, and knows nothing of plans.

    Attributes:
        delivery: the weakest delivery of any of its segments so far.
        oracle: judges the replies; its announcements are made on construction.
        witness: tells what goes wrong.
        has_refused: whether the server would not take what was stuffed: nothing is judged now.

    """

    has_refused = False

    def __init__(  # noqa: PLR0917 - six things that are all different
        self,
        number: int,
        connection: Connection,
        oracle: Oracle,
        watcher: DeliveryWatch,
        transcript: Transcript,
        timeout: DeliveryTimeout,
        *,
        says: Protocol | None = None,
        host: str = "",
    ) -> None:
        """Judge `connection` to `host` by `oracle`, and by what the protocol `says` of requests."""
        self.number = number
        self.oracle = oracle
        self.witness = StreamWitness(number, transcript, oracle, watcher)
        self.delivery = Delivery.CONFIRMED if watcher.confirms else Delivery.ASSUMED
        self._connection = connection
        self._watcher = watcher
        self._transcript = transcript
        self._timeout = timeout
        self._out = Outgoing(connection, oracle, says)
        self._host = host
        self._refuses = getattr(says, "refused", lambda _: False)
        self._last = b""  # of what came
        self._opened_s = self._looked_s = time.monotonic()
        self._ready_s = self._longest_s = 0.0
        self._is_stuffed = self._is_secured = False
        self._received = 0  # bytes
        self._answered = 0  # requests
        self._more_follows = False
        self._reads_slowly = False  # as long as the window is as narrow as it was opened
        self._gone: EndOfStream | Reset | None = None

    def _begin_tls(self, deadline: Deadline, cut: int = 0, hold_s: float = 0.0) -> None:
        self._connection = tls = TlsConnection(self._connection.socket, self._host)
        try:
            if cut:
                tls.begin(cut)
                how = f"TLS begins: the first {counted(cut, 'byte')} of the handshake"
                self._transcript.add(self.number, "note", note=f"{how} {self._see_delivered()}")
                self.hold(hold_s)
            shake_hands(tls, deadline)
        except OSError as error:
            raise self.witness.no_tls(error) from None
        self._out.goes_through(tls)
        self._is_secured = True
        self._transcript.add(self.number, "note", note="inside TLS from here on")

    def hold(self, hold_s: float) -> None:
        """Send nothing for a while."""
        self._wait(Wait(never, hold_s, hold_s, renewed=False))

    def _wait(self, wait: Wait) -> Ended:
        """Read, send and look until one of the wait's ends comes: the only loop that waits."""
        clock = Clock(wait, self._progress())
        while True:
            if wait.reads:
                self._take_available()
            if self._gone:
                return Ended.GONE
            if wait.reached():
                return Ended.REACHED
            if wait.sends:
                self._send_some()
            if (over := clock.look(self._progress())) is not None:
                if over is not Ended.SILENT or not wait.renewed or not self._is_starting():
                    return over
                clock.renew()
            if not clock.moving and self._has_hung_up(wait, clock.until()):
                return Ended.GONE

    def _is_starting(self) -> bool:
        """Say whether a process of this connection's own, which has said nothing yet, is at work.

        One that starts is silent for as long as that takes, on a busy machine for seconds.
        """
        now_s = time.monotonic()
        if self._last or now_s - self._opened_s > MOST_TIMEOUTS * self._longest_s:
            return False
        before_s, looked_s = self._ready_s, self._looked_s
        self._ready_s, self._looked_s = self._connection.ready_s, now_s
        return self._ready_s - before_s >= _AT_WORK * (now_s - looked_s)

    def _has_hung_up(self, wait: Wait, until: Deadline) -> bool:
        """Wait for an event; say whether it was one that nobody has asked for."""
        writes = wait.sends and not self._out.complete and not self._out.must_pause()
        woken = self._connection.wait(until, readable=wait.reads, writable=writes)
        return woken and not (wait.reads or writes)

    def _wait_for(self, reached: Callable[[], bool], deadline: Deadline) -> None:
        """Send and read until something is reached, or the connection is gone.

        The deadline is for silence: as long as something moves it begins anew, within bounds.
        """
        timeout_s = deadline.remaining_s()
        self._longest_s = max(self._longest_s, timeout_s)
        before, sent_before = self._answered, self._out.sent

        def left() -> tuple[int, int]:
            return self._answered - before, self.oracle.owed

        most_s = MOST_TIMEOUTS * timeout_s
        match self._wait(Wait(reached, timeout_s, most_s, sends=True, left=left)):
            case Ended.SILENT:
                raise self.witness.silent()
            case Ended.OUT_OF_TIME:
                # Bytes that complete no reply may come for ever, where it isn't known what is due.
                moves = self._answered > before or self._out.sent > sent_before
                is_slow = moves or self.oracle.knows_each_byte
                raise self.witness.too_slow() if is_slow else self.witness.endless()

    def _progress(self) -> int:
        """Return how many bytes have moved; none do where nothing is judged.

        What the server may send unasked is none of what it owes.
        """
        if not self._out.judged:
            return 0
        return self._out.sent + self._received - self.oracle.unasked_bytes

    def _all_sent(self) -> bool:
        return self._out.complete

    def _all_answered(self) -> bool:
        answered = not self._out.judged or (self.oracle.settled and self.oracle.owed == 0)
        return answered and self._out.complete

    def _pausing(self) -> bool:
        return not self._out.complete and self._out.must_pause()

    def _send_up_to(self, until: int, deadline: Deadline) -> None:
        self._out.ask_for(until)
        self._send_some()  # most often all of it at once
        if not self._out.complete:
            # The server does not read on; it may be waiting for us to take its replies.
            self._wait_for(self._all_sent, deadline)

    def _take_available(self) -> bool:
        """Read and judge what is there, for a moment; say whether there was anything."""
        begun_s = time.monotonic()
        for reads in range(_READS_AT_A_TIME):
            seen = None if self._gone else self._connection.receive()
            if seen is None:
                return reads > 0
            self._take(seen)
            if time.monotonic() - begun_s > _READING_S:
                break
        return True

    def _take(self, seen: Observation) -> None:
        if isinstance(seen, Data):
            self._transcript.add(self.number, "receive", seen.data)
            self._last = seen.data
            if self._out.judged:
                self._received += len(seen.data)
                try:
                    self._answered += self.oracle.receive_data(seen.data)
                except WrongReplyError as error:
                    raise self.witness.wrong(error) from None
        elif isinstance(seen, EndOfStream):
            self.witness.process_ended = self._connection.ending
            self._transcript.add(self.number, "end", note=self.witness.process_ended)
            self._gone = seen
        elif isinstance(seen, Reset):
            self._transcript.add(self.number, "was-reset")
            self._gone = seen

    def _send_some(self) -> None:
        """Hand over what the kernel takes; once the connection is gone, see how it went."""
        if self._out.complete:
            return
        if self._out.at_upgrade and self.oracle.settled:
            self._begin_tls(Deadline(CONNECT_TIMEOUT_S))
        if not self._out.send_some(more_follows=self._more_follows):
            while not self._gone and self._take_available():
                pass
            self._gone = self._gone or RESET

    def _see_delivered(self) -> str:
        """Wait until the server has read everything; say in words how that went."""
        if not self._watcher.confirms:
            return "kept apart by time"
        if self.delivery is Delivery.HELD:
            return "not seen read"
        self._watcher.sent_more()
        if not self._gone and self._seen_delivered():
            return ""
        timeout_s = self._timeout.seconds
        look = Wait(
            self._seen_delivered, timeout_s, timeout_s, renewed=False, look_again_s=_LOOK_AGAIN_S
        )
        match self._wait(look):
            case Ended.REACHED:
                return ""
            case Ended.GONE:
                return "the connection ended"
        self.delivery = Delivery.HELD
        self._timeout.shorten()
        return f"{counted(self._watcher.unread_bytes() or 0, 'byte')} left unread"

    def _seen_delivered(self) -> bool:
        """Look some times in a row: the hot spot of octet-wise conversations.

        A server's read takes 10 us; to wait for it in poll() would cost 50. Profiled, half of a
        segment's 30 us are `send`, in which loopback delivers and wakes the server, so most
        segments have arrived at the first look, and take 1.7 looks of 2 to 3 us, nearly all of that
        in the two system calls of the question to the kernel. So what counts is how often it is
        asked, not for how much (`tcp_info` adds 0.2 us); but to leave out early looks in the hope
        of an ACK cost a third where that is delayed.
        """
        delivered = self._watcher.delivered
        for _ in range(_LOOKS_IN_A_ROW):
            if delivered():
                return True
            pause_between_looks()
        return False

    def _judge_end(self) -> None:
        if not self._out.judged or self.oracle.ended:
            return
        if isinstance(self._gone, Reset):
            raise self.witness.was_reset()
        try:
            self.oracle.receive_eof()
        except WrongReplyError as error:
            if self._out.complete:
                raise self.witness.wrong_end(error) from None
        if not (self._out.complete or self.oracle.ended):  # nor refused by a reply to the end
            raise self.witness.closed_early(self._out.sent, self._out.goal)
