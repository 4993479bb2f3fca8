"""Where a frame ends, as tables."""

import pytest

from wireproof.protocols.framing import delimited, header_with_length, length_prefixed


@pytest.mark.parametrize(
    ("buffer", "delimiter", "length"),
    [
        (b"", b"\n", None),
        (b"OK", b"\n", None),
        (b"OK\r", b"\r\n", None),
        (b"\n", b"\n", 1),
        (b"OK\r\nOK\r\n", b"\r\n", 4),
    ],
)
def test_delimited(buffer: bytes, delimiter: bytes, length: int | None):
    """A frame ends behind its first whole delimiter."""
    assert delimited(bytearray(buffer), delimiter) == length


@pytest.mark.parametrize(
    ("buffer", "size_bytes", "little_endian", "inclusive", "length"),
    [
        (b"", 2, False, False, None),
        (b"\0", 2, False, False, None),
        (b"\0\x02", 2, False, False, 4),
        (b"\x01\x02hi", 2, False, False, 2 + 258),
        (b"\x01\x02hi", 2, True, False, 2 + 513),
        (b"\0\x04hi", 2, False, True, 4),
        (b"\x04\0hi", 2, True, True, 4),
    ],
)
def test_length_prefixed(
    buffer: bytes, size_bytes: int, little_endian: bool, inclusive: bool, length: int | None
):
    """The length is known with the last byte of its field, before anything that it counts."""
    found = length_prefixed(
        bytearray(buffer), size_bytes, little_endian=little_endian, inclusive=inclusive
    )
    assert found == length


@pytest.mark.parametrize(
    ("buffer", "little_endian", "adjust", "length"),
    [
        (b"t\0\x02", False, 0, None),
        (b"t\0\x02.", False, 0, 4 + 2),
        (b"t\x01\x02.\xff", False, 0, 4 + 258),
        (b"t\x01\x02.\xff", True, 0, 4 + 513),
        (b"t\0\x06.", False, -4, 6),
        (b"t\0\x02.", False, 1, 7),
    ],
)
def test_header_with_length(buffer: bytes, little_endian: bool, adjust: int, length: int | None):
    """A frame is its header and what the field in it says, in its byte order, adjusted."""
    found = header_with_length(
        bytearray(buffer), 4, 1, 2, little_endian=little_endian, adjust=adjust
    )
    assert found == length


def test_what_is_not_said_is_big_endian_and_counts_what_follows():
    """Without options a length field is big-endian and counts the bytes behind it."""
    assert length_prefixed(bytearray(b"\x01\x02"), 2) == 2 + 258
    assert header_with_length(bytearray(b"\x01\x02."), 3, 0, 2) == 3 + 258
