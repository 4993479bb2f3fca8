"""A small MQTT broker for one client, by another hand: paho-mqtt reads its filters and properties.

It answers packet by packet, without a socket. What it may choose it takes from `Choice`, and its
defects from `defect`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from paho.mqtt.client import topic_matches_sub
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

FIRST_BYTE = {"puback": 0x40, "pubrec": 0x50, "pubrel": 0x62, "pubcomp": 0x70}


@dataclass(frozen=True)
class Choice:
    """What a right broker may do in one way or another.

    Attributes:
        early: whether a message at QoS 2 is passed on before its release.
        copies: whether a message is sent once for each subscription.
        first_id: the identifier of the first message.
        ack_last: whether deliveries come before the acknowledgement.
        says_more: in version 5, whether reasons are written, and words beside them.

    """

    early: bool = False
    copies: bool = False
    first_id: int = 1
    ack_last: bool = False
    says_more: bool = False


@dataclass
class Message:
    """What was published."""

    topic: str
    qos: int
    retain: bool
    properties: Properties | None
    payload: bytes


class Broker:
    """Serves one client."""

    def __init__(self, choice: Choice, *, is_5: bool, defect: str = "") -> None:
        """Hold nothing."""
        self.choice, self.is_5, self.defect = choice, is_5, defect
        self.next_id = choice.first_id
        self.filters: dict[str, tuple[int, int]] = {}
        self.kept: dict[str, Message] = {}
        self.unreleased: dict[int, Message] = {}
        self.unacknowledged: set[int] = set()

    def answer(self, packet: bytes) -> list[bytes]:
        """Return what is sent back to a packet."""
        body = packet[1:]
        while body[0] & 0x80:
            body = body[1:]
        body = body[1:]
        kind = packet[0] >> 4
        if kind == 1:
            said = b"\x03\x22\0\x0a" if self.choice.says_more else b"\0"
            return [whole(0x20, b"\0\0" + (said if self.is_5 else b""))]
        if kind == 12:
            return [b"\xd0\0"]
        if kind == 3:
            return list(self._published(packet[0], body))
        number, rest = int.from_bytes(body[:2]), body[2:]
        if kind in {8, 10}:
            return list((self._subscribed if kind == 8 else self._unsubscribed)(number, rest))
        return self._acknowledged(kind, number)

    def _acknowledged(self, kind: int, number: int) -> list[bytes]:
        if kind == 6:
            message = self.unreleased.pop(number, None)
            late = message is not None and not self.choice.early
            delivered = list(self._delivered(message)) if late and message else []
            return self._in_order(self._ack("pubcomp", number), delivered)
        assert number in self.unacknowledged
        if kind == 5:
            return [self._ack("pubrel", number + 9 * (self.defect == "releases another"))]
        self.unacknowledged.discard(number)
        return []

    def _in_order(self, ack: bytes, delivered: list[bytes]) -> list[bytes]:
        return [*delivered, ack] if self.choice.ack_last else [ack, *delivered]

    def _ack(self, name: str, number: int) -> bytes:
        more = b""
        if self.is_5 and self.choice.says_more:
            more = b"\0\x05\x1f\0\x02ok" if name == "puback" else b"\0"
        return whole(FIRST_BYTE[name], number.to_bytes(2) + more)

    def _published(self, first: int, body: bytes) -> Iterator[bytes]:
        size = int.from_bytes(body[:2])
        topic, body = body[2 : 2 + size].decode(), body[2 + size :]
        qos, number = first >> 1 & 3, 0
        if qos:
            number, body = int.from_bytes(body[:2]), body[2:]
        properties = None
        if self.is_5:
            properties, used = Properties(PacketTypes.PUBLISH).unpack(body)
            body = body[used:]
        message = Message(topic, qos, bool(first & 1), properties, body)
        is_again = number in self.unreleased
        if message.retain and (body or self.defect == "never clears"):
            self.kept[topic] = message
        elif message.retain:
            self.kept.pop(topic, None)
        delivered: list[bytes] = []
        if not is_again or self.defect == "delivers a message twice":
            delivered = list(self._delivered(message)) if qos < 2 or self.choice.early else []
        if is_again and self.defect == "delivers a message twice" and not self.choice.early:
            delivered = list(self._delivered(message))
        if qos == 2:
            self.unreleased[number] = message
        if not qos:
            yield from delivered
            return
        name = "puback" if qos == 1 else "pubrec"
        wrong = self.defect == "acknowledges another"
        yield from self._in_order(self._ack(name, number + wrong), delivered)

    def _subscribed(self, number: int, body: bytes) -> Iterator[bytes]:
        named = 0
        if self.is_5:
            properties, used = Properties(PacketTypes.SUBSCRIBE).unpack(body)
            named, body = getattr(properties, "SubscriptionIdentifier", [0])[0], body[used:]
        granted, sent = b"", []
        while body:
            size = int.from_bytes(body[:2])
            pattern, options = body[2 : 2 + size].decode(), body[2 + size]
            body = body[3 + size :]
            is_new = pattern not in self.filters
            self.filters[pattern] = options, named
            granted += bytes((options & 3,))
            handling = options >> 4
            if handling == 0 or (handling == 1 and is_new) or self.defect == "ignores handling":
                sent += [
                    self._message(kept, options & 3, named, retain=self.defect != "sets no flag")
                    for topic, kept in self.kept.items()
                    if self._fits(pattern, topic)
                ]
        yield from self._in_order(
            whole(0x90, number.to_bytes(2) + (b"\0" if self.is_5 else b"") + granted), sent
        )

    def _unsubscribed(self, number: int, body: bytes) -> Iterator[bytes]:
        reasons = b"\0" if self.is_5 else b""
        body = body[1:] if self.is_5 else body
        while body:
            size = int.from_bytes(body[:2])
            if self.defect != "never unsubscribes":
                self.filters.pop(body[2 : 2 + size].decode())
            reasons += b"\0" if self.is_5 else b""
            body = body[2 + size :]
        yield whole(0xB0, number.to_bytes(2) + reasons)

    def _fits(self, pattern: str, topic: str) -> bool:
        if self.defect == "plus is greedy" and "+" in pattern:
            pattern = pattern.partition("+")[0] + "#"
        if self.defect == "hash misses its parent" and pattern == topic + "/#":
            return False
        return bool(topic_matches_sub(pattern, topic))

    def _delivered(self, message: Message) -> Iterator[bytes]:
        fitting = [
            (options & 3, options, named)
            for pattern, (options, named) in self.filters.items()
            if self._fits(pattern, message.topic)
            and (not options & 4 or self.defect == "ignores no-local")
        ]
        fitting.sort(key=lambda each: -each[0])
        for qos, options, named in fitting if self.choice.copies else fitting[:1]:
            keeps = message.retain and bool(options & 8)
            yield self._message(message, qos, named, retain=keeps)

    def _message(self, message: Message, asked: int, named: int, *, retain: bool) -> bytes:
        qos = min(asked, message.qos)
        if self.defect == "sends all at QoS 0":
            qos = 0
        number = b""
        if qos:
            used = 0 if self.defect == "numbers from 0" else self.next_id
            self.unacknowledged.add(used)
            self.next_id += self.defect != "numbers all alike"
            number = used.to_bytes(2)
        said = b""
        if message.properties is not None:
            copy, _ = Properties(PacketTypes.PUBLISH).unpack(message.properties.pack())
            if named and self.defect != "names no subscription":
                copy.SubscriptionIdentifier = named
            if self.defect == "drops properties":
                copy = Properties(PacketTypes.PUBLISH)
            said = copy.pack()
        head = len(message.topic).to_bytes(2) + message.topic.encode()
        return whole(0x30 | qos << 1 | retain, head + number + said + message.payload)


def whole(first: int, body: bytes) -> bytes:
    """Return a packet."""
    size, digits = len(body), b""
    while True:
        size, digit = divmod(size, 128)
        digits += bytes((digit | (0x80 if size else 0),))
        if not size:
            return bytes((first,)) + digits + body
