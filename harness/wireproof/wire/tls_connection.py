"""A connection inside TLS that was laid over a connected socket, at once or later on.

TLS is spoken in memory, apart from the socket: so the stream can be ended in one direction while
the other goes on, and the handshake be cut, which the standard library's TLS socket can't do.
"""

import contextlib
import socket
import ssl
from typing import Final

from wireproof.deadline import Deadline
from wireproof.wire.client_tls import client_tls
from wireproof.wire.connection import Connection
from wireproof.wire.observations import END_OF_STREAM, RESET, Data, Observation

_MOST_AT_ONCE_BYTES: Final = 64 * 1024


class TlsConnection(Connection):
    """A connection that speaks TLS as a client; its handshake is still to be done."""

    def __init__(self, connected: socket.socket, host: str) -> None:
        """Take over a connected, non-blocking socket."""
        super().__init__(connected)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = client_tls().wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._unsent = b""
        self._held = b""
        self._read_ahead: list[bytes] = []
        self._may_hold_more = False  # decrypted already, so that no event tells of it

    @property
    def wants_to_send(self) -> bool:
        """Whether encrypted bytes wait for the socket."""
        return bool(self._unsent)

    def begin(self, cut: int) -> None:
        """Send the first bytes of the handshake up to `cut`; the rest follows with `handshake`.

        Raises:
            OSError: the connection is gone.

        """
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        first = self._outgoing.read()
        self._held = first[cut:]
        self._outgoing.write(first[:cut])
        self.flush()

    def handshake(self) -> bool:
        """Go on with the handshake as far as possible; return whether it is done.

        Raises:
            OSError: it failed.

        """
        if self._held:
            self._outgoing.write(self._held)
            self._held = b""
        while True:
            try:
                self._tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            self.flush()
            if done or not self._feed():
                return done

    def send(self, data: bytes | memoryview, *, more_follows: bool = False) -> int | None:
        """Encrypt bytes and hand them to the kernel, as `Connection.send` does."""
        del more_follows
        if self._unsent and not self.flush():
            return 0
        try:
            taken = self._tls.write(data[:_MOST_AT_ONCE_BYTES])
            self.flush()
        except OSError:
            return None
        return taken

    def receive(self, limit_bytes: int = _MOST_AT_ONCE_BYTES) -> Observation | None:
        """Take what is there, as `Connection.receive` does."""
        if self._read_ahead:
            return Data(self._read_ahead.pop(0))
        try:
            while True:
                with contextlib.suppress(ssl.SSLWantReadError):
                    data = self._tls.read(limit_bytes)
                    self._may_hold_more = bool(data)
                    return Data(data) if data else END_OF_STREAM
                self._may_hold_more = False
                self.flush()  # what TLS itself answers
                if not self._feed():
                    return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return END_OF_STREAM
        except OSError:
            return RESET

    def wait(self, deadline: Deadline, *, readable: bool = True, writable: bool = False) -> bool:
        """Wait, as `Connection.wait` does; encrypted bytes that are left over leave meanwhile."""
        while not (readable and (self._may_hold_more or self._read_ahead)):
            left = bool(self._unsent)
            if not super().wait(deadline, readable=readable, writable=writable or left):
                return False
            with contextlib.suppress(OSError):  # whoever reads hears of it
                if left and not self.flush():
                    continue
            return True
        return True

    def half_close(self) -> None:
        """Say within TLS that nothing more will be sent; what still comes can be read."""
        with contextlib.suppress(OSError):
            while data := self._tls.read(_MOST_AT_ONCE_BYTES):  # or it would be an error now
                self._read_ahead.append(data)
        with contextlib.suppress(OSError):
            self._tls.unwrap()
        with contextlib.suppress(OSError):
            self.flush()

    def flush(self) -> bool:
        """Send encrypted bytes; return whether none is left.

        Raises:
            OSError: the connection is gone.

        """
        self._unsent += self._outgoing.read()
        while self._unsent:
            try:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]
            except BlockingIOError:
                return False
        return True

    def _feed(self) -> bool:
        """Take encrypted bytes from the socket; return whether there were any.

        Raises:
            OSError: the connection is gone.

        """
        try:
            data = self.socket.recv(_MOST_AT_ONCE_BYTES)
        except BlockingIOError:
            return False
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return True


def shake_hands(tls: TlsConnection, deadline: Deadline) -> None:
    """Do the whole handshake, or the rest of it.

    Raises:
        TimeoutError: it did not come to its end in time.
        OSError: it failed.

    """
    while not tls.handshake():
        if not tls.wait(deadline):
            raise TimeoutError
