"""Discard, daytime, time and chargen: servers that are not asked, or do not answer."""

import pytest

from harness.protocols import WrongReplyError
from harness.protocols.chargen import RING, Chargen
from harness.protocols.daytime import Daytime
from harness.protocols.discard import Discard
from harness.protocols.time import SECONDS_1900_TO_1970, Time


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
