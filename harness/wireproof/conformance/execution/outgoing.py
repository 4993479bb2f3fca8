"""What one connection sends: bytes announced, how far they have gone, where the client waits."""

from collections import deque

from wireproof.protocols.base import Protocol
from wireproof.protocols.oracle import Oracle
from wireproof.wire.connection import Connection


class Outgoing:
    """The stream that goes out on one connection, told to the oracle as the kernel takes it.

    Attributes:
        sent: bytes that the kernel has taken.
        goal: bytes that the plan has asked to send.
        judged: whether they belong to the protocol; from the first that do not, none do.

    """

    def __init__(
        self,
        connection: Connection,
        oracle: Oracle,
        says: Protocol | None,
    ) -> None:
        """Send on `connection`, with the waits and upgrades that the protocol `says`."""
        self.sent = 0
        self.goal = 0
        self.judged = True
        self._connection = connection
        self._oracle = oracle
        self._carries = oracle.carries
        self._stream = b""
        self._view = memoryview(self._stream)
        self._begin = 0  # where the plan's own requests begin, behind the opening exchange
        self._says = says
        self._pauses: deque[int] = deque()  # offsets behind which replies come first
        self._upgrades: deque[int] = deque()  # offsets behind which all is inside TLS

    def announce(self, *requests: bytes) -> int:
        """Append requests, and return where they end."""
        end = len(self._stream)
        for request in requests:
            self._oracle.announce(request)
            if self._says is not None:
                self._pauses.extend(end + at for at in self._says.pauses(request))
                if self._says.begins_tls(request):
                    self._upgrades.append(end + len(request))
            end += len(request)
        self._carry(b"".join((self._stream, *requests)))
        return end

    def begin_here(self) -> None:
        """Count the plan's offsets from behind what has been announced so far, the opening."""
        self._begin = len(self._stream)

    def replace_rest(self, data: bytes) -> int:
        """Put bytes outside the protocol in the place of what is not sent; return where they end.

        Nobody knows what is owed to them, so nothing is judged any more.
        """
        self.judged = False
        self._pauses.clear()
        self._carry(self._stream[: self.sent] + data)
        return len(self._stream) - self._begin

    def ask_for(self, until: int) -> None:
        """Ask to send up to an offset of the plan's."""
        self.goal = until + self._begin

    def in_opening(self, until: int) -> int:
        """Return the plan's offset of an offset into the opening: none of it is behind 0."""
        return min(0, until - self._begin)

    @property
    def at_upgrade(self) -> bool:
        """Whether a handshake comes next: all that goes before it is sent."""
        return bool(self._upgrades) and self._upgrades[0] == self.sent and self.judged

    def goes_through(self, connection: Connection) -> None:
        """Send what follows the upgrade on another connection."""
        self._upgrades.popleft()
        self._connection = connection

    def stuff(self, data: bytes) -> None:
        """Send the rest of the request that asks for TLS, with `data` in the same segment."""
        rest = self._stream[self.sent : self._upgrades[0]]
        self.goal = self._upgrades[0]
        self._connection.send(rest + data)  # far less than what a kernel takes; or it is gone
        self._oracle.sent(len(rest))
        self.sent = self.goal

    @property
    def complete(self) -> bool:
        """Whether all that was asked for is sent."""
        return self.sent >= self.goal

    def since(self, start: int) -> bytes:
        """Return what has been sent from the byte `start` on."""
        return self._stream[start : self.sent]

    def send_some(self, *, more_follows: bool) -> bool:
        """Hand over what the kernel takes; False once the connection is gone."""
        if self._carries:
            self._fill_in()
        if self.must_pause():
            return True
        until = min(self.goal, self._pauses[0]) if self._pauses else self.goal
        if self._upgrades:
            until = min(until, self._upgrades[0])
        if self._carries and (blank := self._blank_at()) is not None:
            until = min(until, blank)
        taken = self._connection.send(self._view[self.sent : until], more_follows=more_follows)
        if taken is None:
            return False
        if self.judged:
            self._oracle.sent(taken)
        self.sent += taken
        return True

    def must_pause(self) -> bool:
        """Say whether the protocol has the client wait for replies before it sends on."""
        if self.at_upgrade:
            return True
        if self._pauses and self._pauses[0] == self.sent and self.judged and self._oracle.settled:
            self._pauses.popleft()
        if self._carries and self._blank_at() == self.sent:
            return True
        return bool(self._pauses) and self._pauses[0] == self.sent and self.judged

    def _blank_at(self) -> int | None:
        """Return where a value must stand that the client has yet to be told."""
        return self._oracle.blank_at if self.judged else None

    def _fill_in(self) -> None:
        """Put the values into the stream that the client has been told."""
        if self.judged and (given := self._oracle.given()):
            stream = bytearray(self._stream)
            for at, value in given:
                stream[at : at + len(value)] = value
            self._carry(bytes(stream))

    def _carry(self, stream: bytes) -> None:
        self._stream = stream
        self._view = memoryview(stream)
