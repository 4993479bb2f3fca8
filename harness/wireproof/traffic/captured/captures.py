"""From a capture file to the conversations in it.

Which side is the server is told by the SYN, by another connection's SYN to the same address, or by
the port that the user names. A connection of which bytes are missing is left out, and that is said:
what was not captured cannot be replayed.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from wireproof.conversation import Conversation, End, Turn
from wireproof.errors import UsageError
from wireproof.traffic.captured.datagrams import conversations_of_datagrams
from wireproof.traffic.captured.left_out import LeftOut, shown
from wireproof.traffic.captured.link_layers import Datagram, Endpoint, Segment, carried_by
from wireproof.traffic.captured.packet_files import Frame, read_frames
from wireproof.traffic.captured.reassembly import Connection, Stream, connections_of, knowledge
from wireproof.words import counted

_CLIENT_HELLO = re.compile(rb"\x16\x03[\x00-\x04](?s:..)\x01")  # RFC 8446, 5.1 and 4
_TLS = "is TLS, whose bytes a capture doesn't show"
_RECORD_INSTEAD = (
    "record it with wireproof record tls://HOST:PORT, and let the client speak to that"
)


@dataclass(frozen=True, slots=True)
class Captured:
    """What a capture holds.

    Attributes:
        conversations: in the order in which they were begun.
        left_out: connections with data that can't be used.

    """

    conversations: tuple[Conversation, ...]
    left_out: tuple[LeftOut, ...]


def read_capture(
    data: bytes, name: str, server_port: int | None = None, *, datagrams: bool = False
) -> Captured:
    """Return the conversations in a capture.

    Args:
        data: the whole file.
        name: of the file, for messages.
        server_port: the server's, where the user names it; others' connections are left away.
        datagrams: whether those over UDP are wanted, not those over TCP.

    Raises:
        UsageError: it is no capture, damaged or cut, or holds no conversation that can be used.

    """
    segments, passed, others = _sorted_out(read_frames(data, name))
    if not (passed if datagrams else segments):
        others["TCP" if datagrams else "UDP"] += len(segments if datagrams else passed)
        raise _without(name, +others, datagrams=datagrams)
    if datagrams:
        return _of_datagrams(passed, name, server_port)
    conversations: list[Conversation] = []
    left_out: list[LeftOut] = []
    connections = connections_of(segments)
    servers = {one.other(one.client) for one in connections if one.client is not None}
    for connection in connections:
        found = _conversation(connection, servers, server_port)
        if isinstance(found, LeftOut):
            left_out.append(found)
        elif found is not None:
            conversations.append(found)
    if not conversations:
        raise _nothing_usable(name, left_out, connections, others, server_port)
    return Captured(tuple(conversations), tuple(left_out))


def _sorted_out(
    frames: Iterable[Frame],
) -> tuple[list[Segment], list[Datagram], Counter[str]]:
    """Return the segments, the datagrams, and how many packets were something else."""
    segments: list[Segment] = []
    datagrams: list[Datagram] = []
    others: Counter[str] = Counter()
    for frame in frames:
        found = carried_by(frame)
        if isinstance(found, Segment):
            segments.append(found)
        elif isinstance(found, Datagram):
            datagrams.append(found)
        else:
            others[found.name] += 1
    return segments, datagrams, others


def _of_datagrams(datagrams: Sequence[Datagram], name: str, server_port: int | None) -> Captured:
    found = list(conversations_of_datagrams(datagrams, server_port))
    conversations = tuple(one for one in found if isinstance(one, Conversation))
    left_out = tuple(one for one in found if isinstance(one, LeftOut))
    if conversations:
        return Captured(conversations, left_out)
    if left_out:
        raise _first_of(name, left_out)
    ports = {end[1] for one in datagrams for end in (one.source, one.destination)}
    raise _without_port(name, ports, server_port)


def _conversation(
    connection: Connection, servers: set[Endpoint], server_port: int | None
) -> Conversation | LeftOut | None:
    """Return what passed on a connection; None where nothing did, or another port was asked for."""
    streams = {end: connection.stream(end) for end in connection.ends}
    if not any(stream.sent or stream.missing for stream in streams.values()):
        return None
    server = _server(connection, servers, server_port)
    if server is None:
        return None if server_port is not None else _without_direction(connection.ends)
    client = connection.other(server)
    name = f"{shown(client)} to {shown(server)}"
    sent, received = streams[client], streams[server]
    if gap := _gap(name, sent, received):
        return gap
    turns = _turns(sent, received, connection.begun_at_ns)
    if any(_CLIENT_HELLO.match(turn.request) for turn in turns):
        return LeftOut(name, _TLS, _RECORD_INSTEAD)
    begun_at_s = connection.begun_at_ns / 1e9
    begun_before = connection.client is None
    return Conversation(name, turns, _end(sent, received), begun_at_s, begun_before=begun_before)


def _without_direction(ends: tuple[Endpoint, Endpoint]) -> LeftOut:
    return LeftOut(
        f"{shown(ends[0])} and {shown(ends[1])}",
        "began before the capture, so which side is the server can't be told",
        f"say it: --server-port {ends[0][1]} or {ends[1][1]}",
    )


def _gap(name: str, sent: Stream, received: Stream) -> LeftOut | None:
    """Return what is missing, and why, or None."""
    if sent.snapped or received.snapped:
        return LeftOut(
            name, "was captured with its packets cut short", "capture again with tcpdump -s 0"
        )
    for stream, side in ((sent, "client"), (received, "server")):
        if stream.missing:
            return LeftOut(
                name,
                f"lacks bytes of the {side} after byte {len(stream.data)}",
                "capture again with a larger buffer: tcpdump -B 65536",
            )
    return None


def _server(
    connection: Connection, servers: set[Endpoint], server_port: int | None
) -> Endpoint | None:
    """Return which end is the server; None where that can't be told, or isn't the one asked for."""
    if connection.client is not None:
        server = connection.other(connection.client)
        return server if server_port in {None, server[1]} else None
    candidates = [
        end
        for end in connection.ends
        if (end[1] == server_port if server_port is not None else end in servers)
    ]
    return candidates[0] if len(candidates) == 1 else None


def _turns(sent: Stream, received: Stream, begun_at_ns: int) -> tuple[Turn, ...]:
    """Cut both streams where the client, when it sent something, had received more than before."""
    borders = [
        (offset, min(known, len(received.data)), at_ns) for offset, known, at_ns in knowledge(sent)
    ]
    if not borders or borders[0][1] > 0:  # the server spoke first
        first_at_ns = received.sent[0].at_ns if received.sent else begun_at_ns
        borders.insert(0, (0, 0, first_at_ns))
    turns = []
    ends = [*borders[1:], (len(sent.data), len(received.data), 0)]
    for (begin, known, at_ns), (end, then_known, _) in zip(borders, ends, strict=True):
        at_s = max(0.0, (at_ns - begun_at_ns) / 1e9)
        turns.append(Turn(sent.data[begin:end], received.data[known:then_known], at_s))
    return tuple(turn for turn in turns if turn.request or turn.reply)


def _end(sent: Stream, received: Stream) -> End:
    """Return who ended it first, as far as that can be told."""
    if sent.fin is None:
        return End.SERVER if received.fin is not None else _end_by_reset(sent, received)
    if received.fin is not None:
        knew_of_end = (sent.fin.acknowledged or 0) > len(received.data)
        crossed = (received.fin.acknowledged or 0) <= len(sent.data)
        if knew_of_end or (crossed and received.fin.at_ns < sent.fin.at_ns):
            return End.SERVER
    knew_all = (sent.fin.acknowledged or 0) >= len(received.data)
    return End.CLIENT if knew_all else End.HALF_CLOSE


def _end_by_reset(sent: Stream, received: Stream) -> End:
    ours, theirs = sent.reset_at_ns, received.reset_at_ns
    if theirs is not None and (ours is None or theirs <= ours):
        return End.SERVER_RESET
    return End.CLIENT_RESET if ours is not None else End.OPEN


def _without(name: str, others: Counter[str], *, datagrams: bool) -> UsageError:
    wanted, other = ("UDP", "TCP") if datagrams else ("TCP", "UDP")
    if not others:
        return UsageError(f"{name} holds no packets", "capture while a client speaks to the server")
    what = ", ".join(f"{count} {kind}" for kind, count in others.most_common(3))
    link = next((kind for kind in others if kind.startswith("link type")), "")
    if link:
        return UsageError(f"{name} holds packets of {link}, which can't be read")
    instead = f"name a {other.lower()}:// target to judge those" if others[other] else ""
    return UsageError(f"{name} holds no {wanted}; of its packets are {what}", instead)


def _nothing_usable(
    name: str,
    left_out: Sequence[LeftOut],
    connections: Sequence[Connection],
    others: Counter[str],
    server_port: int | None,
) -> UsageError:
    fragments = others["fragments of IP packets"]
    if fragments:
        return UsageError(
            f"{name} has its TCP in {counted(fragments, 'fragment')} of IP packets",
            "capture where they are not fragmented, at the client or at the server",
        )
    if left_out:
        return _first_of(name, left_out)
    ports = {end[1] for one in connections for end in one.ends}
    if server_port is not None and server_port not in ports:
        return _without_port(name, ports, server_port)
    return UsageError(
        f"{name} holds {counted(len(connections), 'TCP connection')}, and none with any data"
    )


def _first_of(name: str, left_out: Sequence[LeftOut]) -> UsageError:
    first = left_out[0]
    more = f"; nor can {len(left_out) - 1} others be used" if len(left_out) > 1 else ""
    return UsageError(f"{name}: {first.name} {first.reason}{more}", first.instead)


def _without_port(name: str, ports: Collection[int], server_port: int | None) -> UsageError:
    if server_port is None:
        return UsageError(f"{name} holds datagrams to groups alone, which ask no server")
    told = ", ".join(map(str, sorted(ports)[:6]))
    return UsageError(f"{name} holds nothing of port {server_port}", f"ports that it holds: {told}")
