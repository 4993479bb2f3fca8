"""Executing a plan: the same for a property, a shrink step, a confirmation and a replay."""

import contextlib
from dataclasses import dataclass

from harness.conformance.channel import Channel
from harness.conformance.failure import ConversationFailedError, Failure, FailureKind
from harness.conformance.plan import (
    Action,
    Await,
    AwaitEnd,
    Close,
    HalfClose,
    Malformed,
    Open,
    Plan,
    Push,
    Reset,
    Send,
)
from harness.deadline import Deadline
from harness.errors import CannotRunError
from harness.protocols.base import Protocol
from harness.protocols.oracle import Oracle
from harness.results import Delivery
from harness.target import Target
from harness.wire.connection import CONNECT_TIMEOUT_S, ConnectError, Connection
from harness.wire.delivery import watch
from harness.wire.sock_diag import SockDiag
from harness.wire.transcript import Transcript

DEFAULT_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a plan.

    Attributes:
        failure: None when every reply was right.
        delivery: the weakest delivery of any segment.
        transcript: all that happened.
        oracles: each connection's judge, as it was at the end.

    """

    failure: Failure | None
    delivery: Delivery
    transcript: Transcript
    oracles: tuple[Oracle, ...]


class Executor:
    """Executes plans against one target."""

    def __init__(
        self,
        target: Target,
        protocol: Protocol,
        diag: SockDiag | None,
        patience_s: float = DEFAULT_PATIENCE_S,
    ) -> None:
        """Execute against `target`.

        Args:
            target: resolved.
            protocol: judges.
            diag: asks the kernel; None where it cannot be asked.
            patience_s: how long a reply may take.

        """
        self.target = target
        self.protocol = protocol
        self.patience_s = patience_s
        self.executed = 0
        self._diag = diag

    def execute(self, plan: Plan, patience_s: float | None = None) -> Outcome:
        """Execute `plan` on fresh connections."""
        self.executed += 1
        transcript = Transcript()
        channels: dict[int, Channel] = {}
        failure = None
        try:
            for number, action in enumerate(plan.actions):
                self._step(number, action, plan, channels, transcript, patience_s)
        except ConversationFailedError as failed:
            failure = failed.failure
        finally:
            for channel in channels.values():
                channel.abandon()
        return Outcome(
            failure,
            _weakest([channel.delivery for channel in channels.values()]),
            transcript,
            tuple(channel.oracle for channel in channels.values()),
        )

    def _step(
        self,
        number: int,
        action: Action,
        plan: Plan,
        channels: dict[int, Channel],
        transcript: Transcript,
        patience_s: float | None,
    ) -> None:
        deadline = Deadline(patience_s or self.patience_s)
        if isinstance(action, Open):
            channel = self._open(number, action, transcript)
            channels[action.connection] = channel
            channel.begin(self.protocol.opening(), plan.requests[action.connection], deadline)
            return
        channel = channels[action.connection]
        channel.action = number
        match action:
            case Send(until=until, hold_s=hold_s):
                channel.send(until, deadline, hold_s)
            case Push(until=until, stall_s=stall_s):
                channel.push(until, stall_s, Deadline(stall_s + deadline.remaining_s()))
            case Await():
                channel.await_replies(deadline)
            case HalfClose():
                channel.half_close()
            case AwaitEnd():
                channel.await_end(deadline)
            case Malformed(data=data):
                channel.send_malformed(data, deadline)
            case Reset():
                channel.reset()
            case Close():
                channel.close()

    def _open(self, number: int, action: Open, transcript: Transcript) -> Channel:
        opening = Deadline(CONNECT_TIMEOUT_S)
        try:
            connection = Connection.open(self.target, opening, action.receive_buffer_bytes)
        except ConnectError as error:
            raise ConversationFailedError(
                Failure(
                    kind=FailureKind.NO_CONNECTION,
                    connection=action.connection,
                    action=number,
                    message=f"no connection to the server: {error.reason}",
                    expected="a connection",
                    actual=error.reason,
                )
            ) from None
        transcript.add(action.connection, "open")
        round_trip_s = CONNECT_TIMEOUT_S - opening.remaining_s()
        watcher = watch(connection.socket, self._diag, round_trip_s)
        return Channel(
            action.connection, connection, self.protocol.oracle(), watcher, transcript
        )


def _weakest(deliveries: list[Delivery]) -> Delivery:
    order = [Delivery.ASSUMED, Delivery.HELD, Delivery.CONFIRMED]
    return min(deliveries, key=order.index, default=Delivery.CONFIRMED)


def open_diag() -> SockDiag | None:
    """Return a way to ask the kernel, or None where there is none."""
    with contextlib.suppress(CannotRunError):
        return SockDiag()
    return None
