"""What is drawn for MQTT: requests of one packet, and exchanges of several that belong together.

The packets of an exchange go one by one, each when the one before is answered. What is sent back to
it is acknowledged with the identifiers that the server chose, as soon as they are known.

Each kind has topics of its own, so that nothing which another one has left fits its filters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.mqtt.packets import (
    DUP,
    Kind,
    Message,
    Subscription,
    acknowledge,
    packet,
    publish,
    subscribe,
    unsubscribe,
)
from wireproof.protocols.built_in.private_keys import PLACEHOLDER
from wireproof.protocols.sizes import octets, payloads
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

PING = packet(Kind.PINGREQ, 0, b"")
_HEAD_BYTES = 2 + len(PLACEHOLDER)
_KEPT = [PLACEHOLDER + name for name in (b"/k", b"/k/a", b"/k/a/b")]
_PATTERNS = [PLACEHOLDER + name for name in (b"/k/+", b"/k/#", b"/k/+/b", b"/+/a", b"/k/a/b")]
_LIVE = [PLACEHOLDER + name for name in (b"/w", b"/w/a", b"/w//b", b"/wa")]
_LIVE_PATTERNS = [PLACEHOLDER + name for name in (b"/w/+", b"/w/#", b"/w/+/b", b"/+", b"/w//+")]


class Drawing:
    """Writes packets of one version.

    Attributes:
        properties: what packets have that have none: nothing in 3.1.1.
        most_qos: the highest quality of service that the server grants.
        in_flight: how many messages it sends before the first is acknowledged.

    """

    def __init__(self, *, is_5: bool, most_qos: int = 2, in_flight: int = 1) -> None:
        """Write those of 3.1.1, or of version 5."""
        self.in_flight = max(1, in_flight)
        self.is_5 = is_5
        self.most_qos = most_qos
        self.properties = b"" if is_5 else None

    def published(
        self,
        payload: bytes,
        qos: int = 0,
        topic: bytes = PLACEHOLDER,
        *,
        retain: bool = False,
        properties: bytes = b"",
    ) -> bytes:
        """Return a message, and its release at QoS 2."""
        said = properties if self.is_5 else None
        first = publish(Message(topic, payload, qos, retain, said))
        return first + (acknowledge(Kind.PUBREL) if qos == 2 else b"")

    def subscribed(self, *asked: tuple[bytes, int], properties: bytes = b"") -> bytes:
        """Return a subscription to filters, each with its options."""
        said = properties if self.is_5 else None
        return subscribe([Subscription(*each) for each in asked], said)

    def unsubscribed(self, *patterns: bytes) -> bytes:
        """Return the end of subscriptions."""
        return unsubscribe(patterns, self.properties)

    def received(
        self,
        contents: Sequence[bytes],
        sent: int,
        asked: int,
        properties: tuple[bytes, bytes] = (b"", b""),
    ) -> bytes:
        """Return a subscription, messages to it, their acknowledgement, and its end.

        Args:
            contents: of the messages.
            sent: their quality of service.
            asked: the options of the subscription.
            properties: of the subscription, and of the messages.

        """
        topic = PLACEHOLDER + b"/q"
        qos = min(sent, asked & 3)
        messages = [
            (self.published(each, sent, topic, properties=properties[1]), qos) for each in contents
        ]
        begin = self.subscribed((topic, asked), properties=properties[0])
        return begin + self.answered(messages) + self.unsubscribed(topic)

    def answered(self, messages: Sequence[tuple[bytes, int]]) -> bytes:
        """Return messages, with what acknowledges those that come back.

        Args:
            messages: each with the quality of service in which it comes back; 0 where it doesn't.

        """
        found, waiting = b"", [0, 0, 0]
        for message, qos in messages:
            if qos and sum(waiting[1:]) == self.in_flight:
                found += acknowledged(waiting)
                waiting = [0, 0, 0]
            found += message
            waiting[qos] += 1
        return found + acknowledged(waiting)

    def retained(self, pattern: bytes, payload: bytes, options: int = 0) -> bytes:
        """Return retained messages, a subscription, their clearing, the same again, its end."""
        kept = [self.published(payload, 1, topic, retain=True) for topic in _KEPT]
        cleared = [self.published(b"", 1, topic, retain=True) for topic in _KEPT]
        asked = self.subscribed((pattern, options))
        return b"".join([*kept, asked, *cleared, asked, self.unsubscribed(pattern)])

    def wildcard(self, pattern: bytes, payload: bytes) -> bytes:
        """Return a subscription with wildcards, messages that fit and don't, and its end."""
        from wireproof.protocols.built_in.mqtt.broker import fits

        messages = [
            (self.published(payload, 1, topic), int(fits(topic, pattern))) for topic in _LIVE
        ]
        asked = self.subscribed((pattern, 1))
        return asked + self.answered(messages) + self.unsubscribed(pattern)

    def overlapping(self, payload: bytes) -> bytes:
        """Return a message that two subscriptions fit, of which the better one must be met."""
        topic, pattern = PLACEHOLDER + b"/o/a", PLACEHOLDER + b"/o/+"
        asked = self.subscribed((pattern, 0), (topic, 1))
        message = self.published(payload, 1, topic)
        return asked + self.answered([(message, 1)]) + self.unsubscribed(pattern, topic)

    def ended(self, payload: bytes) -> bytes:
        """Return a subscription, its end, and a message that is not sent back."""
        topic = PLACEHOLDER + b"/u"
        message = self.published(payload, 1, topic)
        return self.subscribed((topic, 1)) + self.unsubscribed(topic) + message + PING

    def again(self, payload: bytes) -> bytes:
        """Return a message at QoS 2 that is sent twice before its release."""
        topic = PLACEHOLDER + b"/q"
        message = Message(topic, payload, 2, properties=self.properties)
        twice = publish(message) + publish(message, flags=DUP) + acknowledge(Kind.PUBREL)
        asked = self.subscribed((topic, 1))
        return asked + self.answered([(twice, 1)]) + self.unsubscribed(topic)

    def plain_kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return the kinds of one packet: pings, messages, and subscriptions to some topics."""
        from hypothesis import strategies as st

        borders = [size - _HEAD_BYTES for size in (127, 128, 129, 16383, 16384)]
        messages = st.one_of(payloads(300), st.sampled_from(borders).map(octets))
        topics = st.sampled_from([PLACEHOLDER + b"/x", PLACEHOLDER + b"/y/+"])
        qualities = st.integers(0, min(1, self.most_qos))
        found = {
            "ping": st.just(PING),
            "publish-qos0": messages.map(self.published),
            "publish-qos1": messages.map(lambda payload: self.published(payload, 1)),
            "subscribe": st.builds(
                lambda topic, qos: self.subscribed((topic, qos)), topics, qualities
            ),
            "subscribe-many": st.builds(
                lambda count, qos: self.subscribed(
                    *((b"%b/x/%d" % (PLACEHOLDER, number), qos) for number in range(count))
                ),
                st.sampled_from([127, 128, 129]),
                qualities,
            ),
        }
        return _within(found, self.most_qos)

    def exchanges(self, *, retain: bool) -> dict[str, SearchStrategy[bytes]]:
        """Return the kinds of several packets."""
        from hypothesis import strategies as st

        messages = payloads(300)
        several = st.lists(messages, min_size=1, max_size=3)
        found = {
            "publish-qos2": messages.map(lambda payload: self.published(payload, 2)),
            "receive-qos1": st.builds(
                self.received, several, st.integers(1, self.most_qos or 1), st.just(1)
            ),
            "receive-qos2": several.map(lambda contents: self.received(contents, 2, 2)),
            "wildcard": st.builds(self.wildcard, st.sampled_from(_LIVE_PATTERNS), messages),
            "overlap": messages.map(self.overlapping),
            "unsubscribe": messages.map(self.ended),
        }
        if retain:
            found["retained"] = st.builds(self.retained, st.sampled_from(_PATTERNS), messages)
        return _within(found, self.most_qos)

    def malformed(self) -> list[bytes]:
        """Return packets with reserved types, flags or lengths, and topics and filters of none."""
        return [
            b"\xf0\x00",
            b"\x00\x00",
            b"\xc0\xff\xff\xff\xff",
            b"\x82\x00",
            publish(Message(PLACEHOLDER, b"x", 3, properties=self.properties)),
            publish(Message(PLACEHOLDER + b"/#", b"x", properties=self.properties)),
            self.subscribed((PLACEHOLDER + b"#", 0)),
            self.subscribed((b"#/" + PLACEHOLDER, 0)),
            self.subscribed((PLACEHOLDER, 3)),
            packet(Kind.PUBREL, 0, b"\0\1"),
        ]

    def rules(self, *, retain: bool) -> list[Rule]:
        """Return what the specification says of QoS 2, identifiers, wildcards and retaining."""
        found = []
        if self.most_qos == 2 and not self.is_5:
            found.append(
                Rule(
                    "MQTT-001",
                    Level.MUST,
                    "A message at QoS 2 that is sent twice before its release is delivered once.",
                    "MQTT Version 3.1.1 section 4.3.3",
                    "A client that resends gets its order executed twice.",
                    ((self.again(b"x"), self.published(b"y", 2)),),
                )
            )
        if self.most_qos:
            contents = [b"a", b"b", b"c"]
            found += [
                Rule(
                    "MQTT-002",
                    Level.MUST,
                    "A message at QoS 1 or 2 has an identifier that is neither 0 nor in use.",
                    self._source("2.2.1" if self.is_5 else "2.3.1"),
                    "The client acknowledges the wrong message, and this one is lost.",
                    (tuple(self.received(contents, qos, qos) for qos in self._qualities),),
                ),
                Rule(
                    "MQTT-003",
                    Level.MUST,
                    "In a filter `+` stands for one level, and `#` for its parent and all below.",
                    self._source("4.7.1"),
                    "Subscribers miss messages, or get those that were not for them.",
                    tuple((self.wildcard(each, b"x"),) for each in _LIVE_PATTERNS),
                ),
            ]
        if retain and self.most_qos:
            found.append(
                Rule(
                    "MQTT-004",
                    Level.MUST,
                    (
                        "A retained message goes to each new matching subscription, until it"
                        " is cleared."
                    ),
                    self._source("3.3.1.3"),
                    "A client that comes later does not learn the last value.",
                    tuple((self.retained(each, b"x"),) for each in _PATTERNS),
                )
            )
        return found

    def _source(self, section: str) -> str:
        return f"MQTT Version {'5.0' if self.is_5 else '3.1.1'} section {section}"

    @property
    def _qualities(self) -> range:
        return range(1, self.most_qos + 1)


_NEEDS = {
    "publish-qos1": 1,
    "publish-qos2": 2,
    "receive-qos1": 1,
    "receive-qos2": 2,
    "wildcard": 1,
    "overlap": 1,
    "unsubscribe": 1,
    "retained": 1,
}
"""The quality of service without which a kind makes no sense."""


def _within(
    kinds: Mapping[str, SearchStrategy[bytes]], most_qos: int
) -> dict[str, SearchStrategy[bytes]]:
    return {name: each for name, each in kinds.items() if _NEEDS.get(name, 0) <= most_qos}


def acknowledged(waiting: Sequence[int]) -> bytes:
    """Return what acknowledges messages that were sent to the client, with any identifier.

    Args:
        waiting: how many of each quality of service.

    """
    twice = acknowledge(Kind.PUBREC) + acknowledge(Kind.PUBCOMP)
    return acknowledge(Kind.PUBACK) * waiting[1] + twice * waiting[2]
