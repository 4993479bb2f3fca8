"""From a captured packet down to the TCP segment in it.

Sources: tcpdump.org/linktypes.html; IEEE 802.1Q; RFC 791, 3.1; RFC 8200, 3 and 4; RFC 9293, 3.1.
"""

import socket
import struct
from dataclasses import dataclass
from enum import IntFlag
from typing import Final

from wireproof.traffic.packet_files import Frame

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
class Other:
    """A packet that is no TCP segment, or none that can be used.

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
    17: "UDP",
    47: "GRE",
    50: "ESP",
    58: "ICMPv6",
    132: "SCTP",
}
_TCP = 6
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION = 0, 43, 44, 51, 60
_MOST_HEADERS: Final = 16
_CUT = Other("TCP cut inside its header")


def segment_of(frame: Frame) -> Segment | Other:
    """Return the TCP segment that a packet carries, or what it is instead."""
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


def _ipv4(frame: Frame, offset: int) -> Segment | Other:
    data = frame.data
    if data[offset] >> 4 != 4:
        return Other("damaged")
    size, fragment, protocol = struct.unpack_from(">xxHxxHxB", data, offset)
    source, destination = struct.unpack_from(">12x4s4s", data, offset)
    if protocol != _TCP:
        return Other(_PROTOCOLS.get(protocol, f"IP protocol {protocol}"))
    if fragment & 0x3FFF:  # more fragments, or not the first
        return Other("fragments of IP packets")
    begin = offset + (data[offset] & 0xF) * 4
    # A size of 0 is written by a sender whose network card cuts its packets.
    end = offset + size if size else frame.size_bytes
    return _tcp(
        frame,
        begin,
        end,
        socket.inet_ntop(socket.AF_INET, source),
        socket.inet_ntop(socket.AF_INET, destination),
    )


def _ipv6(frame: Frame, offset: int) -> Segment | Other:
    data = frame.data
    if data[offset] >> 4 != 6:
        return Other("damaged")
    size, following = struct.unpack_from(">4xHB", data, offset)
    source, destination = struct.unpack_from(">8x16s16s", data, offset)
    begin = offset + 40
    end = begin + size if size else frame.size_bytes
    for _ in range(_MOST_HEADERS):
        if following in {_HOP_BY_HOP, _ROUTING, _DESTINATION}:
            following, begin = data[begin], begin + 8 + data[begin + 1] * 8
        elif following == _AUTHENTICATION:
            following, begin = data[begin], begin + 8 + data[begin + 1] * 4
        elif following == _FRAGMENT:
            if _number(data, begin + 2) & 0xFFF9:
                return Other("fragments of IP packets")
            following, begin = data[begin], begin + 8
        else:
            break
    if following != _TCP:
        return Other(_PROTOCOLS.get(following, f"IP protocol {following}"))
    return _tcp(
        frame,
        begin,
        end,
        socket.inet_ntop(socket.AF_INET6, source),
        socket.inet_ntop(socket.AF_INET6, destination),
    )


def _tcp(frame: Frame, begin: int, end: int, source: str, destination: str) -> Segment | Other:
    """Read the segment between two offsets; what stands behind is padding of the link."""
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
