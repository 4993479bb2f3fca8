"""Reads capture files: pcap and pcapng, packet by packet.

Sources: draft-ietf-opsawg-pcap, sections 4 and 5; draft-ietf-opsawg-pcapng, sections 3 and 4.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from wireproof.errors import UsageError

_PCAP_MAGICS: Final = {
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\x3c\x4d": (">", 1),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
}
"""Byte order, and how many nanoseconds its unit of time has."""
_PCAP_HEAD_BYTES, _RECORD_HEAD_BYTES, _BLOCK_FRAME_BYTES = 24, 16, 12
_SECTION: Final = 0x0A0D0D0A
_SECTION_ORDERS: Final = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 1, 2, 3, 6
_TIME_RESOLUTION, _TIME_OFFSET = 9, 14


@dataclass(frozen=True, slots=True)
class Frame:
    """A packet as it was captured.

    Attributes:
        number: in the file, from 1.
        at_ns: nanoseconds of the epoch; 0 where the file has no times.
        link_type: what its first bytes are, as tcpdump.org/linktypes.html numbers them.
        data: as much of it as was captured.
        size_bytes: its size on the wire.
        interface: at which it was captured, as the file numbers them.

    """

    number: int
    at_ns: int
    link_type: int
    data: bytes
    size_bytes: int
    interface: int = 0


def is_capture(head: bytes) -> bool:
    """Say whether a file that begins like this is a capture."""
    return head[:4] in _PCAP_MAGICS or head[:4] == _SECTION.to_bytes(4)


def read_frames(data: bytes, name: str) -> Iterator[Frame]:
    """Yield the packets of a capture, in the order of the file.

    Args:
        data: the whole file.
        name: of the file, for messages.

    Raises:
        UsageError: it is no capture, is damaged, or ends in the middle of a packet.

    """
    if not is_capture(data):
        raise UsageError(f"{name} is not a capture that can be read", "save it as pcap or pcapng")
    reader = _Reader(data, name)
    yield from _pcapng(reader) if data[:4] == _SECTION.to_bytes(4) else _pcap(reader)


@dataclass(slots=True)
class _Reader:
    """A file, and how far it is read.

    Attributes:
        data: the whole file.
        name: for messages.
        order: of bytes, `<` or `>`.
        at: where the next structure begins.
        packets: how many were read.

    """

    data: bytes
    name: str
    order: str = "<"
    at: int = 0
    packets: int = 0

    def numbers(self, form: str, offset: int) -> tuple[int, ...]:
        """Read numbers, from an offset in the file.

        Raises:
            UsageError: the file ends before.

        """
        try:
            return struct.unpack_from(self.order + form, self.data, offset)
        except struct.error:
            raise self.cut() from None

    def frame(self, at_ns: int, link_type: int, begin: int, captured: int, size: int) -> Frame:
        """Return the next packet.

        Raises:
            UsageError: the file ends before its last byte.

        """
        data = self.data[begin : begin + captured]
        if len(data) < captured:
            raise self.cut()
        self.packets += 1
        return Frame(self.packets, at_ns, link_type, data, max(size, captured))

    def cut(self) -> UsageError:
        """Return what to say of a file that ends in the middle."""
        return UsageError(
            f"{self.name} ends in the middle of packet {self.packets + 1}",
            f"save the intact part: tcpdump -r {self.name} -w whole.pcap",
        )

    def damaged(self) -> UsageError:
        """Return what to say of a file that makes no sense."""
        return UsageError(f"{self.name} is damaged after packet {self.packets}")


def _pcap(reader: _Reader) -> Iterator[Frame]:
    reader.order, unit_ns = _PCAP_MAGICS[reader.data[:4]]
    (link_type,) = reader.numbers("I", _PCAP_HEAD_BYTES - 4)
    link_type &= 0xFFFF  # above it stands the size of a check sum behind each packet
    reader.at = _PCAP_HEAD_BYTES
    while reader.at < len(reader.data):
        seconds, fraction, captured, size = reader.numbers("IIII", reader.at)
        at_ns = seconds * 1_000_000_000 + fraction * unit_ns
        yield reader.frame(at_ns, link_type, reader.at + _RECORD_HEAD_BYTES, captured, size)
        reader.at += _RECORD_HEAD_BYTES + captured


@dataclass(frozen=True, slots=True)
class _Interface:
    """Where packets were captured.

    Attributes:
        link_type: of its packets.
        snap_bytes: how much of each was captured at most; 0 for all.
        units_per_s: of its times.
        offset_s: what is added to them.

    """

    link_type: int
    snap_bytes: int
    units_per_s: int
    offset_s: int

    def at_ns(self, high: int, low: int) -> int:
        """Return nanoseconds of the epoch."""
        units = high << 32 | low
        return units * 1_000_000_000 // self.units_per_s + self.offset_s * 1_000_000_000


def _pcapng(reader: _Reader) -> Iterator[Frame]:
    interfaces: list[_Interface] = []
    while reader.at < len(reader.data):
        if reader.data[reader.at : reader.at + 4] == _SECTION.to_bytes(4):
            order = _SECTION_ORDERS.get(reader.data[reader.at + 8 : reader.at + 12])
            if order is None:
                raise reader.damaged()
            reader.order, interfaces = order, []
        kind, size = reader.numbers("II", reader.at)
        if size % 4 or size < _BLOCK_FRAME_BYTES:
            raise reader.damaged()
        begin, end = reader.at + 8, reader.at + size - 4
        if reader.numbers("I", end) != (size,):
            raise reader.damaged()
        if kind == _INTERFACE:
            interfaces.append(_interface(reader, begin, end))
        elif kind in {_OLD_PACKET, _SIMPLE_PACKET, _PACKET}:
            yield _packet(reader, kind, begin, end, interfaces)
        reader.at += size


def _interface(reader: _Reader, begin: int, end: int) -> _Interface:
    link_type, _, snap_bytes = reader.numbers("HHI", begin)
    units_per_s, offset_s = 1_000_000, 0
    at = begin + 8
    while at + 4 <= end:
        code, size = reader.numbers("HH", at)
        value = reader.data[at + 4 : min(at + 4 + size, end)]
        if code == _TIME_RESOLUTION and len(value) == 1:
            exponent = value[0] & 0x7F
            units_per_s = 2**exponent if value[0] & 0x80 else 10 ** min(exponent, 18)
        elif code == _TIME_OFFSET and len(value) == 8:
            (offset_s,) = reader.numbers("q", at + 4)
        at += 4 + size + -size % 4
    return _Interface(link_type, snap_bytes, units_per_s, offset_s)


def _packet(
    reader: _Reader, kind: int, begin: int, end: int, interfaces: list[_Interface]
) -> Frame:
    if kind == _SIMPLE_PACKET:
        number, high, low = 0, 0, 0
        (size,) = reader.numbers("I", begin)
        captured, begin = size, begin + 4
    else:
        form = "IIIII" if kind == _PACKET else "HHIIII"
        numbers = reader.numbers(form, begin)
        number, (high, low, captured, size), begin = numbers[0], numbers[-4:], begin + 20
    if number >= len(interfaces):
        raise reader.damaged()
    interface = interfaces[number]
    if kind == _SIMPLE_PACKET and interface.snap_bytes:
        captured = min(captured, interface.snap_bytes)
    if begin + captured > end:
        raise reader.damaged()
    at_ns = interface.at_ns(high, low) if kind != _SIMPLE_PACKET else 0
    frame = reader.frame(at_ns, interface.link_type, begin, captured, size)
    return replace(frame, interface=number)
