"""MQTT: what is ordered, what is not, and what may be lost."""

import pytest

from harness.protocols import Oracle, WrongReplyError
from harness.protocols.mqtt import Mqtt, packet

PING, PINGRESP = b"\xc0\x00", b"\xd0\x00"


def publish(number: int, payload: bytes) -> bytes:
    """Return a message at QoS 1 to topic `t`."""
    return packet(3, 2, b"\x00\x01t" + number.to_bytes(2) + payload)


def puback(number: int) -> bytes:
    """Return its acknowledgement."""
    return b"\x40\x02" + number.to_bytes(2)


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
    oracle = connected(publish(1, b"a"))
    oracle.receive_data(puback(1))
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
