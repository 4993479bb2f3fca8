"""MQTT judged against a broker by another hand: all its ways are right, each defect is wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.mqtt_broker import Broker, Choice
from wireproof.protocols import Oracle, WrongReplyError
from wireproof.protocols.base import as_sent
from wireproof.protocols.built_in.mqtt.packets import split
from wireproof.protocols.loading.registry import find_protocol

VERSIONS = ("3.1.1", "5")
CHOICES = st.builds(
    Choice,
    st.booleans(),
    st.booleans(),
    st.sampled_from([1, 9, 65000]),
    st.booleans(),
    st.booleans(),
)


class Conversation:
    """A client that sends packet by packet, each when the one before is answered."""

    def __init__(self, version: str, broker: Broker, requests: list[bytes]) -> None:
        """Announce all that is sent."""
        protocol = find_protocol("mqtt", {"version": version, "in_flight": "3"})
        self.oracle: Oracle = protocol.oracle()
        self.broker = broker
        self.stream = bytearray()
        sent = as_sent(protocol, [*protocol.opening(), *requests], 7)
        for request in sent:
            self.oracle.announce(request)
            self.stream += request
        self.sizes = [len(packet) for request in sent for packet in split(request)]

    def play(self, spoil: int = -1, how: str = "none", cut: int = 1) -> bool:
        """Return whether the oracle takes it all, and nothing is missing.

        Args:
            spoil: the number of the packet of the broker's that is spoilt.
            how: what becomes of it.
            cut: into how many pieces what the broker sends at a time is cut.

        """
        at = said = 0
        for size in self.sizes:
            for place, value in self.oracle.given():
                self.stream[place : place + len(value)] = value
            blank = self.oracle.blank_at
            if not self.oracle.settled or (blank is not None and blank < at + size):
                return False
            self.oracle.sent(size)
            for packet in self.broker.answer(bytes(self.stream[at : at + size])):
                came = spoilt(packet, how) if said == spoil else packet
                said += 1
                for start in range(0, len(came), max(1, len(came) // cut)):
                    try:
                        self.oracle.receive_data(came[start : start + max(1, len(came) // cut)])
                    except WrongReplyError:
                        return False
            at += size
        return self.oracle.settled


def spoilt(packet: bytes, how: str) -> bytes:
    """Return what comes in a packet's place."""
    last = bytes((packet[-1] ^ 1,))
    return {
        "none": packet,
        "drop": b"",
        "double": packet + packet,
        "last": packet[:-1] + last,
        "first": bytes((packet[0] ^ 1,)) + packet[1:],
        "dup": bytes((packet[0] ^ 8,)) + packet[1:],
    }[how]


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=30)
@given(data=st.data())
def test_whatever_a_right_broker_chooses_is_right(version: str, data: st.DataObject):
    """Early or late, once or for each subscription, in any order that is free: all is taken."""
    protocol = find_protocol("mqtt", {"version": version, "in_flight": "3"})
    kinds = protocol.kinds()
    requests = [
        data.draw(kinds[name])
        for name in data.draw(st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=4))
    ]
    broker = Broker(data.draw(CHOICES), is_5=version == "5")
    conversation = Conversation(version, broker, requests)
    assert conversation.play(cut=data.draw(st.sampled_from([1, 2, 1000])))


def may_be_lost(packet: bytes) -> bool:
    """Say whether it is a message at QoS 0 that had not been kept."""
    return packet[0] & 0xF7 == 0x30


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=30)
@given(data=st.data())
def test_what_is_spoilt_is_wrong(version: str, data: st.DataObject):
    """A packet that is missing, doubled or another is found, but a message at QoS 0 may be lost."""
    protocol = find_protocol("mqtt", {"version": version, "in_flight": "3"})
    kinds = {name: each for name, each in protocol.kinds().items() if name != "overlap"}
    requests = [data.draw(kinds[data.draw(st.sampled_from(sorted(kinds)))])]
    choice = data.draw(CHOICES)
    is_5 = version == "5"
    packets: list[bytes] = []

    class Heard(Broker):
        def answer(self, packet: bytes) -> list[bytes]:
            packets.extend(found := super().answer(packet))
            return found

    assert Conversation(version, Heard(choice, is_5=is_5), requests).play()
    number = data.draw(st.integers(0, len(packets) - 1))
    how = data.draw(st.sampled_from(["drop", "double", "last", "first", "dup"]))
    if how == "last" and free_at_the_end(packets[number], is_5=is_5):
        return
    is_right = how == "drop" and may_be_lost(packets[number])
    played = Conversation(version, Broker(choice, is_5=is_5), requests).play(number, how)
    assert played == is_right, (how, packets[number])


def free_at_the_end(packet: bytes, *, is_5: bool) -> bool:
    """Say whether its last byte is one that the broker may choose."""
    kind, qos = packet[0] >> 4, packet[0] & 6
    is_release = kind == 6 and len(packet) == 4
    ends_with_words = is_5 and kind in {2, 4} and len(packet) > 5
    body = packet[2:]
    topic_end = 2 + int.from_bytes(body[:2])
    is_empty = kind == 3 and bool(qos) and not is_5 and len(body) == topic_end + 2
    return is_release or ends_with_words or is_empty


DEFECTS = {
    "acknowledges another": "publish-qos1",
    "releases another": "receive-qos2",
    "delivers a message twice": "MQTT-001",
    "numbers from 0": "MQTT-002",
    "numbers all alike": "MQTT-002",
    "sends all at QoS 0": "MQTT-002",
    "plus is greedy": "MQTT-003",
    "hash misses its parent": "MQTT-003",
    "never unsubscribes": "unsubscribe",
    "never clears": "MQTT-004",
    "sets no flag": "MQTT-004",
    "drops properties": "MQTT-005",
    "names no subscription": "MQTT-005",
    "ignores no-local": "MQTT-006",
    "ignores handling": "MQTT-007",
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_caught(defect: str):
    """A broker that does one thing wrong is refused by what the rule, or the kind, sends."""
    where = DEFECTS[defect]
    version = "5" if where in {"MQTT-005", "MQTT-006", "MQTT-007"} else "3.1.1"
    protocol = find_protocol("mqtt", {"version": version, "in_flight": "3"})
    rules = {rule.id: rule.conversations for rule in protocol.rules()}
    conversations = rules.get(where) or [[drawn(protocol.kinds()[where])]]
    is_5 = version == "5"
    played = []
    for conversation in conversations:
        requests = [*conversation, *conversation]
        assert Conversation(version, Broker(Choice(), is_5=is_5), requests).play()
        faulty = Broker(Choice(), is_5=is_5, defect=defect)
        played.append(Conversation(version, faulty, requests).play())
    assert not all(played)


def drawn(strategy: st.SearchStrategy[bytes]) -> bytes:
    """Return an example, the same each time."""
    found: list[bytes] = []

    @settings(max_examples=1, database=None, derandomize=True)
    @given(strategy)
    def draw(request: bytes) -> None:
        found.append(request)

    draw()
    return found[0]


def test_a_blank_is_filled_with_what_the_broker_chose():
    """An acknowledgement waits until its message is there, and names that one."""
    protocol = find_protocol("mqtt")
    asked = b"\x82\x06\x00\x02\x00\x01t\x01"
    message, ack = b"\x32\x06\x00\x01t\x00\x02x", b"\x40\x02\x00\x01"
    oracle = protocol.oracle()
    oracle.announce(asked + message + ack)
    oracle.sent(len(asked + message))
    blank = len(asked + message) + 2
    assert (oracle.carries, oracle.blank_at, list(oracle.given())) == (True, blank, [])
    oracle.receive_data(b"\x90\x03\x00\x02\x01\x40\x02\x00\x02\x32\x06\x00\x01t\xab\xcdx")
    assert list(oracle.given()) == [(blank, b"\xab\xcd")]
    assert oracle.blank_at is None
