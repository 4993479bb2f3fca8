"""A channel's short cut past the oracle judges exactly as the oracle does."""

import datetime as dt
import re
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.load.channel import COLD, Channel, State
from harness.load.corpus import Corpus, Exchange
from harness.load.failures import Failure
from harness.protocols import Protocol, RequestReply, WrongReplyError, delimited
from harness.protocols.echo import Echo
from harness.protocols.fast_path import predictor_of
from harness.protocols.timestamp_echo import TimestampEcho
from harness.target import Target

NOON = dt.datetime(2026, 11, 23, 12, 0, 0, tzinfo=dt.UTC)


class Shout(RequestReply):
    """A letter in, the same letter in capitals out."""

    name = "shout"

    def requests(self):
        """Return lines."""
        return st.sampled_from([b"a\n", b"b\n", b"ab\n"])

    def reply_length(self, buffer: bytearray):
        """End at the line's end."""
        return delimited(buffer, b"\n")

    def expected(self, request: bytes):
        """Return capitals."""
        return request.upper()


class Vague(Shout):
    """A protocol whose replies are known by a pattern only."""

    def expected(self, request: bytes):
        """Match any capitals."""
        del request
        return re.compile(rb"[A-Z]+\n")


class WholeSocket:
    """Takes every byte."""

    def send(self, data: bytes):
        """Return how much was taken."""
        return len(data)

    def recv(self, size: int):
        """Not called: the test hands the data over."""
        raise NotImplementedError

    def close(self):
        """Do nothing."""


def opened(protocol: Protocol, corpus: Corpus):
    """Return a channel behind its connect."""
    channel = Channel(Target("tcp"), protocol, corpus.exchanges[0])
    channel.sock = WholeSocket()
    channel.state = State.HANDSHAKE
    assert channel.finish_connect()
    return channel


def take(channel: Channel, corpus: Corpus, data: bytes):
    """Do with `data` what the swarm's loop does; returns how many requests it answered."""
    if data == channel.hot.reply:
        answered = channel.hot.count
        channel.hot = COLD
        channel.state = State.IDLE
        return answered
    answered = channel.on_data(data)
    if channel.complete:
        channel.predict(corpus, data)
        channel.state = State.IDLE
    return answered


def ctime(second: int):
    """Return a header."""
    at = NOON + dt.timedelta(seconds=second)
    return b"[" + at.strftime("%a %b %e %H:%M:%S %Y").encode() + b"] "


def right_reply(protocol: Protocol, payload: bytes, second: int):
    """Return a right reply to the whole payload at once."""
    if isinstance(protocol, TimestampEcho):
        return ctime(second) + payload
    return payload if isinstance(protocol, Echo) else payload.upper()


@st.composite
def conversations(draw: st.DrawFn):
    """Draw a protocol, its corpus, and what the server says to each exchange, in pieces."""
    imitation = ctime(0)
    protocol = draw(st.sampled_from([Echo(), TimestampEcho(), Shout(), Vague()]))
    if isinstance(protocol, TimestampEcho):
        protocol.buffer = 40
    requests = draw(
        st.lists(
            protocol.requests()
            if isinstance(protocol, Shout)
            else st.sampled_from(
                [b"a", b"ab", b"aa", imitation, imitation + b"a", b"[", b"a" * 41]
            ),
            min_size=1,
            max_size=3,
        )
    )
    pipeline = draw(st.integers(1, 3))
    exchanges = [Exchange([request] * pipeline) for request in requests]
    corpus = Corpus(exchanges, predictor_of(protocol))
    exchange = corpus.exchanges[0]
    replies = []
    for _ in range(draw(st.integers(1, 8))):
        second = draw(st.integers(0, 1))
        whole = right_reply(protocol, exchange.payload, second)
        spoil = draw(st.sampled_from(["no"] * 6 + ["flip", "more", "less", "twice", "bare", "cut"]))
        at = draw(st.integers(0, len(whole) - 1))
        replies.append(
            {
                "no": [whole],
                "flip": [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]],
                "more": [whole + b"a"],
                "less": [whole[:at]],
                "twice": [whole, whole],
                "bare": [exchange.payload],  # a chunk that goes on without a header
                "cut": [whole[:at], whole[at:]],
            }[spoil]
        )
        exchange = exchange.next
    return protocol, corpus, replies


@settings(max_examples=400)
@given(conversations())
def test_short_cut_judges_as_the_oracle(conversation: tuple[Protocol, Corpus, list[list[bytes]]]):
    """Over any conversation, predictions accept, count and refuse what the oracle alone does."""
    protocol, corpus, replies = conversation
    channel, oracle = opened(protocol, corpus), protocol.oracle()
    for pieces in replies:
        channel.begin(0, 0)
        for request in channel.exchange.requests:
            oracle.announce(request)
        oracle.sent(channel.exchange.size)
        for data in filter(None, pieces):
            try:
                expected = oracle.receive_data(data)
            except WrongReplyError as wrong:
                expected = wrong.problem
            try:
                found = take(channel, corpus, data)
            except Failure as failure:
                found = failure.sample.problem
            assert found == expected
            if isinstance(expected, str):
                return
        if not oracle.settled:
            assert channel.hot is not COLD or not channel.complete
            return  # the swarm would wait for more, and time out


def test_predictions_are_used():
    """The property above would hold for a channel that never predicts; this one does."""
    for protocol in (Echo(), TimestampEcho(), Shout()):
        corpus = Corpus([Exchange([b"a\n"])], predictor_of(protocol))
        channel = opened(protocol, corpus)
        for _ in range(2):
            channel.begin(0, 0)
            with suppress(Failure):
                take(channel, corpus, right_reply(protocol, b"a\n", 0))
        channel.begin(0, 0)
        assert channel.hot is corpus.exchanges[0]


def test_a_partly_sent_exchange_is_judged_by_the_oracle():
    """When the kernel takes a part only, the rest goes out once it can, and the reply counts."""
    corpus = Corpus([Exchange([b"abcd"])], predictor_of(Echo()))
    channel = opened(Echo(), corpus)
    channel.begin(0, 0)
    take(channel, corpus, b"abcd")
    taken = iter([3, 1])
    channel.send = lambda data: min(next(taken), len(data))
    channel.begin(0, 0)
    assert take(channel, corpus, b"abc") == 0
    assert not channel.complete
    channel.on_writable()
    assert take(channel, corpus, b"d") == 1
    assert channel.state is State.IDLE
