import itertools
import random
from collections.abc import Sequence

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.support.spoken import (
    NOW_S,
    Saying,
    base64_token,
    binary_counter,
    body,
    conversations,
    counter,
    date,
    plays_of,
    raw_token,
    token,
    words,
)
from wireproof.learning.learnt import Learnt, learn, remembered
from wireproof.learning.memory import Memory
from wireproof.learning.patterns.matching import Matcher, first_mismatch
from wireproof.learning.patterns.mismatch import Mismatch, MismatchError
from wireproof.learning.patterns.pattern import Pattern, Span
from wireproof.learning.plays import Moment, Play
from wireproof.learning.values.kinds import name_of

PLAYS = 6


def _kinds(pattern: Pattern) -> list[str]:
    return [name_of(one.kind) for one in pattern.elements if isinstance(one, Span)]


def _learnt(*replies: Sequence[Saying]) -> tuple[Learnt, Memory]:
    plays = plays_of(replies, PLAYS)
    learnt = learn(plays)
    return learnt, remembered(learnt, plays)


def _said(play: int, *replies: Sequence[Saying]) -> Play:
    return plays_of(replies, 1, play)[0]


def _judged(learnt: Learnt, memory: Memory, play: Play) -> Mismatch | None:
    return first_mismatch(learnt.patterns, play.replies, memory=memory, moments=play.moments)


_PIECES = st.sampled_from(
    [b"$", b"1", b"2", b"12", b"\r\n", b"\r\n\r\n", b"a", b"12:00:01", b": ", b"\x00\x02", b"\xff"]
)
_REPLIES = st.binary(max_size=60) | st.lists(_PIECES, max_size=25).map(b"".join)


@given(st.lists(st.lists(_REPLIES, min_size=2, max_size=2), min_size=1, max_size=8))
@example([[b"a 12:12", b""], [b"a 12:12:00:0", b""]])
def test_a_pattern_accepts_all_of_its_samples(replies: list[list[bytes]]) -> None:
    """Whatever the samples are: what can't be explained is masked, never refused."""
    moments = (Moment(NOW_S, NOW_S),) * 2
    learnt = learn([Play(tuple(one), moments) for one in replies])
    for one in replies:
        assert first_mismatch(learnt.patterns, one) is None


@given(conversations)
def test_a_pattern_accepts_its_samples_and_what_follows(templates: list[list[Saying]]) -> None:
    """A sound server that goes on as before raises no alarm."""
    plays = plays_of(templates, PLAYS)
    learnt = learn(plays)
    memory = remembered(learnt, plays)
    for play in plays:
        assert first_mismatch(learnt.patterns, play.replies) is None
    for number in range(PLAYS, PLAYS + 3):
        assert _judged(learnt, memory, _said(number, *templates)) is None
        memory = remembered(learnt, plays_of(templates, number + 1))


@given(conversations, st.integers(0, 2**32))
def test_the_verdict_does_not_depend_on_the_cuts(templates: list[list[Saying]], seed: int) -> None:
    """A stream is judged alike whole and in pieces, right or wrong."""
    learnt, _ = _learnt(*templates)
    chance = random.Random(seed)
    stream = bytearray(b"".join(_said(PLAYS, *templates).replies))
    assume(stream)
    if chance.random() < 0.7:
        stream[chance.randrange(len(stream))] ^= 1 << chance.randrange(8)
    if chance.random() < 0.3:
        del stream[chance.randrange(len(stream)) :]
    cuts = sorted(chance.sample(range(len(stream) + 1), min(len(stream), chance.randrange(9))))
    ends = [0, *cuts, len(stream)]
    pieces = [bytes(stream[a:b]) for a, b in itertools.pairwise(ends)]
    octets = [bytes([octet]) for octet in stream]
    verdicts = [_verdict(learnt, one) for one in ([bytes(stream)], pieces, octets)]
    assert verdicts[0] == verdicts[1] == verdicts[2]


def _verdict(learnt: Learnt, pieces: Sequence[bytes]) -> tuple[object, ...]:
    matcher = Matcher()
    completed = 0
    try:
        for pattern in learnt.patterns:
            completed += matcher.owe(pattern)
        for piece in pieces:
            completed += matcher.receive_data(piece)
        completed += matcher.finish()
    except MismatchError as error:
        wrong = error.mismatch
        return wrong.reply, wrong.element, wrong.offset_bytes, wrong.stream_offset_bytes
    return completed, matcher.values


@given(conversations, st.data())
def test_a_wrong_literal_byte_is_found_where_it_is(
    templates: list[list[Saying]], data: st.DataObject
) -> None:
    """The mismatch names the reply and the offset."""
    learnt, memory = _learnt(*templates)
    play = _said(PLAYS, *templates)
    literal = [
        (number, offset)
        for number, pattern in enumerate(learnt.patterns)
        for offset in _literal_offsets(pattern, play.replies[number])
    ]
    assume(literal)
    number, offset = data.draw(st.sampled_from(literal))
    replies = [bytearray(one) for one in play.replies]
    replies[number][offset] ^= 0x80
    found = _judged(learnt, memory, Play(tuple(map(bytes, replies)), play.moments))
    assert found is not None
    assert found.reply == number
    assert found.offset_bytes <= offset


def _literal_offsets(pattern: Pattern, reply: bytes) -> list[int]:
    matcher = Matcher()
    matcher.owe(pattern)
    matcher.receive_data(reply)
    matcher.finish()
    offsets: list[int] = []
    at = 0
    for number, element in enumerate(pattern.elements):
        if isinstance(element, Span):
            at += len(matcher.values[pattern.reply, number])
        else:
            offsets += range(at, at + len(element.data))
            at += len(element.data)
    return offsets


@pytest.mark.parametrize(
    ("parts", "kinds"),
    [
        ([words(b":"), counter(8, 1), words(b"\r\n")], ["counter"]),
        ([words(b":"), counter(98, 3), words(b"\r\n")], ["counter"]),
        ([words(b"\x01\xff"), binary_counter(250, 2), words(b"\x00\x00\x06")], ["counter"]),
        ([words(b"Date: "), date("%a, %d %b %Y %H:%M:%S GMT"), words(b"\r\n")], ["clock"]),
        ([words(b"["), date("%a %b %e %H:%M:%S %Y"), words(b"] hi")], ["clock"]),
        ([words(b"now "), date("%s"), words(b"\n")], ["clock"]),
        ([words(b"id="), token(1), words(b"\n")], ["unique"]),
        ([words(b"id="), base64_token(1), words(b"\n")], ["unique"]),
        ([words(b"\x01\xff"), raw_token(1), words(b"\xff\xfe")], ["unique"]),
        ([body(1)], ["length", "random"]),
        ([words(b"$1\r\n"), counter(2, 1), words(b"\r\n")], ["length", "counter"]),
        ([words(b"id="), token(1), words(b" again "), token(1), words(b"\n")], ["unique", "same"]),
        ([words(b"MSH|"), date("%Y%m%d%H%M%S"), words(b"|\r")], ["clock"]),
    ],
)
def test_places_are_told_apart(parts: list[Saying], kinds: list[str]) -> None:
    """Each kind is recognised from six plays."""
    learnt, _ = _learnt(parts)
    assert _kinds(learnt.patterns[0]) == kinds


def _binary_clock(play: int, at_s: float) -> bytes:
    return (int(at_s) + 2208988800).to_bytes(4)


def test_a_binary_clock_is_one() -> None:
    """RFC 868 has nothing else in it."""
    learnt, memory = _learnt([Saying("time", _binary_clock)])
    assert _kinds(learnt.patterns[0]) == ["clock"]
    late = Play(((int(NOW_S) + 2208988800).to_bytes(4),), (Moment(NOW_S + 60, NOW_S + 60),))
    found = _judged(learnt, memory, late)
    assert found is not None
    assert found.problem == "is 59 s behind the clock"


def _key_of_a_process(first: int, step: int) -> Saying:
    """As PostgreSQL tells whom to cancel: a process, and a secret."""
    secret = raw_token(1).say
    return Saying("key", lambda play, at_s: (first + step * play).to_bytes(4) + secret(play, 0)[:4])


@pytest.mark.parametrize("first", [0x6A10, 0x6AFA, 0x10203])
def test_the_upper_bytes_of_a_number_move_too(first: int) -> None:
    """However long they have stood still while it was learnt."""
    learnt, memory = _learnt([words(b"K\x00\x00\x00\x0c"), _key_of_a_process(first, 3)])
    assert _kinds(learnt.patterns[0])[0] == "rising"
    later = _said(9, [words(b"K\x00\x00\x00\x0c"), _key_of_a_process(first + 0x300, 3)])
    assert first_mismatch(learnt.patterns, later.replies, memory=memory) is None


def test_a_date_that_stands_still_is_no_clock() -> None:
    """A file that was changed a moment ago keeps its date."""
    stamp = b"Sat, 03 Jan 2026 12:00:00 GMT"
    learnt, _ = _learnt([words(b"Last-Modified: " + stamp + b"\r\n")])
    assert learnt.patterns[0].constant == b"Last-Modified: " + stamp + b"\r\n"


def test_a_clock_that_had_no_time_to_move_is_one() -> None:
    """Plays that are all made within one second prove nothing against a date that says now."""
    reply = b"Sat, 03 Jan 2026 12:00:01 GMT\n"
    plays = [Play((reply,), (Moment(NOW_S, NOW_S + 0.1),)) for _ in range(PLAYS)]
    learnt = learn(plays)
    assert _kinds(learnt.patterns[0]) == ["clock"]
    later = Play((b"Sat, 03 Jan 2026 12:01:01 GMT\n",), (Moment(NOW_S + 60, NOW_S + 60.1),))
    assert _judged(learnt, Memory(), later) is None


def test_a_date_in_another_zone_is_a_clock() -> None:
    """Local time is so many quarters of an hour from now."""
    zoned = Saying("local", lambda play, at_s: date("%H:%M:%S %d").say(play, at_s + 5.75 * 3600))
    full = Saying(
        "local", lambda play, at_s: date("%Y-%m-%d %H:%M:%S").say(play, at_s + 5.75 * 3600)
    )
    assert _kinds(_learnt([words(b"at "), full, words(b"\n")])[0].patterns[0]) == ["clock"]
    learnt, memory = _learnt([words(b"at "), zoned, words(b"\n")])
    assert _judged(learnt, memory, _said(PLAYS, [words(b"at "), zoned, words(b"\n")])) is None


WRONGS = [
    # A wrong byte inside a date: of its form, and of its value.
    ([date("%a, %d %b %Y %H:%M:%S GMT")], b"Sax, 03 Jan 2026 12:00:07 GMT"),
    ([date("%a, %d %b %Y %H:%M:%S GMT")], b"Sat, 03 Jan 2026 13:00:07 GMT"),
    ([date("%a, %d %b %Y %H:%M:%S GMT")], b"Mon, 03 Jan 2026 12:00:07 GMT"),
    ([date("%a %b %e %H:%M:%S %Y")], b"Sat Jan  3 12:00:77 2026"),
    ([date("%Y-%m-%dT%H:%M:%SZ")], b"2016-01-03T12:00:07Z"),
    # A counter that goes back, stands still, or jumps.
    ([counter(40, 1)], b"45"),
    ([counter(40, 1)], b"40"),
    ([counter(40, 1)], b"48"),
    ([counter(40, 1)], b"046"),
    # A token that came before; one of zeros has another size, or comes twice.
    ([token(1)], token(1).say(2, 0)),
    ([token(1)], b"0"),
    ([base64_token(1)], base64_token(1).say(0, 0)),
    # What was repeated isn't.
    ([token(1), words(b"/"), token(1)], token(1).say(PLAYS, 0) + b"/" + token(1).say(0, 0)),
    # A length that isn't the body's.
    ([body(1)], b"$5\r\nzzzz\r\n"),
    ([body(1)], b"$3\r\nzzzz\r\n"),
    # Words that no play had.
    ([words(b"OK")], b"NO"),
    ([words(b"OK")], b""),
    ([words(b"OK")], b"OK OK"),
]


@pytest.mark.parametrize(("parts", "wrong"), WRONGS)
def test_wrong_replies_are_caught(parts: list[Saying], wrong: bytes) -> None:
    """In the place of what would have been right, each is a mismatch, and nothing else is."""
    around = (words(b"+"), words(b"\r\n"))
    learnt, memory = _learnt([around[0], *parts, around[1]])
    right = _said(PLAYS, [around[0], *parts, around[1]])
    assert learnt.shares.masked_bytes == 0 or "z" in repr(wrong)
    assert _judged(learnt, memory, right) is None
    assert _judged(learnt, memory, Play((b"+" + wrong + b"\r\n",), right.moments)) is not None


def test_what_is_random_is_said_to_be_unjudged() -> None:
    """A short random number repeats by chance: it is masked, and counted so."""
    chance = random.Random(1)
    took = Saying("took", lambda play, at_s: b"%d" % chance.randrange(10, 99))
    learnt, _ = _learnt([words(b"rolled "), took, words(b" \r\n")])
    assert _kinds(learnt.patterns[0]) == ["random"]
    assert learnt.shares.masked_bytes == 2
    assert learnt.shares.judged == 1 - 2 / 12
    assert str(learnt.shares) == "83 % of 12 reply bytes exact, 17 % masked"
    (row,) = learnt.table()
    assert (row.reply, row.offset_bytes, row.size_bytes, row.kind, row.judged) == (
        0, 7, 2, "random", "not",
    )  # fmt: skip
    assert len(row.examples) == 3


def test_a_length_that_never_changed_is_still_one() -> None:
    """Another digit in the body changes it; nor do two different ones make it doubtful."""
    for last in (b"54321", b"4321"):
        _hold_by_body_length([b"12345"] * 3 + [last] * 3 + [b"777", b"123456"])


def _hold_by_body_length(values: list[bytes]) -> None:
    digits = iter(values)
    took = Saying("took", lambda play, at_s: next(digits))
    plays = []
    for number in range(8):
        body = b'{"took": 0.%b}' % took.say(number, 0)
        reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX: y\r\n\r\n%b" % (len(body), body)
        plays.append(Play((reply,), (Moment(NOW_S, NOW_S),)))
    learnt = learn(plays[:PLAYS])
    assert _kinds(learnt.patterns[0]) == ["length", "random"]
    for play in plays:
        assert first_mismatch(learnt.patterns, play.replies) is None
    wrong = plays[0].replies[0].replace(b": 17", b": 16")
    assert wrong != plays[0].replies[0]
    assert first_mismatch(learnt.patterns, [wrong]) is not None


def test_growing_replies_are_told_with_their_sizes() -> None:
    """The server remembers: what it says can't be judged."""
    grown = Saying("list", lambda play, at_s: b"item;" * (play + 2))
    learnt, _ = _learnt([words(b"OK\r\n")], [grown])
    assert [str(one) for one in learnt.growth] == [
        "reply 2 grows with each play: 10, 15, 20, 25, 30, 35 bytes"
    ]
    shrunk = Saying("queue", lambda play, at_s: b"item;" * (9 - play))
    learnt, _ = _learnt([shrunk])
    assert [str(one) for one in learnt.growth] == [
        "reply 1 shrinks with each play: 45, 40, 35, 30, 25, 20 bytes"
    ]


def test_a_counter_that_needs_another_digit_does_not_grow() -> None:
    """Once longer is not longer with each play."""
    learnt, _ = _learnt([counter(8, 1)])
    assert learnt.growth == ()


def test_what_only_the_first_play_was_given_is_told() -> None:
    """SETNX says 1 once; a stable refusal follows that is no norm."""
    once = Saying("setnx", lambda play, at_s: b"1" if play == 0 else b"0")
    learnt, memory = _learnt([words(b"OK\r\n")], [words(b":"), once, words(b"\r\n")])
    assert learnt.used_up == (1,)
    assert learnt.shares.judged == 1
    assert _judged(learnt, memory, _said(PLAYS, [words(b"OK\r\n")], [words(b":0\r\n")])) is None
    found = _judged(learnt, memory, _said(PLAYS, [words(b"OK\r\n")], [words(b":1\r\n")]))
    assert found is not None
    assert found.problem == "is what only the first play was answered"


def test_recorded_replies_are_compared_by_their_form() -> None:
    """A replayed log-in that is refused now differs from what was recorded; old dates don't."""
    template = [words(b"+OK "), date("%Y-%m-%d %H:%M:%S"), words(b" #"), counter(5, 1)]
    learnt, _ = _learnt(template, [words(b"-ERR bad token\r\n")])
    found = learnt.differences([b"+OK 2019-05-01 10:00:00 #3", b"+OK welcome\r\n"])
    assert [(one.reply, one.offset_bytes) for one in found] == [(1, 0)]
    assert str(found[0]) == (
        "reply 2, byte 0: differs from every play: expected b'-ERR bad token\\r\\n',"
        " got b'+OK welcome\\r\\n'"
    )


def test_recorded_replies_may_have_ended_elsewhere() -> None:
    """A server that speaks when it likes is seen in other turns than it is played in."""
    learnt, _ = _learnt([words(b"ack\n")], [words(b"news\n")], [words(b"")])
    assert learnt.differences([b"ack\nne", b"", b"ws\n"]) == []
    assert [one.reply for one in learnt.differences([b"ack\n", b"new\n", b""])] == [1]


def test_bytes_that_went_to_another_reply_are_told() -> None:
    """Replies that ended elsewhere, in streams of one length, were cut too early."""
    plays = [
        Play(one, (Moment(NOW_S, NOW_S),) * 2)
        for one in [(b"one\r\n", b"two\r\n"), (b"one\r", b"\ntwo\r\n"), (b"one\r\n", b"two\r\n")]
    ]
    assert learn(plays).borders_moved
    assert not learn([plays[0], plays[2]]).borders_moved


def test_plays_of_different_conversations_are_refused() -> None:
    """They have nothing to be compared by."""
    moments = (Moment(NOW_S, NOW_S),)
    with pytest.raises(ValueError, match="same number of replies"):
        learn([Play((b"",), moments), Play((b"", b""), moments * 2)])
    with pytest.raises(ValueError, match="1 replies, 2 moments"):
        Play((b"",), moments * 2)


def test_a_failed_control_is_another_sample() -> None:
    """What was taken for literal bytes, and moved later, is learnt anew."""
    slow = Saying("slow", lambda play, at_s: b"A" if play < 8 else b"B%d" % play)
    template = [words(b"<"), slow, words(b">")]
    plays = plays_of([template], PLAYS)
    learnt = learn(plays)
    control = _said(8, template)
    assert _judged(learnt, remembered(learnt, plays), control) is not None
    more = [*plays, Play(control.replies, control.moments, skipped_before=2)]
    again = learn(more)
    assert _judged(again, remembered(again, more), control) is None


def test_counters_may_or_may_not_have_counted_what_was_skipped() -> None:
    """Between two plays that are learnt from, others may have been made."""
    template = [words(b":"), counter(40, 2), words(b"\r\n")]
    plays = [*plays_of([template], PLAYS)]
    late = _said(9, template)
    plays.append(Play(late.replies, late.moments, skipped_before=3))
    learnt = learn(plays)
    assert _kinds(learnt.patterns[0]) == ["counter"]
    memory = remembered(learnt, plays)
    memory.skip(2)
    for number, is_right in ((9, False), (10, True), (11, True), (12, True), (13, False)):
        assert (_judged(learnt, memory, _said(number, template)) is None) == is_right
    found = _judged(learnt, memory, _said(9, template))
    assert found is not None
    assert found.expected == "60 to 64, the next of a counter in steps of 2"


def test_beside_other_plays_a_counter_only_never_repeats() -> None:
    """Its next value isn't known then."""
    template = [words(b":"), counter(40, 1), words(b"\r\n")]
    plays = plays_of([template], PLAYS)
    learnt = learn(plays)
    memory = remembered(learnt, plays, ordered=False)
    assert _judged(learnt, memory, _said(30, template)) is None
    assert _judged(learnt, memory, _said(3, template)) is not None
