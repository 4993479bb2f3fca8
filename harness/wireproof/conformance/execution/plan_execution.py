"""One plan under way: its connections, and what each action does to them."""

import socket
from collections.abc import Iterator

from wireproof.conformance.execution.failure import (
    ConversationFailedError,
    FailureKind,
    Owed,
    Phase,
    Seen,
)
from wireproof.conformance.execution.identity import await_refusal, await_taken_over
from wireproof.conformance.execution.judged_connection import JudgedConnection, abandon
from wireproof.conformance.execution.judged_socket import JudgedSocket
from wireproof.conformance.execution.server.churn import Begun
from wireproof.conformance.execution.server.look import ServerLook
from wireproof.conformance.execution.server.released import Ledger, ServerResources
from wireproof.conformance.execution.waiting import DeliveryTimeout
from wireproof.conformance.execution.witness import Witness
from wireproof.conformance.plans.plan import (
    Action,
    Await,
    AwaitEnd,
    AwaitQuiet,
    AwaitRefusal,
    AwaitTakenOver,
    Close,
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
    SendOpening,
    Upgrade,
)
from wireproof.deadline import Deadline
from wireproof.errors import UsageError
from wireproof.protocols.base import Protocol, as_sent
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.exchange import Exchange
from wireproof.results import Delivery
from wireproof.target import Target
from wireproof.wire.ahead import Ahead
from wireproof.wire.connecting import connect, kind_of
from wireproof.wire.connection import CONNECT_TIMEOUT_S, ConnectError, Connection
from wireproof.wire.connects import Attempt, Connects
from wireproof.wire.delivery import watch
from wireproof.wire.kernel.sock_diag import SockDiag
from wireproof.wire.transcript import Transcript

DELIVERY_TIMEOUT_S = 2.0
"""How long a segment may stay unread; a server that takes longer is not reading."""


class PlanExecution:
    """A plan under way.

    Attributes:
        transcript: all that has happened so far.

    """

    def __init__(  # noqa: PLR0917 - what a conversation needs, each of its own kind
        self,
        plan: Plan,
        target: Target,
        protocol: Protocol,
        diag: SockDiag | None,
        serials: Iterator[int],
        timeout_s: float,
        ahead: Ahead | None = None,
        behind: Target | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        """Prepare: `serials` numbers connections, `ahead` has some, `behind` is led to.

        `ledger` is shared by all looks at the server.
        """
        self._ahead = ahead
        self.transcript = Transcript()
        self._plan = plan
        self._target = target
        self._protocol = protocol
        self._diag = diag
        self._serials = serials
        self._serial_of: dict[int, int] = {}
        self._timeout_s = timeout_s
        self._number = 0
        self._streams: dict[int, JudgedConnection] = {}
        self._sockets: dict[int, JudgedSocket] = {}
        resources = (
            ServerResources(target, diag, ledger),
            ServerResources(behind or target, diag, ledger),
        )
        self._look_at = ServerLook(target, *resources, self._begun, serials, timeout_s)
        # Nobody need read what an endless stream throws away.
        endless = protocol.exchange is Exchange.ENDLESS
        self._delivery = DeliveryTimeout(0.0 if endless else min(DELIVERY_TIMEOUT_S, timeout_s / 2))

    @property
    def streams(self) -> tuple[JudgedConnection, ...]:
        """The connections that were opened, in the order in which they were."""
        return tuple(self._streams.values())

    @property
    def deliveries(self) -> list[Delivery]:
        """How sure the delivery of each connection's segments, or socket's datagrams, was."""
        sockets = [one.delivery for one in self._sockets.values()]
        return [*(one.delivery for one in self.streams), *sockets]

    def run(self) -> None:
        """Do all actions.

        Raises:
            ConversationFailedError: the server did not do its part.

        """
        for number, action in enumerate(self._plan.actions):
            self.step(number, action)

    def hold(self, connection: int, seconds: float) -> None:
        """Do nothing on a connection for so long but read."""
        self._streams[connection].hold(seconds)

    def leave(self) -> None:
        """Give all sockets back."""
        abandon(self.streams)
        for one in self._sockets.values():
            one.close()

    def step(self, number: int, action: Action, timeout_s: float | None = None) -> None:
        """Do one action, with another timeout than usual if so asked; see `run`."""
        self._number = number
        deadline = Deadline(self._timeout_s if timeout_s is None else timeout_s)
        opens = isinstance(action, Open | OpenTogether | OnServer)
        if not opens and (stream := self._streams.get(action.connection)):
            stream.witness.at_action(number)
            try:
                self._on_open(stream, action, deadline)
            except ConversationFailedError as failed:
                if not stream.excuses(failed.failure):
                    raise
        elif not opens and (one := self._sockets.get(action.connection)):
            one.witness.at_action(number)
            self._on_socket(one, action, deadline)
        else:
            self._on_server(action, deadline)

    def _on_server(self, action: Action, deadline: Deadline) -> None:
        """Open connections, or look at the server as a whole."""
        match action:
            case Open(connection=connection) if not self._target.is_stream:
                self._open_socket(connection)
            case Open():
                self._begin(action, self._connect(action), deadline)
            case OpenTogether(connection=last):
                self._open_together(range(last + 1), deadline)
            case _ if isinstance(action, OnServer):
                self._look(action, deadline)
            case _:
                raise ValueError(f"connection {action.connection} is not open")

    def _look(self, action: OnServer, deadline: Deadline) -> None:
        """Look at the server as a whole, or have many connections come and go."""
        complaint = self._look_at.server(action, deadline)
        if complaint is not None:
            witness = Witness(0, self.transcript, self._number, Phase.OVER)
            raise witness.failed(FailureKind.RULE, *complaint, Owed.RELEASE, Seen.LESS)

    @staticmethod
    def _on_socket(one: JudgedSocket, action: Action, deadline: Deadline) -> None:
        """Do one action on a UDP socket; what only streams have means nothing there."""
        match action:
            case SendDatagram(position=position):
                one.send(position)
            case Await():
                one.await_replies(deadline)
            case AwaitQuiet(seconds=seconds):
                one.await_quiet(seconds)
            case Close():
                one.close()

    def _on_open(self, stream: JudgedConnection, action: Action, deadline: Deadline) -> None:
        """Do one action on a connection that is open, or not yet closed by us."""
        if isinstance(action, Send) and not stream.has_refused:  # by far the most frequent
            stream.send(action.until, deadline, action.hold_s)
        elif stream.has_refused and not isinstance(action, Close | Reset):
            pass
        elif isinstance(action, Upgrade):
            stream.upgrade(action, deadline)
        elif isinstance(action, AwaitTakenOver | AwaitRefusal):
            self._under_one_name(stream, action, deadline)
        else:
            self._on_stream(stream, action, deadline)

    def _on_stream(self, stream: JudgedConnection, action: Action, deadline: Deadline) -> None:
        """Do one of the usual actions."""
        match action:
            case SendOpening(until=until, hold_s=hold_s):
                stream.send_opening(until, deadline, hold_s)
            case SendLast(until=until):
                stream.send_last(until, deadline)
            case Push(until=until, stall_s=stall_s):
                stream.push(until, stall_s, Deadline(stall_s + self._timeout_s))
            case Await():
                stream.await_replies(deadline)
            case HalfClose():
                stream.half_close()
            case AwaitEnd():
                stream.await_end(deadline)
            case Malformed(data=data):
                stream.send_malformed(data, deadline)
            case Reset():
                stream.reset()
            case Close():
                stream.close()

    def _under_one_name(
        self, stream: JudgedConnection, action: AwaitTakenOver | AwaitRefusal, deadline: Deadline
    ) -> None:
        """See that the older of two connections is ended, or the newer refused."""
        on = action.connection
        alike = [one for one, serial in self._serial_of.items() if serial == self._serial_of[on]]
        if isinstance(action, AwaitTakenOver):
            if alike[-1] != on:
                await_taken_over(stream, deadline)
        elif alike[0] != on:
            await_refusal(stream, self._protocol.opening(), self._plan.requests[on], deadline)

    def _connect(self, action: Open) -> tuple[Connection, float]:
        """Return a connection and the seconds that it took."""
        if self._ahead is not None and (opened := self._ahead.take()) is not None:
            return opened
        opening = Deadline(CONNECT_TIMEOUT_S)
        try:
            how = action.receive_buffer_bytes, action.prelude_cut
            connection = connect(self._target, opening, *how)
        except ConnectError as error:
            message = f"no connection to the server: {error.reason}"
            raise self._no_connection(action.connection, message, error.reason) from None
        return connection, CONNECT_TIMEOUT_S - opening.remaining_s()

    def _judged(self, number: int, opened: tuple[Connection, float]) -> JudgedConnection:
        connection, round_trip_s = opened
        self.transcript.add(number, "open")
        stream = JudgedConnection(
            number,
            connection,
            self._protocol.oracle(),
            watch(connection, self._diag, round_trip_s),
            self.transcript,
            self._delivery,
            says=self._protocol,
            host=self._target.host,
        )
        stream.witness.at_action(self._number)
        return stream

    def _begun(self, number: int) -> Begun:
        """Open one more connection, with nothing sent on it yet."""
        opened = self._connect(Open(number))
        protocol, serial = self._protocol, next(self._serials)
        opening = as_sent(protocol, protocol.opening(), serial)
        requests = as_sent(protocol, self._plan.requests[number], serial, len(opening))
        return self._judged(number, opened), opened[0], opening, requests

    def _begin(self, action: Open, opened: tuple[Connection, float], deadline: Deadline) -> None:
        number = action.connection
        protocol = self._protocol
        stream = self._streams[number] = self._judged(number, opened)
        serial = self._serial_of.get(action.named_like, next(self._serials))
        self._serial_of[number] = serial
        opening = as_sent(protocol, protocol.opening(), serial)
        first = action.first_number or len(opening)
        requests = as_sent(protocol, self._plan.requests[number], serial, first)
        if action.by_hand:
            stream.begin_by_hand(opening, requests)
        else:
            stream.begin(opening, requests, deadline)

    def _open_socket(self, number: int) -> None:
        if not isinstance(self._protocol, Datagrams):
            raise UsageError(f"{self._protocol.called} is not spoken over UDP")
        oracle = self._protocol.datagram_oracle()
        requests = self._plan.requests[number]
        self._sockets[number] = JudgedSocket(
            number, self._target, oracle, requests, self.transcript
        )

    def _open_together(self, numbers: range, deadline: Deadline) -> None:
        count = len(numbers)
        with Connects(self._target) as connects:
            connects.start(count)
            connects.wait_for_all(deadline)
            connects.give_up()
            for number, attempt in zip(numbers, connects.attempts, strict=True):
                self._judge_attempt(number, count, attempt)
            taken = connects.take()
        try:
            for number, raw in zip(numbers, taken, strict=True):
                self._begin(Open(number), (self._adopt(number, raw, deadline), 0.0), deadline)
        finally:
            for number, raw in zip(numbers, taken, strict=True):
                if number not in self._streams:
                    raw.close()

    def _judge_attempt(self, number: int, count: int, attempt: Attempt) -> None:
        which = f"of {count} connects at once, number {number + 1}"
        if attempt.cause:
            raise self._no_connection(number, f"{which} failed: {attempt.cause}", attempt.cause)
        if attempt.retransmitted:
            or_else = "" if self._target.is_loopback else ", or the network lost the first"
            raise self._witness_of_connect(number).failed(
                FailureKind.SECOND_SYN,
                f"{which} needed a second SYN: the accept queue was full{or_else}",
                "a connection by the first SYN",
                f"a connection after {attempt.retries} more and {attempt.seconds:.2f} s",
                Owed.CONNECTION,
                Seen.LATE,
            )

    def _adopt(self, number: int, raw: socket.socket, deadline: Deadline) -> Connection:
        """Make a connected socket a connection, with TLS where that is spoken."""
        try:
            return kind_of(self._target).adopt(raw, self._target, deadline)
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"of the connects at once, number {number + 1} had no TLS handshake: {reason}"
            raise self._no_connection(number, message, reason) from None

    def _no_connection(self, number: int, message: str, reason: str) -> ConversationFailedError:
        what = message, "a connection", reason, Owed.CONNECTION, Seen.NOTHING
        return self._witness_of_connect(number).failed(FailureKind.NO_CONNECTION, *what)

    def _witness_of_connect(self, number: int) -> Witness:
        return Witness(number, self.transcript, self._number, Phase.CONNECTING)
