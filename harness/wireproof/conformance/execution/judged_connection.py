"""One connection of a plan under judgement: each step of the plan is a method."""

from collections.abc import Collection, Sequence

from wireproof.conformance.execution.failure import Failure, Seen
from wireproof.conformance.execution.judged_stream import JudgedStream
from wireproof.conformance.execution.waiting import (
    MOST_TIMEOUTS,
    Ended,
    Wait,
    never,
)
from wireproof.conformance.plans.plan import Upgrade
from wireproof.deadline import Deadline
from wireproof.wire.kernel.process import crowding
from wireproof.wire.observations import Data

FULL_S = 0.3
"""Nothing has moved for so long: then no more is taken before something is read."""
_ABANDON_S = 0.2


class JudgedConnection(JudgedStream):
    """One connection of a plan while it is executed."""

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
            self.hold(gap_s)

    def upgrade(self, action: Upgrade, deadline: Deadline) -> None:
        """Do the TLS handshake as the plan says, with bytes in clear before it or with a cut."""
        if action.stuffed:
            self._is_stuffed = True
            start = self._out.sent
            self._out.stuff(action.stuffed)
            sent = self._out.since(start) + action.stuffed
            self._transcript.add(self.number, "send", sent, "in one segment, before TLS")
            self.await_replies(deadline)
            self._take_available()  # what else is said in clear
        self._begin_tls(deadline, action.cut, action.hold_s)
        if action.stuffed:
            self.witness.is_stuffed()
        if action.hold_s and not action.cut:
            self.hold(action.hold_s)

    def excuses(self, failure: Failure) -> bool:
        """Say whether a failure is a way to refuse what was stuffed; if so, none is told after it.

        A server that has begun TLS may still refuse, or end the connection. What it may not do is
        to answer, inside TLS, what was not asked there.
        """
        answers = self._is_secured and failure.seen is Seen.MORE and not self._refuses(self._last)
        self.has_refused = self._is_stuffed and not answers
        return self.has_refused

    def send_last(self, until: int, deadline: Deadline) -> None:
        """Send up to offset `until` and the end of our stream at the same instant."""
        start = self._out.sent
        self._more_follows = True
        self._send_up_to(until, deadline)
        self._more_follows = False
        self._transcript.add(self.number, "send", self._out.since(start), "with the end")
        self.half_close()

    def push(self, until: int, stall_s: float, deadline: Deadline) -> None:
        """Send up to `until` without reading; go on so for `stall_s` when no more is taken.

        Not even the kernel takes more replies than the window holds, until they are awaited.
        """
        start = self._out.sent
        self._out.ask_for(until)
        # A pause of the protocol's has the client read now.
        # A server that waits for its turn on a busy machine has not stopped reading.
        crowd = crowding()
        until_full_s, most_s = min(FULL_S, stall_s) * crowd, deadline.remaining_s() * crowd
        ended = self._wait(Wait(self._pausing, until_full_s, most_s, reads=False, sends=True))
        if ended is Ended.SILENT and stall_s > FULL_S:
            # The kernels probe a closed window, and may move a little more: the stall goes on.
            left_s = stall_s - FULL_S
            stalled = Wait(self._pausing, left_s, left_s, reads=False, sends=True, renewed=False)
            self._wait(stalled)
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

    def _read_fast(self) -> None:
        if self._reads_slowly:
            self._connection.widen_window()
            self._reads_slowly = False


def abandon(connections: Collection[JudgedConnection]) -> None:
    """Give the sockets of a plan that is over, or has failed, back, without harm to the server.

    What a failed plan leaves unread would turn a plain close into a reset (RFC 2525, 2.17), and
    the next plan would meet a server that our own reset may have ended.
    """
    for connection in connections:
        connection.leave()
    soon = Deadline(_ABANDON_S)
    for connection in connections:
        connection.drain_and_close(soon)
