"""What an MQTT broker owes: which topics a filter fits, and which identifiers are in use."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from wireproof.protocols import MalformedReplyError
from wireproof.protocols.built_in.mqtt.broker import Broker, Receiver, UnderWay, fits
from wireproof.protocols.built_in.mqtt.packets import Kind, Message, Subscription, publish
from wireproof.protocols.judging.frozen import frozen

LEVELS = st.sampled_from(["", "a", "b", "$a", "ab"])
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(bool)
PATTERNS = st.builds(
    lambda levels, end: "/".join([*levels, *end]),
    st.lists(st.one_of(LEVELS, st.just("+")), max_size=3),
    st.sampled_from([[], ["#"]]),
).filter(bool)


@given(TOPICS, PATTERNS)
def test_a_filter_fits_as_it_does_for_paho(topic: str, pattern: str):
    """Wildcards, empty levels and names that begin with a dollar sign are taken alike."""
    assert fits(topic.encode(), pattern.encode()) == topic_matches_sub(pattern, topic)


def test_a_message_comes_once_for_the_best_subscription():
    """It must come at the best quality; a copy for another subscription may, one at QoS 0 too."""
    broker = Broker()
    for pattern, options in ((b"t", 0), (b"+", 2), (b"#", 1), (b"u", 2)):
        assert broker.subscribe(Subscription(pattern, options), None) == []
    message = Message(b"t", b"x", 1)
    owed = broker.publish(message, b"\0\1")
    assert [(each.matcher, each.optional) for each in owed] == [
        (publish(message), False),
        (publish(message), True),
        (publish(Message(b"t", b"x")), True),
    ]


def test_a_message_at_qos_2_comes_by_its_release():
    """What comes before is taken once; what has not come by then is owed."""
    broker = Broker()
    broker.subscribe(Subscription(b"#", 2), None)
    for number in (b"\0\1", b"\0\2"):
        message = Message(b"t", number, 2)
        assert broker.publish(message, number) == broker.publish(message, number) == []
    early = publish(Message(b"t", b"\0\1", 2))
    assert broker.passed_on_early(early)
    assert not broker.passed_on_early(early)
    assert broker.release(b"\0\1") == broker.release(b"\0\1") == []
    assert [each.matcher for each in broker.release(b"\0\2")] == [
        publish(Message(b"t", b"\0\2", 2))
    ]


def test_an_identifier_is_used_until_it_is_acknowledged():
    """It may come again behind that, whoever acknowledges before it is there."""
    receiver = Receiver()
    receiver.came(b"\0\1", 1)
    with pytest.raises(MalformedReplyError, match="identifier 1 is that of another"):
        receiver.came(b"\0\1", 2)
    receiver.acknowledged(Kind.PUBACK)
    receiver.came(b"\0\1", 2)
    with pytest.raises(MalformedReplyError, match="a release of 2, under which no message"):
        receiver.release(b"\0\2")
    receiver.release(b"\0\1")
    assert [list(receiver.waiting(kind)) for kind in (4, 5, 7)] == [[b"\0\1"]] * 3
    ahead = UnderWay()
    ahead.acknowledged()
    ahead.came(b"\0\7")
    assert b"\0\7" not in ahead
    assert not ahead.has_some


def test_a_copied_receiver_holds_the_same_and_shares_nothing() -> None:
    """Each connection gets one: what it acknowledges then is acknowledged on no other."""
    receiver = Receiver()
    receiver.came(b"\0\1", 1)
    receiver.came(b"\0\2", 2)
    receiver.release(b"\0\2")
    before = frozen(receiver)
    copied = copy.deepcopy(receiver)
    assert before is not None
    assert frozen(copied) == before
    copied.acknowledged(Kind.PUBACK)
    copied.acknowledged(Kind.PUBCOMP)
    copied.released.clear()
    copied.came(b"\0\1", 1)
    assert frozen(copied) != before
    assert frozen(receiver) == before
