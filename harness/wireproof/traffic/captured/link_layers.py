"""From a captured packet down to the TCP segment or UDP datagram in it.

Sources: tcpdump.org/linktypes.html; IEEE 802.1Q; RFC 768; RFC 791, 3.1; RFC 8200, 3 and 4; RFC
9293, 3.1.
"""

import socket
import struct
from dataclasses import dataclass
from enum import IntFlag
from typing import Final

from wireproof.traffic.captured.packet_files import Frame

Endpoint = tuple[str, int]
"""Address and port."""


class Flags(IntFlag):
    """The flags of a segment that matter here."""

    FIN = 1
    SYN = 2
    RST = 4
    ACK = 16


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment.

    Attributes:
        at_ns: when it was captured.
        source: its sender.
        destination: its receiver.
        sequence: number of its first byte, modulo 2**32.
        acknowledged: number of the next byte that its sender awaits.
        flags: see `Flags`.
        data: what it carries.
        lacks_bytes: how much of that the capture left out.

    """

    at_ns: int
    source: Endpoint
    destination: Endpoint
    sequence: int
    acknowledged: int
    flags: int
    data: bytes
    lacks_bytes: int


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP datagram.

    Attributes:
        at_ns: when it was captured.
        source: its sender.
        destination: its receiver.
        data: what it carries.
        lacks_bytes: how much of that the capture left out, or brought in fragments of its packet.
        way: where and in which direction it passed, as far as the capture tells.

    """

    at_ns: int
    source: Endpoint
    destination: Endpoint
    data: bytes
    lacks_bytes: int
    way: bytes = b""


@dataclass(frozen=True, slots=True)
class Other:
    """A packet that is neither, or that can't be used.

    Attributes:
        name: what it is, for people.

    """

    name: str


_ETHERNET, _LOOPBACK, _RAW, _OPEN_LOOPBACK = 1, 0, 101, 108
_COOKED, _COOKED_2 = 113, 276
_RAW_TYPES: Final = {_RAW, 12, 14, 228, 229}
_IPV4, _IPV6 = 0x0800, 0x86DD
_VLANS: Final = {0x8100, 0x88A8, 0x9100}
_ETHER_TYPES: Final = {0x0806: "ARP", 0x88CC: "LLDP", 0x8864: "PPPoE", 0x8847: "MPLS"}
_PROTOCOLS: Final = {
    1: "ICMP",
    2: "IGMP",
    47: "GRE",
    50: "ESP",
    58: "ICMPv6",
    132: "SCTP",
}
_TCP, _UDP = 6, 17
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION = 0, 43, 44, 51, 60
_MOST_HEADERS: Final = 16
_CUT = Other("TCP cut inside its header")
_FRAGMENTS = Other("fragments of IP packets")
_UDP_HEAD_BYTES = 8
_WHOLE, _FIRST, _LATER = range(3)

Carried = Segment | Datagram | Other


def carried_by(frame: Frame) -> Carried:
    """Return what a packet carries."""
    try:
        found = _ether_type(frame)
        if isinstance(found, Other):
            return found
        kind, offset = found
        if kind == _IPV4:
            return _ipv4(frame, offset)
        if kind == _IPV6:
            return _ipv6(frame, offset)
        return Other(_ETHER_TYPES.get(kind, f"ether type {kind:#06x}"))
    except (struct.error, IndexError):
        return _CUT if frame.size_bytes > len(frame.data) else Other("damaged")


def _ether_type(frame: Frame) -> tuple[int, int] | Other:
    """Return what the packet carries, as Ethernet numbers it, and where that begins."""
    data = frame.data
    if frame.link_type == _ETHERNET:
        kind, offset = _number(data, 12), 14
    elif frame.link_type == _COOKED:
        kind, offset = _number(data, 14), 16
    elif frame.link_type == _COOKED_2:
        kind, offset = _number(data, 0), 20
    elif frame.link_type in _RAW_TYPES:
        return _by_version(data, 0), 0
    elif frame.link_type in {_LOOPBACK, _OPEN_LOOPBACK}:
        return _by_version(data, 4), 4
    else:
        return Other(f"link type {frame.link_type}")
    while kind in _VLANS:
        kind, offset = _number(data, offset + 2), offset + 4
    return kind, offset


def _by_version(data: bytes, offset: int) -> int:
    """Tell IPv4 from IPv6 by its first half byte: address families differ between systems."""
    return _IPV6 if data[offset] >> 4 == 6 else _IPV4


def _number(data: bytes, offset: int) -> int:
    return int(struct.unpack_from(">H", data, offset)[0])


def _ipv4(frame: Frame, offset: int) -> Carried:
    data = frame.data
    if data[offset] >> 4 != 4:
        return Other("damaged")
    size, fragment, protocol = struct.unpack_from(">xxHxxHxB", data, offset)
    source, destination = struct.unpack_from(">12x4s4s", data, offset)
    begin = offset + (data[offset] & 0xF) * 4
    # A size of 0 is written by a sender whose network card cuts its packets.
    end = offset + size if size else frame.size_bytes
    addresses = (
        socket.inet_ntop(socket.AF_INET, source),
        socket.inet_ntop(socket.AF_INET, destination),
    )
    part = _part(fragment & 0x1FFF, more=bool(fragment & 0x2000))
    return _transported(frame, protocol, (begin, end), addresses, part)


def _ipv6(frame: Frame, offset: int) -> Carried:
    data = frame.data
    if data[offset] >> 4 != 6:
        return Other("damaged")
    size, following = struct.unpack_from(">4xHB", data, offset)
    source, destination = struct.unpack_from(">8x16s16s", data, offset)
    begin = offset + 40
    end = begin + size if size else frame.size_bytes
    part = _WHOLE
    for _ in range(_MOST_HEADERS):
        if following in {_HOP_BY_HOP, _ROUTING, _DESTINATION}:
            following, begin = data[begin], begin + 8 + data[begin + 1] * 8
        elif following == _AUTHENTICATION:
            following, begin = data[begin], begin + 8 + data[begin + 1] * 4
        elif following == _FRAGMENT:
            fragment = _number(data, begin + 2)
            part = _part(fragment & 0xFFF8, more=bool(fragment & 1))
            following, begin = data[begin], begin + 8
        else:
            break
    addresses = (
        socket.inet_ntop(socket.AF_INET6, source),
        socket.inet_ntop(socket.AF_INET6, destination),
    )
    return _transported(frame, following, (begin, end), addresses, part)


def _transported(
    frame: Frame, protocol: int, place: tuple[int, int], addresses: tuple[str, str], part: int
) -> Carried:
    """Return what stands at a place, from one offset to another; behind it the link has padding.

    Of a packet in fragments the first one has the head.
    """
    (begin, end), (source, destination) = place, addresses
    if protocol == _UDP and part != _LATER:
        return _udp(frame, begin, end, source, destination)
    if protocol not in {_TCP, _UDP}:
        return Other(_PROTOCOLS.get(protocol, f"IP protocol {protocol}"))
    return _FRAGMENTS if part != _WHOLE else _tcp(frame, begin, end, source, destination)


def _part(offset: int, *, more: bool) -> int:
    """Return what of an IP packet stands at an offset of it, with more behind or not."""
    if offset:
        return _LATER
    return _FIRST if more else _WHOLE


def _udp(frame: Frame, begin: int, end: int, source: str, destination: str) -> Carried:
    source_port, destination_port, size = struct.unpack_from(">HHH", frame.data, begin)
    payload = begin + _UDP_HEAD_BYTES
    until = begin + size if size else end  # a jumbo datagram says 0: RFC 2675, 4
    if until < payload:
        return Other("damaged")
    data = frame.data[payload : min(until, end)]
    return Datagram(
        frame.at_ns,
        (source, source_port),
        (destination, destination_port),
        data,
        until - payload - len(data),
        _way(frame),
    )


def _way(frame: Frame) -> bytes:
    """Return what tells a packet from its copy, where several interfaces were listened to."""
    where = frame.interface.to_bytes(4)
    if frame.link_type == _COOKED:
        return where + frame.data[:2]
    if frame.link_type == _COOKED_2:
        return where + frame.data[4:8] + frame.data[10:11]
    return where


def _tcp(frame: Frame, begin: int, end: int, source: str, destination: str) -> Carried:
    source_port, destination_port, sequence, acknowledged, data_offset, flags = struct.unpack_from(
        ">HHIIBB", frame.data, begin
    )
    payload = begin + (data_offset >> 4) * 4
    if payload < begin + 20 or payload > end:
        return Other("damaged")
    data = frame.data[payload:end]
    return Segment(
        frame.at_ns,
        (source, source_port),
        (destination, destination_port),
        sequence,
        acknowledged,
        flags,
        data,
        end - payload - len(data),
    )
