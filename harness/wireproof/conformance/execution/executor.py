"""Executing a plan: the same for a property, a shrink step, a confirmation and a replay."""

import contextlib
import itertools
import socket
from collections.abc import Callable
from dataclasses import dataclass

from wireproof.conformance.execution.channel import Channel, DeliveryTimeout, abandon
from wireproof.conformance.execution.datagram_channel import DatagramChannel
from wireproof.conformance.execution.failure import ConversationFailedError, Failure, FailureKind
from wireproof.conformance.execution.released import Complaint, ServerResources
from wireproof.conformance.plans.plan import (
    Action,
    Await,
    AwaitEnd,
    AwaitQuiet,
    AwaitReleased,
    Close,
    CountDescriptors,
    HalfClose,
    Malformed,
    OnServer,
    Open,
    OpenTogether,
    Plan,
    Push,
    Reset,
    Send,
    SendDatagram,
    SendLast,
)
from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError, UsageError
from wireproof.protocols.base import Exchange, Protocol, as_sent
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.oracle import Oracle
from wireproof.results import Delivery
from wireproof.target import Target
from wireproof.wire.connection import (
    CONNECT_TIMEOUT_S,
    ConnectError,
    Connection,
)
from wireproof.wire.connects import Connects
from wireproof.wire.delivery import watch
from wireproof.wire.kernel.sock_diag import SockDiag
from wireproof.wire.transcript import Transcript

DELIVERY_TIMEOUT_S = 2.0
"""How long a segment may stay unread; a server that takes longer is not reading."""


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
    """Executes plans against one target.

    Attributes:
        target: resolved.
        protocol: judges.
        diag: asks the kernel; None where it cannot be asked.
        timeout_s: how long a reply may take.
        executed: how many plans were executed.
        usual_s: how long the slowest plain exchange took, as far as anyone has measured it.
        on_executed: called before each plan.

    """

    def __init__(
        self,
        target: Target,
        protocol: Protocol,
        diag: SockDiag | None,
        timeout_s: float = 5.0,
    ) -> None:
        """Execute against `target`.

        Args:
            target: resolved.
            protocol: judges.
            diag: asks the kernel; None where it cannot be asked.
            timeout_s: how long a reply may take.

        """
        self.target = target
        self.protocol = protocol
        self.timeout_s = timeout_s
        self.executed = 0
        self.usual_s = 0.0
        self.on_executed: Callable[[], None] = lambda: None
        self.serials = itertools.count()
        self._seen: set[int] = set()
        self.diag = diag

    def execute(self, plan: Plan, timeout_s: float | None = None) -> Outcome:
        """Execute `plan` on fresh connections.

        Raises:
            CannotRunError: this machine lacks what a connection needs.
            ProtocolCodeError: the protocol's own code is at fault.

        """
        self.executed += 1
        self._seen.add(hash(plan))
        self.on_executed()
        execution = _Execution(self, plan, timeout_s or self.timeout_s)
        failure = None
        try:
            for number, action in enumerate(plan.actions):
                execution.step(number, action)
        except ConversationFailedError as failed:
            failure = failed.failure
        finally:
            channels = execution.channels.values()
            streams = [channel for channel in channels if isinstance(channel, Channel)]
            abandon(streams)
            for channel in channels:
                if isinstance(channel, DatagramChannel):
                    channel.close()
        return Outcome(
            failure,
            weakest(*(channel.delivery for channel in channels)),
            execution.transcript,
            tuple(channel.oracle for channel in streams),
        )

    @property
    def distinct(self) -> int:
        """How many different plans were executed."""
        return len(self._seen)


class _Execution:
    """A plan under way."""

    def __init__(self, executor: Executor, plan: Plan, timeout_s: float) -> None:
        self.channels: dict[int, Channel | DatagramChannel] = {}
        self.transcript = Transcript()
        self._executor = executor
        self._plan = plan
        self._timeout_s = timeout_s
        self._number = 0
        self._resources = ServerResources(executor.target, executor.diag)
        # Nobody need read what an endless stream throws away.
        endless = executor.protocol.exchange is Exchange.ENDLESS
        self._delivery = DeliveryTimeout(0.0 if endless else min(DELIVERY_TIMEOUT_S, timeout_s / 2))

    def step(self, number: int, action: Action) -> None:
        """Do one action."""
        self._number = number
        deadline = Deadline(self._timeout_s)
        channel = self.channels.get(action.connection)
        if channel is None or isinstance(action, OpenTogether | OnServer):
            self._on_server(action, deadline)
            return
        channel.action = number
        if isinstance(channel, DatagramChannel):
            self._on_socket(channel, action, deadline)
        elif isinstance(action, Send):  # by far the most frequent
            channel.send(action.until, deadline, action.hold_s)
        else:
            self._on_connection(channel, action, deadline)

    def _on_server(self, action: Action, deadline: Deadline) -> None:
        """Open connections, or look at the server as a whole."""
        match action:
            case Open(connection=connection) if not self._executor.target.is_stream:
                self._open_socket(connection)
            case Open(connection=connection, receive_buffer_bytes=size):
                self._begin(connection, self._connect(connection, size), deadline)
            case OpenTogether(connection=last):
                self._open_together(range(last + 1), deadline)
            case AwaitReleased():
                self._complain(self._resources.await_released(deadline))
            case CountDescriptors():
                self._complain(self._resources.count_descriptors(deadline))
            case _:
                raise ValueError(f"connection {action.connection} is not open")

    @staticmethod
    def _on_socket(channel: DatagramChannel, action: Action, deadline: Deadline) -> None:
        """Do one action on a UDP socket; what only streams have means nothing there."""
        match action:
            case SendDatagram(position=position):
                channel.send(position)
            case Await():
                channel.await_replies(deadline)
            case AwaitQuiet(seconds=seconds):
                channel.await_quiet(seconds)
            case Close():
                channel.close()

    def _on_connection(self, channel: Channel, action: Action, deadline: Deadline) -> None:
        """Do one action on a connection that is open."""
        match action:
            case SendLast(until=until):
                channel.send_last(until, deadline)
            case Push(until=until, stall_s=stall_s):
                channel.push(until, stall_s, Deadline(stall_s + self._timeout_s))
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

    def _connect(self, number: int, receive_buffer_bytes: int) -> tuple[Connection, float]:
        """Return a connection and the seconds that it took."""
        opening = Deadline(CONNECT_TIMEOUT_S)
        try:
            connection = Connection.open(self._executor.target, opening, receive_buffer_bytes)
        except ConnectError as error:
            message = f"no connection to the server: {error.reason}"
            raise self._failed(number, message, "a connection", error.reason) from None
        return connection, CONNECT_TIMEOUT_S - opening.remaining_s()

    def _begin(self, number: int, opened: tuple[Connection, float], deadline: Deadline) -> None:
        connection, round_trip_s = opened
        protocol = self._executor.protocol
        self.transcript.add(number, "open")
        watcher = watch(connection.socket, self._executor.diag, round_trip_s)
        channel = Channel(
            number,
            connection,
            protocol.oracle(),
            watcher,
            self.transcript,
            self._delivery,
            pauses_of=protocol.pauses,
        )
        channel.action = self._number
        self.channels[number] = channel
        serial = next(self._executor.serials)
        opening = as_sent(protocol, protocol.opening(), serial)
        requests = as_sent(protocol, self._plan.requests[number], serial, len(opening))
        channel.begin(opening, requests, deadline)

    def _open_socket(self, number: int) -> None:
        executor = self._executor
        if not isinstance(executor.protocol, Datagrams):
            raise UsageError(f"{executor.protocol.name} is not spoken over UDP")
        oracle = executor.protocol.datagram_oracle()
        requests = self._plan.requests[number]
        self.channels[number] = DatagramChannel(
            number, executor.target, oracle, requests, self.transcript
        )

    def _open_together(self, numbers: range, deadline: Deadline) -> None:
        count = len(numbers)
        executor = self._executor
        with Connects(executor.target) as connects:
            connects.start(count)
            connects.wait_for_all(deadline)
            connects.give_up()
            for number, attempt in zip(numbers, connects.attempts, strict=True):
                which = f"of {count} connects at once, number {number + 1}"
                if attempt.cause:
                    message = f"{which} failed: {attempt.cause}"
                    raise self._failed(number, message, "a connection", attempt.cause)
                if attempt.retransmitted:
                    or_else = (
                        "" if executor.target.is_loopback else ", or the network lost the first"
                    )
                    message = f"{which} needed a second SYN: the accept queue was full{or_else}"
                    waited = (
                        f"a connection after {attempt.retries} more and {attempt.seconds:.2f} s"
                    )
                    raise self._failed(
                        number,
                        message,
                        "a connection by the first SYN",
                        waited,
                        FailureKind.SECOND_SYN,
                    )
            taken = connects.take()
        try:
            for number, raw in zip(numbers, taken, strict=True):
                self._begin(number, (self._adopt(number, raw, deadline), 0.0), deadline)
        finally:
            for number, raw in zip(numbers, taken, strict=True):
                if number not in self.channels:
                    raw.close()

    def _adopt(self, number: int, raw: socket.socket, deadline: Deadline) -> Connection:
        """Make a connected socket a connection, with TLS where that is spoken."""
        try:
            return Connection.adopt(raw, self._executor.target, deadline)
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"of the connects at once, number {number + 1} had no TLS handshake: {reason}"
            raise self._failed(number, message, "a connection", reason) from None

    def _complain(self, complaint: Complaint | None) -> None:
        if complaint is not None:
            raise self._failed(0, *complaint)

    def _failed(
        self,
        connection: int,
        message: str,
        expected: str,
        actual: str,
        kind: FailureKind | None = None,
    ) -> ConversationFailedError:
        self.transcript.add(connection, "note", note=message)
        return ConversationFailedError(
            Failure(
                kind=kind
                or (
                    FailureKind.NO_CONNECTION
                    if expected.startswith("a connection")
                    else FailureKind.RULE
                ),
                connection=connection,
                action=self._number,
                message=message,
                expected=expected,
                actual=actual,
            )
        )


def weakest(*deliveries: Delivery) -> Delivery:
    """Return the least sure of some deliveries; confirmed, where nothing had to be delivered."""
    order = [Delivery.ASSUMED, Delivery.HELD, Delivery.CONFIRMED]
    return min(deliveries, key=order.index, default=Delivery.CONFIRMED)


def open_diag() -> SockDiag | None:
    """Return a way to ask the kernel, or None where there is none."""
    with contextlib.suppress(CannotRunError):
        return SockDiag()
    return None
