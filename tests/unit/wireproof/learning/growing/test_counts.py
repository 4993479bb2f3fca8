"""Numbers of a message that may count bytes of it."""

import struct

import pytest

from wireproof.learning.growing.counts import Count, counts_of


@pytest.mark.parametrize(
    ("message", "count"),
    [
        (b"*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n", Count("decimal", 15, 1, 5, 18, 23)),
        (b"5:hello,", Count("decimal", 0, 1, 5, 2, 7)),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", Count("decimal", 33, 1, 3, 38, 41)),
        (struct.pack(">H", 5) + b"hello", Count("big", 0, 2, 5, 2, 7)),
        (struct.pack("<I", 9) + b"hello", Count("little", 0, 4, 9, 0, 9)),
        (b"\x30\x0a\x00\x01t" + b"payload", Count("7 bits", 1, 1, 10, 2, 12)),
        (b"\x30\x0a\x00\x01t" + b"payload", Count("big", 2, 2, 1, 4, 5)),
        (b"D\x00\x00\x00\x06\x00\x02C\x00", Count("big", 1, 4, 6, 1, 7)),
    ],
)
def test_numbers_that_count_are_found(message: bytes, count: Count) -> None:
    """In digits before a line, a blank line or a separator; in binary; with themselves or not."""
    assert count in counts_of(message)


def test_letters_are_no_numbers_in_binary() -> None:
    """A byte of a text would count the rest of it by chance."""
    found = counts_of(b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert {one.form for one in found} <= {"decimal"}


def test_a_field_of_fixed_size_has_a_largest_number() -> None:
    """What can't be said is refused; seven bits a byte get another byte."""
    with pytest.raises(ValueError, match="256 does not fit 1 bytes"):
        Count("big", 0, 1, 5, 1, 6).written(256)
    assert Count("7 bits", 0, 1, 5, 1, 6).written(128) == b"\x80\x01"
