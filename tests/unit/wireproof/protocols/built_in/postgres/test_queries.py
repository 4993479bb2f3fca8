"""Queries over literals: what is written, and how the model reads it again."""

import pytest

from wireproof.protocols.built_in.postgres import messages as pg
from wireproof.protocols.built_in.postgres.queries import (
    extended,
    extended_answers,
    in_portions,
    named,
    select,
    simple_answers,
)


def kinds(messages: list[object]) -> bytes:
    """Return the first byte of each message."""
    return b"".join(each[:1] for each in messages if isinstance(each, bytes))


def test_literals_have_types_and_names():
    """Quotes are doubled; nothing else is changed."""
    assert select([b"it's", -5]) == b"SELECT 'it''s'::text AS c0, -5::integer AS c1"


@pytest.mark.parametrize("text", [b"a'; SELECT 'b", b"; SELECT 1", b"x'::text AS c9, '"])
def test_what_stands_in_quotes_is_no_query(text: bytes):
    """A literal that looks like the end of one is read as one value."""
    columns, row, done = simple_answers(select([text]))
    assert columns == pg.row_description([pg.text_column(b"c0")])
    assert row == pg.data_row([text])
    assert done == pg.complete(b"SELECT 1")


def test_each_statement_has_its_result():
    """Two of them, in their order."""
    assert kinds(list(simple_answers(select([b"a"]) + b"; " + select([1])))) == b"TDCTDC"


@pytest.mark.parametrize(
    ("request_bytes", "right"),
    [
        (extended(b"a", 1), b"12TDCZ"),
        (named(b"a", 1), b"1tT2DC2DC3Z"),
        (in_portions(2, 1), b"12DsDsCZ"),
        (in_portions(0, 1), b"12CZ"),
    ],
)
def test_an_extended_query_is_answered_message_by_message(request_bytes: bytes, right: bytes):
    """Portions that are full are suspended; the one that is not is the end."""
    assert kinds(list(extended_answers(pg.split(request_bytes)))) == right
