"""Refusals in MQTT: where their codes stand, and what those are called."""

from __future__ import annotations

from wireproof.protocols.built_in.mqtt.packets import (
    ACKS,
    Kind,
    body_start,
    kind_of,
    properties_at,
)
from wireproof.protocols.oracle import MalformedReplyError

_FAILURE = 0x80

CODES = {
    1: "unacceptable protocol version",
    2: "identifier rejected",
    3: "server unavailable",
    4: "bad user name or password",
    5: "not authorized",
    0x80: "failure",
}
"""Of CONNACK in 3.1.1, section 3.2.2.3, and of SUBACK, section 3.9.3."""

REASONS = {
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "unsupported protocol version",
    0x85: "client identifier not valid",
    0x86: "bad user name or password",
    0x87: "not authorized",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down",
    0x8C: "bad authentication method",
    0x8D: "keep alive timeout",
    0x8E: "session taken over",
    0x8F: "topic filter invalid",
    0x90: "topic name invalid",
    0x91: "packet identifier in use",
    0x92: "packet identifier not found",
    0x93: "receive maximum exceeded",
    0x94: "topic alias invalid",
    0x95: "packet too large",
    0x96: "message rate too high",
    0x97: "quota exceeded",
    0x98: "administrative action",
    0x99: "payload format invalid",
    0x9A: "retain not supported",
    0x9B: "QoS not supported",
    0x9C: "use another server",
    0x9D: "server moved",
    0x9E: "shared subscriptions not supported",
    0x9F: "connection rate exceeded",
    0xA0: "maximum connect time",
    0xA1: "subscription identifiers not supported",
    0xA2: "wildcard subscriptions not supported",
}
"""Of version 5, section 2.4."""


def in_words(reply: bytes, *, is_5: bool) -> str:
    """Return the kind of packet, and the reason of a refusal."""
    number = kind_of(reply)
    is_known = Kind.CONNECT <= number <= (Kind.AUTH if is_5 else Kind.DISCONNECT)
    kind = Kind(number).name if is_known else "a packet of no known kind"
    code = code_of(reply, is_5=is_5)
    if code is None:
        return kind
    names = REASONS if is_5 else CODES
    return f"{kind} with code {code}, {names.get(code, 'which has no name')}"


def code_of(reply: bytes, *, is_5: bool) -> int | None:
    """Return the code of a refusal; None where it is none, or not all there."""
    kind = kind_of(reply)
    try:
        body = reply[body_start(reply) :]
        if kind == Kind.CONNACK:
            return (body[1:2] or b"\0")[0] or None
        if kind in {Kind.SUBACK, Kind.UNSUBACK}:
            codes = body[properties_at(body, 2)[1] :] if is_5 else body[2:]
        elif is_5 and kind in {*ACKS, Kind.PUBREL, Kind.DISCONNECT}:
            at = 0 if kind == Kind.DISCONNECT else 2
            codes = body[at : at + 1]
        else:
            codes = b""
    except (MalformedReplyError, ValueError, IndexError, StopIteration):
        return None
    return next((code for code in codes if code >= _FAILURE), None)
