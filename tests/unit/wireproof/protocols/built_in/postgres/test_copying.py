"""COPY: rows in and out, as another hand writes them, and each way in which they go wrong."""

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.slow_judges import accepts, cut, spoilt
from wireproof.protocols.built_in.postgres.copying import copied_in, copied_out, row
from wireproof.protocols.built_in.postgres.protocol import Postgres
from wireproof.protocols.loading.registry import find_protocol

START = Postgres().opening()[0]
ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
ESCAPES |= {"\b": "\\b", "\f": "\\f", "\v": "\\v"}
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
TRICKY = st.sampled_from(["\\.", "\\N", "\t\n", "\\\\", "\r\n", ""])
ROWS = st.lists(st.tuples(TEXTS | TRICKY | st.none(), st.integers(-9, 2**31 - 1)), max_size=4)


def told(kind: str, body: bytes = b"") -> bytes:
    """Return a message of the server's, as `struct` packs it."""
    return struct.pack(">cI", kind.encode(), len(body) + 4) + body


LOGGED_IN = told("R", bytes(4)) + told("Z", b"I")
READY = told("Z", b"I")
ASKS = told("C", b"CREATE TABLE\0") + told("G", b"\0\0\2" + bytes(4))
REFUSES = told("E", b"SERROR\0VERROR\0C22P02\0Mno\0\0") + READY
CANCELS = told("E", b"SERROR\0VERROR\0C57014\0Mno\0\0") + READY


def as_text(rows: Sequence[tuple[str | None, int]]) -> list[bytes]:
    """Return rows in the text format."""
    lines = []
    for text, number in rows:
        shown = "\\N" if text is None else "".join(ESCAPES.get(one, one) for one in text)
        lines.append(f"{shown}\t{number}\n".encode())
    return lines


def out(lines: Sequence[bytes], columns: int = 2) -> bytes:
    """Return what a server sends that copies rows out, each in a message of its own."""
    begun = told("H", struct.pack(f">BH{columns}H", 0, columns, *[0] * columns))
    counted = told("C", b"COPY %d\0" % len(lines))
    return begun + b"".join(told("d", line) for line in lines) + told("c") + counted


def both_ways(lines: Sequence[bytes]) -> bytes:
    """Return what answers rows that are copied in, and out again."""
    return told("C", b"COPY %d\0" % len(lines)) + out(lines) + told("C", b"DROP TABLE\0") + READY


@given(ROWS, st.integers(1, 20), st.data())
def test_rows_come_back_as_they_were(
    rows: list[tuple[str | None, int]], piece_bytes: int, data: st.DataObject
):
    """Wherever the messages of the client end; a stream that says anything else is not right."""
    lines = as_text(rows)
    assert [row(None if text is None else text.encode(), number) for text, number in rows] == lines
    requests = [START, copied_in(b"".join(lines), piece_bytes), copied_out(2)]
    right = [LOGGED_IN, ASKS, both_ways(lines), out([b"1\n", b"2\n"], 1) + READY]
    whole = b"".join(right)
    stream = spoilt(data, whole)
    assert accepts(Postgres().oracle(), requests, cut(data, stream)) == (stream == whole)


ROW = b"a\t7\n"
WRONG = {
    "another row": both_ways([b"a\t8\n"]),
    "a row too few": both_ways([]),
    "a row twice": both_ways([ROW, ROW]),
    "no end of the rows": told("C", b"COPY 1\0") + READY,
    "a count that is wrong": both_ways([ROW]).replace(b"COPY 1", b"COPY 2", 1),
    "an error": REFUSES,
    "not dropped": told("C", b"COPY 1\0") + out([ROW]) + READY,
    "a failed transaction": both_ways([ROW])[:-1] + b"E",
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_copy_of_each_kind_is_caught(name: str):
    """Rows, counts and ends are exact."""
    requests = [START, copied_in(ROW, 100)]
    assert accepts(Postgres().oracle(), requests, [LOGGED_IN, ASKS, both_ways([ROW])])
    assert not accepts(Postgres().oracle(), requests, [LOGGED_IN, ASKS, WRONG[name]])


@pytest.mark.parametrize(
    ("request_bytes", "reply", "is_right"),
    [
        (copied_in(ROW, 3, gives_up=True), CANCELS, True),
        (copied_in(ROW, 3, gives_up=True), both_ways([ROW]), False),
        (copied_in(ROW, 3, gives_up=True), REFUSES, False),
        (copied_in(b"x\tx\n" + ROW, 3), REFUSES, True),
        (copied_in(b"x\tx\n" + ROW, 3), CANCELS, False),
        (copied_in(b"x\tx\n" + ROW, 3), told("C", b"COPY 1\0") + READY, False),
        (copied_in(b"", 3), both_ways([]), True),
        (copied_in(b"", 3, gives_up=True), CANCELS, True),
    ],
)
def test_a_copy_may_fail(request_bytes: bytes, reply: bytes, is_right: bool):
    """The SQLSTATE says why; none of its rows is left."""
    oracle = Postgres().oracle()
    assert accepts(oracle, [START, request_bytes], [LOGGED_IN, ASKS, reply]) == is_right


@pytest.mark.parametrize(("first", "may"), [(b"x\tx\n", True), (ROW, False)])
def test_only_a_wrong_row_is_answered_before_the_end(first: bytes, may: bool):
    """The rows of a copy that fails are skipped; one that goes well is answered at its end."""
    request = copied_in(first + ROW * 5, 4)
    protocol = Postgres()
    asks, rows = protocol.parts(request)
    assert protocol.pauses(request) == [len(asks)]
    oracle = protocol.oracle()
    for each in (START, request):
        oracle.announce(each)
    oracle.sent(len(START) + len(asks))
    oracle.receive_data(LOGGED_IN + ASKS)
    oracle.sent(len(rows) - 1)
    assert (protocol.answerable_at(rows) < len(rows)) == may
    if may:
        oracle.receive_data(REFUSES)
        assert oracle.settled


def test_copying_is_asked_for():
    """Unless it is, nothing of it is sent: not every server has it, nor may every user do it."""
    plain, copies = Postgres(), find_protocol("postgres", {"copy": "yes"})
    more = set(copies.kinds()) - set(plain.kinds())
    assert more == {"copy-out", "copy-in", "copy-many", "copy-wrong", "copy-fail"}
    assert {*copies.workload()} - {*plain.workload()} == {"copy"}
    told_of = {rule.id for rule in copies.rules()} - {rule.id for rule in plain.rules()}
    assert told_of == {"POSTGRES-005", "POSTGRES-006"}
