"""A relay's connection to the server: made without blocking, in the clear or through TLS.

TLS is spoken in memory, apart from the socket: so the stream can be ended in one direction while
the other goes on, which the standard library's TLS socket can't do.
"""

import contextlib
import errno
import os
import select
import socket
import ssl
from typing import Final

from wireproof.target import Target
from wireproof.wire.client_tls import client_tls
from wireproof.wire.connecting import connect
from wireproof.wire.connection import ConnectError, Connection, connect_reason
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
        self._read_ahead: list[bytes] = []

    @property
    def wants_to_send(self) -> bool:
        """Whether encrypted bytes wait for the socket."""
        return bool(self._unsent)

    def handshake(self) -> bool:
        """Go on with the handshake as far as possible; return whether it is done.

        Raises:
            OSError: it failed.

        """
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
                    if data := self._tls.read(limit_bytes):
                        return Data(data)
                    return END_OF_STREAM
                self.flush()  # what TLS itself answers
                if not self._feed():
                    return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return END_OF_STREAM
        except OSError:
            return RESET

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


class Dialling:
    """A connection to the server that is being made.

    Attributes:
        socket: to wait for.

    """

    def __init__(self, target: Target) -> None:
        """Begin.

        Args:
            target: resolved.

        Raises:
            ConnectError: it fails at once.

        """
        self._target = target
        self._tls: TlsConnection | None = None
        self._piped: Connection | None = None
        if target.scheme == "exec":
            self._piped = connect(target)
            self.socket = self._piped.socket
            return
        try:
            self.socket = socket.socket(target.family, socket.SOCK_STREAM)
        except OSError as error:
            raise ConnectError(connect_reason(error)) from None
        self.socket.setblocking(False)
        self._check(self.socket.connect_ex(target.address))

    def close(self) -> None:
        """Give it up."""
        (self._piped or self.socket).close()

    @property
    def events(self) -> int:
        """What to wait for, as `select.epoll` has it."""
        if self._tls is None or self._tls.wants_to_send:
            return select.EPOLLOUT
        return select.EPOLLIN

    def go_on(self) -> Connection | None:
        """Go on as far as possible; return the connection once it is made.

        Raises:
            ConnectError: it failed.

        """
        if self._piped is not None:
            return self._piped
        try:
            if self._tls is None:
                self._check(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                if self._target.scheme != "unix":
                    self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._target.scheme != "tls":
                    return Connection(self.socket)
                self._tls = TlsConnection(self.socket, self._target.host)
            return self._tls if self._tls.handshake() else None
        except OSError as error:
            self.socket.close()
            raise ConnectError(connect_reason(error)) from None

    def _check(self, number: int) -> None:
        if number and number != errno.EINPROGRESS:
            self.socket.close()
            raise ConnectError(connect_reason(OSError(number, os.strerror(number))))
