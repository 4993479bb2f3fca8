"""One connection under judgement: what goes out, what comes in, and the oracle between them."""

import time
from collections.abc import Callable, Collection, Sequence

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
from wireproof.protocols.oracle import Oracle, WrongReplyError
from wireproof.results import Delivery
from wireproof.wire.connection import Connection
from wireproof.wire.delivery import DeliveryWatch, pause_between_looks
from wireproof.wire.observations import RESET, Data, EndOfStream, Observation, Reset
from wireproof.wire.transcript import Transcript
from wireproof.words import counted

_ABANDON_S = 0.2
_READS_AT_A_TIME = 64
_READING_S = 0.05  # then the caller looks at its deadline: judging some replies is slow
_LOOKS_IN_A_ROW = 64
_LOOK_AGAIN_S = 0.001


class JudgedConnection:
    """One connection of a plan while it is executed.

    Attributes:
        delivery: the weakest delivery of any of its segments so far.
        oracle: judges the replies; its announcements are made on construction.
        witness: tells what goes wrong.

    """

    def __init__(  # noqa: PLR0917 - six things that are all different
        self,
        number: int,
        connection: Connection,
        oracle: Oracle,
        watcher: DeliveryWatch,
        transcript: Transcript,
        timeout: DeliveryTimeout,
        *,
        pauses_of: Callable[[bytes], Sequence[int]] = lambda _: (),
    ) -> None:
        """Judge `connection` by `oracle`; `pauses_of` a request is the protocol's."""
        self.number = number
        self.oracle = oracle
        self.witness = StreamWitness(number, transcript, oracle, watcher)
        self.delivery = Delivery.CONFIRMED if watcher.confirms else Delivery.ASSUMED
        self._connection = connection
        self._watcher = watcher
        self._transcript = transcript
        self._timeout = timeout
        self._out = Outgoing(connection, oracle, pauses_of)
        self._received = 0  # bytes
        self._answered = 0  # requests
        self._more_follows = False
        self._reads_slowly = False  # as long as the window is as narrow as it was opened
        self._gone: EndOfStream | Reset | None = None

    def begin(
        self, opening: Sequence[bytes], requests: Sequence[bytes], deadline: Deadline
    ) -> None:
        """Do the opening exchange; then announce the requests, which offsets count from."""
        self.await_replies(deadline)  # a greeting, where there is one
        for number, request in enumerate(opening, 1):
            self.witness.opens_with(request, number, len(opening))
            self._send(self._out.announce(request), deadline)
            self.await_replies(deadline)
        self.witness.is_open()
        self._out.begin_here()
        self._out.announce(*requests)

    def begin_by_hand(self, opening: Sequence[bytes], requests: Sequence[bytes]) -> None:
        """Announce the opening and the requests, and send nothing yet."""
        self._out.announce(*opening)
        self._out.begin_here()
        self._out.announce(*requests)

    def send_opening(self, until: int, deadline: Deadline, hold_s: float) -> None:
        """Send up to an offset into the opening requests, see it read, then hold."""
        self.witness.opens_by_hand(until)
        self._send(self._out.in_opening(until), deadline, hold_s)

    def send(self, until: int, deadline: Deadline, hold_s: float = 0.0) -> None:
        """Send up to offset `until` as one segment, see it read, then hold."""
        if until > 0:
            self.witness.is_open()
        self._send(until, deadline, hold_s)

    def _send(self, until: int, deadline: Deadline, hold_s: float = 0.0) -> None:
        start = self._out.sent
        self._send_up_to(until, deadline)
        how = self._see_delivered()
        self._transcript.add(self.number, "send", self._out.since(start), how)
        gap_s = max(hold_s, self._watcher.gap_s)
        if gap_s:
            self._wait(Wait(never, gap_s, gap_s, renewed=False))

    def send_last(self, until: int, deadline: Deadline) -> None:
        """Send up to offset `until` and the end of our stream at the same instant."""
        start = self._out.sent
        self._more_follows = True
        self._send_up_to(until, deadline)
        self._more_follows = False
        self._transcript.add(self.number, "send", self._out.since(start), "with the end")
        self.half_close()

    def push(self, until: int, stall_s: float, deadline: Deadline) -> None:
        """Send up to `until` without reading, until nothing has moved for `stall_s`.

        Not even the kernel takes more replies than the window holds, until they are awaited.
        """
        start = self._out.sent
        self._out.ask_for(until)
        # A pause of the protocol's has the client read now.
        self._wait(Wait(self._pausing, stall_s, deadline.remaining_s(), reads=False, sends=True))
        self._transcript.add(self.number, "send", self._out.since(start), "without reading")
        self._reads_slowly = True

    def await_replies(self, deadline: Deadline) -> None:
        """Send what a push left over, and read until everything is answered."""
        self._read_fast()
        self._wait_for(self._all_answered, deadline)
        if self._gone:
            self._judge_end()

    def await_end(self, deadline: Deadline) -> None:
        """Read to the end of the stream."""
        self._read_fast()
        timeout_s = deadline.remaining_s()
        match self._wait(Wait(never, timeout_s, MOST_TIMEOUTS * timeout_s)):
            case Ended.OUT_OF_TIME if self._out.judged and self.oracle.owed:
                raise self.witness.too_slow()
            case Ended.SILENT | Ended.OUT_OF_TIME:
                silent = self._out.judged and not self.oracle.settled
                raise self.witness.silent() if silent else self.witness.not_closed()
        self._judge_end()

    def send_malformed(self, data: bytes, deadline: Deadline) -> None:
        """Send bytes outside the protocol; from now on nothing received is judged."""
        self.send(self._out.replace_rest(data), deadline)

    def half_close(self) -> None:
        """Send the end of our stream."""
        self._transcript.add(self.number, "half-close")
        self.witness.ends()
        self._connection.half_close()

    def close(self) -> None:
        """Close in order."""
        self._transcript.add(self.number, "close")
        self._connection.close()

    def reset(self) -> None:
        """Close with RST."""
        self._transcript.add(self.number, "reset")
        self._connection.reset()

    def leave(self) -> None:
        """Say, without a word in the transcript, that nothing more will be sent."""
        if not self._gone and not self._connection.closed:
            self._connection.half_close()

    def drain_and_close(self, soon: Deadline) -> None:
        """Read what is left until the server closes too, and give the socket back."""
        if not self._gone and not self._connection.closed:
            while not soon.expired and isinstance(self._connection.next_observation(soon), Data):
                pass
        self._connection.close()

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
                return over
            if not clock.moving and self._has_hung_up(wait, clock.until()):
                return Ended.GONE

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
        before = self._answered
        match self._wait(Wait(reached, timeout_s, MOST_TIMEOUTS * timeout_s, sends=True)):
            case Ended.SILENT:
                raise self.witness.silent()
            case Ended.OUT_OF_TIME:
                # Bytes that complete no reply may come for ever.
                slow = self._answered > before
                raise self.witness.too_slow() if slow else self.witness.endless()

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

    def _read_fast(self) -> None:
        if self._reads_slowly:
            self._connection.widen_window()
            self._reads_slowly = False

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
        if self._seen_delivered():
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


def abandon(connections: Collection[JudgedConnection]) -> None:
    """Give the sockets of a plan back, without a word in the transcript.

    What a failed plan leaves unread would turn a plain close into a reset (RFC 2525, 2.17), and
    the next plan would meet a server that our own reset may have ended.
    """
    for connection in connections:
        connection.leave()
    soon = Deadline(_ABANDON_S)
    for connection in connections:
        connection.drain_and_close(soon)
