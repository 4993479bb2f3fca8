"""TCP conversations as packets of a capture: drawn at random, and as badly ordered as one likes."""

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

FIN, SYN, RST, ACK = 1, 2, 4, 16
BEGUN_NS = 1_767_441_601_000_000_000
_MOD = 1 << 32


@dataclass(frozen=True)
class Packet:
    """A segment, by the offsets of its bytes in the stream of its sender.

    Attributes:
        at_ns: when it is captured.
        from_client: who sends it.
        sequence: of its first byte.
        acknowledged: what it acknowledges.
        flags: of TCP.
        data: what it carries.

    """

    at_ns: int
    from_client: bool
    sequence: int
    acknowledged: int
    flags: int
    data: bytes = b""


@dataclass(frozen=True)
class Write:
    """What one side writes.

    Attributes:
        from_client: who.
        data: what.
        is_seen: whether the other side has it before it writes again.

    """

    from_client: bool
    data: bytes
    is_seen: bool = True


class Wire:
    """Makes the packets of a connection in the order in which they are sent."""

    def __init__(self, client_first: int = 1000, server_first: int = 5000) -> None:
        self.packets: list[Packet] = []
        self._next = {True: client_first, False: server_first}
        self._known = {True: server_first, False: client_first}
        self._at_ns = BEGUN_NS

    def packet(self, from_client: bool, flags: int, data: bytes = b"") -> None:
        """Send a packet."""
        self._at_ns += 1_000_000
        known = self._known[from_client] if flags & ACK else 0
        self.packets.append(
            Packet(self._at_ns, from_client, self._next[from_client], known, flags, data)
        )
        advance = len(data) + bool(flags & (SYN | FIN))
        self._next[from_client] = (self._next[from_client] + advance) % _MOD

    def deliver(self, to_client: bool) -> None:
        """All that was sent to one side has arrived there."""
        self._known[to_client] = self._next[not to_client]

    def handshake(self) -> None:
        """Three packets."""
        self.packet(True, SYN)
        self.deliver(False)
        self.packet(False, SYN | ACK)
        self.deliver(True)
        self.packet(True, ACK)

    def write(self, write: Write, sizes: Sequence[int] = ()) -> None:
        """Send data in segments of the sizes given, the last ones repeated."""
        at, number = 0, 0
        while at < len(write.data):
            size = sizes[number % len(sizes)] if sizes else 1400
            self.packet(write.from_client, ACK, write.data[at : at + size])
            at, number = at + size, number + 1
        if write.is_seen:
            self.deliver(not write.from_client)
            self.packet(not write.from_client, ACK)

    def close(self, by_client: bool = True) -> None:
        """FIN from one side, then from the other."""
        for side in (by_client, not by_client):
            self.packet(side, FIN | ACK)
            self.deliver(not side)
        self.packet(by_client, ACK)


def exchanged(
    writes: Sequence[Write], sizes: Sequence[int] = (), first: tuple[int, int] = (1000, 5000)
) -> list[Packet]:
    """A whole connection: handshake, writes, and its end by the client."""
    wire = Wire(*first)
    wire.handshake()
    for write in writes:
        wire.write(write, sizes)
    wire.deliver(True)
    wire.deliver(False)
    wire.close()
    return wire.packets


def turns_of(writes: Sequence[Write]) -> list[tuple[bytes, bytes]]:
    """The turns that the client's knowledge makes of writes."""
    turns: list[list[bytes]] = [[b"", b""]]
    unseen = b""
    for write in writes:
        if not write.from_client:
            unseen += write.data
            if write.is_seen:
                turns[-1][1] += unseen
                unseen = b""
        elif write.data:
            if turns[-1][1]:
                turns.append([b"", b""])
            turns[-1][0] += write.data
    turns[-1][1] += unseen
    return [(request, reply) for request, reply in turns if request or reply]


def mangled(packets: Sequence[Packet], seed: int, far: int = 60) -> list[Packet]:
    """Shuffle packets over a distance, repeat some, and send parts of the streams once more.

    What is sent again acknowledges all that its sender knows by then.
    """
    chance = random.Random(seed)
    again = []
    for packet in packets:
        if not packet.data or chance.random() > 0.3:
            continue
        knows = [one for one in packets if one.from_client == packet.from_client]
        stream = [one for one in knows if one.data]
        at = stream.index(packet)
        joined = b"".join(one.data for one in stream[at : at + chance.randrange(1, 4)])
        begin = chance.randrange(len(joined))
        data = joined[begin : begin + chance.randrange(1, len(joined) + 1)]
        later = max(packet.at_ns, knows[-1].at_ns) + chance.randrange(10**6)
        again.append(
            replace(
                packet,
                at_ns=later,
                sequence=(packet.sequence + begin) % _MOD,
                acknowledged=knows[-1].acknowledged,
                data=data,
            )
        )
    keys = {id(one): number + chance.random() * far for number, one in enumerate(packets)}
    for one in again:
        keys[id(one)] = len(packets) + chance.random() * far
    together = sorted([*packets, *again], key=lambda one: keys[id(one)])
    times = sorted(one.at_ns for one in together)
    return [replace(one, at_ns=at_ns) for one, at_ns in zip(together, times, strict=True)]


def ip(
    packet: Packet, client_port: int = 40000, server_port: int = 7, *, six: bool = False
) -> bytes:
    """The IP packet, without check sums."""
    ports = (client_port, server_port) if packet.from_client else (server_port, client_port)
    tcp = struct.pack(
        ">HHIIBBHHH",
        *ports,
        packet.sequence,
        packet.acknowledged,
        5 << 4,
        packet.flags,
        65535,
        0,
        0,
    )
    ends = (1, 2) if packet.from_client else (2, 1)
    carried = tcp + packet.data
    if six:
        addresses = b"".join(bytes(15) + bytes([end]) for end in ends)
        return struct.pack(">IHBB", 6 << 28, len(carried), 6, 64) + addresses + carried
    addresses = b"".join(bytes([127, 0, 0, end]) for end in ends)
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(carried), 0, 0x4000, 64, 6, 0)
    return head + addresses + carried


def udp(
    data: bytes, source: int, destination: int, *, six: bool = False, fragment: int = 0
) -> bytes:
    """The IP packet of a datagram between two ports of loopback, or its first or a later part."""
    carried = struct.pack(">HHHH", source, destination, 8 + len(data), 0) + data
    if six:
        ends = (bytes(15) + b"\1") * 2
        part = struct.pack(">BBHI", 17, 0, fragment, 1) if fragment else b""
        following = 44 if fragment else 17
        size = len(part) + len(carried)
        return struct.pack(">IHBB", 6 << 28, size, following, 64) + ends + part + carried
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(carried), 0, fragment, 64, 17, 0)
    return head + bytes([127, 0, 0, 1]) * 2 + carried


def _ethernet(carried: bytes, tags: bytes = b"") -> bytes:
    kind = b"\x86\xdd" if carried[0] >> 4 == 6 else b"\x08\x00"
    return (bytes(12) + tags + kind + carried).ljust(60, b"\xaa")  # padded, with what was there


LINKS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "Ethernet": (1, _ethernet),
    "VLAN": (1, lambda carried: _ethernet(carried, b"\x81\x00\x00\x07")),
    "QinQ": (1, lambda carried: _ethernet(carried, b"\x88\xa8\x00\x07\x81\x00\x00\x08")),
    "cooked": (113, lambda carried: bytes(14) + _ethernet(carried)[12:14] + carried),
    "cooked 2": (276, lambda carried: _ethernet(carried)[12:14] + bytes(18) + carried),
    "loopback": (
        0,
        lambda carried: (2 if carried[0] >> 4 == 4 else 30).to_bytes(4, "little") + carried,
    ),
    "open loopback": (
        108,
        lambda carried: (2 if carried[0] >> 4 == 4 else 24).to_bytes(4) + carried,
    ),
    "raw IP": (101, lambda carried: carried),
    "raw IP of OpenBSD": (14, lambda carried: carried),
    "raw IP of others": (12, lambda carried: carried),
}
"""Link types by name: their number, and the packet that carries an IP packet."""


def pcap(
    frames: Sequence[tuple[int, bytes]],
    link_type: int = 1,
    *,
    order: str = "<",
    nanoseconds: bool = False,
    snap_bytes: int = 262144,
) -> bytes:
    """A pcap file of frames, each with its time in nanoseconds."""
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap_bytes, link_type)]
    for at_ns, frame in frames:
        fraction = at_ns % 10**9 // (1 if nanoseconds else 1000)
        kept = frame[:snap_bytes]
        out += [struct.pack(order + "IIII", at_ns // 10**9, fraction, len(kept), len(frame)), kept]
    return b"".join(out)


def pcapng(
    frames: Sequence[tuple[int, bytes, int]], *, order: str = "<", block: str = "enhanced"
) -> bytes:
    """A pcapng file of frames, each with its time in nanoseconds and its link type."""

    def made(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = struct.pack(order + "I", len(body) + 12)
        return struct.pack(order + "I", kind) + size + body + size

    links = list(dict.fromkeys(link for _, _, link in frames))
    out = [made(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))]
    resolution = struct.pack(order + "HH", 9, 1) + b"\x09\0\0\0" + struct.pack(order + "HH", 0, 0)
    out += [made(1, struct.pack(order + "HHI", link, 0, 0) + resolution) for link in links]
    out.append(made(0x0BAD, b"a block that nobody knows"))
    for at_ns, frame, link in frames:
        sizes = (at_ns >> 32, at_ns & 0xFFFFFFFF, len(frame), len(frame))
        number = links.index(link)
        if block == "enhanced":
            out.append(made(6, struct.pack(order + "IIIII", number, *sizes) + frame))
        elif block == "old":
            out.append(made(2, struct.pack(order + "HHIIII", number, 0, *sizes) + frame))
        else:
            out.append(made(3, struct.pack(order + "I", len(frame)) + frame))
    return b"".join(out)


def captured(packets: Sequence[Packet], link: str = "Ethernet", *, six: bool = False) -> bytes:
    """A pcap file of the packets."""
    number, frame = LINKS[link]
    return pcap([(one.at_ns, frame(ip(one, six=six))) for one in packets], number)
