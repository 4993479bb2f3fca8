import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.learning.framing import (
    BinaryLength,
    DecimalLength,
    Ending,
    FixedSize,
    Framing,
    framings_of,
    split,
)


def _http(size: int) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nX: %s\r\nContent-Length: %d\r\nZ: %s\r\n\r\n"
    return head % (b"x" * (size % 3), size, b"z" * (size % 5)) + b"b" * size


SIZES = (3, 12, 57, 200)


@pytest.mark.parametrize(
    ("make", "framing"),
    [
        (lambda size: b"n" * size + b"\r\n", Ending(b"\r\n")),
        (lambda size: b"\x0bMSH" + b"n" * size + b"\x1c\r", Ending(b"\x1c\r")),
        (lambda size: struct.pack(">H", size) + b"n" * size, BinaryLength(0, 2, "big", 2)),
        (lambda size: struct.pack(">I", size + 4) + b"n" * size, BinaryLength(0, 4, "big", 0)),
        (lambda size: struct.pack("<I", size) + b"n" * size, BinaryLength(0, 4, "little", 4)),
        (
            lambda size: struct.pack(">HHHB", size * 7 % 251, 0, size + 1, 1) + b"n" * size,
            BinaryLength(4, 2, "big", 6),
        ),
        (lambda size: b"$%d\r\n%s\r\n" % (size, b"n" * size), DecimalLength(b"$", b"", 4)),
        (lambda size: b"%d:%s," % (size, b"n" * size), DecimalLength(b"", b"", 2)),
        (_http, DecimalLength(b"Content-Length: ", b"\r\n\r\n", 0)),
        (lambda size: struct.pack(">HQ", size, size * size), FixedSize(10)),
    ],
)
def test_framings_are_found(make: Callable[[int], bytes], framing: Framing) -> None:
    """From whole messages of four sizes; what is found cuts a stream of them."""
    messages = [make(size) for size in SIZES]
    found = framings_of(messages)
    assert framing in found
    assert split(b"".join(messages), framing) == messages
    more = [make(size) for size in (5, 240, 7)]
    assert split(b"".join(more), framing) == more


def test_the_likeliest_comes_first() -> None:
    """A field that stands at a multiple of its width, and the wider of two."""
    messages = [struct.pack(">HHH", 7 * n % 40, 0, n) + b"n" * n for n in SIZES]
    first, *_ = framings_of(messages)
    assert first in {BinaryLength(4, 2, "big", 6), BinaryLength(0, 8, "big", 6)}


def test_a_word_that_all_messages_end_with_is_no_delimiter() -> None:
    """The line's end is."""
    assert framings_of([b"+OK\r\n", b"-NOT OK\r\n"])[0] == Ending(b"\r\n")


def test_what_stands_inside_a_message_too_is_no_delimiter() -> None:
    """A line's end within the replies cannot end them."""
    assert not [
        one
        for one in framings_of([b"+OK\r\n", b"*2\r\n:1\r\n:2\r\n", b"$3\r\nabc\r\n"])
        if isinstance(one, Ending)
    ]


def test_equal_messages_say_nothing() -> None:
    """Nor does a single one."""
    assert framings_of([b"+OK\r\n"] * 5) == []
    assert framings_of([]) == []
    assert framings_of([b"", b""]) == []


def test_small_decimal_numbers_need_three_sizes() -> None:
    """Two of them fit by chance."""
    assert not [
        one for one in framings_of([b"5 abcde", b"6 abcdef"]) if isinstance(one, DecimalLength)
    ]


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_every_framing_that_is_told_explains_every_message(messages: list[bytes]) -> None:
    """One by one, and in a stream."""
    whole = [one for one in messages if one]
    for framing in framings_of(messages):
        for one in whole:
            assert framing.length(one) == len(one)
        assert split(b"".join(whole), framing) == whole


@given(st.binary(max_size=60), st.integers(0, 64), st.sampled_from([1, 2, 4, 8]))
def test_a_stream_is_cut_or_it_is_said_that_it_cannot(
    stream: bytes, offset: int, width: int
) -> None:
    """Hostile lengths end in None, never in an endless loop."""
    for framing in (
        BinaryLength(offset, width, "big", 0),
        DecimalLength(b"", b"", 0),
        Ending(b"\n"),
        FixedSize(7),
    ):
        found = split(stream, framing)
        assert found is None or b"".join(found) == stream
