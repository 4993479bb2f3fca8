"""Sockets of a swarm on their way to a connection: the connect, and TLS over it."""

from __future__ import annotations

import os
import socket
import ssl
from typing import Any

from gevent.monkey import get_original

from wireproof.load.failures import ConnectionFailedError, connect_cause
from wireproof.target import Target
from wireproof.wire.client_tls import client_tls
from wireproof.wire.connection import ConnectError
from wireproof.wire.stdio import StdioSocket

# Locust has had gevent patch these; the swarm waits by its own epoll.
_socket_class: type[socket.socket] = get_original("socket", "socket")

_IP_BIND_ADDRESS_NO_PORT = 24  # ip(7)


def dial(target: Target, source: str = "") -> socket.socket:
    """Return a socket, without blocking, that has begun to connect.

    Args:
        target: resolved.
        source: the local address to come from; empty for the system's choice.

    Raises:
        ConnectionFailedError: it failed at once.

    """
    if target.scheme == "exec":
        try:
            return StdioSocket.open(target)
        except ConnectError as error:
            raise ConnectionFailedError(connect_cause(None), error.reason) from None
    sock = None
    try:
        # The ssl module can wrap only the sockets that gevent has put in place of its own;
        # without blocking they behave the same.
        make = socket.socket if target.scheme == "tls" else _socket_class
        sock = make(target.family, target.socket_type)
        sock.setblocking(False)
        if source:
            # The port is chosen at the connect, where only the pair must be free.
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((source, 0))
        if target.family != socket.AF_UNIX and target.is_stream:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect(target.address)
    except OSError as error:
        under_way = isinstance(error, BlockingIOError) and target.family != socket.AF_UNIX
        if sock is None or not under_way:
            if sock is not None:
                sock.close()
            raise _connect_failure(error) from None
    return sock


def see_connected(sock: socket.socket) -> None:
    """Look how a connect went.

    Raises:
        ConnectionFailedError: not well.

    """
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise _connect_failure(OSError(number, ""))


def with_tls(sock: Any, server_name: str | None) -> ssl.SSLSocket:
    """Lay TLS over a connected socket; the handshake is still to come."""
    if not isinstance(sock, socket.socket):  # TLS that begins inside a connection
        sock = socket.socket(sock.family, sock.type, fileno=sock.detach())
        sock.setblocking(False)
    return client_tls().wrap_socket(
        sock, server_hostname=server_name, do_handshake_on_connect=False
    )


def _connect_failure(error: OSError) -> ConnectionFailedError:
    cause = connect_cause(error.errno)
    return ConnectionFailedError(cause, os.strerror(error.errno) if error.errno else str(error))
