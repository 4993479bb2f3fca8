"""MQTT: what is ordered, what is not, and what may be lost."""

import re

import pytest
from hypothesis import find

from wireproof.errors import UsageError
from wireproof.protocols import MalformedReplyError, Oracle, WrongReplyError
from wireproof.protocols.built_in.mqtt.packets import packet
from wireproof.protocols.built_in.mqtt.protocol import Mqtt
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.loading.self_check import check_code
from wireproof.protocols.replies import NO_LANE, replies_of

PING, PINGRESP = b"\xc0\x00", b"\xd0\x00"


def publish(number: int, payload: bytes) -> bytes:
    """Return a message at QoS 1 to topic `t`."""
    return packet(3, 2, b"\x00\x01t" + number.to_bytes(2) + payload)


def puback(number: int) -> bytes:
    """Return its acknowledgement."""
    return b"\x40\x02" + number.to_bytes(2)


SUBSCRIBE, SUBACK = packet(8, 2, b"\x00\x07\x00\x01t\x00"), packet(9, 0, b"\x00\x07\x00")


def connected(*requests: bytes) -> Oracle:
    """Return the oracle of a connection that has sent `requests`."""
    oracle = Mqtt().oracle()
    for request in requests:
        oracle.announce(request)
        oracle.sent(len(request))
    return oracle


def test_kinds_overtake_each_other():
    """PINGRESP may come before an earlier PUBACK; PUBACKs keep their order."""
    oracle = connected(publish(1, b"a"), publish(2, b"b"), PING)
    oracle.receive_data(PINGRESP + puback(1) + puback(2))
    assert oracle.settled
    oracle = connected(publish(1, b"a"), publish(2, b"b"))
    with pytest.raises(WrongReplyError):
        oracle.receive_data(puback(2))


def test_subscriptions_of_one_identifier_overtake_each_other():
    """Of two with the same identifier under way, either may be acknowledged first, both must be."""

    def subscribe(qos: int) -> bytes:
        return packet(8, 2, b"\x00\x07\x00\x01t" + bytes((qos,)))

    oracle = connected(subscribe(0), subscribe(1))
    oracle.receive_data(packet(9, 0, b"\x00\x07\x01"))
    assert oracle.owed == 1
    with pytest.raises(WrongReplyError):
        oracle.receive_data(packet(9, 0, b"\x00\x07\x01"))


def test_deliveries_may_be_lost_but_not_wrong():
    """A message may reach its subscriber or not; one that nobody sent may not."""
    oracle = connected(SUBSCRIBE, publish(1, b"a"))
    oracle.receive_data(SUBACK + puback(1))
    assert oracle.settled
    oracle.receive_data(packet(3, 0, b"\x00\x01ta"))
    with pytest.raises(WrongReplyError):
        oracle.receive_data(packet(3, 0, b"\x00\x01ta"))


def test_remaining_length_of_every_size():
    """The length field takes one to four bytes; a fifth is malformed (section 2.2.3)."""
    for size in (0, 127, 128, 16383, 16384, 2097152):
        whole = packet(3, 0, bytes(size))
        assert Mqtt().reply_length(bytearray(whole[:8])) == len(whole)
    with pytest.raises(WrongReplyError, match="malformed"):
        connected(PING).receive_data(b"\xd0\xff\xff\xff\xff\x01")


NAME = b"\x00\x0awp00000000"


@pytest.mark.parametrize(
    ("settings", "flags", "credentials"),
    [
        ({}, 0x02, b""),
        ({"user": "me"}, 0x82, b"\x00\x02me"),
        ({"user": "me", "password": "abc"}, 0xC2, b"\x00\x02me\x00\x03abc"),
    ],
)
def test_a_connection_begins_with_its_name(
    settings: dict[str, str], flags: int, credentials: bytes
):
    """CONNECT has a clean session, no keep-alive, and the credentials that are set."""
    protocol = find_protocol("mqtt", settings)
    connect, subscribe = protocol.opening()
    body = b"\x00\x04MQTT\x04%c\x00\x00" % flags + NAME + credentials
    assert connect == b"\x10" + bytes((len(body),)) + body
    assert subscribe == b"\x82\x0f\x00\x01" + NAME + b"\x00"
    assert protocol.personalise(subscribe, 12) == subscribe.replace(b"00000000", b"00000012")


LONG = bytes(200)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\x82\x06", b"\x00\x01a\x00"),
        (b"\x32\x06\x00\x01a", b"X"),
        (b"\x32\xcd\x01\x00\x01a", LONG),
        (b"\x32\xcc\x02\x00\xc8" + LONG, b"X" * 128),
        (b"\x82\xcd\x01", LONG + b"\x00"),
    ],
)
def test_identifiers_are_numbered_from_one(before: bytes, after: bytes):
    """The identifier, wherever it stands, counts up to 65535 and begins anew, never with 0."""
    for number, identifier in (
        (0, b"\0\1"),
        (65534, b"\xff\xff"),
        (65535, b"\0\1"),
        (65536, b"\0\2"),
    ):
        numbered = Mqtt().numbered(before + b"\x00\x09" + after, number)
        assert numbered == before + identifier + after


@pytest.mark.parametrize("request_bytes", [PING, b"\x30\x07\x00\x01aX123", b"\x10\x05\x00\x01aX1"])
def test_what_has_no_identifier_is_left_alone(request_bytes: bytes):
    """A ping, a message at QoS 0 and CONNECT have none."""
    assert Mqtt().numbered(request_bytes, 5) == request_bytes


def test_every_packet_is_drawn():
    """Pings, messages at QoS 0 and 1, and subscriptions to two topics at both are asked for."""
    seen: set[bytes] = set()
    payloads: set[bytes] = set()
    several: set[int] = set()
    for request in check_code(Mqtt(), 200):
        if len(Mqtt().parts(request)) > 1:
            continue
        found = re.fullmatch(
            rb"(\xc0\x00)|(?:(\x30|\x32)|(\x82))([\x80-\xff]{0,2}[\x00-\x7f])(.*)",
            request,
            re.DOTALL,
        )
        assert found, request
        if found[1]:
            seen.add(b"ping")
            continue
        digits = enumerate(found[4])
        assert sum((digit & 0x7F) << 7 * place for place, digit in digits) == len(found[5])
        if found[3] and len(request) > 999:
            several.add(found[5].count(b"wp00000000/x/"))
        elif found[3]:
            assert found[5][:2] != b"\0\0"
            seen.add(found[5][2:])
        else:
            assert found[5].startswith(NAME)
            seen.add(found[2])
            payload = found[5][len(NAME) :]
            assert found[2] == b"\x30" or payload[:2] != b"\0\0"
            payloads.add(payload if found[2] == b"\x30" else payload[2:])
    topics = [b"\x00\x0cwp00000000/x", b"\x00\x0ewp00000000/y/+"]
    levels = [topic + qos for topic in topics for qos in (b"\x00", b"\x01")]
    assert seen == {b"ping", b"\x30", b"\x32", *levels}
    assert max(map(len, payloads)) > 9
    assert {16371, 16372} <= set(map(len, payloads))  # on both sides of a third byte of length
    assert several == {127, 128, 129}


def test_a_sized_request_is_a_message_at_qos_1():
    """A request of a given size is a message of octets that count up."""
    body = NAME + b"\x00\x01" + bytes(range(10))
    assert Mqtt().sized_request(2 + len(body)) == b"\x32" + bytes((len(body),)) + body


@pytest.mark.parametrize("wrong", [b"\xf0\x00", b"\x00\x00", b"\xc0\xff\xff\xff\xff", b"\x82\x00"])
def test_what_is_malformed_is_drawn(wrong: bytes):
    """Reserved types, a length of too many bytes, and an empty subscription are sent."""
    assert find(Mqtt().malformed(), lambda each: each == wrong)


@pytest.mark.parametrize(
    ("request_bytes", "right"),
    [
        (b"\x10\x00", [(b"\x20\x02\x00\x00", False)]),
        (PING, [(PINGRESP, False)]),
        (b"\x82\x06\x12\x34\x00\x01a\x01", [(b"\x90\x03\x12\x34\x01", False)]),
        (b"\x30\x05\x00\x01aXY", [(b"\x30\x05\x00\x01aXY", True)]),
        (
            b"\x32\x07\x00\x01a\x12\x34XY",
            [(b"\x40\x02\x12\x34", False), (b"\x30\x05\x00\x01aXY", True)],
        ),
    ],
)
def test_each_packet_has_its_replies(request_bytes: bytes, right: list[tuple[bytes, bool]]):
    """Acknowledgements name what they acknowledge; a delivery is at QoS 0, and may be missing."""
    protocol = Mqtt()
    protocol.expected(packet(8, 2, b"\x00\x07\x00\x01a\x00"))
    replies = replies_of(protocol.expected(request_bytes), protocol.expected)
    assert [(each.matcher, each.optional) for each in replies] == right


def test_no_lane_is_another():
    """All kinds of replies overtake each other, and so do subscriptions and deliveries."""
    protocol = Mqtt()
    requests = [b"\x10\x00", PING, *[b"\x82\x06\x00\x07\x00\x01t\x00"] * 3, *[publish(1, b"a")] * 3]
    lanes = [
        each.lane
        for request in requests
        for each in replies_of(protocol.expected(request), protocol.expected)
    ]
    assert len(lanes) == 11
    assert lanes.count("puback") == 3
    assert lanes.count(NO_LANE) == 6  # three acknowledged subscriptions, three deliveries
    assert len(set(lanes)) == 4


@pytest.mark.parametrize("size", [0, 1, 127, 128, 300, 16383, 16384, 2097151, 2097152])
def test_a_packet_is_not_cut_off_before_its_length_is_there(size: int):
    """The length is unknown up to the last byte of the length field, and known from there on."""
    whole = packet(3, 0, bytes(size))
    digits = len(whole) - size - 1
    assert int.from_bytes(whole[1 : 1 + digits], "little") >= size
    for there in range(digits + 1):
        assert Mqtt().reply_length(bytearray(whole[:there])) is None
    assert Mqtt().reply_length(bytearray(whole[: digits + 1])) == len(whole)


def test_a_fifth_digit_is_malformed():
    """The error says how many bytes a remaining length has."""
    assert Mqtt().reply_length(bytearray(b"\xd0\xff\xff\xff")) is None
    with pytest.raises(MalformedReplyError, match=r"^a length of more than 4 bytes$"):
        Mqtt().reply_length(bytearray(b"\xd0\xff\xff\xff\xff"))


def test_other_versions_are_not_known():
    """What to write instead is told."""
    with pytest.raises(UsageError, match=r"MQTT 3.1 is not known"):
        find_protocol("mqtt", {"version": "3.1"}).opening()


def test_version_5_opens_with_its_level_and_no_properties():
    """A length of properties stands in CONNECT and SUBSCRIBE, and in what answers them."""
    protocol = find_protocol("mqtt", {"version": "5"})
    connect, subscribe = protocol.opening()
    assert connect == b"\x10\x17\x00\x04MQTT\x05\x02\x00\x00\x00" + NAME
    assert subscribe == b"\x82\x10\x00\x01\x00" + NAME + b"\x00"
    oracle = protocol.oracle()
    for request in (connect, subscribe, PING):
        oracle.announce(request)
        oracle.sent(len(request))
    oracle.receive_data(b"\x20\x03\0\0\0\x90\x04\0\1\0\0" + PINGRESP)
    assert oracle.settled
    taken_over = b"\xe0\x02\x8e\x00"
    oracle.receive_data(taken_over)
    assert oracle.ended
    with pytest.raises(WrongReplyError):
        connected().receive_data(taken_over)


def test_3_1_1_may_send_a_message_once_more():
    """With its flag, while it is not acknowledged (section 4.4); one that it never sent may not."""
    asked = packet(8, 2, b"\x00\x07\x00\x01t\x01")
    delivery = b"\x32\x06\x00\x01t\x00\x09a"
    oracle = connected(asked, publish(1, b"a"))
    oracle.receive_data(packet(9, 0, b"\x00\x07\x01") + puback(1) + delivery)
    oracle.receive_data(b"\x3a" + delivery[1:])
    assert oracle.settled
    with pytest.raises(WrongReplyError):
        oracle.receive_data(b"\x3a" + delivery[1:].replace(b"\x09", b"\x08"))
