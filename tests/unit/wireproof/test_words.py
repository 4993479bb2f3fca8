"""Words that depend on a number, and bytes as people may see them."""

import pytest

from wireproof.words import MAX_SHOWN_BYTES, counted, printable


def test_one_is_one_and_all_else_is_many() -> None:
    """A plural of its own is used where an s will not do; thousands are set apart."""
    assert counted(1, "byte") == "1 byte"
    assert counted(0, "byte") == "0 bytes"
    assert counted(2048, "byte") == "2,048 bytes"
    assert counted(2, "reply", "replies") == "2 replies"
    assert counted(1, "reply", "replies") == "1 reply"


@pytest.mark.parametrize(
    ("data", "limit", "shown"),
    [
        (b"", 3, "b''"),
        (b"a\x1b[31m\xff", 10, r"b'a\x1b[31m\xff'"),
        (b"abc", 3, "b'abc'"),
        (b"abcd", 3, "b'abc'… (4 bytes)"),
        (bytearray(b"abcd"), 3, "b'abc'… (4 bytes)"),
    ],
)
def test_printable(data: bytes, limit: int, shown: str) -> None:
    """Bytes are shown as ASCII, no more of them than the limit, and their number where cut."""
    assert printable(data, limit) == shown


def test_no_more_is_printed_than_a_line_can_bear() -> None:
    """Without a limit of its own, two hundred bytes are shown."""
    assert printable(b"a" * MAX_SHOWN_BYTES) == f"b'{'a' * 200}'"
    assert printable(b"a" * 201) == f"b'{'a' * 200}'… (201 bytes)"
