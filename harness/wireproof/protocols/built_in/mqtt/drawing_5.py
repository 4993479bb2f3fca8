"""What is drawn for MQTT 5 on top of 3.1.1: properties, and what a subscription may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.mqtt.drawing import Drawing
from wireproof.protocols.built_in.mqtt.packets import Kind, Message, packet, publish, text
from wireproof.protocols.built_in.mqtt.properties import (
    CONTENT_TYPE,
    CORRELATION,
    FORMAT,
    RESPONSE_TOPIC,
    SUBSCRIPTION,
    USER,
)
from wireproof.protocols.built_in.private_keys import PLACEHOLDER
from wireproof.protocols.framing import varint
from wireproof.protocols.sizes import LETTERS, integers, payloads
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_SOURCE = "MQTT Version 5.0 section "
_NO_LOCAL, _AS_PUBLISHED = 0x04, 0x08
_HANDLINGS = (0x00, 0x10, 0x20)
_MOST_NUMBER = 2**28 - 1


def kinds(drawing: Drawing, *, retain: bool) -> dict[str, SearchStrategy[bytes]]:
    """Return the kinds that version 5 has more; none where the server grants QoS 0 alone."""
    from hypothesis import strategies as st

    if not drawing.most_qos:
        return {}
    letters = payloads(100, LETTERS)
    found = {
        "properties": st.builds(
            lambda payload, named, said: drawing.received([payload], 1, 1, (named, said)),
            letters,
            integers(1, _MOST_NUMBER).map(_named),
            _said_of_messages(),
        ),
        "no-local": letters.map(lambda payload: _not_to_itself(drawing, payload)),
    }
    if retain:
        found["retain-handling"] = st.builds(
            lambda payload, options: _by_handling(drawing, payload, options),
            letters,
            st.sampled_from(_HANDLINGS),
        )
        found["retain-as-published"] = letters.map(lambda payload: _as_published(drawing, payload))
    return found


def malformed(drawing: Drawing) -> list[bytes]:
    """Return packets whose properties or options there are none of."""

    def message(properties: bytes) -> bytes:
        return publish(Message(PLACEHOLDER, b"x", properties=properties))

    kind_of_content = bytes((CONTENT_TYPE,)) + text(b"a")
    return [
        message(b"\x7f\0"),
        message(kind_of_content * 2),
        message(b"\x23\0\0"),  # a topic alias of 0
        message(b"\x11\0\0\0\1"),  # which is CONNECT's
        packet(Kind.PUBLISH, 0, text(PLACEHOLDER) + b"\x09" + kind_of_content),
        drawing.subscribed((PLACEHOLDER, 0x30)),
        drawing.subscribed((PLACEHOLDER, 0xC0)),
        drawing.subscribed((PLACEHOLDER, 0), properties=_named(0)),
    ]


def rules(drawing: Drawing, *, retain: bool) -> list[Rule]:
    """Return what version 5 says of properties and of the options of subscriptions."""
    if not drawing.most_qos:
        return []
    users = b"".join(_user(name, value) for name, value in [(b"b", b"1"), (b"a", b""), (b"b", b"")])
    said = bytes((CORRELATION,)) + text(bytes(range(256))) + users
    found = [
        Rule(
            "MQTT-005",
            Level.MUST,
            "The properties of a message reach its subscriber unchanged, and in order.",
            _SOURCE + "3.3.2.3",
            "A reply to a request by message goes nowhere, or to another.",
            (
                (drawing.received([b"x"], 1, 1, (_named(7), said)),),
                (drawing.received([b"x"], 1, 1, (_named(_MOST_NUMBER), b"")),),
            ),
        ),
        Rule(
            "MQTT-006",
            Level.MUST,
            "A subscription that excludes the client's own messages gets none of them.",
            _SOURCE + "3.8.3.1",
            "Two brokers that forward to each other send each message round forever.",
            ((_not_to_itself(drawing, b"x"), drawing.received([b"y"], 1, 1)),),
        ),
    ]
    if retain:
        handled = [(_by_handling(drawing, b"x", options),) for options in _HANDLINGS]
        found.append(
            Rule(
                "MQTT-007",
                Level.MUST,
                (
                    "A subscription says whether it wants retained messages, and those are"
                    " marked as such."
                ),
                _SOURCE + "3.8.3.1",
                "A client that subscribes again takes old messages for new ones.",
                (*handled, (_as_published(drawing, b"x"),)),
            )
        )
    return found


def _not_to_itself(drawing: Drawing, payload: bytes) -> bytes:
    """Return a subscription that is not sent the client's own messages, one of them, its end."""
    topic = PLACEHOLDER + b"/n"
    asked = drawing.subscribed((topic, _NO_LOCAL | 1))
    return asked + drawing.published(payload, 1, topic) + drawing.unsubscribed(topic)


def _by_handling(drawing: Drawing, payload: bytes, options: int) -> bytes:
    """Return a message to be retained, a subscription to it, the same again, and its clearing."""
    topic = PLACEHOLDER + b"/h"
    asked = drawing.subscribed((topic, options))
    kept = drawing.published(payload or b"x", 1, topic, retain=True)
    cleared = drawing.published(b"", 1, topic, retain=True)
    return kept + asked + asked + cleared + drawing.unsubscribed(topic)


def _as_published(drawing: Drawing, payload: bytes) -> bytes:
    """Return a subscription that learns what is to be retained, such a message, its clearing."""
    topic = PLACEHOLDER + b"/p"
    messages = [(drawing.published(each, 1, topic, retain=True), 1) for each in (payload, b"")]
    asked = drawing.subscribed((topic, _AS_PUBLISHED | 1))
    return asked + drawing.answered(messages) + drawing.unsubscribed(topic)


def _said_of_messages() -> SearchStrategy[bytes]:
    """Return a strategy for properties of a message whose payload is text."""
    from hypothesis import strategies as st

    texts = st.text("abc é/", max_size=20).map(lambda each: each.encode())
    users = st.lists(st.builds(_user, texts, texts), max_size=3).map(b"".join)
    some = [
        st.sampled_from([b"", bytes((FORMAT, 1))]),
        st.sampled_from([b"", bytes((CONTENT_TYPE,)) + text(b"text/plain")]),
        st.sampled_from([b"", bytes((RESPONSE_TOPIC,)) + text(PLACEHOLDER + b"/reply")]),
        st.one_of(st.just(b""), payloads(20).map(lambda each: bytes((CORRELATION,)) + text(each))),
        users,
    ]
    return st.tuples(*some).map(b"".join)


def _user(name: bytes, value: bytes) -> bytes:
    return bytes((USER,)) + text(name) + text(value)


def _named(number: int) -> bytes:
    """Return the identifier of a subscription as a property."""
    return bytes((SUBSCRIPTION,)) + varint(number)
