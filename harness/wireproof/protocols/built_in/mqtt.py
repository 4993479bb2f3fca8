"""MQTT 3.1.1: connect, ping, subscribe, publish at QoS 0 and 1.

PUBACKs keep their order (section 4.6); nothing orders PINGRESP, SUBACK and PUBACK among each other,
nor one SUBACK and the next. Each connection subscribes to a
topic of its own first. A message at QoS 0 may be lost (section 4.3.1), so its delivery is checked
when it comes, and not missed when it does not.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar

from wireproof.protocols.built_in.private_keys import PLACEHOLDER, with_serial
from wireproof.protocols.exchange import SecondLogin
from wireproof.protocols.framed import VarintLengthPrefixed
from wireproof.protocols.framing import read_varint, varint
from wireproof.protocols.replies import NO_LANE, Expected, Reply
from wireproof.protocols.sizes import (
    LETTERS,
    ORDINARY_SIZES,
    octets,
    ordinary_values,
    padded,
    payloads,
)
from wireproof.results import Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hypothesis.strategies import SearchStrategy

_CONNECT, _PUBLISH, _SUBSCRIBE, _PINGREQ = 1, 3, 8, 12
_QOS = 0x06
_PINGRESP = b"\xd0\x00"
_RETAIN = 0x01
_MOST_TOPIC_BYTES = 65535
_HEAD_BYTES = 2 + len(PLACEHOLDER)
_KINDS = {2: "CONNACK", 3: "PUBLISH", 4: "PUBACK", 9: "SUBACK", 13: "PINGRESP"}
_CODES = {
    1: "unacceptable protocol version",
    2: "identifier rejected",
    3: "server unavailable",
    4: "bad user name or password",
    5: "not authorized",
    0x80: "failure",
}
"""Of CONNACK, section 3.2.2.3, and of SUBACK, section 3.9.3."""
_ANY_ID = b"\x00\x01"
"""A valid packet identifier; `numbered` gives each packet its own."""


class Mqtt(VarintLengthPrefixed):
    """MQTT 3.1.1: ping, subscribe, publish at QoS 0 and 1."""

    name = "mqtt"
    opening_ahead = True
    source = "MQTT Version 3.1.1, OASIS Standard"
    half_close: ClassVar[Level] = Level.MAY
    header_bytes: ClassVar[int] = 1
    most_length_bytes: ClassVar[int] = 4
    max_request_bytes: int = 256 * 1024
    retain: bool = True
    """Whether the server keeps messages that are to be retained."""
    user: str = ""
    password: str = ""

    def __init__(self) -> None:
        """Start with nothing published, and nothing subscribed to."""
        self._retained: dict[bytes, bytes] = {}  # by topic, as in a packet, with its length

    def opening(self) -> list[bytes]:
        """Connect under a name of this connection's own, and subscribe to its topic at QoS 0."""
        login = bool(self.user) << 7 | bool(self.password) << 6
        body = _text(b"MQTT") + bytes((4, login | 2, 0, 0)) + _text(PLACEHOLDER)
        for credential in filter(None, (self.user, self.password)):
            body += _text(credential.encode())
        return [packet(_CONNECT, 0, body), _subscribe([PLACEHOLDER], 0)]

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Put the connection's number into the client's name and topics."""
        return with_serial(request, serial)

    def numbered(self, request: bytes, number: int) -> bytes:
        """Set the packet identifiers, where there are any: unused, and not 0 (section 2.3.1)."""
        return b"".join(_identified(part, number % 65535 + 1) for part in self.parts(request))

    def requests(self) -> SearchStrategy[bytes]:
        """Return a ping, a subscription or a message."""
        from hypothesis import strategies as st

        return st.one_of(*self.kinds().values())

    def example(self) -> bytes:
        """Return a ping."""
        return packet(_PINGREQ, 0, b"")

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return pings, messages of each quality of service, and subscriptions to some topics."""
        from hypothesis import strategies as st

        borders = [size - _HEAD_BYTES for size in (127, 128, 129, 16383, 16384)]
        messages = st.one_of(payloads(300), st.sampled_from(borders).map(octets))
        topics = st.sampled_from([PLACEHOLDER + b"/x", PLACEHOLDER + b"/y/+"])
        qualities = st.integers(0, 1)
        return {
            "ping": st.just(self.example()),
            "publish-qos0": messages.map(lambda payload: _publish(0, payload)),
            "publish-qos1": messages.map(lambda payload: _publish(2, payload)),
            "subscribe": st.builds(lambda topic, qos: _subscribe([topic], qos), topics, qualities),
            "subscribe-many": st.builds(
                lambda count, qos: _subscribe(
                    [b"%b/x/%d" % (PLACEHOLDER, number) for number in range(count)], qos
                ),
                st.sampled_from([127, 128, 129]),
                qualities,
            ),
        }

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return messages of ordinary sizes, and now and then a ping."""
        values = ordinary_values()
        return {
            "publish-qos0": (values.map(lambda payload: _publish(0, payload)), 50),
            "publish-qos1": (values.map(lambda payload: _publish(2, payload)), 45),
            "ping": (self.kinds()["ping"], 5),
        }

    def fed(self, value: bytes) -> dict[str, tuple[bytes, float]]:
        """Return messages to a topic below the connection's own; none where it is no topic name."""
        topic = PLACEHOLDER + b"/" + value
        if set(value) & set(b"+#\0") or len(topic) > _MOST_TOPIC_BYTES:
            return {}
        payload = octets(ORDINARY_SIZES[1], LETTERS)
        return {
            "publish-qos0": (_publish(0, payload, topic), 1),
            "publish-qos1": (_publish(2, payload, topic), 1),
        }

    def sized_conversation(self, size_bytes: int) -> list[bytes] | None:
        """Return one request: a message to be retained, a subscription to it, and its clearing.

        The client waits for each acknowledgement. A new subscription must be sent what is retained
        (section 3.3.1.3). Without `retain`, a message that comes back by the opening's.
        """
        if not self.retain:
            publish = _publish(2, octets(size_bytes))
            return [publish] if len(publish) <= self.max_request_bytes else None
        topic = PLACEHOLDER + b"/kept"
        request = (
            _publish(3, octets(size_bytes), topic)
            + _subscribe([topic], 0)
            + _publish(3, b"", topic)
        )
        return [request] if len(request) <= self.max_request_bytes and size_bytes else None

    def same_identity(self) -> SecondLogin:
        """Return that the server ends the connection before (section 3.1.4, MQTT-3.1.4-2)."""
        return SecondLogin.TAKES_OVER

    def parts(self, request: bytes) -> list[bytes]:
        """Return the packets of a request, one as a rule."""
        packets, start = [], 0
        while start < len(request):
            found = read_varint(request, start + 1)
            assert found is not None
            end = found[1] + found[0]
            packets.append(request[start:end])
            start = end
        return packets

    def pauses(self, request: bytes) -> list[int]:
        """Return where each packet but the last ends: several are a write, a read, a clearing."""
        return list(accumulate(map(len, self.parts(request)[:-1])))

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a message at QoS 1."""
        return padded(size_bytes, lambda payload: _publish(2, payload))

    def malformed(self) -> SearchStrategy[bytes]:
        """Return packets with reserved types, flags or lengths."""
        from hypothesis import strategies as st

        return st.sampled_from([b"\xf0\x00", b"\x00\x00", b"\xc0\xff\xff\xff\xff", b"\x82\x00"])

    def refused(self, reply: bytes) -> bool:
        """Say whether it is a CONNACK with a code but 0, or a SUBACK with a failure."""
        body = self.payload(reply)
        match reply[:1]:
            case b"\x20":
                return len(body) > 1 and body[1] != 0
            case b"\x90":
                return b"\x80" in body[2:]
        return False

    def in_words(self, reply: bytes) -> str:
        """Return the kind of packet, and the reason of a refusal."""
        kind = _KINDS.get(reply[0] >> 4, "a packet of no known kind")
        if not self.refused(reply):
            return kind
        code = self.payload(reply)[1] if kind == "CONNACK" else 0x80
        return f"{kind} with code {code}, {_CODES.get(code, 'which has no name')}"

    def expected(self, request: bytes) -> Expected:
        """Return the acknowledgement, and what the server sends to the subscriber."""
        kind, flags = request[0] >> 4, request[0] & 0x0F
        body = request[_body_start(request) :]
        if kind == _CONNECT:
            return Reply(b"\x20\x02\x00\x00", "connack")
        if kind == _PINGREQ:
            return Reply(_PINGRESP, "pingresp")
        if kind == _SUBSCRIBE:
            return self._subscription(body)
        topic_end = 2 + int.from_bytes(body[:2])
        payload = body[topic_end + (2 if flags & _QOS else 0) :]
        if flags & _RETAIN:
            self._retained[body[:topic_end]] = payload
        # The order of section 4.6 holds among messages of one QoS, that of their sender; which QoS
        # a delivery had cannot be seen, so nothing orders them here.
        delivery = Reply(packet(_PUBLISH, 0, body[:topic_end] + payload), NO_LANE, optional=True)
        if not flags & _QOS:
            return delivery
        return [Reply(packet(4, 0, body[topic_end : topic_end + 2]), "puback"), delivery]

    def _subscription(self, body: bytes) -> list[Reply]:
        """Return what answers a subscription: what was granted, and what is retained."""
        topics = list(_filters(body))
        granted = packet(9, 0, body[:2] + bytes(qos for _, qos in topics))
        retained = [
            Reply(
                packet(_PUBLISH, _RETAIN, topic + self._retained[topic]),
                NO_LANE,
            )
            for topic, _ in topics
            if self._retained.get(topic)
        ]
        return [Reply(granted, NO_LANE), *retained]


def _filters(body: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield each topic of a subscription, with its length, and the quality asked for."""
    at = 2
    while at < len(body):
        end = at + 2 + int.from_bytes(body[at : at + 2])
        yield body[at:end], body[end]
        at = end + 1


def packet(kind: int, flags: int, body: bytes) -> bytes:
    """Return a control packet (section 2.2)."""
    return bytes((kind << 4 | flags,)) + varint(len(body)) + body


def _subscribe(topics: Sequence[bytes], qos: int) -> bytes:
    filters = b"".join(_text(topic) + bytes((qos,)) for topic in topics)
    return packet(_SUBSCRIBE, 2, _ANY_ID + filters)


def _publish(flags: int, payload: bytes, topic: bytes = PLACEHOLDER) -> bytes:
    return packet(_PUBLISH, flags, _text(topic) + (_ANY_ID if flags & _QOS else b"") + payload)


def _identified(request: bytes, identifier: int) -> bytes:
    """Return a packet with that identifier, if it has any."""
    kind, start = request[0] >> 4, _body_start(request)
    if kind == _PUBLISH and request[0] & _QOS:
        start += 2 + int.from_bytes(request[start : start + 2])
    elif kind != _SUBSCRIBE:
        return request
    return request[:start] + identifier.to_bytes(2) + request[start + 2 :]


def _body_start(request: bytes) -> int:
    """Return where the remaining length ends (section 2.2.3)."""
    return next(at for at in range(1, 5) if not request[at] & 0x80) + 1


def _text(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data
