"""AMQP: the opening, what is told of refusals, and what a server may leave open."""

import pytest

from tests.support.amqp_broker import Broker, Choice
from wireproof.protocols import WrongReplyError
from wireproof.protocols.built_in.amqp import drawing
from wireproof.protocols.built_in.amqp.frames import Method, long, method, read, short
from wireproof.protocols.built_in.amqp.protocol import Amqp
from wireproof.protocols.loading.registry import find_protocol


def test_the_opening_is_that_of_a_client():
    """The header, the log-in, limits and the virtual host, a channel, a queue and its consumer."""
    opening = find_protocol("amqp-0-9-1", {"user": "me", "password": "x", "vhost": "v"}).opening()
    assert opening[0] == b"AMQP\0\0\x09\x01"
    methods = [each.method for request in opening[1:] for each in read(request)]
    assert methods == [
        Method.CONNECTION_START_OK,
        Method.CONNECTION_TUNE_OK,
        Method.CONNECTION_OPEN,
        Method.CHANNEL_OPEN,
        Method.QUEUE_DECLARE,
        Method.BASIC_CONSUME,
        Method.CONFIRM_SELECT,
    ]
    assert b"\0me\0x" in opening[1]
    assert b"\x01v" in opening[2]
    assert len(find_protocol("amqp-0-9-1", {"confirm": "no"}).opening()) == len(opening) - 1


def test_a_limit_that_is_too_low_is_told_with_its_setting():
    """Frames as long as the client wants must be allowed."""
    protocol = Amqp()
    oracle = protocol.oracle()
    broker = Broker(Choice())
    for request in protocol.opening()[:2]:
        oracle.announce(request)
        oracle.sent(len(request))
        if request == protocol.opening()[0]:
            oracle.receive_data(b"".join(broker.answer(request)))
    with pytest.raises(WrongReplyError, match="--set frame_max=4096"):
        oracle.receive_data(method(Method.CONNECTION_TUNE, b"\0\0\0\0\x10\0\0\0", channel=0))


def test_a_server_has_to_take_a_plain_log_in():
    """Another version, or other mechanisms alone, are told."""
    for version, mechanisms, problem in ((9, b"X Y", "PLAIN"), (8, b"PLAIN", "wrong reply")):
        oracle = Amqp().oracle()
        oracle.announce(b"AMQP\0\0\x09\x01")
        oracle.sent(8)
        said = (bytes((0, version)), long(b""), long(mechanisms), long(b"en"))
        with pytest.raises(WrongReplyError, match=problem):
            oracle.receive_data(method(Method.CONNECTION_START, *said, channel=0))


CLOSED = (504).to_bytes(2) + short(b"CHANNEL_ERROR") + bytes(4)


@pytest.mark.parametrize(
    ("reply", "words", "is_refusal"),
    [
        (method(Method.CONNECTION_CLOSE, CLOSED), "connection.close 504 CHANNEL_ERROR", True),
        (method(Method.CHANNEL_CLOSE, CLOSED), "channel.close 504 CHANNEL_ERROR", True),
        (method(Method.BASIC_NACK, bytes(9)), "basic.nack", True),
        (method(Method.QUEUE_DECLARE_OK, b"\0"), "queue.declare-ok", False),
        (method(1), "", False),
        (b"\x08\0\0\0\0\0\0\xce", "", False),
        (b"", "", False),
    ],
)
def test_refusals_are_told_in_words(reply: bytes, words: str, is_refusal: bool):
    """What is closed says why."""
    assert Amqp().in_words(reply) == words
    assert Amqp().refused(reply) == is_refusal
    assert Amqp().closes(reply) == words.startswith("connection.close")


def test_what_a_server_may_say_otherwise_is_masked():
    """The words of a return, and how many messages a queue has that is being read."""

    def returned(words: bytes) -> bytes:
        return method(Method.BASIC_RETURN, b"\x01\x38", short(words), short(b"x"), short(b"k"))

    def counted(messages: int, consumers: int) -> bytes:
        counts = messages.to_bytes(4) + consumers.to_bytes(4)
        return method(Method.QUEUE_DECLARE_OK, short(b"q"), counts)

    mask = Amqp().mask
    assert mask(returned(b"NO_ROUTE") + b"...") == mask(returned(b"") + b"...")
    assert mask(returned(b"a")) != mask(returned(b"a") + b"...")
    assert mask(counted(3, 1)) == mask(counted(0, 1)) != mask(counted(0, 2))
    assert mask(counted(3, 0)) == counted(3, 0)


def test_a_message_within_another_channels_frames_is_parted_where_one_ends():
    """So that the answer to what is between is not taken for an early one."""
    request = drawing.interleaved(b"abc")
    parts = Amqp().parts(request)
    assert b"".join(parts) == request
    methods = [[each.method for each in read(part) if each.method] for part in parts]
    assert methods == [
        [Method.CHANNEL_OPEN],
        [Method.BASIC_PUBLISH, Method.QUEUE_DECLARE],
        [],
        [Method.CHANNEL_CLOSE],
        [Method.QUEUE_DECLARE],
    ]
    assert Amqp().pauses(request) == [len(b"".join(parts[: at + 1])) for at in range(4)]


def test_the_goodbye_is_the_last():
    """Nothing else is."""
    protocol = Amqp()
    assert protocol.is_last(method(Method.CONNECTION_CLOSE, CLOSED, channel=0))
    assert not any(map(protocol.is_last, protocol.opening()))
