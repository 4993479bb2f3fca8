"""MQTT's packets are written and read as paho-mqtt's are, and as the specification shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.protocols.built_in.mqtt.packets import (
    Kind,
    Message,
    Subscription,
    acknowledge,
    identifier_at,
    packet,
    properties_at,
    publish,
    read_filters,
    read_message,
    split,
    subscribe,
    unsubscribe,
    with_identifier,
)


@given(
    st.builds(
        Message,
        st.binary(min_size=1, max_size=200),
        st.binary(max_size=200),
        st.integers(0, 2),
        st.booleans(),
        st.one_of(st.none(), st.binary(max_size=200)),
    )
)
def test_a_message_is_read_as_it_was_written(message: Message):
    """With properties and without, at each quality of service."""
    written = publish(message, b"\x12\x34", 8)
    assert written[0] == 0x38 | message.qos << 1 | message.retain
    assert read_message(written, has_properties=message.properties is not None) == message
    at = identifier_at(written)
    assert (at is not None) == bool(message.qos)
    if at is not None:
        assert written[at : at + 2] == b"\x12\x34"
        assert with_identifier(written, b"\0\1") == publish(message, flags=8)


def test_what_ends_too_soon_is_no_message():
    """A topic, an identifier or properties that are longer than the packet are refused."""
    for short in (b"\x30\x02\x00\x01", b"\x32\x04\x00\x01a\x00"):
        with pytest.raises(ValueError, match="within its topic"):
            read_message(short, has_properties=False)
    for short in (b"\x30\x04\x00\x01a\x01", b"\x30\x03\x00\x01a"):
        with pytest.raises(ValueError, match="within its properties"):
            read_message(short, has_properties=True)
    assert properties_at(b"..\x02abc", 2) == (b"ab", 5)


def test_packets_are_those_of_the_specification():
    """Section 3.8 and 3.10 of 3.1.1: the filters a/b and c/d; section 3.6: flags of a PUBREL."""
    asked = [Subscription(b"a/b", 1), Subscription(b"c/d", 2)]
    written = b"\x82\x0e\x00\x01\x00\x03a/b\x01\x00\x03c/d\x02"
    assert subscribe(asked) == written
    assert subscribe(asked, b"", b"\0\x0a")[:5] == b"\x82\x0f\x00\x0a\x00"
    assert list(read_filters(written, 4, with_options=True)) == asked
    assert [each.qos for each in asked] == [1, 2]
    ended = b"\xa2\x0c\x00\x01\x00\x03a/b\x00\x03c/d"
    assert unsubscribe([b"a/b", b"c/d"]) == ended
    assert [each.pattern for each in read_filters(ended, 4, with_options=False)] == [b"a/b", b"c/d"]
    assert acknowledge(Kind.PUBREL) == b"\x62\x02\x00\x01"
    assert acknowledge(Kind.PUBREC, b"\0\2") == b"\x50\x02\x00\x02"


def test_packets_of_a_stream_are_parted():
    """Each by its remaining length, of one byte or more."""
    packets = [b"\xc0\x00", packet(3, 0, bytes(300)), acknowledge(Kind.PUBACK)]
    assert split(b"".join(packets)) == packets
    assert [identifier_at(each) for each in packets] == [None, None, 2]
