"""From captured datagrams to conversations between two sockets.

Which side is the server is told by the port that the user names, else by how many others an end
speaks with, else by who spoke first. Nothing tells which datagram answers which: where another one
was under way, the replies are not taken for known.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from wireproof.conversation import Conversation, End, Turn
from wireproof.traffic.captured.left_out import LeftOut, shown
from wireproof.traffic.captured.link_layers import Datagram, Endpoint

_COPY_NS: Final = 1_000_000
"""A packet that passes two interfaces of one machine does so within a millisecond."""
_DTLS = re.compile(rb"[\x14-\x17]\xfe[\xfd\xff]")  # RFC 6347 and RFC 9147, 4
_QUIC = re.compile(rb"[\xc0-\xff](?:\0\0\0\x01|\x6b\x33\x43\xcf)")  # RFC 9000, 17.2; RFC 9369, 3.1

Pair = tuple[Endpoint, Endpoint]


@dataclass(slots=True)
class _Exchange:
    """A datagram of the client, and what the server sent behind it.

    Attributes:
        request: it.
        replies: in the order of the capture.
        is_alone: whether no other one was under way.

    """

    request: Datagram
    replies: list[Datagram] = field(default_factory=list)
    is_alone: bool = True


def conversations_of_datagrams(
    datagrams: Iterable[Datagram], server_port: int | None
) -> Iterator[Conversation | LeftOut]:
    """Yield what passed between each two sockets, in the order in which they began.

    What is sent to a group is nothing that a server was asked.

    Args:
        datagrams: in any order.
        server_port: the server's, where the user names it; others are left away.

    """
    pairs = _pairs(sorted(datagrams, key=lambda one: one.at_ns))
    peers = Counter(end for pair in pairs for end in pair)
    for pair, passed in pairs.items():
        server = _server(pair, passed, peers, server_port)
        if server is not None:
            client = pair[0] if server == pair[1] else pair[1]
            yield from _between(client, server, passed)


def _pairs(datagrams: Sequence[Datagram]) -> dict[Pair, list[Datagram]]:
    """Return what passed between each two ends, without copies."""
    pairs: dict[Pair, list[Datagram]] = {}
    latest: dict[tuple[Endpoint, Endpoint, bytes], tuple[int, set[bytes]]] = {}
    for one in datagrams:
        if _is_group(one.destination[0]):
            continue
        key = one.source, one.destination, one.data
        at_ns, ways = latest.get(key, (one.at_ns, {one.way}))
        if one.way not in ways and one.at_ns - at_ns <= _COPY_NS:
            ways.add(one.way)
            continue
        latest[key] = one.at_ns, {one.way}
        ends = min(one.source, one.destination), max(one.source, one.destination)
        pairs.setdefault(ends, []).append(one)
    return pairs


def _is_group(address: str) -> bool:
    return ipaddress.ip_address(address).is_multicast or address == "255.255.255.255"


def _server(
    pair: Pair, passed: Sequence[Datagram], peers: Counter[Endpoint], server_port: int | None
) -> Endpoint | None:
    """Return which end is the server; None where neither has the port that was asked for."""
    first = passed[0].destination
    if server_port is not None:
        named = [end for end in pair if end[1] == server_port]
        return first if len(named) == len(pair) else next(iter(named), None)
    busier = max(pair, key=lambda end: peers[end])
    return busier if peers[pair[0]] != peers[pair[1]] else first


def _between(
    client: Endpoint, server: Endpoint, passed: Sequence[Datagram]
) -> Iterator[Conversation | LeftOut]:
    name = f"{shown(client)} to {shown(server)}"
    exchanges: list[_Exchange] = []
    for one in passed:
        if one.source == server:
            if exchanges:
                exchanges[-1].replies.append(one)
        else:
            is_alone = not exchanges or bool(exchanges[-1].replies)
            if exchanges and not is_alone:
                exchanges[-1].is_alone = False
            exchanges.append(_Exchange(one, is_alone=is_alone))
    if not exchanges:
        yield LeftOut(name, "has no datagram of the client", "capture from the beginning")
    elif any(one.lacks_bytes for one in passed):
        told = "has datagrams that were cut short, or went in fragments of IP packets"
        yield LeftOut(name, told, "capture with tcpdump -s 0, and where they are whole")
    elif _is_encrypted(exchanges[0].request.data):
        yield LeftOut(name, "is encrypted (DTLS or QUIC), so that it can't be sent again")
    else:
        begun_at_ns = exchanges[0].request.at_ns
        for alone in (True, False):
            turns = tuple(_turn(one, begun_at_ns) for one in exchanges if one.is_alone is alone)
            if turns:
                yield Conversation(
                    name, turns, End.OPEN, begun_at_ns / 1e9, replies_known=alone, datagrams=True
                )


def _is_encrypted(data: bytes) -> bool:
    return bool(_DTLS.match(data) or _QUIC.match(data))


def _turn(exchange: _Exchange, begun_at_ns: int) -> Turn:
    replies = [one.data for one in exchange.replies] if exchange.is_alone else []
    return Turn(
        exchange.request.data,
        b"".join(replies),
        (exchange.request.at_ns - begun_at_ns) / 1e9,
        tuple(map(len, replies)),
    )
