"""What an MQTT server may write in several ways is the same; what it must not is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from wireproof.protocols import MalformedReplyError
from wireproof.protocols.built_in.mqtt.packets import Message, publish
from wireproof.protocols.built_in.mqtt.properties import same_for_all

TEXT = st.text("ab é", max_size=9)


def ways(properties: dict[str, object], order: list[str]) -> bytes:
    """Return a message with these properties, written by paho, in an order."""
    said = b""
    for name in order:
        one = Properties(PacketTypes.PUBLISH)
        setattr(one, name, properties[name])
        said += one.pack()[1:]
    return publish(Message(b"t", b"x", 1, properties=said))


@given(
    st.fixed_dictionaries(
        {
            "PayloadFormatIndicator": st.just(1),
            "ContentType": TEXT,
            "ResponseTopic": TEXT,
            "CorrelationData": st.binary(max_size=9),
            "SubscriptionIdentifier": st.integers(1, 2**28 - 1),
            "UserProperty": st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3),
        }
    ),
    st.data(),
)
def test_properties_are_the_same_in_any_order(said: dict[str, object], data: st.DataObject):
    """But for those of users among each other."""
    one, other = (ways(said, data.draw(st.permutations(sorted(said)))) for _ in "ab")
    assert same_for_all(one, is_5=True) == same_for_all(other, is_5=True)
    users = said["UserProperty"]
    assert isinstance(users, list)
    turned = ways(said | {"UserProperty": users[::-1]}, sorted(said))
    equal = same_for_all(turned, is_5=True) == same_for_all(one, is_5=True)
    assert equal == (users == users[::-1])


SAME = [
    (b"\x20\x03\0\0\0", b"\x20\x06\0\0\x03\x22\0\x0a"),
    (b"\x40\x02\0\7", b"\x40\x03\0\7\0"),
    (b"\x40\x02\0\7", b"\x40\x03\0\7\x10"),
    (b"\x40\x02\0\7", b"\x40\x04\0\7\0\0"),
    (b"\x40\x02\0\7", b"\x40\x09\0\7\0\x05\x1f\0\2ok"),
    (b"\x62\x02\0\1", b"\x62\x03\0\7\0"),
    (b"\x70\x02\0\7", b"\x70\x03\0\7\0"),
    (b"\x90\x04\0\7\0\1", b"\x90\x09\0\7\x05\x26\0\0\0\0\1"),
    (b"\xb0\x04\0\7\0\0", b"\xb0\x09\0\7\x05\x1f\0\2ok\0"),
    (b"\x32\x07\0\1t\0\1\0x", b"\x32\x07\0\1t\xab\xcd\0x"),
    (b"\xd0\0", b"\xd0\0"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_is_the_servers_choice_is_the_same(one: bytes, other: bytes):
    """A reason of success, words beside it, and the identifier of a message."""
    assert same_for_all(other, is_5=True) == one == same_for_all(one, is_5=True)


OTHERS = [
    (b"\x40\x02\0\7", b"\x40\x03\0\7\x80"),
    (b"\x40\x02\0\7", b"\x40\x02\0\6"),
    (b"\x70\x02\0\7", b"\x70\x03\0\7\x10"),
    (b"\x90\x04\0\7\0\1", b"\x90\x04\0\7\0\2"),
    (b"\x32\x07\0\1t\0\1\0x", b"\x32\x07\0\1t\0\0\0x"),
    (b"\x32\x07\0\1t\0\1\0x", b"\x3a\x07\0\1t\0\1\0x"),
]


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_what_is_not_stays_apart(one: bytes, other: bytes):
    """A failure, another identifier, one of 0, and a flag."""
    assert same_for_all(one, is_5=True) != same_for_all(other, is_5=True)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (b"\x20\x05\0\0\x02\x01\1", "property 1 in a packet that has none such"),
        (b"\x30\x0c\0\1t\x08\x03\0\1a\x03\0\1a", "property 3 twice"),
        (b"\x30\x07\0\1t\x03\x03\0\7", "property 3 is longer than all of them"),
        (b"\x30\x06\0\1t\x02\x0b\xff", "property 11 is longer than all of them"),
        (b"\x30\x05\0\1t\x07x", "a packet that ends within its properties"),
        (b"\x30\x08\0\1t\x04\x26\0\7a", "property 38 is longer than all of them"),
    ],
)
def test_wrong_properties_are_told(wrong: bytes, problem: str):
    """One that the packet must not have, one twice, one that does not end."""
    with pytest.raises(MalformedReplyError, match=problem):
        same_for_all(wrong, is_5=True)


def test_3_1_1_has_none():
    """Only the identifier of a message is the server's choice there."""
    assert same_for_all(b"\x32\x06\0\1t\0\7x", is_5=False) == b"\x32\x06\0\1t\0\1x"
    for same in (b"\x40\x02\0\7", b"\x20\x02\0\0", b"\x90\x03\0\7\1", b"\x32\x06\0\1t\0\0x"):
        assert same_for_all(same, is_5=False) == same
