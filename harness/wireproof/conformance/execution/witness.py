"""What was seen on one connection of a plan in place of what was owed, put into words."""

from wireproof.conformance.execution.failure import (
    ConversationFailedError,
    Failure,
    FailureKind,
    Owed,
    Phase,
    Seen,
)
from wireproof.protocols.oracle import Oracle, WrongReplyError
from wireproof.wire.connection import connect_reason
from wireproof.wire.delivery import DeliveryWatch
from wireproof.wire.transcript import Transcript
from wireproof.words import counted, printable

_SHOWN_REQUEST_BYTES = 60


class Witness:
    """Tells what went wrong on one connection.

    Attributes:
        number: of the connection in its plan.

    """

    def __init__(
        self, number: int, transcript: Transcript, action: int = 0, phase: Phase = Phase.TALKING
    ) -> None:
        """Tell of connection `number`; `transcript` hears of it too."""
        self.number = number
        self._action = action
        self._phase = phase
        self._transcript = transcript

    def at_action(self, number: int) -> None:
        """Hear which of the plan's actions is under way."""
        self._action = number

    def failed(  # noqa: PLR0917 - what a failure is
        self,
        kind: FailureKind,
        message: str,
        expected: str,
        actual: str,
        owed: Owed,
        seen: Seen,
    ) -> ConversationFailedError:
        """Return the failure, for raising; the transcript shows a wrong reply by itself."""
        if kind is not FailureKind.WRONG_REPLY:
            self._transcript.add(self.number, "note", note=message)
        return ConversationFailedError(
            Failure(
                kind=kind,
                connection=self.number,
                action=self._action,
                message=message,
                expected=expected,
                actual=actual,
                phase=self._phase,
                owed=owed,
                seen=seen,
            )
        )


class StreamWitness(Witness):
    """Tells what went wrong on one stream.

    Attributes:
        process_ended: how the server's process did, where it is one of this connection alone.

    """

    def __init__(
        self, number: int, transcript: Transcript, oracle: Oracle, watcher: DeliveryWatch
    ) -> None:
        """Ask `oracle` what is owed, and `watcher` what the server has not read."""
        super().__init__(number, transcript, phase=Phase.OPENING)
        self._oracle = oracle
        self._watcher = watcher
        self._opening = "before anything was sent"
        self.process_ended = ""
        self._segments: list[str] = []  # of an opening by hand, where each ends

    def opens_with(self, request: bytes, number: int, count: int) -> None:
        """Hear that an opening request goes out: number `number` of `count`."""
        which = "the opening request" if count == 1 else f"opening request {number} of {count}"
        self._opening = f"in answer to {which}, {printable(request, _SHOWN_REQUEST_BYTES)}"

    def opens_by_hand(self, until: int) -> None:
        """Hear that the opening is sent up to this byte, as one segment."""
        self._segments.append(str(until))
        self._opening = f"in the opening, after the segments up to {', '.join(self._segments)}"

    def is_stuffed(self) -> None:
        """Hear that something was sent in clear behind the request for TLS."""
        self._opening = "inside TLS, after what came in the clear with the request for it"

    def is_open(self) -> None:
        """Hear that the opening exchange is over."""
        self._phase = Phase.TALKING

    def ends(self) -> None:
        """Hear that the client has ended its stream."""
        self._phase = Phase.ENDING

    def failed(  # noqa: PLR0917 - what a failure is
        self,
        kind: FailureKind,
        message: str,
        expected: str,
        actual: str,
        owed: Owed,
        seen: Seen,
    ) -> ConversationFailedError:
        """Return the failure; one of the opening exchange names the request that is refused."""
        if self._phase is Phase.OPENING:
            message = f"{message}, {self._opening}"
        if self.process_ended:
            message = f"{message}; {self.process_ended}"
        return super().failed(kind, message, expected, actual, owed, seen)

    def wrong(self, error: WrongReplyError) -> ConversationFailedError:
        """Return what the oracle says of bytes that came."""
        message = f"{error.problem} at byte {error.offset_bytes} of the replies"
        owed, seen = (Owed.NOTHING, Seen.MORE) if error.is_surplus else (Owed.REPLY, Seen.OTHER)
        return self.failed(
            FailureKind.WRONG_REPLY, message, error.expected, error.actual, owed, seen
        )

    def wrong_end(self, error: WrongReplyError) -> ConversationFailedError:
        """Return what the oracle says of the end of the stream."""
        message = f"{error.problem} at byte {error.offset_bytes} of the replies"
        return self.failed(
            FailureKind.END, message, error.expected, error.actual, Owed.REPLY, Seen.END
        )

    def silent(self) -> ConversationFailedError:
        """Return that nothing moves any more: what has come of a reply is told."""
        unread = self._watcher.unread_bytes()
        left = f"; it left {counted(unread, 'byte')} unread" if unread else ""
        part, due = self._oracle.unfinished, self._oracle.due
        what = self._what_is_owed("more bytes")
        if part and not due:
            return self.failed(
                FailureKind.SILENCE,
                f"the server sent bytes that answer nothing and are not a whole message{left}",
                "nothing",
                printable(part),
                Owed.NOTHING,
                Seen.MORE,
            )
        if part:
            return self.failed(
                FailureKind.SILENCE,
                f"the server fell silent within a reply, with {what} owed{left}",
                due,
                f"{printable(part)}, then silence",
                Owed.REPLY,
                Seen.LESS,
            )
        return self.failed(
            FailureKind.SILENCE,
            f"the server fell silent with {what} owed{left}",
            due or f"{what} owed",
            "silence",
            Owed.REPLY,
            Seen.NOTHING,
        )

    def endless(self) -> ConversationFailedError:
        """Return that bytes come on and on which answer nothing."""
        what = self._what_is_owed("the end of a reply")
        return self.failed(
            FailureKind.SILENCE,
            f"the server keeps sending, but {what} is still missing",
            self._oracle.due or what,
            "bytes without end",
            Owed.REPLY,
            Seen.NOTHING,
        )

    def too_slow(self) -> ConversationFailedError:
        """Return that right replies were still coming."""
        return self.failed(
            FailureKind.TOO_SLOW,
            "the replies were right so far, but too slow to wait for all: "
            f"{self._what_is_owed('more bytes')} owed",
            "all replies",
            "some of them",
            Owed.REPLY,
            Seen.LATE,
        )

    def no_tls(self, error: OSError) -> ConversationFailedError:
        """Return that the handshake inside the connection did not come to its end."""
        silent = isinstance(error, TimeoutError)
        reason = "silence" if silent else connect_reason(error)
        return self.failed(
            FailureKind.SILENCE if silent else FailureKind.END,
            f"no TLS handshake: {reason}",
            "a TLS handshake",
            reason,
            Owed.REPLY,
            Seen.NOTHING if silent else Seen.END,
        )

    def was_reset(self) -> ConversationFailedError:
        """Return that the server reset the connection."""
        return self.failed(
            FailureKind.RESET,
            "the server reset the connection, which can destroy replies under way",
            "replies, then end of stream",
            "connection reset",
            Owed.NOTHING if self._oracle.settled else Owed.REPLY,
            Seen.RESET,
        )

    def closed_early(self, sent: int, goal: int) -> ConversationFailedError:
        """Return that the server ended the stream before it had taken all bytes."""
        return self.failed(
            FailureKind.END,
            f"the server closed the connection after {sent} of {goal} bytes",
            "an open connection",
            "end of stream",
            Owed.REPLY,
            Seen.END,
        )

    def not_closed(self) -> ConversationFailedError:
        """Return that the server did not close after us."""
        return self.failed(
            FailureKind.NOT_CLOSED,
            "the server keeps the connection open after the client's end of stream",
            "end of stream",
            "silence",
            Owed.END,
            Seen.NOTHING,
        )

    def _what_is_owed(self, otherwise: str) -> str:
        owed = self._oracle.owed
        return counted(owed, "reply", "replies") if owed else otherwise
