"""From a target to a connection, whatever it is made of: a socket, or the pipes of a process."""

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.target import Target
from wireproof.wire.connection import (
    CONNECT_TIMEOUT_S,
    NO_TLS,
    RESET_REASON,
    ConnectError,
    Connection,
)
from wireproof.wire.stdio import PipeConnection


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
    return Connection.open(target, deadline, receive_buffer_bytes, prelude_cut)


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
            connect(candidate).close()
        except ConnectError as error:
            if error.reason == RESET_REASON:  # by whoever listens there
                return candidate
            reasons.append(error.reason)
        else:
            return candidate
    if candidates[0].scheme == "exec":
        raise CannotRunError(f"{candidates[0]}: {reasons[0]}", "write exec:COMMAND, as in a shell")
    instead = "start the server first"
    if reasons[0].startswith(NO_TLS):
        instead = f"if it speaks without TLS, write tcp://{str(candidates[0]).partition('://')[2]}"
    raise CannotRunError(f"nothing answers on {candidates[0]}: {reasons[0]}", instead)
