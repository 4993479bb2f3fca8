"""MQTT's control packets, as both versions have them (section 2 of either).

Properties are `None` in 3.1.1, which has none; in version 5 they are written behind their length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from wireproof.protocols.framing import read_varint, varint

ANY_ID = b"\x00\x01"
"""A valid packet identifier; `numbered` gives each packet its own."""
RETAIN, DUP = 0x01, 0x08
_QOS = 0x06


class Kind(IntEnum):
    """The types of packets (section 2.1.2)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


ACKS = (Kind.PUBACK, Kind.PUBREC, Kind.PUBCOMP)
"""What acknowledges a message, or its release, to whoever sent it."""

_IDENTIFIED = frozenset(
    {*ACKS, Kind.PUBREL, Kind.SUBSCRIBE, Kind.UNSUBSCRIBE, Kind.SUBACK, Kind.UNSUBACK}
)
"""What has an identifier behind its length."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a PUBLISH carries.

    Attributes:
        topic: its name.
        payload: its content.
        qos: the quality of service, 0 to 2.
        retain: whether the server is to keep it, or had kept it.
        properties: as written, without their length; None in 3.1.1.

    """

    topic: bytes
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: bytes | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is asked for with a topic filter.

    Attributes:
        pattern: the filter.
        options: the quality of service in the lowest bits, and in version 5 what else is wanted.

    """

    pattern: bytes
    options: int

    @property
    def qos(self) -> int:
        """The most that messages are sent with."""
        return self.options & 3


def packet(kind: int, flags: int, body: bytes) -> bytes:
    """Return a control packet (section 2.1)."""
    return bytes((kind << 4 | flags,)) + varint(len(body)) + body


def text(data: bytes) -> bytes:
    """Return a string behind its length (section 1.5)."""
    return len(data).to_bytes(2) + data


def written(properties: bytes | None) -> bytes:
    """Return properties behind their length; nothing in 3.1.1."""
    return b"" if properties is None else varint(len(properties)) + properties


def publish(message: Message, identifier: bytes = ANY_ID, flags: int = 0) -> bytes:
    """Return a PUBLISH; at QoS 0 it has no identifier."""
    flags |= message.qos << 1 | message.retain
    named = identifier if message.qos else b""
    body = text(message.topic) + named + written(message.properties) + message.payload
    return packet(Kind.PUBLISH, flags, body)


def subscribe(
    subscriptions: Sequence[Subscription],
    properties: bytes | None = None,
    identifier: bytes = ANY_ID,
) -> bytes:
    """Return a SUBSCRIBE."""
    filters = b"".join(text(each.pattern) + bytes((each.options,)) for each in subscriptions)
    return packet(Kind.SUBSCRIBE, 2, identifier + written(properties) + filters)


def unsubscribe(patterns: Sequence[bytes], properties: bytes | None = None) -> bytes:
    """Return an UNSUBSCRIBE."""
    return packet(Kind.UNSUBSCRIBE, 2, ANY_ID + written(properties) + b"".join(map(text, patterns)))


def acknowledge(kind: int, identifier: bytes = ANY_ID) -> bytes:
    """Return a PUBACK, PUBREC, PUBREL or PUBCOMP, without a reason."""
    return packet(kind, 2 if kind == Kind.PUBREL else 0, identifier)


def split(stream: bytes) -> list[bytes]:
    """Return the packets of a request, each whole."""
    if len(stream) > 1 and stream[1] == len(stream) - 2 < 0x80:  # by far the most frequent
        return [stream]
    packets, start = [], 0
    while start < len(stream):
        found = read_varint(stream, start + 1)
        assert found is not None
        end = found[1] + found[0]
        packets.append(stream[start:end])
        start = end
    return packets


def kind_of(data: bytes) -> int:
    """Return a packet's type."""
    return data[0] >> 4


def qos_of(data: bytes) -> int:
    """Return the quality of service of a PUBLISH."""
    return (data[0] & _QOS) >> 1


_IDENTIFIED = frozenset(
    {*ACKS, Kind.PUBREL, Kind.SUBSCRIBE, Kind.UNSUBSCRIBE, Kind.SUBACK, Kind.UNSUBACK}
)
"""Kinds of packets that have an identifier, apart from PUBLISH, of which some have."""


def body_start(data: bytes) -> int:
    """Return where the remaining length of a packet ends (section 2.2.3, in version 5 2.1.4)."""
    at = 1
    while data[at] & 0x80:  # of every packet several times: a generator takes twice as long
        at += 1
    return at + 1


def identifier_at(data: bytes) -> int | None:
    """Return where a whole packet has its identifier; None where it has none."""
    kind, start = kind_of(data), body_start(data)
    if kind == Kind.PUBLISH:
        if not qos_of(data):
            return None
        start += 2 + int.from_bytes(data[start : start + 2])
    elif kind not in _IDENTIFIED:
        return None
    return start


def with_identifier(data: bytes, identifier: bytes) -> bytes:
    """Return a packet with that identifier, if it has any."""
    at = identifier_at(data)
    return data if at is None else data[:at] + identifier + data[at + 2 :]


def read_message(data: bytes, *, has_properties: bool) -> Message:
    """Return what a whole PUBLISH carries.

    Raises:
        IndexError, ValueError: it ends within the topic, or within the properties.

    """
    start = body_start(data)
    topic_end = start + 2 + int.from_bytes(data[start : start + 2])
    qos = qos_of(data)
    at = topic_end + (2 if qos else 0)
    if at > len(data):
        raise ValueError("a PUBLISH that ends within its topic or identifier")
    properties = None
    if has_properties:
        properties, at = properties_at(data, at)
    topic = data[start + 2 : topic_end]
    return Message(topic, data[at:], qos, bool(data[0] & RETAIN), properties)


def properties_at(data: bytes, start: int) -> tuple[bytes, int]:
    """Return the properties whose length stands at an offset, and where they end.

    Raises:
        ValueError: the packet ends before they do.

    """
    found = read_varint(data, start, 4)
    if found is None or found[1] + found[0] > len(data):
        raise ValueError("a packet that ends within its properties")
    end = found[1] + found[0]
    return data[found[1] : end], end


def read_filters(data: bytes, start: int, *, with_options: bool) -> Iterator[Subscription]:
    """Yield the filters of a SUBSCRIBE, or of an UNSUBSCRIBE, which has no options."""
    while start < len(data):
        end = start + 2 + int.from_bytes(data[start : start + 2])
        yield Subscription(data[start + 2 : end], data[end] if with_options else 0)
        start = end + with_options
