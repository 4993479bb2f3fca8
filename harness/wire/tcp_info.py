"""What the kernel knows of one of our own connections (`TCP_INFO`, tcp(7))."""

import socket
import struct

_TOTAL_RETRANSMITS_AT = 100
"""Offset of `tcpi_total_retrans` in `struct tcp_info` (include/uapi/linux/tcp.h)."""
_INFO_BYTES = _TOTAL_RETRANSMITS_AT + 4


def total_retransmits(connection: socket.socket) -> int | None:
    """Return how many segments were sent again, SYNs among them; None where it is not told."""
    if not hasattr(socket, "TCP_INFO"):
        return None
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
    except OSError:  # a Unix socket, or one that is closed
        return None
    if len(info) < _INFO_BYTES:
        return None
    return int(struct.unpack_from("=I", info, _TOTAL_RETRANSMITS_AT)[0])
