"""The judge of what was learnt: it depends on the bytes, never on how they come."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.learnt_scripts import BEGAN_S, constant, script, scripts
from wireproof.learning.patterns.pattern import Literal, Pattern
from wireproof.learnt.judges import protocol_of
from wireproof.learnt.oracle import LearntOracle
from wireproof.learnt.protocol import LearntProtocol
from wireproof.learnt.scripts import Scripts
from wireproof.protocols.oracle import WrongReplyError

PING = (b"ping\n", b"pong\n")
TALK = constant((b"set 1\n", b"stored\n"), (b"get\n", b"1\n"))
BOTH = constant((b"get\n", b"none\n"), (b"set 1\n", b"stored\n"), (b"get\n", b"1\n"))
BEAT = Pattern(0, (Literal(b"tick\n"),))
COUNTED = script([b"n\n"], [[b"n=%d\n" % number] for number in range(8, 14)])


def _protocol(*each: object, **more: object) -> LearntProtocol:
    protocol = protocol_of(scripts(*each, **more), clock=lambda: BEGAN_S + 5)  # type: ignore[arg-type]
    protocol.begins_plan(ordered=True)
    return protocol


def _oracle(*each: object) -> LearntOracle:
    return _protocol(*each).oracle()


def _ask(oracle: LearntOracle, request: bytes) -> None:
    oracle.announce(request)
    oracle.sent(len(request))


@given(cuts=st.sets(st.integers(1, 8), max_size=6), ahead=st.booleans())
def test_how_a_reply_comes_makes_no_difference(cuts: set[int], ahead: bool) -> None:
    """Whole or in pieces, one by one or together: the same replies are right."""
    oracle = _oracle(TALK)
    stream = b"stored\n1\n"
    _ask(oracle, b"set 1\n")
    if not ahead:
        assert oracle.receive_data(stream[:7]) == 1
        assert oracle.settled
    _ask(oracle, b"get\n")
    begin = 0 if ahead else 7
    borders = [begin, *sorted(cut for cut in cuts if cut > begin), len(stream)]
    answered = sum(oracle.receive_data(stream[start:end]) for start, end in pairwise(borders))
    assert answered == 2 - (not ahead)
    assert oracle.owed == 0
    oracle.receive_eof()


@given(at=st.integers(0, 6), byte=st.integers(0, 255))
def test_any_other_byte_is_wrong_where_it_stands(at: int, byte: int) -> None:
    """What was always the same must be the same, and the offset is the byte's."""
    reply = b"stored\n"
    if byte == reply[at]:
        return
    oracle = _oracle(TALK)
    _ask(oracle, b"set 1\n")
    with pytest.raises(WrongReplyError) as caught:
        oracle.receive_data(reply[:at] + bytes([byte]) + reply[at + 1 :])
    assert caught.value.offset_bytes == at
    assert not caught.value.is_surplus


def test_what_answers_nothing_is_surplus() -> None:
    """A byte more than was learnt is told as such, before the next request and behind the last."""
    oracle = _oracle(TALK)
    _ask(oracle, b"set 1\n")
    with pytest.raises(WrongReplyError) as caught:
        oracle.receive_data(b"stored\nmore")
    assert caught.value.is_surplus
    quiet = _oracle(TALK)
    quiet.announce(b"get\n")
    with pytest.raises(WrongReplyError):
        quiet.receive_data(b"1")


def test_a_request_is_told_by_what_went_before() -> None:
    """The same request has another reply behind another one, and off the script the nearest."""
    oracle = _oracle(BOTH)
    for request, reply in ((b"get\n", b"none\n"), (b"set 1\n", b"stored\n"), (b"get\n", b"1\n")):
        _ask(oracle, request)
        assert oracle.receive_data(reply) == 1
    strange = _oracle(BOTH)
    _ask(strange, b"set 1\n")
    strange.receive_data(b"stored\n")
    _ask(strange, b"get\n")
    assert strange.receive_data(b"1\n") == 1


def test_a_reply_may_begin_with_its_request() -> None:
    """A server that answers parts, as an echo does, isn't wrong; it still owes the rest."""
    oracle = _oracle(constant((b"hello\n", b"hello\n")))
    oracle.announce(b"hello\n")
    oracle.sent(2)
    assert oracle.receive_data(b"he") == 0
    assert oracle.settled
    oracle.sent(4)
    assert oracle.owed == 1
    assert oracle.receive_data(b"llo\n") == 1


def test_an_answer_that_is_ahead_of_its_request_counts_once_it_is_sent() -> None:
    """HTTP may answer before the body is there."""
    oracle = _oracle(constant(PING))
    oracle.announce(b"ping\n")
    oracle.sent(1)
    assert oracle.receive_data(b"pong\n") == 0
    oracle.sent(4)
    assert oracle.owed == 0


def test_the_end_within_a_reply_is_told() -> None:
    """And the end behind the last one is right."""
    oracle = _oracle(constant(PING))
    _ask(oracle, b"ping\n")
    oracle.receive_data(b"po")
    assert oracle.unfinished == b"po"
    with pytest.raises(WrongReplyError, match="end of stream within a reply"):
        oracle.receive_eof()


def test_a_script_that_closes_has_an_end() -> None:
    """What follows is not answered any more."""
    oracle = _oracle(constant(PING, (b"quit\n", b"bye\n"), closes=True))
    _ask(oracle, b"ping\n")
    oracle.receive_data(b"pong\n")
    assert not oracle.ended
    _ask(oracle, b"quit\n")
    oracle.receive_data(b"bye\n")
    assert oracle.ended
    assert oracle.settled


def test_a_greeting_is_owed_before_anything_is_sent() -> None:
    """The server speaks first."""
    oracle = _oracle(constant((b"", b"220 ready\n"), PING))
    assert oracle.owed == 1
    assert oracle.receive_data(b"220 ready\n") == 1
    _ask(oracle, b"ping\n")
    assert oracle.receive_data(b"pong\n") == 1


@given(together=st.booleans())
def test_a_counter_counts_within_one_receive(together: bool) -> None:
    """Several replies that come at once are counted one by one."""
    protocol = _protocol(COUNTED)
    oracle = protocol.oracle()
    replies = [b"n=20\n", b"n=21\n", b"n=22\n"]
    for _ in replies:
        _ask(oracle, b"n\n")
    for piece in [b"".join(replies)] if together else replies:
        oracle.receive_data(piece)
    assert oracle.owed == 0


def test_a_counter_that_goes_back_is_wrong() -> None:
    """Unless the count was lost; and by its form alone any number is right."""
    protocol = _protocol(COUNTED)

    def say(number: int) -> None:
        oracle = protocol.oracle()
        _ask(oracle, b"n\n")
        oracle.receive_data(b"n=%d\n" % number)

    say(20)
    say(21)
    with pytest.raises(WrongReplyError, match="is not the next of this counter"):
        say(21)
    protocol.has_lost_count()
    say(40)
    protocol.looks_at_form(only=True)
    say(7)


def test_what_grows_may_begin_anew_where_the_count_was_lost() -> None:
    """As the numbers of processes do; anywhere else that is wrong."""
    numbers = (1000, 1003, 1004, 1009, 1011, 1018)
    protocol = _protocol(script([b"pid\n"], [[b"%d\n" % number] for number in numbers]))

    def say(number: int) -> None:
        oracle = protocol.oracle()
        _ask(oracle, b"pid\n")
        oracle.receive_data(b"%d\n" % number)

    say(2000)
    with pytest.raises(WrongReplyError, match="goes back"):
        say(1001)
    protocol.has_lost_count()
    say(1001)
    protocol.begins_plan(ordered=False)
    say(1000)


def test_a_request_of_no_script_is_refused() -> None:
    """Nobody learnt what it is answered."""
    with pytest.raises(ValueError, match="is in no script"):
        _oracle(TALK).announce(b"other\n")


def test_a_name_that_was_varied_is_expected_in_the_reply() -> None:
    """Requests and replies change alike, and the script is found all the same."""
    hello = constant((b"I am user-17\n", b"welcome user-17\n"), (b"bye\n", b"bye user-17\n"))
    protocol = _protocol(hello, vary=r"user-\d+")
    first, second = (protocol.personalise(b"I am user-17\n", serial) for serial in (0, 5))
    assert (first, second) == (b"I am user-17\n", b"I am user-22\n")
    oracle = protocol.oracle()
    _ask(oracle, second)
    assert oracle.receive_data(b"welcome user-22\n") == 1
    _ask(oracle, b"bye\n")
    assert oracle.receive_data(b"bye user-22\n") == 1
    assert isinstance(protocol.scripts, Scripts)


@given(cuts=st.sets(st.integers(1, 30)), places=st.lists(st.sampled_from([0, 7, 9]), max_size=3))
def test_what_comes_unasked_is_no_part_of_a_reply(cuts: set[int], places: list[int]) -> None:
    """Before a reply, between two and behind them, once or again, however the stream is cut."""
    oracle = _protocol(TALK, unasked=(BEAT,)).oracle()
    _ask(oracle, b"set 1\n")
    _ask(oracle, b"get\n")
    stream = b"stored\n1\n"
    for place in sorted(places, reverse=True):
        stream = stream[:place] + b"tick\n" + stream[place:]
    borders = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    assert sum(oracle.receive_data(stream[start:end]) for start, end in pairwise(borders)) == 2
    assert oracle.owed == 0
    assert oracle.unasked_bytes == 5 * len(places)
    oracle.receive_eof()


@pytest.mark.parametrize(
    ("stream", "offset_bytes"),
    [(b"tick\nstared\n", 7), (b"stotick\nred\n", 3), (b"tack\n", 0), (b"tick\nstored\n1\ntic", 14)],
)
def test_what_is_neither_asked_for_nor_known_is_wrong(stream: bytes, offset_bytes: int) -> None:
    """And told where it stands in all that came."""
    oracle = _protocol(TALK, unasked=(BEAT,)).oracle()
    _ask(oracle, b"set 1\n")
    _ask(oracle, b"get\n")
    with pytest.raises(WrongReplyError) as wrong:
        oracle.receive_data(stream)
        oracle.receive_eof()
    assert wrong.value.offset_bytes == offset_bytes


def test_what_is_missing_at_the_end_of_a_reply_is_told_with_what_comes_next() -> None:
    """That the reply was over shows when the next request leaves: to send is never wrong."""
    replies = [[b"yo\n", b"pong\n"], *[[b"yo\nnews\n", b"pong\n"]] * 5]
    protocol = _protocol(script([b"hi\n", b"ping\n"], replies))
    told = False
    for _ in range(3):  # the first may be answered as the first play was
        oracle = protocol.oracle()
        _ask(oracle, b"hi\n")
        oracle.receive_data(b"yo\n")
        _ask(oracle, b"ping\n")
        try:
            oracle.receive_data(b"pong\n")
        except WrongReplyError:
            told = True
    assert told
