"""A capture file made from a transcript, so that the usual tools can show the conversation.

It is synthesised, not captured, and says so in its first block. Each connection is a TCP stream
between 127.0.0.1:40000 + its number and 127.0.0.1:1; a segment is one packet. Format: pcapng,
IETF draft-ietf-opsawg-pcapng, sections 4.1 to 4.3.
"""

import struct
from collections.abc import Sequence
from typing import Final

from wireproof.wire.transcript import Event

_NOTE = b"Synthesised by Wireproof from its byte log; nothing here was captured from a network."
_LINKTYPE_RAW: Final = 101
_LOOPBACK = bytes([127, 0, 0, 1])
_FIN, _SYN, _RST, _PSH, _ACK = 1, 2, 4, 8, 16
_MOST_IN_A_PACKET = 65000
_FLAGS_BY_KIND = {
    "send": (True, _PSH | _ACK),
    "receive": (False, _PSH | _ACK),
    "half-close": (True, _FIN | _ACK),
    "close": (True, _FIN | _ACK),
    "end": (False, _FIN | _ACK),
    "reset": (True, _RST | _ACK),
    "was-reset": (False, _RST | _ACK),
}


def synthesise(events: Sequence[Event]) -> bytes:
    """Return the events as a pcapng file."""
    out = [
        _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _option(1, _NOTE)),
        # if_tsresol 9: times are in nanoseconds.
        _block(1, struct.pack("<HHI", _LINKTYPE_RAW, 0, 0) + _option(9, b"\x09")),
    ]
    streams: dict[int, _Stream] = {}
    for event in events:
        if event.kind == "open":
            streams[event.connection] = _Stream(event.connection)
        stream = streams.get(event.connection)
        if stream is not None:
            out += [_packet(event.at_ns, raw) for raw in stream.packets(event)]
    return b"".join(out)


class _Stream:
    """Sequence numbers of one connection."""

    def __init__(self, number: int) -> None:
        self._ports = (40000 + number % 20000, 1)
        self._next = [0, 0]

    def packets(self, event: Event) -> list[bytes]:
        if event.kind == "open":
            return [
                self._segment(from_us=True, flags=_SYN),
                self._segment(from_us=False, flags=_SYN | _ACK),
                self._segment(from_us=True, flags=_ACK),
            ]
        if event.kind not in _FLAGS_BY_KIND:
            return []
        from_us, flags = _FLAGS_BY_KIND[event.kind]
        pieces = [
            event.data[at : at + _MOST_IN_A_PACKET]
            for at in range(0, len(event.data), _MOST_IN_A_PACKET)
        ] or [b""]
        return [self._segment(from_us=from_us, flags=flags, data=piece) for piece in pieces]

    def _segment(self, *, from_us: bool, flags: int, data: bytes = b"") -> bytes:
        ours, theirs = (0, 1) if from_us else (1, 0)
        header = struct.pack(
            ">HHIIBBHHH",
            self._ports[ours],
            self._ports[theirs],
            self._next[ours] & 0xFFFFFFFF,
            self._next[theirs] & 0xFFFFFFFF if flags & _ACK else 0,
            5 << 4,
            flags,
            65535,
            0,
            0,
        )
        self._next[ours] += len(data) + bool(flags & (_SYN | _FIN))
        pseudo = _LOOPBACK + _LOOPBACK + struct.pack(">BBH", 0, 6, len(header) + len(data))
        checksum = _checksum(pseudo + header + data)
        segment = header[:16] + struct.pack(">H", checksum) + header[18:] + data
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, 6, 0)
        ip += _LOOPBACK + _LOOPBACK
        return ip[:10] + struct.pack(">H", _checksum(ip)) + ip[12:] + segment


def _packet(at_ns: int, raw: bytes) -> bytes:
    fields = struct.pack("<IIIII", 0, at_ns >> 32, at_ns & 0xFFFFFFFF, len(raw), len(raw))
    return _block(6, fields + raw + bytes(-len(raw) % 4))


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


def _option(code: int, value: bytes) -> bytes:
    padded = value + bytes(-len(value) % 4)
    return struct.pack("<HH", code, len(value)) + padded + struct.pack("<HH", 0, 0)


def _checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
