"""Many connections one after the other, each of which ends in the same way."""

from collections.abc import Callable, Sequence

from wireproof.conformance.execution.failure import ConversationFailedError
from wireproof.conformance.execution.judged_connection import JudgedConnection, abandon
from wireproof.conformance.plans.plan import Way
from wireproof.deadline import Deadline
from wireproof.wire.connection import Connection

Begun = tuple[JudgedConnection, Connection, Sequence[bytes], Sequence[bytes]]
"""A connection with nothing sent on it, its opening requests and its requests."""


def use(begun: Begun, way: Way, deadline: Deadline) -> None:
    """Use one connection, and end it.

    Raises:
        ConversationFailedError: the server did not do its part before the end.

    """
    judged, connection, opening, requests = begun
    try:
        if way is Way.AT_ONCE:
            connection.send(memoryview(b"".join((*opening, *requests))))
            connection.reset()
            return
        if way is Way.IN_OPENING:
            judged.begin_by_hand(opening, requests)
            judged.await_replies(deadline)  # a greeting, where there is one
            judged.send_opening(sum(map(len, opening)) // 2, deadline, 0.0)
            judged.reset()
            return
        judged.begin(opening, requests, deadline)
        total = sum(map(len, requests))
        _ENDS[way](judged, total, deadline)
    finally:
        abandon([judged])


def answered(begun: Begun, deadline: Deadline) -> JudgedConnection:
    """Use one connection, and leave it open.

    Raises:
        ConversationFailedError: it is not answered, and closed.

    """
    judged, _, opening, requests = begun
    try:
        judged.begin(opening, requests, deadline)
        _answered(judged, sum(map(len, requests)), deadline)
    except ConversationFailedError:
        abandon([judged])
        raise
    return judged


def _answered(judged: JudgedConnection, total: int, deadline: Deadline) -> None:
    judged.send(total, deadline)
    judged.await_replies(deadline)


def _closed(judged: JudgedConnection, total: int, deadline: Deadline) -> None:
    _answered(judged, total, deadline)
    judged.close()


def _half_closed(judged: JudgedConnection, total: int, deadline: Deadline) -> None:
    # Answered first: what a server still owes behind our end of stream is for CLOSE-HALF to ask.
    _answered(judged, total, deadline)
    judged.half_close()
    judged.await_end(deadline)
    judged.close()


def _reset(judged: JudgedConnection, total: int, deadline: Deadline) -> None:
    _answered(judged, total, deadline)
    judged.reset()


def _reset_inside(judged: JudgedConnection, total: int, deadline: Deadline) -> None:
    judged.send(max(1, total // 2), deadline)
    judged.reset()


_ENDS: dict[Way, Callable[[JudgedConnection, int, Deadline], None]] = {
    Way.CLOSE: _closed,
    Way.HALF_CLOSE: _half_closed,
    Way.RESET: _reset,
    Way.IN_REQUEST: _reset_inside,
}
