"""Where a frame ends, as tables."""

import copy
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.protocols import MalformedReplyError
from wireproof.protocols.framing import (
    LineCursor,
    ReplyBuffer,
    delimited,
    ends,
    find_end,
    header_with_length,
    length_prefixed,
    read_varint,
    varint,
)


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


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"ab", b"a\r\n"]), max_size=12),
    st.lists(st.tuples(st.sampled_from([b"\r\n", b"\n", b"b"]), st.integers(0, 12)), max_size=6),
)
def test_a_search_goes_on_where_it_ended(pieces: list[bytes], searches: list[tuple[bytes, int]]):
    """However a buffer grows, and whatever was searched before, an end is found where it is."""
    buffer, plain = ReplyBuffer(), bytearray()
    for piece in pieces:
        buffer += piece
        plain += piece
        for delimiter, start in searches:
            assert find_end(buffer, delimiter, start) == find_end(plain, delimiter, start)
    if end := find_end(buffer, b"\n"):
        buffer.drop(end)
        assert find_end(buffer, b"\n") == find_end(plain[end:], b"\n")


@given(st.lists(st.integers(1, 5)))
def test_lines_are_read_as_they_come(steps: list[int]):
    """A cursor returns each line once it is whole, and begins anew behind the reply."""
    stream = b"*1\r\n$4\r\n\r\n\r\n\r\nend\r\n" * 2
    cursor, buffer, lines = LineCursor(), ReplyBuffer(), list[bytes]()
    borders = [0, *itertools.accumulate(steps), len(stream)]
    for start, end in itertools.pairwise(min(each, len(stream)) for each in borders):
        buffer += stream[start:end]
        while (line := cursor.line(buffer)) is not None:
            lines.append(line)
            if line == b"$4":
                cursor.at += 6
            if line == b"end":
                buffer.drop(cursor.end(buffer))
    assert lines == [b"*1", b"$4", b"end"] * 2
    assert not buffer


def test_an_end_that_is_known_before_it_is_there_stays_known():
    """Where a reply ends beyond what has come, the next question has the same answer."""
    cursor, buffer = LineCursor(), bytearray(b"$3\r\n")
    assert cursor.line(buffer) == b"$3"
    cursor.at += 5
    assert cursor.end(buffer) == 9
    assert cursor.line(buffer) is None
    assert cursor.end(buffer + b"abc\r\n") == 9
    assert cursor.at == 0


@pytest.mark.parametrize("number", [0, 1, 127, 128, 16383, 16384, 2**31, 2**64 - 1])
def test_varints_come_back(number: int):
    """Each number is read as it was written, from as few bytes as it has, and not before."""
    written = varint(number)
    assert len(written) == max(1, -(-number.bit_length() // 7))
    assert read_varint(b"?" + written + b"?", 1) == (number, 1 + len(written))
    assert read_varint(written, most_bytes=len(written)) == (number, len(written))
    for size in range(len(written)):
        assert read_varint(written[:size]) is None
    if len(written) > 1:
        with pytest.raises(MalformedReplyError, match="more than"):
            read_varint(written, most_bytes=len(written) - 1)


@given(st.lists(st.binary()))
def test_parts_end_where_they_are_parted_again(parts: list[bytes]) -> None:
    """Cut at its ends, what the parts make together gives the parts."""
    whole = b"".join(parts)
    assert [whole[a:b] for a, b in itertools.pairwise([0, *ends(parts)])] == parts


def test_a_copied_cursor_goes_on_from_where_it_stands_by_itself() -> None:
    """It knows the same end of line, and moves no other."""
    cursor = LineCursor(b"\n")
    assert cursor.line(bytearray(b"a\nb\nc\n")) == b"a"
    copied = copy.deepcopy(cursor)
    assert copied.line(bytearray(b"a\nb\nc\n")) == b"b"
    assert cursor.line(bytearray(b"a\nb\nc\n")) == b"b"
    assert (copied.at, cursor.at) == (4, 4)
