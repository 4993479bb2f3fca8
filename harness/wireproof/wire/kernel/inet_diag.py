"""The messages of inet_diag: what is asked of the kernel about TCP sockets, and its answers.

Sans I/O. A request is `struct inet_diag_req_v2`, an answer `struct inet_diag_msg` with attributes
behind it, each after a netlink header (include/uapi/linux/inet_diag.h, net/ipv4/inet_diag.c).
"""

import errno
import os
import socket
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from wireproof.errors import CannotRunError

Address = tuple[Any, ...]
"""As from `getsockname`: (host, port) or (host, port, flow, scope)."""

SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 0x001
NLM_F_DUMP = 0x300
ALL_STATES = 0xFFFFFFFF
WITH_TCP_INFO = 1 << 1
"""Of a request's extensions: bit INET_DIAG_INFO - 1, so that the answer carries a `tcp_info`."""
WILDCARD = {int(socket.AF_INET): "0.0.0.0", int(socket.AF_INET6): "::"}
HEADER = struct.Struct("=IHHII")

_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_NO_COOKIE = 0xFFFFFFFF
_INFO = 2
_SKV6ONLY = 11
_REQUEST = struct.Struct("=BBBBI")
_PORTS = struct.Struct("!HH")
_INTERFACE_AND_COOKIE = struct.Struct("=III")
_NUMBERS = struct.Struct("=IIIII")
_ATTRIBUTE = struct.Struct("=HH")
_MESSAGE_BYTES = 72
"""Size of `struct inet_diag_msg`, after which its attributes begin."""


class TcpState(IntEnum):
    """State of a TCP socket (include/net/tcp_states.h)."""

    ESTABLISHED = 1
    SYN_SENT = 2
    SYN_RECV = 3
    FIN_WAIT1 = 4
    FIN_WAIT2 = 5
    TIME_WAIT = 6
    CLOSE = 7
    CLOSE_WAIT = 8
    LAST_ACK = 9
    LISTEN = 10
    CLOSING = 11
    NEW_SYN_RECV = 12
    BOUND_INACTIVE = 13


@dataclass(frozen=True, slots=True)
class SocketState:
    """One socket as the kernel sees it.

    Attributes:
        family: `AF_INET` or `AF_INET6`; a dual-stack server's sockets are `AF_INET6`.
        state: its TCP state.
        source: (host, port) of its own end.
        destination: (host, port) of the other end.
        receive_queue: bytes not yet read; of a listener, connections not yet accepted.
        send_queue: bytes not yet acknowledged; of a listener, the limit of its queue.
        uid: the user who made it.
        inode: what /proc/PID/fd names it by; 0 while no process has accepted it, or none has it any
            more.
        v6_only: whether a listener on `::` leaves IPv4 alone.

    """

    family: socket.AddressFamily
    state: TcpState
    source: tuple[str, int]
    destination: tuple[str, int]
    receive_queue: int
    send_queue: int
    uid: int
    inode: int
    v6_only: bool = False


def encode_request(
    family: int,
    source: Address,
    destination: Address,
    *,
    flags: int = NLM_F_REQUEST,
    states: int = ALL_STATES,
    extensions: int = 0,
) -> bytes:
    """Return the question for the socket, or with `NLM_F_DUMP` the sockets, of these addresses.

    Args:
        family: `AF_INET` or `AF_INET6`, that of both addresses.
        source: the socket's own end; a scope in it is the interface.
        destination: its other end.
        flags: of the netlink header.
        states: bit n set: list sockets in state n; for dumps only.
        extensions: what the answer is to carry besides; `WITH_TCP_INFO` or nothing.

    """
    scope = source[3] if len(source) > 3 else 0
    body = (
        _REQUEST.pack(family, socket.IPPROTO_TCP, extensions, 0, states)
        + _PORTS.pack(source[1], destination[1])
        + _packed(family, source[0])
        + _packed(family, destination[0])
        + _INTERFACE_AND_COOKIE.pack(scope, _NO_COOKIE, _NO_COOKIE)
    )
    return HEADER.pack(HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, flags, 0, 0) + body


def _packed(family: int, host: str) -> bytes:
    return socket.inet_pton(family, host.partition("%")[0]).ljust(16, b"\0")


def read_batch(data: bytes) -> tuple[bool, list[SocketState]]:
    """Split one datagram of a dump into its messages; the first is whether the dump has ended."""
    found: list[SocketState] = []
    offset = 0
    while offset + HEADER.size <= len(data):
        size, kind, _, _, _ = HEADER.unpack_from(data, offset)
        if kind == _NLMSG_DONE:
            return True, found
        if kind == _NLMSG_ERROR:
            check_absent(data[offset:])
            return True, found
        found.append(parse(data[offset + HEADER.size : offset + size]))
        offset += (size + 3) & ~3  # NLMSG_ALIGN
    return False, found


def parse(message: bytes) -> SocketState:
    """Read a `struct inet_diag_msg` and the attributes behind it."""
    family = socket.AddressFamily(message[0])
    width = 16 if family == socket.AF_INET6 else 4
    source_port, destination_port = _PORTS.unpack_from(message, 4)
    _, receive_queue, send_queue, uid, inode = _NUMBERS.unpack_from(message, 52)
    return SocketState(
        family=family,
        state=TcpState(message[1]),
        source=(socket.inet_ntop(family, message[8 : 8 + width]), source_port),
        destination=(socket.inet_ntop(family, message[24 : 24 + width]), destination_port),
        receive_queue=receive_queue,
        send_queue=send_queue,
        uid=uid,
        inode=inode,
        v6_only=_attribute(message, _SKV6ONLY) == b"\1",
    )


def tcp_info_span(message: bytes | memoryview) -> range:
    """Return where the `tcp_info` lies in a `struct inet_diag_msg`; empty where it has none."""
    return _span(message, _INFO)


def _attribute(message: bytes, wanted: int) -> bytes:
    span = _span(message, wanted)
    return message[span.start : span.stop]


def _span(message: bytes | memoryview, wanted: int) -> range:
    offset = _MESSAGE_BYTES
    while offset + _ATTRIBUTE.size <= len(message):
        size, kind = _ATTRIBUTE.unpack_from(message, offset)
        if kind == wanted:
            return range(offset + _ATTRIBUTE.size, min(offset + size, len(message)))
        offset += max(_ATTRIBUTE.size, (size + 3) & ~3)  # NLA_ALIGN
    return range(0)


def check_absent(reply: bytes | bytearray) -> None:
    """Let "no such socket" pass, and raise for any other error message of the kernel."""
    number = -struct.unpack_from("=i", reply, HEADER.size)[0]
    if number != errno.ENOENT:
        raise unanswered(OSError(number, os.strerror(number)))


def unanswered(error: OSError) -> CannotRunError:
    """Say in words that the kernel refused the question."""
    return CannotRunError(f"the kernel does not answer sock_diag: {error.strerror}")
