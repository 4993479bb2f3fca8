"""Properties of MQTT 5 (section 2.2.2), and the one form of what a server may write in several."""

from __future__ import annotations

from collections.abc import Iterator

from wireproof.protocols.built_in.mqtt.packets import (
    ACKS,
    ANY_ID,
    Kind,
    body_start,
    identifier_at,
    kind_of,
    packet,
    properties_at,
    with_identifier,
    written,
)
from wireproof.protocols.framing import read_varint
from wireproof.protocols.oracle import MalformedReplyError

FORMAT, CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION = 0x01, 0x03, 0x08, 0x09
SUBSCRIPTION, USER = 0x0B, 0x26
_SIZES = {
    **dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), 1),
    **dict.fromkeys((0x13, 0x21, 0x22, 0x23), 2),
    **dict.fromkeys((0x02, 0x11, 0x18, 0x27), 4),
}
"""In bytes, of those that have always the same (table 2-4)."""
_TEXTS = frozenset({0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F})
_SAID = frozenset({0x1F, USER})  # a reason in words, and whatever else
_ALLOWED = {
    Kind.CONNACK: _SAID
    | {0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x21, 0x22, 0x24, 0x25, 0x27, 0x28, 0x29, 0x2A},
    Kind.PUBLISH: frozenset({0x01, 0x02, 0x03, 0x08, 0x09, SUBSCRIPTION, 0x23, USER}),
    **dict.fromkeys((*ACKS, Kind.PUBREL, Kind.SUBACK, Kind.UNSUBACK), _SAID),
}
_NUMBERED = frozenset({Kind.PUBLISH, Kind.PUBREL})
"""Kinds of packets whose identifier the server chooses."""
_REPEATED = frozenset({USER, SUBSCRIPTION})
_NOBODY = 0x10
"""The reason that says that no subscriber is there (sections 3.4.2.1 and 3.5.2.1)."""


def same_for_all(data: bytes, *, is_5: bool) -> bytes:
    """Return a server's packet with what is the server's choice made the same.

    The identifier of a message, as long as it isn't 0 (section 2.2.1); in version 5 the order of
    properties, but not that of user properties (section 3.3.2.3.7), what is said beside a reason,
    and whether a reason of success is written.

    Raises:
        MalformedReplyError: it has properties that its kind must not have, or twice, or ends
            within them.

    """
    try:
        return _same(data, is_5=is_5)
    except (IndexError, ValueError) as error:
        raise MalformedReplyError(str(error)) from None


def _same(data: bytes, *, is_5: bool) -> bytes:
    kind = kind_of(data)
    if not is_5 and kind not in _NUMBERED:
        return data
    at = identifier_at(data)
    if kind in _NUMBERED and at is not None and data[at : at + 2] != b"\0\0":
        data = with_identifier(data, ANY_ID)
    if not is_5 or kind not in _ALLOWED:
        return data
    begin = body_start(data)
    if kind == Kind.PUBLISH:
        start = begin + 2 + int.from_bytes(data[begin : begin + 2]) + (0 if at is None else 2)
        properties, end = properties_at(data, start)
        ordered = sorted(_read(kind, properties), key=_order)
        middle = written(b"".join(bytes((name,)) + value for name, value in ordered))
        return packet(kind, data[0] & 0x0F, data[begin:start] + middle + data[end:])
    start = begin + 2
    reason = b""
    if kind not in {Kind.SUBACK, Kind.UNSUBACK, Kind.CONNACK}:
        reason, start = data[start : start + 1], start + 1
        is_success = reason == b"\0" or (
            reason[:1] == bytes((_NOBODY,)) and kind in {Kind.PUBACK, Kind.PUBREC}
        )
        reason = b"" if is_success else reason
        if start >= len(data):
            return packet(kind, data[0] & 0x0F, data[begin : begin + 2] + reason)
    properties, end = properties_at(data, start)
    list(_read(kind, properties))
    rest = b"\0" + data[end:] if kind in {Kind.SUBACK, Kind.UNSUBACK, Kind.CONNACK} else b""
    return packet(kind, data[0] & 0x0F, data[begin : begin + 2] + reason + rest)


def _order(one: tuple[int, bytes]) -> tuple[int, bytes]:
    """Return what properties are sorted by: those of users keep their order."""
    name, value = one
    return name, b"" if name == USER else value


def _read(kind: int, properties: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each property's identifier, and its value as written."""
    at, seen = 0, set[int]()
    while at < len(properties):
        name = properties[at]
        if name not in _ALLOWED[Kind(kind)]:
            raise MalformedReplyError(f"property {name} in a packet that has none such")
        if name in seen and name not in _REPEATED:
            raise MalformedReplyError(f"property {name} twice")
        seen.add(name)
        end = _value_end(name, properties, at + 1)
        if end > len(properties):
            raise MalformedReplyError(f"property {name} is longer than all of them")
        yield name, properties[at + 1 : end]
        at = end


def _value_end(name: int, properties: bytes, start: int) -> int:
    if name == SUBSCRIPTION:
        found = read_varint(properties, start, 4)
        return found[1] if found else len(properties) + 1
    if name in _SIZES:
        return start + _SIZES[name]
    end = start
    for _ in range(2 if name == USER else 1):
        end += 2 + int.from_bytes(properties[end : end + 2])
        if end > len(properties):
            break
    return end
