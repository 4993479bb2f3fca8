"""MQTT 3.1.1 and 5: connect, ping, subscribe, publish and receive at QoS 0, 1 and 2.

PUBACKs keep their order, and so do PUBRECs, PUBRELs and PUBCOMPs (section 4.6); nothing orders
PINGRESP, SUBACK and PUBACK among each other, nor one SUBACK and the next. Each connection
subscribes to a topic of its own first. What the server sends at QoS 1 and 2 is acknowledged with
the identifiers that it has chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from wireproof.errors import UsageError
from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.mqtt import drawing_5
from wireproof.protocols.built_in.mqtt.broker import Broker, Receiver
from wireproof.protocols.built_in.mqtt.drawing import PING, Drawing
from wireproof.protocols.built_in.mqtt.oracle import MqttOracle
from wireproof.protocols.built_in.mqtt.packets import (
    ACKS,
    DUP,
    Kind,
    body_start,
    identifier_at,
    kind_of,
    packet,
    properties_at,
    qos_of,
    read_filters,
    read_message,
    split,
    text,
    with_identifier,
    written,
)
from wireproof.protocols.built_in.mqtt.properties import same_for_all
from wireproof.protocols.built_in.mqtt.reasons import code_of, in_words
from wireproof.protocols.built_in.private_keys import PLACEHOLDER, with_serial
from wireproof.protocols.exchange import SecondLogin
from wireproof.protocols.framed import VarintLengthPrefixed
from wireproof.protocols.framing import ends
from wireproof.protocols.oracle import Oracle
from wireproof.protocols.replies import NO_LANE, Expected, Reply
from wireproof.protocols.sizes import (
    LETTERS,
    ORDINARY_SIZES,
    octets,
    ordinary_values,
    padded,
    together,
)
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_LEVELS = {"3.1.1": 4, "5": 5}
_PINGRESP = b"\xd0\x00"
_TAKEN_OVER = b"\xe0\x01\x8e", b"\xe0\x02\x8e\x00"
"""That another connection has the client's name now (version 5, section 3.1.4)."""
_MOST_TOPIC_BYTES = 65535


class Mqtt(VarintLengthPrefixed):
    """MQTT 3.1.1 and 5: ping, subscribe with wildcards, retain, publish at QoS 0 to 2."""

    name = "mqtt"
    opening_ahead = True
    source = "MQTT Version 3.1.1, and with --set version=5 Version 5.0, OASIS Standards"
    half_close: ClassVar[Level] = Level.MAY
    header_bytes: ClassVar[int] = 1
    most_length_bytes: ClassVar[int] = 4
    max_request_bytes: int = 256 * 1024
    version: str = "3.1.1"
    most_qos: int = 2
    """The highest quality of service that the server takes and grants."""
    in_flight: int = 1
    """How many messages at QoS 1 and 2 the server sends before the first is acknowledged."""
    retain: bool = True
    """Whether the server keeps messages that are to be retained."""
    user: str = ""
    password: str = ""

    def __init__(self) -> None:
        """Start with nothing published, and nothing subscribed to."""
        self._broker = Broker()
        self.receiver = Receiver()
        """What the connection that this judges holds of messages that were sent to it."""

    def as_oracle(self) -> Oracle:
        """Return a judge that knows the identifiers which the server chooses."""
        return MqttOracle(self, self.receiver)

    def opening(self) -> list[bytes]:
        """Connect under a name of this connection's own, and subscribe to its topic at QoS 0.

        Raises:
            UsageError: there is no such version.

        """
        if self.version not in _LEVELS:
            raise UsageError(
                f"MQTT {self.version} is not known", "write version=3.1.1 or version=5"
            )
        login = bool(self.user) << 7 | bool(self.password) << 6
        head = text(b"MQTT") + bytes((_LEVELS[self.version], login | 2, 0, 0))
        body = head + written(self._drawing.properties) + text(PLACEHOLDER)
        for credential in filter(None, (self.user, self.password)):
            body += text(credential.encode())
        return [packet(Kind.CONNECT, 0, body), self._drawing.subscribed((PLACEHOLDER, 0))]

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Put the connection's number into the client's name and topics."""
        return with_serial(request, serial)

    def numbered(self, request: bytes, number: int) -> bytes:
        """Set the packet identifiers, where there are any: unused, and not 0 (section 2.3.1).

        What acknowledges a message of the server's has the identifier of that.
        """
        identifier = (number % 65535 + 1).to_bytes(2)
        return b"".join(
            part if kind_of(part) in ACKS else with_identifier(part, identifier)
            for part in self.parts(request)
        )

    def requests(self) -> SearchStrategy[bytes]:
        """Return a ping, a subscription or a message; now and then an exchange of several."""
        from hypothesis import strategies as st

        plain, several = self._drawing.plain_kinds().values(), self._exchanges().values()
        return st.one_of(*plain, *([together(several)] if several else []))

    def example(self) -> bytes:
        """Return a ping."""
        return PING

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return pings, messages and subscriptions of each quality, and exchanges of several."""
        return self._drawing.plain_kinds() | self._exchanges()

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return messages of ordinary sizes, and now and then a ping."""
        from hypothesis import strategies as st

        values, drawing = ordinary_values(), self._drawing
        return {
            "publish-qos0": (values.map(drawing.published), 50),
            "publish-qos1": (values.map(lambda payload: drawing.published(payload, 1)), 45),
            "ping": (st.just(PING), 5),
        }

    def fed(self, value: bytes) -> dict[str, tuple[bytes, float]]:
        """Return messages to a topic below the connection's own; none where it is no topic name."""
        topic = PLACEHOLDER + b"/" + value
        if set(value) & set(b"+#\0") or len(topic) > _MOST_TOPIC_BYTES:
            return {}
        payload = octets(ORDINARY_SIZES[1], LETTERS)
        return {
            "publish-qos0": (self._drawing.published(payload, 0, topic), 1),
            "publish-qos1": (self._drawing.published(payload, 1, topic), 1),
        }

    def sized_conversation(self, size_bytes: int) -> list[bytes] | None:
        """Return one request: a message to be retained, a subscription to it, and its clearing.

        The client waits for each acknowledgement. A new subscription must be sent what is retained
        (section 3.3.1.3). Without `retain`, a message that comes back by the opening's.
        """
        drawing = self._drawing
        if not self.retain:
            publish = drawing.published(octets(size_bytes), 1)
            return [publish] if len(publish) <= self.max_request_bytes else None
        topic = PLACEHOLDER + b"/kept"
        request = (
            drawing.published(octets(size_bytes), 1, topic, retain=True)
            + drawing.subscribed((topic, 0))
            + drawing.published(b"", 1, topic, retain=True)
        )
        return [request] if len(request) <= self.max_request_bytes and size_bytes else None

    def same_identity(self) -> SecondLogin:
        """Return that the server ends the connection before (section 3.1.4, MQTT-3.1.4-2)."""
        return SecondLogin.TAKES_OVER

    def parts(self, request: bytes) -> list[bytes]:
        """Return the packets of a request, one as a rule."""
        return split(request)

    def pauses(self, request: bytes) -> list[int]:
        """Return where each packet but the last ends that is answered: several are an exchange."""
        if not (parts := self.parts(request)[:-1]):
            return []
        unanswered = {Kind.PUBACK, Kind.PUBCOMP}
        return [
            end
            for part, end in zip(parts, ends(parts), strict=True)
            if kind_of(part) not in unanswered
        ]

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a message at QoS 1."""
        return padded(size_bytes, lambda payload: self._drawing.published(payload, 1))

    def malformed(self) -> SearchStrategy[bytes]:
        """Return packets with reserved types, flags or lengths, and topics and filters of none."""
        from hypothesis import strategies as st

        more = drawing_5.malformed(self._drawing) if self._is_5 else []
        return st.sampled_from(self._drawing.malformed() + more)

    def rules(self) -> list[Rule]:
        """Return what the specification says of QoS 2, identifiers, wildcards and retaining."""
        found = self._drawing.rules(retain=self.retain)
        return found + (drawing_5.rules(self._drawing, retain=self.retain) if self._is_5 else [])

    def mask(self, message: bytes) -> bytes:
        """Return a packet with the server's own choices made the same, such as an identifier."""
        return same_for_all(message, is_5=self._is_5)

    def unsolicited(self, message: bytes) -> bool:
        """Say whether it is a message at QoS 2 before its release, or in 3.1.1 one once more.

        In version 5 also that another connection has taken the client's name.
        """
        if message in _TAKEN_OVER:
            return self._is_5
        if kind_of(message) != Kind.PUBLISH or not qos_of(message):
            return False
        if message[0] & DUP and not self._is_5:
            at = identifier_at(message)
            return at is not None and self.receiver.has(message[at : at + 2])
        return self._broker.passed_on_early(self.mask(message))

    def closes(self, reply: bytes) -> bool:
        """Say whether it is the server's DISCONNECT; note the identifier of a message.

        Raises:
            MalformedReplyError: it is in use, or released without having been received.

        """
        kind, at = kind_of(reply), identifier_at(reply)
        if kind == Kind.PUBLISH and at is not None and not reply[0] & DUP:
            self.receiver.came(reply[at : at + 2], qos_of(reply))
        if kind == Kind.PUBREL and at is not None:
            self.receiver.release(reply[at : at + 2])
        return kind == Kind.DISCONNECT

    def refused(self, reply: bytes) -> bool:
        """Say whether it is a CONNACK with a code but 0, a SUBACK with a failure, and the like."""
        return code_of(reply, is_5=self._is_5) is not None

    def in_words(self, reply: bytes) -> str:
        """Return the kind of packet, and the reason of a refusal."""
        return in_words(reply, is_5=self._is_5)

    def expected(self, request: bytes) -> Expected:
        """Return the acknowledgement, and what the server sends to the subscriber."""
        kind, start = kind_of(request), body_start(request)
        identifier = request[start : start + 2]
        found: Expected = None
        match kind:
            case Kind.CONNECT:
                found = Reply(packet(Kind.CONNACK, 0, b"\0\0" + self._nothing), "connack")
            case Kind.PINGREQ:
                found = Reply(_PINGRESP, "pingresp")
            case Kind.SUBSCRIBE:
                found = self._subscription(request, identifier)
            case Kind.UNSUBSCRIBE:
                found = self._end_of_subscription(request, identifier)
            case Kind.PUBLISH:
                found = self._publication(request)
            case Kind.PUBREL:
                completed = Reply(packet(Kind.PUBCOMP, 0, identifier), "pubcomp")
                found = [completed, *self._broker.release(identifier)]
            case Kind.PUBREC:
                found = Reply(packet(Kind.PUBREL, 2, identifier), "pubrel")
            case Kind.PUBACK | Kind.PUBCOMP:
                self.receiver.acknowledged(kind)
        return found

    def _publication(self, request: bytes) -> list[Reply]:
        """Return what answers a message, and its deliveries."""
        message = read_message(request, has_properties=self._is_5)
        at = identifier_at(request)
        identifier = b"" if at is None else request[at : at + 2]
        delivered = self._broker.publish(message, identifier)
        if not message.qos:
            return delivered
        kind, lane = (Kind.PUBACK, "puback") if message.qos == 1 else (Kind.PUBREC, "pubrec")
        return [Reply(packet(kind, 0, identifier), lane), *delivered]

    def _subscription(self, request: bytes, identifier: bytes) -> list[Reply]:
        """Return what answers a subscription: what was granted, and what is retained."""
        properties, start = self._properties_behind(request)
        asked = list(read_filters(request, start, with_options=True))
        granted = bytes(min(each.qos, self.most_qos) for each in asked)
        answer = packet(Kind.SUBACK, 0, identifier + self._nothing + granted)
        retained = [kept for each in asked for kept in self._broker.subscribe(each, properties)]
        return [Reply(answer, NO_LANE), *retained]

    def _end_of_subscription(self, request: bytes, identifier: bytes) -> Reply:
        _, start = self._properties_behind(request)
        patterns = [each.pattern for each in read_filters(request, start, with_options=False)]
        were_there = [self._broker.unsubscribe(pattern) for pattern in patterns]
        reasons = bytes(0 if was else 0x11 for was in were_there) if self._is_5 else b""
        return Reply(packet(Kind.UNSUBACK, 0, identifier + self._nothing + reasons), NO_LANE)

    def _properties_behind(self, request: bytes) -> tuple[bytes | None, int]:
        """Return the properties behind a packet's identifier, and where what follows begins."""
        start = body_start(request) + 2
        return properties_at(request, start) if self._is_5 else (None, start)

    def _exchanges(self) -> dict[str, SearchStrategy[bytes]]:
        found = self._drawing.exchanges(retain=self.retain)
        return found | (drawing_5.kinds(self._drawing, retain=self.retain) if self._is_5 else {})

    @property
    def _is_5(self) -> bool:
        return self.version == "5"

    @property
    def _nothing(self) -> bytes:
        """What stands for no properties."""
        return written(self._drawing.properties)

    @property
    def _drawing(self) -> Drawing:
        return Drawing(is_5=self._is_5, most_qos=self.most_qos, in_flight=self.in_flight)
