"""PostgreSQL: the log-in, what is known of errors, and every result as another hand writes it."""

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.slow_judges import accepts, cut, spoilt
from wireproof.protocols import MalformedReplyError, WrongReplyError
from wireproof.protocols.built_in.postgres import messages as pg
from wireproof.protocols.built_in.postgres.protocol import Postgres
from wireproof.protocols.built_in.postgres.queries import (
    DIVISION,
    extended,
    failing,
    in_portions,
    named,
    select,
    series,
)
from wireproof.protocols.loading.registry import find_protocol

START = Postgres().opening()[0]


def told(kind: str, form: str = "", *fields: object) -> bytes:
    """Return a message of the server's, as `struct` packs it."""
    body = struct.pack(">" + form, *fields)
    return struct.pack(">cI", kind.encode(), len(body) + 4) + body


def strings(kind: str, text: bytes) -> bytes:
    """Return a message that holds bytes."""
    return told(kind, f"{len(text)}s", text)


LOGGED_IN = told("R", "I", 0) + told("K", "II", 7, 8) + told("Z", "c", b"I")
READY = told("Z", "c", b"I")


def columns(values: Sequence[bytes | int], names: Sequence[bytes], form: int = 0) -> bytes:
    """Return RowDescription."""
    fields = [
        name
        + struct.pack(
            ">xIHIhih", 0, 0, *((25, -1) if isinstance(value, bytes) else (23, 4)), -1, form
        )
        for value, name in zip(values, names, strict=True)
    ]
    return strings("T", struct.pack(">H", len(fields)) + b"".join(fields))


def row(values: Sequence[bytes | int], *, binary: bool = False) -> bytes:
    """Return DataRow."""
    shown = [
        value if isinstance(value, bytes) else struct.pack(">i", value) if binary else b"%d" % value
        for value in values
    ]
    fields = [struct.pack(">I", len(value)) + value for value in shown]
    return strings("D", struct.pack(">H", len(fields)) + b"".join(fields))


def done(count: int) -> bytes:
    """Return CommandComplete."""
    return strings("C", b"SELECT %d\0" % count)


def result(values: Sequence[bytes | int]) -> bytes:
    """Return the result of a query of literals."""
    names = [b"c%d" % at for at in range(len(values))]
    return columns(values, names) + row(values) + done(1)


def failure(state: bytes, severity: bytes = b"ERROR") -> bytes:
    """Return ErrorResponse."""
    return strings("E", b"S%b\0V%b\0C%b\0Mno\0\0" % (severity, severity, state))


def portions(count: int, most: int) -> bytes:
    """Return rows in portions, up to the one that is short."""
    found = told("1") + told("2")
    for begin in range(0, count + 1, most):
        rows = range(begin, min(begin + most, count))
        found += b"".join(row([number + 1]) for number in rows)
        found += told("s") if len(rows) == most else done(len(rows))
    return found + READY


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20).map(str.encode)
TRICKY = st.sampled_from([b"'", b"''; SELECT '", b"; SELECT 1", b"x'::text AS c9, '", b"\\'"])
NUMBERS = st.integers(-(2**31) + 1, 2**31 - 1)
VALUES = st.lists(TEXTS | TRICKY | NUMBERS, min_size=1, max_size=4)
EXCHANGES = st.one_of(
    VALUES.map(lambda each: (pg.query(select(each)), result(each) + READY)),
    st.lists(VALUES, min_size=2, max_size=3).map(
        lambda several: (
            pg.query(b"; ".join(map(select, several))),
            b"".join(map(result, several)) + READY,
        )
    ),
    st.integers(0, 5).map(
        lambda count: (
            pg.query(series(count)),
            columns([1], [b"n"]) + b"".join(map(row, ([n + 1] for n in range(count)))) + done(count)
            + READY,
        )
    ),
    st.just((pg.query(b" "), told("I") + READY)),
    st.builds(
        lambda text, number, binary: (
            extended(text, number, binary=binary),
            told("1") + told("2") + columns([text, number], [b"t", b"i"], binary)
            + row([text, number], binary=binary) + done(1) + READY,
        ),
        TEXTS | TRICKY,
        NUMBERS,
        st.booleans(),
    ),
    st.builds(
        lambda text, number: (
            named(text, number),
            told("1") + told("t", "HII", 2, 25, 23) + columns([text, number], [b"t", b"i"])
            + (told("2") + row([text, number]) + done(1)) * 2 + told("3") + READY,
        ),
        TEXTS | TRICKY,
        NUMBERS,
    ),
    st.builds(
        lambda count, most: (in_portions(count, most), portions(count, most)),
        st.integers(0, 5),
        st.integers(1, 3),
    ),
    st.just((pg.query(b"SELEC 1"), failure(b"42601") + READY)),
    st.just((pg.query(DIVISION), failure(b"22012") + READY)),
    TEXTS.map(lambda text: (failing(text), failure(b"26000") + READY)),
)  # fmt: skip


def without_notices(stream: bytes) -> bytes:
    """Return the stream without whole notices and reports; what is no message stays."""
    found = b""
    while len(stream) >= 5:
        length = 1 + int.from_bytes(stream[1:5])
        if not 5 <= length <= len(stream):
            break
        found += b"" if stream[:1] in {b"N", b"S"} else stream[:length]
        stream = stream[length:]
    return found + stream


@given(data=st.data())
def test_agrees_with_another_hand(data: st.DataObject):
    """The oracle accepts what the values call for, notices wherever they come, and nothing else."""
    exchanges = data.draw(st.lists(EXCHANGES, min_size=1, max_size=3))
    right = [LOGGED_IN, *(reply for _, reply in exchanges)]
    notice = data.draw(st.sampled_from([b"", strings("N", b"Mhi\0\0"), strings("S", b"a\0b\0")]))
    whole = notice.join([b"", *right])
    stream = spoilt(data, whole)
    requests = [START, *(request for request, _ in exchanges)]
    got = accepts(Postgres().oracle(), requests, cut(data, stream))
    # Two parts are not known to the byte: the key of the log-in, and an error but its state.
    loose = stream != whole and any(kind in whole for kind in (b"K\0\0\0\x0c", b"SERROR"))
    if without_notices(stream) == b"".join(right):
        assert got
    elif not loose:
        assert not got


@given(EXCHANGES.filter(lambda each: b"SERROR" not in each[1]), st.data())
def test_each_byte_of_a_result_counts(exchange: tuple[bytes, bytes], data: st.DataObject):
    """A result with one bit changed is no result, unless that makes a notice of a message."""
    request, right = exchange
    at, bit = data.draw(st.integers(0, len(right) - 1)), 1 << data.draw(st.integers(0, 7))
    wrong = right[:at] + bytes((right[at] ^ bit,)) + right[at + 1 :]
    assert accepts(Postgres().oracle(), [START, request], [LOGGED_IN, right])
    assert not accepts(Postgres().oracle(), [START, request], [LOGGED_IN, wrong])


WRONG = {
    "no end": result([b"a"]),
    "an end too many": result([b"a"]) + READY * 2,
    "no columns": row([b"a"]) + done(1) + READY,
    "another type": result([1]) + READY,
    "a row too many": columns([b"a"], [b"c0"]) + row([b"a"]) * 2 + done(1) + READY,
    "a count that is wrong": columns([b"a"], [b"c0"]) + row([b"a"]) + done(2) + READY,
    "an error": failure(b"42601") + READY,
    "a failed transaction": result([b"a"]) + told("Z", "c", b"E"),
    "a length of nothing": b"Z\0\0\0\x03",
    "the end of the connection": b"",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_reply_of_each_kind_is_caught(name: str):
    """Columns, rows, counts and ends are exact."""
    requests = [START, pg.query(select([b"a"]))]
    assert accepts(Postgres().oracle(), requests, [LOGGED_IN, result([b"a"]) + READY])
    assert not accepts(Postgres().oracle(), requests, [LOGGED_IN, WRONG[name]])


@pytest.mark.parametrize(
    ("request_bytes", "reply", "is_right"),
    [
        (pg.query(DIVISION), columns([1], [b"z"]) + failure(b"22012") + READY, True),
        (pg.query(DIVISION), columns([1], [b"z"]) + READY, False),
        (pg.query(DIVISION), failure(b"42601") + READY, False),
        (failing(b"x"), failure(b"26000"), False),
        (failing(b"x"), failure(b"26000") + told("1") + READY, False),
        (pg.query(b"SELEC 1"), failure(b"57P01", b"FATAL"), False),
    ],
)
def test_errors_are_known_by_their_state(request_bytes: bytes, reply: bytes, is_right: bool):
    """An error found while it is run comes behind the columns; what follows it is skipped."""
    oracle = Postgres().oracle()
    assert accepts(oracle, [START, request_bytes], [LOGGED_IN, reply]) == is_right


def test_an_error_may_come_before_sync():
    """And nothing else has to: the rest is owed when Sync is sent."""
    request = failing(b"x")
    oracle = Postgres().oracle()
    for each in (START, request):
        oracle.announce(each)
    oracle.sent(len(START))
    oracle.receive_data(LOGGED_IN)
    oracle.sent(len(request) - 2)
    assert oracle.settled
    oracle.receive_data(failure(b"26000"))
    assert oracle.settled
    oracle.sent(2)
    assert oracle.owed == 1
    oracle.receive_data(READY)
    assert oracle.settled


def test_a_password_is_asked_for_in_clear():
    """With one it goes behind the server's question; a question for more is told in words."""
    protocol = find_protocol("postgres", {"user": "me", "password": "pw", "database": "db"})
    start, word = protocol.opening()
    assert start == b"\0\0\0\x1d\0\3\0\0user\0me\0database\0db\0\0"
    assert word == b"p\0\0\0\x07pw\0"
    asked = told("R", "I", 3)
    assert accepts(protocol.oracle(), [start, word], [asked, LOGGED_IN])
    assert not accepts(protocol.oracle(), [start, word], [LOGGED_IN])
    assert "SCRAM" in Postgres().in_words(told("R", "I", 10))
    assert "MD5" in Postgres().in_words(told("R", "I", 5))
    assert not Postgres().in_words(told("R", "I", 0))


def test_a_fatal_error_ends_the_connection():
    """A server that refuses says so, and closes; who it is told to is not told more."""
    protocol = Postgres()
    assert protocol.closes(failure(b"28000", b"FATAL"))
    assert not protocol.closes(failure(b"42601"))
    assert protocol.refused(failure(b"42601"))
    assert protocol.in_words(failure(b"28000", b"FATAL")) == "FATAL 28000 no"


def test_what_text_a_query_carries():
    """Any but NUL, and but what is no UTF-8."""
    assert Postgres().payload_request(b"\xff") is Postgres().payload_request(b"a\0") is None
    assert Postgres().payload_request("é'".encode())


def test_a_length_below_its_own_is_malformed():
    """It counts itself."""
    with pytest.raises(MalformedReplyError, match="3"):
        Postgres().reply_length(bytearray(b"Z\0\0\0\x03"))


@pytest.mark.parametrize(("reply", "fits"), [(b"S", True), (b"N", False), (READY, False)])
def test_tls_is_asked_for_first(reply: bytes, fits: bool) -> None:
    """One byte says whether it begins; a parameter's report begins with the same letter."""
    postgres = find_protocol("postgres", {"starttls": "yes"})
    asks, start = postgres.opening()
    assert (postgres.begins_tls(asks), postgres.begins_tls(start)) == (True, False)
    oracle = postgres.oracle()
    oracle.announce(asks)
    oracle.sent(len(asks))
    if fits:
        assert oracle.receive_data(reply) == 1
    else:
        with pytest.raises(WrongReplyError):
            oracle.receive_data(reply)
