"""What is drawn for MQTT is as the server is said to be, and leaves nothing behind."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wireproof.protocols.built_in.mqtt import drawing_5
from wireproof.protocols.built_in.mqtt.drawing import Drawing, acknowledged
from wireproof.protocols.built_in.mqtt.packets import Kind, kind_of, qos_of, read_message, split

PLAIN = {"ping", "publish-qos0", "publish-qos1", "subscribe", "subscribe-many"}
SEVERAL = {"publish-qos2", "receive-qos1", "receive-qos2", "wildcard", "overlap", "unsubscribe"}


@pytest.mark.parametrize(
    ("most_qos", "retain", "missing"),
    [
        (2, True, set()),
        (2, False, {"retained"}),
        (1, True, {"publish-qos2", "receive-qos2"}),
        (0, True, {"publish-qos1", "retained", *SEVERAL}),
    ],
)
def test_no_more_is_drawn_than_the_server_takes(most_qos: int, retain: bool, missing: set[str]):
    """Neither a quality of service that it does not grant, nor what it does not retain."""
    drawing = Drawing(is_5=False, most_qos=most_qos)
    kinds = drawing.plain_kinds() | drawing.exchanges(retain=retain)
    assert set(kinds) == (PLAIN | SEVERAL | {"retained"}) - missing
    rules = [rule.id for rule in drawing.rules(retain=retain)]
    assert ("MQTT-001" in rules) == (most_qos == 2)
    assert ("MQTT-003" in rules) == (most_qos > 0)
    assert ("MQTT-004" in rules) == (retain and most_qos > 0)

    @settings(max_examples=30, database=None)
    @given(st.one_of(*kinds.values()))
    def judge(request: bytes) -> None:
        messages = [each for each in split(request) if kind_of(each) == Kind.PUBLISH]
        assert all(qos_of(each) <= most_qos for each in messages)

    judge()


@pytest.mark.parametrize("is_5", [False, True])
def test_what_is_retained_is_cleared(is_5: bool):
    """The last message to each topic that is to be retained is an empty one."""
    drawing = Drawing(is_5=is_5)
    kinds = drawing.exchanges(retain=True)
    kinds |= drawing_5.kinds(drawing, retain=True) if is_5 else {}

    @settings(max_examples=50, database=None)
    @given(st.one_of(*kinds.values()))
    def judge(request: bytes) -> None:
        kept: dict[bytes, bytes] = {}
        for packet in split(request):
            if kind_of(packet) == Kind.PUBLISH:
                message = read_message(packet, has_properties=is_5)
                kept |= {message.topic: message.payload} if message.retain else {}
        assert not any(kept.values())

    judge()


def test_what_is_malformed():
    """Reserved types and flags, a quality of 3, and topics and filters of none."""
    wrong = Drawing(is_5=False).malformed()
    assert len(set(wrong)) == len(wrong)
    publishes = [each for each in wrong if kind_of(each) == Kind.PUBLISH]
    assert sorted(map(qos_of, publishes)) == [0, 3]
    assert b"\x60\x02\x00\x01" in wrong


def test_acknowledgements_of_each_quality():
    """None at QoS 0, one at QoS 1, two at QoS 2."""
    assert split(acknowledged([3, 1, 2])) == [
        b"\x40\x02\0\1",
        b"\x50\x02\0\1",
        b"\x70\x02\0\1",
        b"\x50\x02\0\1",
        b"\x70\x02\0\1",
    ]


def test_no_more_messages_are_under_way_than_the_server_sends():
    """Each is acknowledged before the next, or as many together as it is said to send."""
    for in_flight, kinds in ((1, [8, 3, 4, 3, 4, 3, 4, 10]), (2, [8, 3, 3, 4, 4, 3, 4, 10])):
        drawing = Drawing(is_5=False, in_flight=in_flight)
        request = drawing.received([b"a", b"b", b"c"], 1, 1)
        assert [kind_of(each) for each in split(request)] == kinds
