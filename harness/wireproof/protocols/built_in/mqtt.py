"""MQTT 3.1.1: connect, ping, subscribe, publish at QoS 0 and 1.

PUBACKs keep their order (section 4.6); nothing orders PINGRESP, SUBACK and PUBACK among each other,
nor one SUBACK and the next, so each of these is a lane of its own. Each connection subscribes to a
topic of its own first. A message at QoS 0 may be lost (section 4.3.1), so its delivery is checked
when it comes, and not missed when it does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from wireproof.protocols.built_in.private_keys import PLACEHOLDER, with_serial
from wireproof.protocols.built_in.sizes import padded
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.replies import Expected, Reply
from wireproof.protocols.request_reply import RequestReply
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_CONNECT, _PUBLISH, _SUBSCRIBE, _PINGREQ = 1, 3, 8, 12
_QOS = 0x06
_PINGRESP = b"\xd0\x00"
_MAX_LENGTH_BYTES = 4
_ANY_ID = b"\x00\x01"
"""A valid packet identifier; `numbered` gives each packet its own."""


class Mqtt(RequestReply):
    """MQTT 3.1.1: ping, subscribe, publish at QoS 0 and 1."""

    name = "mqtt"
    source = "MQTT Version 3.1.1, OASIS Standard"
    half_close: ClassVar[Level] = Level.MAY
    max_request_bytes: int = 256 * 1024
    user: str = ""
    password: str = ""

    def __init__(self) -> None:
        """Start with nothing published, and nothing subscribed to."""
        self._published = self._subscribed = 0

    def opening(self) -> list[bytes]:
        """Connect under a name of this connection's own, and subscribe to its topic at QoS 0."""
        login = bool(self.user) << 7 | bool(self.password) << 6
        body = _text(b"MQTT") + bytes((4, login | 2, 0, 0)) + _text(PLACEHOLDER)
        for credential in filter(None, (self.user, self.password)):
            body += _text(credential.encode())
        return [packet(_CONNECT, 0, body), _subscribe(PLACEHOLDER, 0)]

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Put the connection's number into the client's name and topics."""
        return with_serial(request, serial)

    def numbered(self, request: bytes, number: int) -> bytes:
        """Set the packet identifier, where there is one: unused, and not 0 (section 2.3.1)."""
        kind, start = request[0] >> 4, _body_start(request)
        if kind == _PUBLISH and request[0] & _QOS:
            start += 2 + int.from_bytes(request[start : start + 2])
        elif kind != _SUBSCRIBE:
            return request
        return request[:start] + (number % 65535 + 1).to_bytes(2) + request[start + 2 :]

    def requests(self) -> SearchStrategy[bytes]:
        """Return a ping, a subscription or a message."""
        from hypothesis import strategies as st

        payloads = st.binary(max_size=300)
        topics = st.sampled_from([PLACEHOLDER + b"/x", PLACEHOLDER + b"/y/+"])
        return st.one_of(
            st.just(packet(_PINGREQ, 0, b"")),
            payloads.map(lambda payload: packet(_PUBLISH, 0, _text(PLACEHOLDER) + payload)),
            payloads.map(
                lambda payload: packet(_PUBLISH, 2, _text(PLACEHOLDER) + _ANY_ID + payload)
            ),
            st.builds(_subscribe, topics, st.integers(0, 1)),
        )

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a message at QoS 1."""
        head = _text(PLACEHOLDER) + _ANY_ID
        return padded(size_bytes, lambda payload: packet(_PUBLISH, 2, head + payload))

    def malformed(self) -> SearchStrategy[bytes]:
        """Return packets with reserved types, flags or lengths."""
        from hypothesis import strategies as st

        return st.sampled_from([b"\xf0\x00", b"\x00\x00", b"\xc0\xff\xff\xff\xff", b"\x82\x00"])

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return the fixed header and its remaining length (section 2.2.3)."""
        for size in range(1, _MAX_LENGTH_BYTES + 1):
            if len(buffer) <= size:
                return None
            if not buffer[size] & 0x80:
                return 1 + size + _remaining(buffer[1 : size + 1])
        raise MalformedReplyError("a remaining length of more than four bytes")

    def expected(self, request: bytes) -> Expected:
        """Return the acknowledgement, and what the server sends to the subscriber."""
        kind, flags = request[0] >> 4, request[0] & 0x0F
        body = request[_body_start(request) :]
        if kind == _CONNECT:
            return Reply(b"\x20\x02\x00\x00", "connack")
        if kind == _PINGREQ:
            return Reply(_PINGRESP, "pingresp")
        if kind == _SUBSCRIBE:
            self._subscribed += 1
            return Reply(packet(9, 0, body[:2] + body[-1:]), f"suback {self._subscribed}")
        topic_end = 2 + int.from_bytes(body[:2])
        payload = body[topic_end + (2 if flags else 0) :]
        # The order of section 4.6 holds among messages of one QoS, that of their sender; which QoS
        # a delivery had cannot be seen, so each is a lane of its own.
        self._published += 1
        lane = f"publish {self._published}"
        delivery = Reply(packet(_PUBLISH, 0, body[:topic_end] + payload), lane, optional=True)
        if not flags:
            return delivery
        return [Reply(packet(4, 0, body[topic_end : topic_end + 2]), "puback"), delivery]


def packet(kind: int, flags: int, body: bytes) -> bytes:
    """Return a control packet (section 2.2)."""
    length, left = bytearray(), len(body)
    while True:
        left, digit = left >> 7, left & 0x7F
        length.append(digit | (0x80 if left else 0))
        if not left:
            return bytes((kind << 4 | flags,)) + length + body


def _subscribe(topic: bytes, qos: int) -> bytes:
    return packet(_SUBSCRIBE, 2, _ANY_ID + _text(topic) + bytes((qos,)))


def _body_start(request: bytes) -> int:
    """Return where the remaining length ends (section 2.2.3)."""
    return next(at for at in range(1, 5) if not request[at] & 0x80) + 1


def _text(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


def _remaining(digits: bytes | bytearray) -> int:
    return sum((digit & 0x7F) << 7 * place for place, digit in enumerate(digits))
