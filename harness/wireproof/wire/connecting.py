"""From a target to a connection, whatever it is made of: a socket, or the pipes of a process."""

import ssl
from dataclasses import replace

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.target import Target
from wireproof.wire.client_tls import certificate_wanted
from wireproof.wire.connection import (
    CONNECT_TIMEOUT_S,
    NO_TLS,
    RESET_REASON,
    ConnectError,
    Connection,
)
from wireproof.wire.observations import END_OF_STREAM
from wireproof.wire.stdio import PipeConnection
from wireproof.wire.written import WrittenConnection

_ALERT_S = 0.3
_TLS_S = 1.0


def connect(
    target: Target,
    deadline: Deadline | None = None,
    receive_buffer_bytes: int = 0,
    prelude_cut: int = 0,
) -> Connection:
    """Return a new connection, as `Connection.open` does, or start a process that is the server.

    Raises:
        ConnectError: refused, timed out, the handshake failed, or no process can be started.
        CannotRunError: this machine lacks what a connection needs.

    """
    if target.scheme == "exec":
        return PipeConnection(target, deadline or Deadline(CONNECT_TIMEOUT_S), receive_buffer_bytes)
    return kind_of(target).open(target, deadline, receive_buffer_bytes, prelude_cut)


def kind_of(target: Target) -> type[Connection]:
    """Return what a socket to a target is made: its replies may stand in a file."""
    return WrittenConnection if target.written else Connection


def reachable(candidates: tuple[Target, ...]) -> Target:
    """Return the first candidate that something listens on.

    Raises:
        CannotRunError: nothing listens on any of them.

    """
    if not candidates[0].is_stream:  # whether a UDP port is open, only a reply tells
        return candidates[0]
    reasons = []
    for candidate in candidates:
        try:
            with connect(candidate) as connection:
                _see_accepted(connection)
        except ConnectError as error:
            if error.reason == RESET_REASON:  # by whoever listens there
                return candidate
            reasons.append(error.reason)
        else:
            return candidate
    if candidates[0].scheme == "exec":
        raise CannotRunError(f"{candidates[0]}: {reasons[0]}", "write exec:COMMAND, as in a shell")
    instead = "start the server first"
    wanted = certificate_wanted(reasons[0])
    if reasons[0].startswith(NO_TLS) and "alert" not in reasons[0]:
        clear = f"tcp://{str(candidates[0]).partition('://')[2]}"
        instead = "; ".join(filter(None, [f"if it speaks without TLS, write {clear}", wanted]))
    elif wanted:
        raise CannotRunError(f"{candidates[0]} refuses us: {reasons[0]}", wanted)
    raise CannotRunError(f"nothing answers on {candidates[0]}: {reasons[0]}", instead)


def speaks_tls(target: Target) -> bool:
    """Say whether a `tcp` target answers a TLS handshake: it was meant as `tls`."""
    if target.scheme != "tcp" or target.prelude:
        return False
    try:
        connect(replace(target, scheme="tls"), Deadline(_TLS_S)).close()
    except ConnectError:
        return False
    return True


def _see_accepted(connection: Connection) -> None:
    """See that the server takes our certificate, or does without one.

    With TLS 1.3 a client has shaken hands before its certificate is looked at; an alert follows
    then, and else a ticket, most often (RFC 8446, section 4.4.2.4).

    Raises:
        ConnectError: it does not.

    """
    if isinstance(connection.socket, ssl.SSLSocket) and connection.wait(Deadline(_ALERT_S)):
        ended = connection.receive() is END_OF_STREAM
        reason = "the connection ends after the handshake" if ended else connection.alert
        if certificate_wanted(reason):
            raise ConnectError(reason)
