"""What becomes of connections under one name: the older is taken over, or the newer is refused."""

from collections.abc import Sequence
from itertools import accumulate

from wireproof.conformance.execution.failure import (
    ConversationFailedError,
    FailureKind,
    Owed,
    Seen,
)
from wireproof.conformance.execution.judged_connection import JudgedConnection
from wireproof.deadline import Deadline

_OVER = {FailureKind.END, FailureKind.RESET}


def await_taken_over(stream: JudgedConnection, deadline: Deadline) -> None:
    """Wait until the server has ended a connection; what it says last is its own affair.

    Raises:
        ConversationFailedError: it is still open.

    """
    while True:
        try:
            stream.await_end(deadline)
        except ConversationFailedError as failed:
            kind = failed.failure.kind
            if kind in _OVER:
                return
            if kind is FailureKind.WRONG_REPLY and not deadline.expired:
                continue
            raise stream.witness.failed(
                FailureKind.NOT_CLOSED,
                "the server keeps a connection open whose name another one has taken over",
                "the end of the older connection",
                "an open connection",
                Owed.END,
                Seen.NOTHING,
            ) from None
        else:
            return


def await_refusal(
    stream: JudgedConnection,
    opening: Sequence[bytes],
    requests: Sequence[bytes],
    deadline: Deadline,
) -> None:
    """Open and ask, one thing after the other, until one of them isn't answered as usual.

    Args:
        stream: begun by hand.
        opening: as the protocol has it.
        requests: of the plan.
        deadline: for all of it.

    Raises:
        ConversationFailedError: all is answered as usual, or the server falls silent.

    """
    try:
        stream.await_replies(deadline)  # a greeting, where there is one
        for end in accumulate(map(len, opening)):
            stream.send_opening(end, deadline, 0.0)
            stream.await_replies(deadline)
        for end in accumulate(map(len, requests)):
            stream.send(end, deadline)
            stream.await_replies(deadline)
    except ConversationFailedError as failed:
        if failed.failure.kind in {*_OVER, FailureKind.WRONG_REPLY}:
            return
        raise
    raise stream.witness.failed(
        FailureKind.RULE,
        "a second log-in is served under the name of a connection that is open",
        "a refusal, or the end of the connection",
        "the usual replies",
        Owed.NOTHING,
        Seen.MORE,
    )
