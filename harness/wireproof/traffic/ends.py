"""A relay's connection to the server: made without blocking, in the clear or through TLS."""

import errno
import os
import select
import socket

from wireproof.target import Target
from wireproof.wire.connecting import connect
from wireproof.wire.connection import ConnectError, Connection, connect_reason
from wireproof.wire.tls_connection import TlsConnection


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
