"""Replies in whatever order they come: each is a whole one, to a request that waits for it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.learnt_scripts import constant, script, scripts
from wireproof.learning.patterns.pattern import Literal, Pattern
from wireproof.learnt.any_order import AnyOrderOracle
from wireproof.learnt.cast import Cast
from wireproof.protocols.oracle import WrongReplyError

REPLIES = {b"a\n": b"one\n", b"b\n": b"two\n", b"c\n": b"three\n", b"quiet\n": b""}
ALL = scripts(constant(*REPLIES.items()))


def _asked(*requests: bytes) -> AnyOrderOracle:
    oracle = AnyOrderOracle(Cast(ALL))
    for request in requests:
        oracle.announce(request)
        oracle.sent(len(request))
    return oracle


@given(order=st.permutations([b"a\n", b"b\n", b"c\n"]), cuts=st.sets(st.integers(1, 13)))
def test_each_order_is_right_however_it_is_cut(order: list[bytes], cuts: set[int]) -> None:
    """And all that was asked is answered then, but what never is."""
    oracle = _asked(b"a\n", b"b\n", b"quiet\n", b"c\n")
    assert oracle.owed == 3
    stream = b"".join(REPLIES[one] for one in order)
    borders = [0, *sorted(cuts), len(stream)]
    assert sum(oracle.receive_data(stream[begin:end]) for begin, end in pairwise(borders)) == 3
    assert oracle.owed == 0
    oracle.receive_eof()


@pytest.mark.parametrize(
    ("stream", "is_surplus"),
    [
        (b"one\none\n", False),
        (b"ont\n", False),
        (b"three\n", False),
        (b"one\ntwo\none\n", True),
    ],
)
def test_what_answers_no_request_is_wrong(stream: bytes, is_surplus: bool) -> None:
    """Neither a reply that came already, nor one that was never asked for."""
    oracle = _asked(b"a\n", b"b\n")
    with pytest.raises(WrongReplyError) as caught:
        oracle.receive_data(stream)
    assert caught.value.is_surplus is is_surplus


def test_a_part_of_a_reply_is_waited_for() -> None:
    """The end of the stream within it is wrong."""
    oracle = _asked(b"a\n", b"c\n")
    assert oracle.receive_data(b"thr") == 0
    assert oracle.unfinished == b"thr"
    assert oracle.receive_data(b"ee\n") == 1
    with pytest.raises(WrongReplyError, match="end of stream"):
        oracle.receive_eof()


def test_values_are_looked_at_by_their_form() -> None:
    """A number that counts is one, whichever it is; and a greeting comes first of all."""
    counted = script([b"", b"n\n"], [[b"hi\n", b"n=%d.\n" % number] for number in range(8, 14)])
    oracle = AnyOrderOracle(Cast(scripts(counted)))
    assert oracle.owed == 1
    oracle.announce(b"n\n")
    oracle.sent(2)
    assert oracle.receive_data(b"hi\nn=5.\n") == 2


MESSAGES = {b"sub\n": b"+sub\n", b"pub\n": b"+pub\n*message\n", b"ping\n": b"+pong\n"}


@pytest.mark.parametrize(
    "stream",
    [
        b"+pub\n+pong\n*message\n+sub\n",
        b"+sub\n+pub\n+pong\n*message\n",
        b"+pong\n+sub\n+pub\n*message\n",
    ],
)
def test_a_reply_of_several_messages_may_come_in_pieces(stream: bytes) -> None:
    """A broker passes a message on when it is ready, behind other replies."""
    oracle = AnyOrderOracle(Cast(scripts(constant(*MESSAGES.items()))))
    for request in MESSAGES:
        oracle.announce(request)
        oracle.sent(len(request))
    assert sum(oracle.receive_data(bytes([one])) for one in stream) == 3
    assert oracle.owed == 0
    oracle.receive_eof()
    with pytest.raises(WrongReplyError) as caught:
        oracle.receive_data(b"+")
    assert caught.value.is_surplus


@given(cuts=st.sets(st.integers(1, 17)))
def test_what_comes_unasked_answers_nothing(cuts: set[int]) -> None:
    """Wherever it stands among the replies, and however it comes."""
    beat = Pattern(0, (Literal(b"tick\n"),))
    oracle = AnyOrderOracle(Cast(scripts(constant(*REPLIES.items()), unasked=(beat,))))
    for request in (b"a\n", b"b\n"):
        oracle.announce(request)
        oracle.sent(len(request))
    stream = b"tick\ntwo\ntick\none\n"
    borders = [0, *sorted(cuts), len(stream)]
    assert sum(oracle.receive_data(stream[begin:end]) for begin, end in pairwise(borders)) == 2
    assert (oracle.owed, oracle.unasked_bytes) == (0, 10)
