"""What the kernel knows of one of our own connections (`TCP_INFO`, tcp(7))."""

import socket
import struct

_TOTAL_RETRANSMITS_AT = 100
"""Offset of `tcpi_total_retrans` in `struct tcp_info` (include/uapi/linux/tcp.h)."""
_INFO_BYTES = _TOTAL_RETRANSMITS_AT + 4
_BYTES_ACKED_AT = 120
"""Offset of `tcpi_bytes_acked`, a u64, and the last before `BYTES_RECEIVED_AT`."""
BYTES_RECEIVED_AT = 128
"""Offset of `tcpi_bytes_received`, a u64: what came in order, the peer's FIN (one) included, its
SYN not (tcp_rcv_nxt_update in net/ipv4/tcp_input.c)."""
U64 = struct.Struct("=Q")


def total_retransmits(connection: socket.socket) -> int | None:
    """Return how many segments were sent again, SYNs among them; None where it is not told."""
    info = _info(connection, _INFO_BYTES)
    return int(struct.unpack_from("=I", info, _TOTAL_RETRANSMITS_AT)[0]) if info else None


def state_of(connection: socket.socket) -> int | None:
    """Return the TCP state of our end, as in `TcpState`; None where it is not told."""
    info = _info(connection, 1)
    return info[0] if info else None


def acknowledged_bytes(connection: socket.socket) -> int | None:
    """Return how many bytes of a connection that we opened the peer has acknowledged.

    Our SYN is not among them (the kernel counts it: tcp_snd_una_update); our FIN is one.
    """
    info = _info(connection, BYTES_RECEIVED_AT)
    return U64.unpack_from(info, _BYTES_ACKED_AT)[0] - 1 if info else None


def _info(connection: socket.socket, size: int) -> bytes | None:
    if not hasattr(socket, "TCP_INFO"):
        return None
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size)
    except OSError:  # a Unix socket, or one that is closed
        return None
    return info if len(info) == size else None
