"""What was seen on one connection of a plan in place of what was owed, put into words."""

from wireproof.conformance.execution.failure import ConversationFailedError, Failure, FailureKind
from wireproof.protocols.oracle import Oracle, WrongReplyError
from wireproof.wire.delivery import DeliveryWatch
from wireproof.wire.transcript import Transcript
from wireproof.words import counted


class Witness:
    """Tells what went wrong on one connection.

    Attributes:
        number: of the connection in its plan.

    """

    def __init__(self, number: int, transcript: Transcript, action: int = 0) -> None:
        """Tell of connection `number`; `transcript` hears of it too."""
        self.number = number
        self._action = action
        self._transcript = transcript

    def at_action(self, number: int) -> None:
        """Hear which of the plan's actions is under way."""
        self._action = number

    def failed(
        self, kind: FailureKind, message: str, expected: str, actual: str
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
            )
        )


class StreamWitness(Witness):
    """Tells what went wrong on one stream."""

    def __init__(
        self, number: int, transcript: Transcript, oracle: Oracle, watcher: DeliveryWatch
    ) -> None:
        """Ask `oracle` what is owed, and `watcher` what the server has not read."""
        super().__init__(number, transcript)
        self._oracle = oracle
        self._watcher = watcher

    def wrong(self, error: WrongReplyError, kind: FailureKind) -> ConversationFailedError:
        """Return what the oracle says of the bytes, or of the end of the stream."""
        message = f"{error.problem} at byte {error.offset_bytes} of the replies"
        return self.failed(kind, message, error.expected, error.actual)

    def silent(self) -> ConversationFailedError:
        """Return that nothing moves any more."""
        unread = self._watcher.unread_bytes()
        left = f"; it left {counted(unread, 'byte')} unread" if unread else ""
        what = self._what_is_owed("more bytes")
        return self.failed(
            FailureKind.SILENCE,
            f"the server fell silent with {what} owed{left}",
            f"{what} owed",
            "silence",
        )

    def endless(self) -> ConversationFailedError:
        """Return that bytes come on and on which answer nothing."""
        what = self._what_is_owed("the end of a reply")
        return self.failed(
            FailureKind.SILENCE,
            f"the server sends on and on, with {what} still owed",
            what,
            "bytes without end",
        )

    def too_slow(self) -> ConversationFailedError:
        """Return that right replies were still coming."""
        return self.failed(
            FailureKind.TOO_SLOW,
            "the replies were right so far, but too slow to wait for all: "
            f"{self._what_is_owed('more bytes')} owed",
            "all replies",
            "some of them",
        )

    def was_reset(self) -> ConversationFailedError:
        """Return that the server reset the connection."""
        return self.failed(
            FailureKind.RESET,
            "the server reset the connection, which can destroy replies under way",
            "replies, then end of stream",
            "connection reset",
        )

    def closed_early(self, sent: int, goal: int) -> ConversationFailedError:
        """Return that the server ended the stream before it had taken all bytes."""
        return self.failed(
            FailureKind.END,
            f"the server closed the connection after {sent} of {goal} bytes",
            "an open connection",
            "end of stream",
        )

    def not_closed(self) -> ConversationFailedError:
        """Return that the server did not close after us."""
        return self.failed(
            FailureKind.NOT_CLOSED,
            "the server keeps the connection open after the client's end of stream",
            "end of stream",
            "silence",
        )

    def _what_is_owed(self, otherwise: str) -> str:
        owed = self._oracle.owed
        return counted(owed, "reply", "replies") if owed else otherwise
