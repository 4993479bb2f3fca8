"""A connection's short cut past the oracle judges exactly as the oracle does."""

import datetime as dt
import re
import socket
from contextlib import suppress
from select import EPOLLOUT

from hypothesis import given, settings
from hypothesis import strategies as st

from wireproof.load.failures import ConnectionFailedError
from wireproof.load.figures.tally import Phase
from wireproof.load.swarm.connections.connection import SwarmConnection
from wireproof.load.swarm.connections.course import COLD
from wireproof.load.swarm.connections.link import State
from wireproof.load.swarm.connections.surroundings import Surroundings
from wireproof.load.swarm.measuring.recorder import Recorder
from wireproof.load.workload.batch import Batch
from wireproof.load.workload.corpus import Corpus
from wireproof.load.workload.predictor import predictor_of
from wireproof.protocols import Protocol, RequestReply, WrongReplyError, delimited
from wireproof.protocols.built_in.echo import Echo
from wireproof.protocols.built_in.timestamp_echo import TimestampEcho
from wireproof.target import Target

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


class Masked(Shout):
    """A protocol in whose replies the first letter may be any."""

    def mask(self, message: bytes):
        """Hide it."""
        return b"*" + message[1:]


class WholeSocket:
    """Is connected at once, and takes every byte."""

    family = socket.AF_UNIX

    def fileno(self):
        """Return a number."""
        return 99

    def getsockopt(self, level: int, option: int):
        """Return that the connect went well."""
        assert (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR)
        return 0

    def send(self, data: bytes):
        """Return how much was taken."""
        return len(data)

    def recv(self, size: int):
        """Not called: the test hands the data over."""
        raise NotImplementedError

    def close(self):
        """Do nothing."""


def opened(protocol: Protocol, corpus: Corpus):
    """Return a connection behind its connect."""
    staged = Surroundings(dial=lambda target, source: WholeSocket())
    connection = SwarmConnection(
        Target("tcp"), protocol, corpus, 0, lambda connection, stamp_ns: None, surroundings=staged
    )
    connection.dial(0, 0, "", 0)
    assert connection.go_on(EPOLLOUT)
    return connection


def take(connection: SwarmConnection, corpus: Corpus, data: bytes):
    """Do with `data` what the swarm's loop does; returns how many requests it answered."""
    if data == connection.hot.reply:
        answered = connection.hot.count
        connection.settle(0)
        return answered
    answered = connection.on_data(data)
    if connection.complete:
        connection.learn(1)
        connection.settle(0)
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
    """Draw a protocol, its corpus, and what the server says to each batch, in pieces."""
    imitation = ctime(0)
    protocol = draw(st.sampled_from([Echo(), TimestampEcho(), Shout(), Vague(), Masked()]))
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
    batches = [Batch([request] * pipeline) for request in requests]
    corpus = Corpus(batches, predictor_of(protocol))
    batch = corpus.batches[0]
    replies = []
    for _ in range(draw(st.integers(1, 8))):
        second = draw(st.integers(0, 1))
        whole = right_reply(protocol, batch.payload, second)
        spoil = draw(st.sampled_from(["no"] * 6 + ["flip", "more", "less", "twice", "bare", "cut"]))
        at = draw(st.integers(0, len(whole) - 1))
        # A bare bracket may go on without a header, or begin one: the next bytes tell.
        bare = whole if batch.requests[0] == b"[" else batch.payload
        replies.append(
            {
                "no": [whole],
                "flip": [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]],
                "more": [whole + b"a"],
                "less": [whole[:at]],
                "twice": [whole, whole],
                "bare": [bare],  # a chunk that goes on without a header
                "cut": [whole[:at], whole[at:]],
            }[spoil]
        )
        batch = batch.next
    return protocol, corpus, replies


@settings(max_examples=400)
@given(conversations())
def test_short_cut_judges_as_the_oracle(conversation: tuple[Protocol, Corpus, list[list[bytes]]]):
    """Over any conversation, predictions accept, count and refuse what the oracle alone does."""
    protocol, corpus, replies = conversation
    connection, oracle = opened(protocol, corpus), protocol.oracle()
    for pieces in replies:
        connection.begin(0, 0, Recorder(0, Phase.STEADY, 0))
        for request in connection.batch.requests:
            oracle.announce(request)
        oracle.sent(connection.batch.size)
        for data in filter(None, pieces):
            try:
                expected = oracle.receive_data(data)
            except WrongReplyError as wrong:
                expected = wrong.problem
            try:
                found = take(connection, corpus, data)
            except ConnectionFailedError as failure:
                found = failure.sample.problem
            assert found == expected
            if isinstance(expected, str):
                return
        if not oracle.settled:
            assert connection.hot is not COLD or not connection.complete
            return  # the swarm would wait for more, and time out


def test_predictions_are_used():
    """The property above would hold for a connection that never predicts; this one does."""
    for protocol in (Echo(), TimestampEcho(), Shout(), Vague(), Masked()):
        corpus = Corpus([Batch([b"a\n"])], predictor_of(protocol))
        connection = opened(protocol, corpus)
        for _ in range(2):
            connection.begin(0, 0, Recorder(0, Phase.STEADY, 0))
            with suppress(ConnectionFailedError):
                take(connection, corpus, right_reply(protocol, b"a\n", 0))
        connection.begin(0, 0, Recorder(0, Phase.STEADY, 0))
        assert connection.hot is corpus.batches[0]


def test_a_partly_sent_batch_is_judged_by_the_oracle():
    """When the kernel takes a part only, the rest goes out once it can, and the reply counts."""
    corpus = Corpus([Batch([b"abcd"])], predictor_of(Echo()))
    connection = opened(Echo(), corpus)
    connection.begin(0, 0, Recorder(0, Phase.STEADY, 0))
    take(connection, corpus, b"abcd")
    taken = iter([3, 1])
    connection.send = lambda data: min(next(taken), len(data))
    connection.begin(0, 0, Recorder(0, Phase.STEADY, 0))
    assert take(connection, corpus, b"abc") == 0
    assert not connection.complete
    connection.on_writable()
    assert take(connection, corpus, b"d") == 1
    assert connection.state is State.IDLE


def begun(connection: SwarmConnection):
    """Have a connection send its next batch."""
    connection.begin(0, 0, Recorder(0, Phase.STEADY, 0))
    return connection


def test_what_another_connection_learns_meanwhile_changes_no_reply_under_way():
    """A known reply that comes in pieces is counted by its own ends, not by a newer one's."""
    corpus = Corpus([Batch([b"a\n"] * 3)], predictor_of(Vague()))
    one, other = opened(Vague(), corpus), opened(Vague(), corpus)
    for connection in (one, other):
        assert take(begun(connection), corpus, b"AA\nBB\nCC\n") == 3
    begun(one)
    begun(other)
    assert take(one, corpus, b"AA\nBB\n") == 2
    assert take(other, corpus, b"AAAAAA\nBBBBBB\nCCCCCC\n") == 3
    assert take(one, corpus, b"C") == 0
    assert take(one, corpus, b"C\n") == 1


class Closing(Vague):
    """A protocol whose server may close behind any reply."""

    def closes(self, reply: bytes):
        """Say so for a certain reply."""
        return reply == b"BYE\n"


def test_a_server_that_closes_within_a_batch_tells_nothing_of_the_next_ones():
    """That one connection got two of three replies makes no request one that has none."""
    corpus = Corpus([Batch([b"a\n"] * 3)], predictor_of(Closing()))
    one, other = opened(Closing(), corpus), opened(Closing(), corpus)
    for connection in (one, other):
        assert take(begun(connection), corpus, b"A\nB\nC\n") == 3
    assert take(begun(one), corpus, b"A\nBYE\n") == 2
    assert one.has_ended
    one.learn(1)
    assert corpus.batches[0].answered == 3
    assert corpus.batches[0].silent == 0
