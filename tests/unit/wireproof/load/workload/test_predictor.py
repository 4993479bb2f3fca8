"""Predictions for load: only where replies depend on the request alone."""

import re

import pytest
from hypothesis import strategies as st

from wireproof.load.workload.predictor import datagram_predictor_of, is_private, predictor_of
from wireproof.protocols import Datagrams, Delimited, Matcher, Oracle
from wireproof.protocols.built_in.echo import Echo
from wireproof.protocols.built_in.line_echo import LineEcho
from wireproof.protocols.built_in.redis import Redis
from wireproof.protocols.built_in.timestamp_echo import HEADER_BYTES, TimestampEcho, TimestampOracle

STAMP = b"[Mon Nov 23 14:41:16 2026] "
LATER = b"[Mon Nov 23 14:41:17 2026] "


class Shout(Delimited):
    """One line in, capitals out."""

    def requests(self):
        """Return a line."""
        return st.just(b"a\n")

    def expected(self, request: bytes):
        """Return capitals."""
        return request.upper()


class Before(Shout):
    """Answers with the line before."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def expected(self, request: bytes):
        """Return the line before."""
        self.lines.append(request)
        return [*self.lines, b"\n"][-2]


def test_stateless_replies_are_known_beforehand():
    """Replies that depend on the request alone are joined."""
    predictor = predictor_of(Shout(), [b"a\n", b"b\n"])
    assert predictor is not None
    assert predictor.reply([b"a\n", b"b\n"]) == b"A\nB\n"


def test_state_is_noticed():
    """A class that keeps state between requests is judged by its oracle alone."""
    assert predictor_of(Before(), [b"a\n"]) is None
    assert predictor_of(Redis()) is None


def test_what_hears_its_server_foretells_nothing_for_others():
    """Each connection learns for itself what its server holds, and has a ring of its own."""

    class Hearing(Shout):
        def heard(self, reply: bytes, request: bytes) -> str:
            return ""

    for kind, is_its_own in ((Shout, False), (Hearing, True)):
        assert is_private(kind(), [b"a\n"]) == is_its_own
        assert (predictor_of(kind(), [b"a\n"]) is None) == is_its_own


@pytest.mark.parametrize(
    ("requests", "reply"),
    [
        ([b"a\n"], b"A\n"),
        ([b"pattern\n"], None),
        ([b"a\n", b"pattern\n"], None),
        ([b"nothing\n", b"a\n"], None),
    ],
)
def test_only_replies_known_to_the_byte_are_foretold(requests: list[bytes], reply: bytes | None):
    """A request whose reply has no one form, or that has none, leaves all to the oracle."""

    class Mixed(Shout):
        def expected(self, request: bytes) -> Matcher | None:
            if request == b"nothing\n":
                return None
            return re.compile(rb"\d+\n") if request == b"pattern\n" else request.upper()

    predictor = predictor_of(Mixed())
    assert predictor is not None
    assert predictor.reply(requests) == reply


def test_an_empty_reply_is_never_foretold():
    """What is never seen to be answered is left to the oracle, which says whose fault it is."""

    class Empty(Shout):
        def expected(self, request: bytes) -> bytes:
            return b""

    predictor = predictor_of(Empty())
    assert predictor is not None
    assert predictor.reply([b"a\n"]) is None


def test_the_oracle_of_a_class_of_its_own_is_asked():
    """Where a class judges its streams itself, nothing is foretold."""

    class OwnEcho(Echo):
        def oracle(self) -> Oracle:
            return super().oracle()

    class OwnTimestamps(TimestampEcho):
        def oracle(self) -> TimestampOracle:
            return super().oracle()

    class OwnLines(Shout):
        def oracle(self) -> Oracle:
            return super().oracle()

    for protocol in (OwnEcho(), OwnTimestamps(), OwnLines()):
        assert predictor_of(protocol, [b"a\n"]) is None


def test_what_needs_no_learning_learns_nothing():
    """A prediction that depends on the requests alone never changes."""
    for protocol in (Echo(), LineEcho()):
        predictor = predictor_of(protocol)
        assert predictor is not None
        assert predictor.learn(b"a\n", b"a\n") is False
        assert predictor.reply([b"a\n", b"b\n"]) == b"a\nb\n"


def test_a_timestamp_is_foretold_once_it_was_seen():
    """The reply is the last header seen and the payload, until the server shows another."""
    predictor = predictor_of(TimestampEcho())
    assert predictor is not None
    assert predictor.reply([b"ab", b"c"]) is None
    assert predictor.learn(b"x", STAMP + b"x") is True
    assert predictor.learn(b"y", STAMP + b"y") is False
    assert predictor.reply([b"ab", b"c"]) == STAMP + b"abc"
    assert predictor.learn(b"z", LATER + b"z") is True
    assert predictor.reply([b"d"]) == LATER + b"d"


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (b"ab", LATER + b"a" + LATER + b"b"),
        (b"ab", LATER + b"a"),
        (b"a", b"x" * HEADER_BYTES + b"a"),
        (b"a", b""),
    ],
    ids=["two chunks", "a part", "no header", "nothing"],
)
def test_what_is_not_one_chunk_teaches_nothing(sent: bytes, received: bytes):
    """Only one whole chunk behind one header shows what the next reply will be."""
    predictor = predictor_of(TimestampEcho())
    assert predictor is not None
    assert predictor.learn(b"x", STAMP + b"x")
    assert predictor.learn(sent, received) is False
    assert predictor.reply([b"d"]) == STAMP + b"d"


def test_more_than_the_servers_buffer_comes_in_chunks():
    """Of many right replies the likeliest is foretold, and where in it each request ends."""
    protocol = TimestampEcho()
    protocol.buffer = 4
    predictor = predictor_of(protocol)
    assert predictor is not None
    predictor.learn(b"x", STAMP + b"x")
    assert predictor.reply([b"abc", b"d"]) == STAMP + b"abcd"
    reply = predictor.reply([b"abc", b"de"])
    assert reply == STAMP + b"abcd" + STAMP + b"e"
    assert list(predictor.ends([b"abc", b"de"])) == [len(STAMP) + 3, len(reply)]
    assert predictor.learn(b"abcde", LATER + b"abcd" + LATER + b"e")


class ShoutedDatagrams(Shout, Datagrams):
    """Lines over UDP."""

    def datagrams(self):
        """Return a line."""
        return st.just(b"a\n")

    def expected_datagram(self, datagram: bytes):
        """Return capitals."""
        return datagram.upper()


class JudgedDatagrams(ShoutedDatagrams):
    """The same, with a judge of its own."""

    def datagram_oracle(self):
        """Return what a user may have written."""
        return super().datagram_oracle()


def test_datagrams_are_foretold_where_the_judge_is_ours():
    """What a judge of the user's own would say, nobody knows beforehand."""
    predictor = datagram_predictor_of(ShoutedDatagrams(), [b"a\n"])
    assert predictor is not None
    assert predictor.reply([b"a\n"]) == b"A\n"
    assert datagram_predictor_of(JudgedDatagrams(), [b"a\n"]) is None
