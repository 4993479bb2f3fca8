"""Each way to end a connection, as the socket sees it."""

from typing import Any, cast

import pytest

from tests.support.servers import Shout
from wireproof.conformance.execution.judged_connection import JudgedConnection
from wireproof.conformance.execution.server.churn import use
from wireproof.conformance.execution.waiting import DeliveryTimeout
from wireproof.conformance.plans.plan import Way
from wireproof.deadline import Deadline
from wireproof.wire.connection import Connection
from wireproof.wire.observations import END_OF_STREAM, Data, Observation
from wireproof.wire.transcript import Transcript


class _Socket:
    """Of a server that answers each line, and after our end of stream nothing any more."""

    ending = ""
    ready_s = 0.0

    def __init__(self) -> None:
        self.log: list[str] = []
        self._unanswered = b""
        self.closed = False

    def send(self, data: memoryview, **_: bool) -> int:
        self.log.append(bytes(data).decode())
        self._unanswered += data
        return len(data)

    def receive(self) -> Observation | None:
        if "half-close" in self.log:
            return END_OF_STREAM
        if not self._unanswered.endswith(b"\n"):
            return None
        reply, self._unanswered = self._unanswered.upper(), b""
        self.log.append("answered")
        return Data(reply)

    def next_observation(self, deadline: Deadline) -> Observation:
        del deadline
        return END_OF_STREAM

    def wait(self, deadline: Deadline, **_: bool) -> bool:
        return deadline.expired

    def half_close(self) -> None:
        self.log.append("half-close")

    def close(self) -> None:
        self.log.append("close")
        self.closed = True

    def reset(self) -> None:
        self.log.append("reset")
        self.closed = True

    def widen_window(self) -> None:
        pass


class _Watch:
    gap_s = 0.0
    confirms = True

    def sent_more(self) -> None:
        pass

    def delivered(self) -> bool:
        return True

    def unread_bytes(self) -> int:
        return 0


@pytest.mark.parametrize(
    ("way", "seen"),
    [
        (Way.CLOSE, ["hi\n", "answered", "close"]),
        (Way.HALF_CLOSE, ["hi\n", "answered", "half-close", "close"]),
        (Way.RESET, ["hi\n", "answered", "reset"]),
        (Way.IN_REQUEST, ["h", "reset"]),
        (Way.AT_ONCE, ["hi\n", "reset"]),
    ],
)
def test_each_way(way: Way, seen: list[str]) -> None:
    """Nothing is owed to us behind an end of stream of ours: some servers answer nothing then."""
    connection = _Socket()
    judged = JudgedConnection(
        0,
        cast(Connection, connection),
        Shout().oracle(),
        cast(Any, _Watch()),
        Transcript(),
        DeliveryTimeout(1.0),
    )
    use((judged, cast(Connection, connection), (), (b"hi\n",)), way, Deadline(1.0))
    assert connection.log == [*seen, "close"]  # the descriptor is given back in any case
