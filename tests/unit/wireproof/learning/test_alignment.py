import itertools
import os
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.learning.alignment import Common, Piece, Varying, Work, align

_PIECES = st.sampled_from(
    [b"GET", b" ", b"\r\n", b"\n", b"word", b"12", b"13", b"Sat, 03 Jan 2026 12:00:01 GMT", b"\x00"]
)
_REPLIES = st.one_of(st.binary(max_size=200), st.lists(_PIECES, max_size=60).map(b"".join))


def _joined(pieces: list[Piece], number: int) -> bytes:
    return b"".join(one.data if isinstance(one, Common) else one.values[number] for one in pieces)


@given(st.lists(_REPLIES, min_size=1, max_size=5))
def test_the_pieces_of_a_reply_are_that_reply(replies: list[bytes]) -> None:
    """Nothing is lost, added or moved."""
    pieces = align(replies)
    for number, reply in enumerate(replies):
        assert _joined(pieces, number) == reply


@given(st.lists(_REPLIES, min_size=2, max_size=4))
def test_neighbours_differ_in_kind(replies: list[bytes]) -> None:
    """Common bytes are one piece, and so is a place that differs, unless fields adjoin it."""
    pieces = align(replies)
    assert all(type(a) is not type(b) for a, b in itertools.pairwise(pieces))
    assert all(any(one.values) for one in pieces if isinstance(one, Varying))
    assert all(len(set(one.values)) > 1 for one in pieces if isinstance(one, Varying))


@given(_REPLIES, st.integers(2, 5))
def test_equal_replies_have_all_in_common(reply: bytes, count: int) -> None:
    """No place differs."""
    assert align([reply] * count) == ([Common(reply)] if reply else [])


@pytest.mark.parametrize(
    ("replies", "varying"),
    [
        ((b":9\r\n", b":10\r\n"), [(b"9", b"10")]),
        ((b"n=1299;", b"n=1300;"), [(b"1299", b"1300")]),
        ((b"user-7 ok", b"user-x ok"), [(b"7", b"x")]),
        (
            (b"at Sat, 03 Jan 2026 12:00:01 GMT.", b"at Sat, 03 Jan 2026 12:00:02 GMT."),
            [(b"Sat, 03 Jan 2026 12:00:01 GMT", b"Sat, 03 Jan 2026 12:00:02 GMT")],
        ),
        ((b"a\nb\nc\nd\n", b"a\nb\nd\n"), [(b"c\n", b"")]),
        ((b"s=ab+c/d==;", b"s=abcd/e==;"), [(b"ab+c/d", b"abcd/e")]),
        ((b"\x00\x09\x00\xff", b"\x00\x0a\x00\xff"), [(b"\x09", b"\x0a")]),
    ],
)
def test_places_are_whole_words(
    replies: tuple[bytes, ...], varying: list[tuple[bytes, ...]]
) -> None:
    """Numbers, dates and tokens differ as a whole; binary fields by their bytes."""
    found = align(replies)
    assert [one.values for one in found if isinstance(one, Varying)] == varying


def _text(lines: int, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    return [b"line %d at 12:30:00 is %x\n" % (n, chance.getrandbits(64)) for n in range(lines)]


def _changed(lines: list[bytes], seed: int, *, one_line: bool = False) -> bytes:
    chance = random.Random(seed)
    lines = list(lines)
    for _ in range(len(lines) // 100):
        lines[chance.randrange(len(lines))] = b"changed %d\n" % chance.getrandbits(30)
        del lines[chance.randrange(len(lines))]
    return b"".join(lines).replace(b"\n", b" ") if one_line else b"".join(lines)


def _repeating(lines: int, seed: int) -> bytes:
    return _changed([b"the same\n"] * lines, seed)


def _random_bytes(lines: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(lines * 40)


@pytest.mark.parametrize(
    "make",
    [
        lambda lines, seed: _changed(_text(lines, 1), seed),
        lambda lines, seed: _changed(_text(lines, 1), seed, one_line=True),
        _repeating,
        _random_bytes,
        lambda lines, seed: bytes(lines * 40 + seed),
    ],
    ids=["lines", "one line", "repeated lines", "unrelated bytes", "zeros"],
)
def test_work_grows_with_the_size(make: Callable[[int, int], bytes]) -> None:
    """A few steps for each byte, however large the replies are and however they look."""
    for lines in (500, 2000, 8000):
        work = Work()
        replies = [make(lines, seed) for seed in (1, 2, 3)]
        align(replies, work)
        assert work.steps <= 5 * sum(map(len, replies))


def test_one_changed_line_of_many_is_the_only_difference() -> None:
    """The rest of a large reply stays judged."""
    lines = _text(20000, 1)
    changed = [*lines[:12345], b"another line\n", *lines[12346:]]
    pieces = align([b"".join(lines), b"".join(changed)])
    common = sum(len(one.data) for one in pieces if isinstance(one, Common))
    assert common > len(b"".join(lines)) - 100


def test_binary_data_that_grew_in_the_middle_is_found_again() -> None:
    """What was inserted is the only place that differs."""
    data = os.urandom(100_000)
    pieces = align([data, data[:50_000] + b"inserted" + data[50_000:]])
    common = sum(len(one.data) for one in pieces if isinstance(one, Common))
    assert common > 95_000
