"""Messages of PostgreSQL, octet by octet as its documentation has them."""

import pytest

from wireproof.protocols.built_in.postgres import messages as pg

MESSAGES = [
    (pg.query(b"SELECT 1"), b"Q\0\0\0\x0dSELECT 1\0"),
    (pg.startup({"user": "a"}), b"\0\0\0\x10\0\3\0\0user\0a\0\0"),
    (pg.parse(b"x", b"s"), b"P\0\0\0\x0as\0x\0\0\0"),
    (pg.bind([b"ab"]), b"B\0\0\0\x12\0\0\0\0\0\1\0\0\0\2ab\0\0"),
    (pg.bind([], b"s", b"p", binary=True), b"B\0\0\0\x10p\0s\0\0\0\0\0\0\1\0\1"),
    (pg.describe(b"P"), b"D\0\0\0\x06P\0"),
    (pg.execute(5), b"E\0\0\0\x09\0\0\0\0\5"),
    (pg.close(b"S", b"s"), b"C\0\0\0\x07Ss\0"),
    (pg.data_row([b"a", None]), b"D\0\0\0\x0f\0\2\0\0\0\1a\xff\xff\xff\xff"),
    (pg.complete(b"SELECT 1"), b"C\0\0\0\x0dSELECT 1\0"),
    (
        pg.row_description([pg.integer_column(b"i")]),
        b"T\0\0\0\x1a\0\1i\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0",
    ),
]


@pytest.mark.parametrize(("made", "shown"), MESSAGES)
def test_messages_are_as_documented(made: bytes, shown: bytes):
    """Kind, length that counts itself, fields."""
    assert made == shown


def test_messages_are_split_where_they_end():
    """And a length is unknown until its last byte is there."""
    several = [pg.query(b"x"), pg.SYNC, pg.EMPTY]
    assert pg.split(b"".join(several)) == several
    assert [pg.message_length(pg.SYNC[:size]) for size in (0, 4, 5)] == [None, None, 5]


def test_fields_of_an_error():
    """By their letters."""
    assert pg.error_fields(b"E\0\0\0\0SERROR\0C42601\0\0") == {"S": "ERROR", "C": "42601"}
