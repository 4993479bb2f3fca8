"""COPY: rows that go in and come out beside queries, and what a right server answers.

Rows go into a table that lives as long as the query: it is made, filled, read and dropped by one.
Their text is in the form in which a server writes it, so that it comes back as it was.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.postgres import messages as pg
from wireproof.protocols.built_in.postgres.queries import error
from wireproof.protocols.replies import Reply
from wireproof.results import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

_INVALID_INTEGER, _CANCELLED = "22P02", "57014"
_WRONG = b"x\tx\n"
"""A row that does not fit its table."""
_OUT = re.compile(rb"COPY \(SELECT generate_series\(1, ([0-9]+)\)::integer AS n\) TO STDOUT")
_IN = (
    b"CREATE TABLE pg_temp.wireproof (t text, i integer); COPY pg_temp.wireproof FROM STDIN; "
    b"COPY pg_temp.wireproof TO STDOUT; DROP TABLE pg_temp.wireproof"
)
_ROW = re.compile(rb"[^\n]*\t-?[0-9]+\n")
_DONE = pg.message(b"c")
_ESCAPED = re.compile(rb"[\\\b\f\n\r\t\v]")
_ESCAPES = dict(zip(b"\\\b\f\n\r\t\v", b"\\bfnrtv", strict=True))


def row(text: bytes | None, number: int) -> bytes:
    r"""Return a row as COPY has it; None is NULL.

    >>> row(b"a\tb", 7)
    b'a\\tb\t7\n'
    """
    if text is None:
        return b"\\N\t%d\n" % number
    escaped = _ESCAPED.sub(lambda found: b"\\" + bytes((_ESCAPES[found[0][0]],)), text)
    return b"%b\t%d\n" % (escaped, number)


def copied_out(count: int) -> bytes:
    """Return a query that copies rows out, which count up from 1."""
    return pg.query(b"COPY (SELECT generate_series(1, %d)::integer AS n) TO STDOUT" % count)


def copied_in(data: bytes, piece_bytes: int, *, gives_up: bool = False) -> bytes:
    """Return a query that copies rows in and out again, behind it the rows.

    Where a message of theirs ends means nothing, so each has `piece_bytes` of them.
    """
    pieces = (data[at : at + piece_bytes] for at in range(0, len(data), piece_bytes))
    sent = b"".join(pg.message(b"d", piece) for piece in pieces)
    return pg.query(_IN) + sent + (pg.message(b"f", b"enough\0") if gives_up else _DONE)


def kinds(
    texts: SearchStrategy[bytes], numbers: SearchStrategy[int]
) -> dict[str, SearchStrategy[bytes]]:
    """Return rows that come out, that go in by messages of any size, and that do not."""
    from hypothesis import strategies as st

    rows = st.lists(st.builds(row, st.none() | texts, numbers), max_size=8).map(b"".join)
    pieces = st.sampled_from([1, 2, 7, 64, 100_000])
    many = st.sampled_from([127, 128, 300]).map(lambda count: row(b"x", 1) * count)
    return {
        "copy-out": st.sampled_from([0, 1, 2, 127, 128, 300]).map(copied_out),
        "copy-in": st.builds(copied_in, rows, pieces),
        "copy-many": st.builds(copied_in, many, st.sampled_from([4, 5, 1000])),
        "copy-wrong": st.builds(copied_in, rows.map(lambda some: some + _WRONG), pieces),
        "copy-fail": st.builds(copied_in, rows, pieces, gives_up=st.just(value=True)),
    }


def ordinary(values: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    """Return rows that come out and in for load, a hundred as a rule."""
    from hypothesis import strategies as st

    rows = values.map(lambda value: row(value, 7) * 100)
    return st.just(copied_out(100)) | rows.map(lambda some: copied_in(some, 8192))


def rules(plain: bytes) -> list[Rule]:
    """Return what the documentation says of copying, each with `plain` behind it."""
    rows = row(b"\t\\.\n", -1) + row(None, 7) + row("é".encode(), 0)
    source = "PostgreSQL documentation, COPY Operations"
    return [
        Rule(
            "POSTGRES-005",
            Level.MUST,
            "Rows that are copied in are one text: where its messages end means nothing.",
            source,
            "A message that is taken for a row parts rows, or puts several into one.",
            tuple((copied_in(rows, piece_bytes), plain) for piece_bytes in (1, 3, 1000)),
        ),
        Rule(
            "POSTGRES-006",
            Level.MUST,
            "A copy that the client gives up, or a wrong row ends, is undone, and the rest served.",
            source,
            "A pooler that waits for the end of a copy which has failed waits forever.",
            ((copied_in(rows, 3, gives_up=True), copied_in(_WRONG + rows, 3), plain),),
        ),
    ]


def answers_to_query(text: bytes) -> list[bytes | Reply] | None:
    """Return what answers a query of COPY, up to where its rows are wanted; None for another."""
    if text == _IN:
        return [pg.complete(b"CREATE TABLE"), _begins(b"G", 2)]
    counted = _OUT.fullmatch(text)
    if not counted:
        return None
    rows = [b"%d\n" % number for number in range(1, int(counted[1]) + 1)]
    return [*_rows_out(rows, 1), pg.READY]


def may_fail(messages: bytes) -> bool:
    """Say whether they are rows of which one doesn't fit, so that an error needn't wait."""
    return messages[:1] == b"d" and _rows_of(messages)[1] == _INVALID_INTEGER


def answers_to_rows(messages: bytes) -> list[bytes | Reply]:
    """Return what answers rows: how many they were, and they themselves, or an error."""
    rows, state = _rows_of(messages)
    if state:
        return [Reply(error(state)), pg.READY]
    counted = pg.complete(b"COPY %d" % len(rows))
    return [counted, *_rows_out(rows, 2), pg.complete(b"DROP TABLE"), pg.READY]


def _rows_of(messages: bytes) -> tuple[list[bytes], str]:
    """Return the rows that a client sends, and the SQLSTATE of the error that comes of them."""
    *pieces, last = pg.split(messages)
    rows = b"".join(piece[5:] for piece in pieces).splitlines(keepends=True)
    if not all(map(_ROW.fullmatch, rows)):
        return rows, _INVALID_INTEGER
    return rows, "" if last == _DONE else _CANCELLED


def _rows_out(rows: Sequence[bytes], columns: int) -> list[bytes]:
    """Return rows, always one in a message."""
    copied = [pg.message(b"d", each) for each in rows]
    return [_begins(b"H", columns), *copied, _DONE, pg.complete(b"COPY %d" % len(rows))]


def _begins(kind: bytes, columns: int) -> bytes:
    return pg.message(kind, b"\0", columns.to_bytes(2), bytes(2 * columns))
