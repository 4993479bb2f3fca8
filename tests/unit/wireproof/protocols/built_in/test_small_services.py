"""Discard, daytime, time and chargen: servers that are not asked, or do not answer."""

import re

import pytest

from wireproof.protocols import MalformedReplyError, Protocol, WrongReplyError
from wireproof.protocols.announcement import Announcement
from wireproof.protocols.built_in.chargen import RING, Chargen, ChargenOracle
from wireproof.protocols.built_in.daytime import Daytime
from wireproof.protocols.built_in.discard import Discard
from wireproof.protocols.built_in.line_echo import LineEcho
from wireproof.protocols.built_in.time import SECONDS_1900_TO_1970, Time
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.loading.self_check import check_code


def test_discard_never_answers():
    """Any byte is one too many, and an end of stream is right."""
    oracle = Discard().oracle()
    oracle.announce(b"abc")
    oracle.sent(3)
    assert oracle.settled
    assert oracle.receive_data(b"") == 0
    oracle.receive_eof()
    with pytest.raises(WrongReplyError):
        oracle.receive_data(b"a")


def test_daytime_is_one_line_and_ends():
    """The line may come in pieces; only the end of the stream completes it."""
    oracle = Daytime().oracle()
    oracle.receive_data(b"23 NOV 2026 ")
    oracle.receive_data(b"14:41:16 UTC\r\n")
    assert not oracle.settled
    oracle.receive_eof()
    assert oracle.ended
    with pytest.raises(WrongReplyError):
        Daytime().oracle().receive_eof()


@pytest.mark.parametrize(("ahead_s", "right"), [(0, True), (2, True), (-3, False)])
def test_time_is_compared_with_the_clock(ahead_s: int, right: bool):
    """Four bytes within the skew that is allowed."""
    oracle = Time(clock=lambda: 1_800_000_000.0).oracle()
    oracle.receive_data((SECONDS_1900_TO_1970 + 1_800_000_000 + ahead_s).to_bytes(4))
    if right:
        oracle.receive_eof()
    else:
        with pytest.raises(WrongReplyError, match="s from the harness"):
            oracle.receive_eof()


@pytest.mark.parametrize(("ahead_s", "right"), [(-3, False), (-2, True), (1, True), (3, False)])
def test_time_begins_anew_when_its_four_bytes_are_full(ahead_s: int, right: bool):
    """In February 2036 the count goes from 2**32 - 1 to 0, and the two are a second apart."""
    oracle = Time(clock=lambda: 2**32 - 1 - SECONDS_1900_TO_1970).oracle()
    oracle.receive_data(((2**32 - 1 + ahead_s) % 2**32).to_bytes(4))
    if right:
        oracle.receive_eof()
    else:
        with pytest.raises(WrongReplyError, match="3 s from the harness"):
            oracle.receive_eof()


def test_chargen_follows_the_ring():
    """Lines of 72 characters, each one on from the last, from any start; a break is found."""
    lines = [(RING * 2)[at % 95 : at % 95 + 72] + b"\r\n" for at in range(90, 200)]
    stream = b"".join(lines)
    oracle = Chargen().oracle()
    for at in range(0, len(stream), 1000):
        oracle.receive_data(stream[at : at + 1000])
    with pytest.raises(WrongReplyError, match="pattern is broken"):
        oracle.receive_data(b"\x00")
    with pytest.raises(WrongReplyError, match="endless"):
        Chargen().oracle().receive_eof()


def test_chargen_says_where_the_pattern_breaks():
    """The error has the offset in all that was received, and both sides from there on."""
    stream = RING[5:77] + b"\r\n" + RING[6:78] + b"\r\n"
    oracle = Chargen().oracle()
    assert oracle.receive_data(stream[:80]) == 0
    assert oracle.receive_data(b"") == 0
    with pytest.raises(WrongReplyError) as wrong:
        oracle.receive_data(stream[80:90] + b"#" * 100)
    assert wrong.value.problem == "the pattern is broken"
    assert wrong.value.offset_bytes == 90
    following = (stream[90:] + RING[7:79])[:80]
    assert wrong.value.expected == f"{following!r}… (100 bytes)"
    assert wrong.value.actual == f"{b'#' * 80!r}… (100 bytes)"
    with pytest.raises(WrongReplyError) as wrong:
        oracle.receive_eof()
    assert wrong.value.problem == "the server ended an endless stream"
    assert wrong.value.expected == "characters until the client closes"
    assert (wrong.value.actual, wrong.value.offset_bytes) == ("end of stream", 80)


@pytest.mark.parametrize("first", [b"\x00", b"\r", b"\x7f"])
def test_chargen_begins_with_a_character_of_the_ring(first: bytes):
    """What begins with another one is taken for the ring's beginning, and is wrong at once."""
    with pytest.raises(WrongReplyError) as wrong:
        Chargen().oracle().receive_data(first)
    assert (wrong.value.expected, wrong.value.offset_bytes) == ("b' '", 0)


def test_chargen_may_begin_anywhere_in_the_ring():
    """The line goes on from any character, also from the last; other patterns must be asked for."""
    for first in range(95):
        oracle = ChargenOracle()
        assert oracle.receive_data((RING * 2)[first : first + 72] + b"\r\n") == 0
        with pytest.raises(WrongReplyError):
            oracle.receive_data(RING[first : first + 1])


def test_chargen_takes_any_pattern_if_asked_to():
    """`pattern=any` takes every byte; only an end of the stream is still wrong."""
    oracle = find_protocol("chargen", {"pattern": "any"}).oracle()
    assert oracle.receive_data(bytes(range(256))) == 0
    with pytest.raises(WrongReplyError, match="at byte 256"):
        oracle.receive_eof()


def test_chargen_begins_by_itself_and_is_not_stopped_by_what_is_sent():
    """A line must come to begin with, and another behind whatever the client sends."""
    line = RING[:72] + b"\r\n"
    oracle = find_protocol("chargen", {"pattern": "any"}).oracle()
    oracle.announce(b"abc")
    oracle.sent(0)
    for count in (0, 1, 2):
        if count:
            oracle.sent(count)
        assert not oracle.settled
        oracle.receive_data(line[:-1])
        assert not oracle.settled
        oracle.receive_data(line[-1:])
        assert oracle.settled
        assert oracle.owed == 0
        oracle.receive_data(line)
        assert oracle.settled


@pytest.mark.parametrize("name", ["chargen", "discard"])
def test_what_is_thrown_away_is_never_owed(name: str):
    """Nothing is owed for what was sent, and no more can be sent than was announced."""
    oracle = find_protocol(name).oracle()
    oracle.announce(b"abc")
    oracle.announce(b"de")
    oracle.sent(4)
    assert oracle.owed == 0
    oracle.sent(1)
    with pytest.raises(ValueError, match="6 bytes sent, only 5 were announced"):
        oracle.sent(1)


def test_discard_says_what_came():
    """The error shows what was received where nothing should be."""
    with pytest.raises(WrongReplyError) as wrong:
        Discard().oracle().receive_data(b"abc")
    assert wrong.value.problem == "a reply where none is due"
    assert (wrong.value.expected, wrong.value.actual) == ("nothing", "b'abc'")
    assert wrong.value.offset_bytes == 0


@pytest.mark.parametrize("protocol", [Daytime(), Time()])
def test_what_an_announcement_throws_away_is_short(protocol: Protocol):
    """Something is sent, of up to 64 bytes, nothing is answered, and only the end is an end."""
    assert isinstance(protocol, Announcement)
    sizes = {len(request) for request in check_code(protocol, 40)}
    assert sizes <= set(range(1, 65))
    assert 1 in sizes
    assert len(sizes) > 5
    assert protocol.reply_length(bytearray(b"a\r\n")) is None
    assert protocol.expected(b"a") is None


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (b"abc", "^3 bytes, not 4$"),
        (b"abcde", "^5 bytes, not 4$"),
        ((SECONDS_1900_TO_1970 + 1000 + 61).to_bytes(4), r"^[+]61 s from the harness's clock$"),
        ((SECONDS_1900_TO_1970 + 1000 - 3).to_bytes(4), r"^-3 s from the harness's clock$"),
    ],
)
def test_how_far_the_time_is_off_is_said(reply: bytes, says: str):
    """Another length, or the seconds that the server is ahead or behind."""
    judge = Time(clock=lambda: 1000.0).greeting()
    assert callable(judge)
    assert judge((SECONDS_1900_TO_1970 + 1000).to_bytes(4)) is True
    with pytest.raises(MalformedReplyError, match=says):
        judge(reply)


def test_lines_are_drawn_and_have_every_size():
    """A line may be empty, ends with its one newline, and has every size from one byte on."""
    drawn = check_code(LineEcho(), 60)
    assert all(re.fullmatch(rb"[^\n]*\n", line, re.DOTALL) for line in drawn)
    assert b"\n" in drawn
    assert any(b"\r" in line for line in drawn)
    assert len({line[:-1] for line in drawn}) > 20
    protocol = LineEcho()
    assert protocol.sized_request(0) is None
    assert protocol.sized_request(1) == b"\n"
    assert protocol.sized_request(13) == b"abcdefghijab\n"
    assert protocol.payload_request(b"a\r") == b"a\r\n"
    assert protocol.payload_request(b"a\nb") is None
