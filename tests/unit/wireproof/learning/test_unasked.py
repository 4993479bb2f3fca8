"""What comes unasked: known again from a few times that it was heard, and taken out of replies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.learning.unasked import Sieve, learn_unasked


def _heard(*messages: bytes) -> list[tuple[float, bytes]]:
    return [(1_700_000_000.0 + number / 4, data) for number, data in enumerate(messages)]


@pytest.mark.parametrize(
    ("heard", "next_one"),
    [
        ([b"tick\n"] * 2, b"tick\n"),
        ([b"tick\n", b"tick\ntick\n", b"tick\n"], b"tick\n"),
        ([b"ping\n", b"stats 0\n"] * 2, b"stats 0\n"),
        ([b'{"tick": 8}\n', b'{"tick": 9}\n', b'{"tick": 10}\n'], b'{"tick": 11}\n'),
        ([b"n=8\n", b"n=9\nn=10\n", b"n=11\n", b"n=12\n"], b"n=100\n"),
        ([b"e\nn=8\n", b"e\nn=9\ne\nn=10\n", b"e\nn=11\n"], b"e\nn=12\n"),
        ([b"\1\0\7", b"\1\0\x08\1\0\x09", b"\1\0\x0a"], b"\1\0\x0b"),
        ([b"\0\2\0\7", b"\0\2\0\x08", b"\0\2\0\x09"], b"\0\2\0\x0a"),
    ],
)
def test_it_is_known_again(heard: list[bytes], next_one: bytes) -> None:
    """Always the same, or counted; one kind or several."""
    sieve = Sieve(learn_unasked(_heard(*heard)))
    assert sieve.size_at(b"x" + next_one + b"more", 1) == len(next_one)
    assert all(sieve.may_begin(next_one[:size]) for size in range(1, len(next_one)))
    assert not sieve.size_at(b"other\n")


@pytest.mark.parametrize(
    "heard",
    [
        [],
        [b"late\n"],
        [b"hello\n", b"tick\n", b"tick\n"],
        [b"part one\n", b"and the rest\n"],
        [b"abc\n", b"xyz\n", b"q\n"],
        [b"the length is open 1", b"the length is open 22", b"the length is open 3"],
    ],
)
def test_what_nobody_would_know_again_is_not_taken_out(heard: list[bytes]) -> None:
    """What came once, what is always another, and what has no end of its own."""
    assert learn_unasked(_heard(*heard)) == ()


@given(
    lines=st.lists(st.sampled_from([b"a\n", b"tack\n", b"tick \n", b"\n"]), min_size=1),
    places=st.sets(st.integers(0, 5)),
)
def test_lines_between_the_lines_of_a_reply_are_taken_out(
    lines: list[bytes], places: set[int]
) -> None:
    """And nothing else is."""
    sieve = Sieve(learn_unasked(_heard(b"tick\n", b"tick\n")))
    mixed = [
        part for at, line in enumerate(lines) for part in [b"tick\n"] * (at in places) + [line]
    ]
    assert sieve.cleaned([b"".join(mixed)]) == b"".join(lines)


@pytest.mark.parametrize(
    ("arrivals", "reply"),
    [
        ([b"\1\0beat"], b""),
        ([b"\1\0beatreply"], b"reply"),
        ([b"reply\1\0beat\1\0beat"], b"reply"),
        ([b"re", b"\1\0beat", b"ply"], b"reply"),
        ([b"re\1\0beatply"], b"re\1\0beatply"),
        ([b"\1\1\0beat"], b"\1"),
    ],
)
def test_of_other_messages_the_ends_of_what_came_are_cleaned(
    arrivals: list[bytes], reply: bytes
) -> None:
    """In the middle of what was sent at once nothing is: that may be data."""
    sieve = Sieve(learn_unasked(_heard(b"\1\0beat", b"\1\0beat")))
    assert sieve.cleaned(arrivals) == reply


def test_without_such_messages_nothing_is_taken_out() -> None:
    """A server that says nothing unasked has a sieve that is false."""
    sieve = Sieve(())
    assert not sieve
    assert sieve.cleaned([b"a", b"\n"]) == b"a\n"
    assert not sieve.may_begin(b"a")
