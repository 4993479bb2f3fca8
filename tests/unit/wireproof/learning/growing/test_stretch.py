"""Messages that get longer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.learning.growing.counts import Count
from wireproof.learning.growing.stretch import Stretch, sets_of, stretches_of

ECHO = b"*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n"
PUBLISH = b"\x30\x0a\x00\x01tpayload"


@pytest.mark.parametrize(
    ("message", "longer"),
    [
        (ECHO, b"*2\r\n$4\r\nECHO\r\n$12\r\nhelloooooooo\r\n"),
        (PUBLISH, b"\x30\x11\x00\x01tpayloadddddddd"),
        (b"hello, world\n", b"hello, worldddddddd\n"),
        (b"POST / HTTP/1.1\r\nA: 1\r\nContent-Length: 3\r\n\r\nabc",
         b"POST / HTTP/1.1\r\nA: 1\r\nContent-Length: 10\r\n\r\nabcccccccc"),
    ],
)  # fmt: skip
def test_the_right_way_is_among_the_guesses(message: bytes, longer: bytes) -> None:
    """With the numbers that count the place, and only letters put in."""
    assert longer in [one.grown(7) for one in stretches_of(message)]


@given(st.sampled_from([ECHO, PUBLISH, b"5:hello,", b"a word\n"]), st.integers(0, 70_000))
def test_a_size_is_met_exactly(message: bytes, size: int) -> None:
    """Or there is none: what is said to make it, makes it; none longer by numbers alone is lost."""
    for one in stretches_of(message):
        by_bytes = one.growth_to(size)
        if by_bytes is not None:
            assert len(one.grown(by_bytes)) == size


@given(st.integers(0, 70_000))
def test_a_number_that_counts_another_counts_its_digits(by_bytes: int) -> None:
    """The outer one of two grows by what the inner one does."""
    message = b"\x05" + b"1:x,\n"
    inner = Count("decimal", 1, 1, 1, 3, 4)
    outer = Count("7 bits", 0, 1, 5, 1, 6)
    longer = Stretch(message, 4, b"x", (outer, inner)).grown(by_bytes)
    digits = next(at for at, byte in enumerate(longer) if byte < 0x80) + 1
    size = sum((byte & 0x7F) << (7 * at) for at, byte in enumerate(longer[:digits]))
    rest = longer[digits:]
    assert len(rest) == size
    number, _, text = rest.partition(b":")
    assert text == b"x" * int(number) + b",\n"


def test_what_ended_where_bytes_are_put_in_ends_behind_them() -> None:
    """And what stands behind a number that got longer moves with it."""
    one = Stretch(b"9:abcdefghi,", 11, b"i", (Count("decimal", 0, 1, 9, 2, 11),))
    assert one.grown(1) == b"10:abcdefghii,"
    assert [one.moved(at, 1) for at in (0, 1, 2, 11, 12)] == [0, 2, 3, 13, 14]


def test_numbers_that_overlap_are_not_taken_together() -> None:
    """A number of four bytes is one of two, too; the wider one is likelier."""
    wide, narrow = Count("big", 0, 4, 9, 4, 13), Count("big", 2, 2, 9, 4, 13)
    assert sets_of([wide, narrow]) == [(wide,), (narrow,), ()]
