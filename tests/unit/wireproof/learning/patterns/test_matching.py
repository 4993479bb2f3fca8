import pytest

from tests.support.spoken import NOW_S, body, counter, date, plays_of, words
from wireproof.learning.learnt import learn
from wireproof.learning.patterns.matching import Matcher
from wireproof.learning.patterns.mismatch import MismatchError
from wireproof.learning.patterns.pattern import DATE, Literal, Pattern, Span
from wireproof.learning.values.clocks import Clock
from wireproof.learning.values.kinds import Random

LINE = Pattern(0, (Literal(b"+OK\r\n"),))
EMPTY = Pattern(1, ())
OPEN = Pattern(0, (Literal(b"n="), Span(Random(), "digits", 1, 20)))
QUOTED = Pattern(0, (Literal(b"<"), Span(Random(), "a line", 0, 20), Literal(b"> end\n")))
DATED = Pattern(0, (Span(Clock("ISO 8601", 0.0), DATE, 1, 64), Literal(b"\n")))


def _mismatch(matcher: Matcher, *pieces: bytes, finish: bool = False) -> str:
    with pytest.raises(MismatchError) as caught:
        for piece in pieces:
            matcher.receive_data(piece, NOW_S)
        if finish:
            matcher.finish()
    return str(caught.value)


def test_a_full_match_is_complete_at_once() -> None:
    """Nobody waits for silence where the pattern says that it is all."""
    matcher = Matcher()
    assert matcher.owe(LINE) == 0
    assert matcher.owe(EMPTY) == 0
    assert matcher.receive_data(b"+OK\r") == 0
    assert matcher.owed == 2
    assert matcher.receive_data(b"\n") == 2
    assert matcher.owed == 0
    assert matcher.may_be_complete
    assert matcher.finish() == 0


def test_a_request_without_a_reply_is_answered_at_once() -> None:
    """Where nothing is owed before it."""
    assert Matcher().owe(EMPTY) == 1


def test_a_wrong_byte_is_known_at_once() -> None:
    """Its offset in the reply and in the stream is told."""
    matcher = Matcher()
    matcher.owe(LINE)
    matcher.owe(LINE)
    matcher.receive_data(b"+OK\r\n+O")
    with pytest.raises(MismatchError) as caught:
        matcher.receive_data(b"X")
    found = caught.value.mismatch
    assert (found.reply, found.element, found.kind) == (0, 0, "literal")
    assert (found.offset_bytes, found.stream_offset_bytes) == (2, 7)
    assert (found.expected, found.actual) == (repr(b"K\r\n"), repr(b"X"))


def test_what_is_not_owed_is_told() -> None:
    """A surplus byte belongs to no reply."""
    matcher = Matcher()
    matcher.owe(LINE)
    assert _mismatch(matcher, b"+OK\r\n+") == (
        "byte 5: is not owed: expected nothing more, got b'+'"
    )


def test_what_is_missing_is_told() -> None:
    """At the end of the stream, with what should have come."""
    matcher = Matcher()
    matcher.owe(LINE)
    assert _mismatch(matcher, b"+O", finish=True) == (
        "reply 1, byte 2: is missing: expected b'K\\r\\n', got nothing"
    )


def test_a_span_at_the_end_is_complete_when_nothing_more_comes() -> None:
    """Only the caller can know that; the matcher says that it may be."""
    matcher = Matcher()
    matcher.owe(OPEN)
    assert not matcher.may_be_complete
    assert matcher.receive_data(b"n=12") == 0
    assert matcher.may_be_complete
    assert matcher.receive_data(b"3") == 0
    assert matcher.finish() == 1
    assert matcher.values == {(0, 1): b"123"}


def test_a_span_at_the_end_ends_where_the_next_reply_begins() -> None:
    """Coalesced replies are told apart by what a number cannot contain."""
    matcher = Matcher()
    matcher.owe(OPEN)
    matcher.owe(LINE)
    assert matcher.receive_data(b"n=12+OK\r\n") == 2


def test_a_span_that_may_contain_what_follows_ends_before_it() -> None:
    """The literal behind it is looked for."""
    for pieces in ([b"<a>b> end\n"], [b"<a>b", b"> en", b"d\n"]):
        matcher = Matcher()
        matcher.owe(QUOTED)
        assert sum(map(matcher.receive_data, pieces)) == 1
        assert matcher.values == {(0, 1): b"a>b"}


def test_a_span_never_grows_without_bound() -> None:
    """A flood in the place of a short value is refused."""
    matcher = Matcher()
    matcher.owe(QUOTED)
    assert "is not of the form that was seen" in _mismatch(matcher, b"<", b"x" * 100)


def test_a_date_is_complete_when_it_cannot_go_on() -> None:
    """A fraction or a zone may follow, wherever the bytes are cut."""
    for text in (b"2026-01-03T12:00:01", b"2026-01-03 12:00:01.123", b"2026-01-03T12:00:01+00:00"):
        for cut in range(len(text) + 1):
            matcher = Matcher(since_s=NOW_S)
            matcher.owe(DATED)
            assert matcher.receive_data(text[:cut], NOW_S) == 0
            assert matcher.receive_data(text[cut:] + b"\n", NOW_S) == 1
            assert matcher.values == {(0, 0): text}


def test_a_date_is_compared_with_the_clock_only_if_there_is_one() -> None:
    """Replayed recordings have none."""
    matcher = Matcher()
    matcher.owe(DATED)
    assert matcher.receive_data(b"1999-01-03 12:00:01\n") == 1
    matcher = Matcher(since_s=NOW_S)
    matcher.owe(DATED)
    assert "behind the clock" in _mismatch(matcher, b"1999-01-03 12:00:01\n")


def test_a_length_that_is_not_possible_is_refused_before_its_bytes_are_waited_for() -> None:
    """A wrong length must not make us wait, nor buffer, for ever."""
    template = [words(b">"), body(3), words(b"\n")]
    (pattern,) = learn(plays_of([template], 6)).patterns
    matcher = Matcher()
    matcher.owe(pattern)
    assert "is not the length of its part" in _mismatch(matcher, b">$999999999\r\n")


def test_a_pattern_is_data() -> None:
    """It can be written down, and read again."""
    import msgspec

    template = [body(1), words(b" "), counter(1, 1), words(b" "), date("%Y-%m-%d %H:%M:%S")]
    for pattern in learn(plays_of([template], 6)).patterns:
        written = msgspec.json.encode(pattern)
        assert msgspec.json.decode(written, type=Pattern) == pattern


def test_a_pattern_for_another_identity() -> None:
    """Where a request names another user, the reply does."""
    pattern = Pattern(0, (Literal(b"hello user-1, user-1\n"),))
    assert pattern.replaced(b"user-1", b"user-7").constant == b"hello user-7, user-7\n"
    with pytest.raises(ValueError, match="differ in size"):
        pattern.replaced(b"user-1", b"user-10")
