"""One UDP socket under judgement: the datagrams that go out, and those that come back."""

import select
import socket
from collections.abc import Sequence

from wireproof.conformance.execution.failure import FailureKind, Owed, Seen
from wireproof.conformance.execution.witness import Witness
from wireproof.deadline import Deadline
from wireproof.protocols.datagram import DatagramOracle
from wireproof.protocols.oracle import WrongReplyError
from wireproof.results import Delivery
from wireproof.target import Target
from wireproof.wire.transcript import Transcript
from wireproof.words import counted

_LARGEST_BYTES = 65535
_ICMP_S = 0.2


class JudgedSocket:
    """One socket of a plan while it is executed.

    The socket is not connected: a connected one would hide replies that come from elsewhere.

    Attributes:
        number: of the plan's connection.
        witness: tells what goes wrong.
        delivery: assumed; nobody acknowledges a datagram.

    """

    delivery = Delivery.ASSUMED

    def __init__(
        self,
        number: int,
        target: Target,
        oracle: DatagramOracle,
        requests: Sequence[bytes],
        transcript: Transcript,
    ) -> None:
        """Open a socket to `target`."""
        self.number = number
        self.witness = Witness(number, transcript)
        self._oracle = oracle
        self._address = target.address
        self._requests = requests
        self._transcript = transcript
        self._socket = socket.socket(target.family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        transcript.add(number, "open")

    def send(self, position: int) -> None:
        """Send the request at `position` as one datagram."""
        datagram = self._requests[position]
        self._oracle.sent(datagram)
        self._transcript.add(self.number, "send", datagram)
        try:
            self._socket.sendto(datagram, self._address)
        except OSError as error:
            said = error.strerror or str(error)
            raise self.witness.failed(
                FailureKind.NO_CONNECTION,
                said,
                "a datagram sent",
                said,
                Owed.CONNECTION,
                Seen.END,
            ) from None

    def await_replies(self, deadline: Deadline) -> None:
        """Read until each datagram that has a reply is answered."""
        while self._oracle.owed:
            if not self._receive(deadline):
                what = counted(self._oracle.owed, "reply", "replies")
                if self._nobody_listens():
                    said = "nothing listens on the port"
                    raise self.witness.failed(
                        FailureKind.NO_CONNECTION, said, what, said, Owed.CONNECTION, Seen.END
                    )
                message = f"the server fell silent with {what} owed"
                raise self.witness.failed(
                    FailureKind.SILENCE, message, what, "silence", Owed.REPLY, Seen.NOTHING
                )

    def await_quiet(self, seconds: float) -> None:
        """Read for a while; whatever comes must answer something, and nothing is owed."""
        over = Deadline(seconds)
        while self._receive(over):
            pass

    def close(self) -> None:
        """Give the socket back; doing so twice is harmless."""
        self._socket.close()

    def _receive(self, deadline: Deadline) -> bool:
        """Take and judge one datagram; False when none comes in time."""
        if not select.select([self._socket], [], [], deadline.remaining_s())[0]:
            return False
        try:
            datagram, sender = self._socket.recvfrom(_LARGEST_BYTES)
        except BlockingIOError:  # its checksum was wrong: select() had seen it, we do not
            return True
        except OSError as error:
            said = error.strerror or str(error)
            raise self.witness.failed(
                FailureKind.RESET, said, "a datagram", said, Owed.REPLY, Seen.RESET
            ) from None
        self._transcript.add(self.number, "receive", datagram)
        if sender[:2] != self._address[:2]:
            raise self.witness.failed(
                FailureKind.WRONG_REPLY,
                "a reply came from another address than the one that was asked",
                f"{self._address[0]} port {self._address[1]}",
                f"{sender[0]} port {sender[1]}",
                Owed.REPLY,
                Seen.OTHER,
            )
        try:
            self._oracle.receive(datagram)
        except WrongReplyError as error:
            message = f"{error.problem}, datagram {error.offset_bytes + 1} of those received"
            raise self.witness.failed(
                FailureKind.WRONG_REPLY,
                message,
                error.expected,
                error.actual,
                *((Owed.REPLY, Seen.OTHER) if self._oracle.owed else (Owed.NOTHING, Seen.MORE)),
            ) from None
        return True

    def _nobody_listens(self) -> bool:
        """Ask again on a connected socket, which is told of ICMP's port unreachable (udp(7))."""
        with socket.socket(self._socket.family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(self._address)
                probe.send(self._requests[0])
                select.select([probe], [], [], _ICMP_S)
                probe.setblocking(False)
                probe.recv(1)
            except ConnectionRefusedError:
                return True
            except OSError:
                return False
        return False
