"""One connection under judgement: what goes out, what comes in, and the oracle between them."""

import time
from collections import deque
from collections.abc import Callable, Collection, Sequence

from wireproof.conformance.execution.failure import ConversationFailedError, Failure, FailureKind
from wireproof.deadline import Deadline
from wireproof.protocols.oracle import Oracle, WrongReplyError
from wireproof.results import Delivery
from wireproof.wire.connection import Connection
from wireproof.wire.delivery import DeliveryWatch, pause_between_looks
from wireproof.wire.observations import RESET, Data, EndOfStream, Observation, Reset
from wireproof.wire.transcript import Transcript
from wireproof.words import counted

_HELD_TIMEOUT_S = 0.02
_ABANDON_S = 0.2
_READS_AT_A_TIME = 64
_READING_S = 0.05  # then the caller looks at its deadline: judging some replies is slow
_LOOKS_BETWEEN_READS = 64
_LOOKS_BEFORE_WAITING = 4000
_LOOK_AGAIN_S = 0.001
_MOST_TIMEOUTS = 6


class DeliveryTimeout:
    """How long a segment of a conversation may stay unread, on all its connections together.

    Attributes:
        seconds: short after the first segment that was held: a server that does not read one
            connection is not read on fifty others at two seconds each.

    """

    def __init__(self, seconds: float) -> None:
        """Wait `seconds` for the first time."""
        self.seconds = seconds


class Channel:
    """One connection of a plan while it is executed.

    Attributes:
        delivery: the weakest delivery of any of its segments so far.
        oracle: judges the replies; its announcements are made on construction.
        action: number of the plan's action under way, for what fails.

    """

    def __init__(  # noqa: PLR0917 - six things that are all different
        self,
        number: int,
        connection: Connection,
        oracle: Oracle,
        watcher: DeliveryWatch,
        transcript: Transcript,
        patience: DeliveryTimeout,
        *,
        pauses_of: Callable[[bytes], Sequence[int]] = lambda _: (),
    ) -> None:
        """Judge `connection` by `oracle`; `pauses_of` a request is the protocol's."""
        self.number = number
        self.oracle = oracle
        self.action = 0
        self.delivery = Delivery.CONFIRMED if watcher.confirms else Delivery.ASSUMED
        self.judged = True
        self._connection = connection
        self._watcher = watcher
        self._transcript = transcript
        self._timeout = patience
        self._stream = b""
        self._view = memoryview(self._stream)
        self._begin = 0  # where the plan's own requests begin, behind the opening exchange
        self._answered = 0  # requests whose reply is all here
        self._sent = 0  # bytes that the kernel has taken
        self._goal = 0  # bytes that the plan has asked to send
        self._reads_slowly = False  # as long as the window is as narrow as it was opened
        self._gone: EndOfStream | Reset | None = None
        self._pauses_of = pauses_of
        self._pauses: deque[int] = deque()  # offsets behind which replies come first

    def begin(
        self, opening: Sequence[bytes], requests: Sequence[bytes], deadline: Deadline
    ) -> None:
        """Do the opening exchange; then announce the requests, which offsets count from."""
        self.await_replies(deadline)  # a greeting, where there is one
        for request in opening:
            self._announce(request)
            self.send(len(self._stream), deadline)
            self.await_replies(deadline)
        self._begin = self._sent
        self._announce(*requests)

    def send(self, until: int, deadline: Deadline, hold_s: float = 0.0) -> None:
        """Send up to offset `until` as one segment, see it read, then hold."""
        start = self._sent
        self._send_up_to(until, deadline)
        how = self._see_delivered()
        self._transcript.add(self.number, "send", self._stream[start : self._sent], how)
        gap_s = max(hold_s, self._watcher.gap_s)
        if gap_s:
            self._read_for(gap_s)

    def send_last(self, until: int, deadline: Deadline) -> None:
        """Send up to offset `until` and the end of our stream at the same instant."""
        start = self._sent
        self._send_up_to(until, deadline, more_follows=True)
        self._transcript.add(self.number, "send", self._stream[start : self._sent], "with the end")
        self.half_close()

    def _send_up_to(self, until: int, deadline: Deadline, *, more_follows: bool = False) -> None:
        self._goal = until + self._begin
        last = Deadline(_MOST_TIMEOUTS * deadline.remaining_s())
        while self._sent < self._goal and not self._gone:
            if self._send_some(more_follows=more_follows):
                continue
            # The server does not read on; it may be waiting for us to take its replies.
            self.take_available()
            if self._gone:
                break
            moves = self._connection.wait(deadline, writable=not self._must_wait())
            # What is not judged may come for ever; what is judged ends with what is owed.
            if deadline.expired and not (moves and self.judged):
                raise self._silent()
            if last.expired:
                raise self._endless()

    def push(self, until: int, stall_s: float, deadline: Deadline) -> None:
        """Send up to `until` without reading, until nothing has moved for `stall_s`.

        Not even the kernel takes more replies than the window holds, until they are awaited.
        """
        until += self._begin
        start, self._goal = self._sent, until
        quiet = Deadline(stall_s)
        while not (quiet.expired or deadline.expired or self._gone):
            left = self._sent < until
            if left and self._must_wait():
                break  # the protocol has the client read now
            if left and self._send_some():
                quiet = Deadline(stall_s)
                continue
            if self._connection.wait(quiet, readable=False, writable=left) and not left:
                break  # hung up; reading will tell how
        self._transcript.add(
            self.number, "send", self._stream[start : self._sent], "without reading"
        )
        self._reads_slowly = True

    def _read_fast(self) -> None:
        if self._reads_slowly:
            self._connection.widen_window()
            self._reads_slowly = False

    def await_replies(self, deadline: Deadline) -> None:
        """Send what a push left over, and read until everything is answered.

        The deadline is for silence: as long as replies come it begins anew, within bounds.
        """
        self._read_fast()
        timeout_s = deadline.remaining_s()
        last = Deadline(_MOST_TIMEOUTS * timeout_s)
        answered_before = self._answered
        while not self._gone:
            if self.take_available():
                if last.expired and self.judged:
                    raise self._too_slow()
                deadline = deadline if last.expired else Deadline(timeout_s)
            if self._gone:
                break
            unsent = self._sent < self._goal
            answered = not self.judged or (self.oracle.settled and self.oracle.owed == 0)
            if answered and not unsent:
                return
            if unsent and self._send_some():
                continue
            writable = unsent and not self._must_wait()
            if not self._connection.wait(deadline, writable=writable) and deadline.expired:
                raise self._silent()
            if last.expired:
                slow = self.judged and self._answered > answered_before
                raise self._too_slow() if slow else self._endless()
        self._judge_end()

    def await_end(self, deadline: Deadline) -> None:
        """Read to the end of the stream.

        As long as replies come that are owed, the deadline begins anew, within bounds.
        """
        self._read_fast()
        timeout_s = deadline.remaining_s()
        last = Deadline(_MOST_TIMEOUTS * timeout_s)
        while not self._gone:
            came = self.take_available()
            if came and self.judged and self.oracle.owed:
                if last.expired:
                    raise self._too_slow()
                deadline = Deadline(timeout_s)
            if came and not deadline.expired:
                continue
            if not self._connection.wait(deadline) or deadline.expired:
                if self.judged and not self.oracle.settled:
                    raise self._silent()
                raise self._failed(
                    FailureKind.NOT_CLOSED,
                    "the server keeps the connection open after the client's end of stream",
                    "end of stream",
                    "silence",
                )
        self._judge_end()

    def send_malformed(self, data: bytes, deadline: Deadline) -> None:
        """Send bytes outside the protocol; from now on nothing received is judged."""
        self.judged = False
        self._pauses.clear()
        self._stream = self._stream[: self._sent] + data
        self._view = memoryview(self._stream)
        self.send(len(self._stream) - self._begin, deadline)

    def half_close(self) -> None:
        """Send the end of our stream."""
        self._transcript.add(self.number, "half-close")
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

    def _announce(self, *requests: bytes) -> None:
        end = len(self._stream)
        for request in requests:
            self.oracle.announce(request)
            self._pauses.extend(end + at for at in self._pauses_of(request))
            end += len(request)
        self._stream = b"".join((self._stream, *requests))
        self._view = memoryview(self._stream)

    def take_available(self) -> bool:
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
            if self.judged:
                try:
                    self._answered += self.oracle.receive_data(seen.data)
                except WrongReplyError as error:
                    raise self._wrong(error, FailureKind.WRONG_REPLY) from None
        elif isinstance(seen, EndOfStream):
            self._transcript.add(self.number, "end")
            self._gone = seen
        elif isinstance(seen, Reset):
            self._transcript.add(self.number, "was-reset")
            self._gone = seen

    def _send_some(self, *, more_follows: bool = False) -> int:
        """Hand over what the kernel takes; once the connection is gone, see how it went."""
        if self._must_wait():
            return 0
        until = min(self._goal, self._pauses[0]) if self._pauses else self._goal
        unsent = self._view[self._sent : until]
        taken = self._connection.send(unsent, more_follows=more_follows)
        if taken is None:
            while not self._gone and self.take_available():
                pass
            self._gone = self._gone or RESET
            return 0
        if self.judged:
            self.oracle.sent(taken)
        self._sent += taken
        return taken

    def _must_wait(self) -> bool:
        """Say whether the protocol has the client wait for replies before it sends on."""
        if self._pauses and self._pauses[0] == self._sent and self.judged and self.oracle.settled:
            self._pauses.popleft()
        return bool(self._pauses) and self._pauses[0] == self._sent and self.judged

    def _see_delivered(self) -> str:
        """Wait until the server has read everything; say in words how that went."""
        if not self._watcher.confirms:
            return "kept apart by time"
        if self.delivery is Delivery.HELD:
            return "not seen read"
        # The hot loop of octet-wise conversations. A look costs 5 us and a server's read takes 10;
        # to wait in poll() would cost 50. What is rare (the deadline, the replies) is looked at
        # once in 64 looks.
        delivered = self._watcher.delivered
        timeout = None
        looks = 0
        while not delivered():
            looks += 1
            if looks % _LOOKS_BETWEEN_READS == 0:
                timeout = timeout or Deadline(self._timeout.seconds)
                self.take_available()
                if self._gone:
                    return "the connection ended"
                if timeout.expired:
                    self.delivery = Delivery.HELD
                    self._timeout.seconds = _HELD_TIMEOUT_S
                    return f"{counted(self._watcher.unread_bytes() or 0, 'byte')} left unread"
            if looks > _LOOKS_BEFORE_WAITING:
                self._connection.wait(Deadline(_LOOK_AGAIN_S))
            else:
                pause_between_looks()
        return ""

    def _read_for(self, seconds: float) -> None:
        over = Deadline(seconds)
        while not over.expired and not self._gone:
            if not self.take_available():
                self._connection.wait(over)

    def _judge_end(self) -> None:
        if not self.judged or self.oracle.ended:
            return
        if isinstance(self._gone, Reset):
            raise self._failed(
                FailureKind.RESET,
                "the server reset the connection, which can destroy replies under way",
                "replies, then end of stream",
                "connection reset",
            )
        if self._sent < self._goal:
            raise self._failed(
                FailureKind.END,
                f"the server closed the connection after {self._sent} of {self._goal} bytes",
                "an open connection",
                "end of stream",
            )
        try:
            self.oracle.receive_eof()
        except WrongReplyError as error:
            raise self._wrong(error, FailureKind.END) from None

    def _too_slow(self) -> ConversationFailedError:
        owed = counted(self.oracle.owed, "reply", "replies")
        return self._failed(
            FailureKind.TOO_SLOW,
            f"the replies were right so far, but too slow to wait for all: {owed} owed",
            "all replies",
            "some of them",
        )

    def _silent(self) -> ConversationFailedError:
        unread = self._watcher.unread_bytes()
        left = f"; it left {counted(unread, 'byte')} unread" if unread else ""
        owed = self.oracle.owed
        what = f"{counted(owed, 'reply', 'replies')} owed" if owed else "more bytes owed"
        return self._failed(
            FailureKind.SILENCE, f"the server fell silent with {what}{left}", what, "silence"
        )

    def _endless(self) -> ConversationFailedError:
        owed = self.oracle.owed
        what = counted(owed, "reply", "replies") if owed else "the end of a reply"
        return self._failed(
            FailureKind.SILENCE,
            f"the server sends on and on, with {what} still owed",
            what,
            "bytes without end",
        )

    def _wrong(self, error: WrongReplyError, kind: FailureKind) -> ConversationFailedError:
        message = f"{error.problem} at byte {error.offset_bytes} of the replies"
        return self._failed(kind, message, error.expected, error.actual)

    def _failed(
        self, kind: FailureKind, message: str, expected: str, actual: str
    ) -> ConversationFailedError:
        if kind is not FailureKind.WRONG_REPLY:
            self._transcript.add(self.number, "note", note=message)
        return ConversationFailedError(
            Failure(
                kind=kind,
                connection=self.number,
                action=self.action,
                message=message,
                expected=expected,
                actual=actual,
            )
        )


def abandon(channels: Collection[Channel]) -> None:
    """Give the sockets of a plan back, without a word in the transcript.

    What a failed plan leaves unread would turn a plain close into a reset (RFC 2525, 2.17), and
    the next plan would meet a server that our own reset may have ended.
    """
    for channel in channels:
        channel.leave()
    soon = Deadline(_ABANDON_S)
    for channel in channels:
        channel.drain_and_close(soon)
