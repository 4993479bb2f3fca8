"""What an AMQP broker owes: which keys fit a pattern, and what a queue gives."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.protocols.built_in.amqp.broker import Reader, fits

WORDS = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=4).map(".".join)
PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "#"]), min_size=1, max_size=4).map(".".join)


@given(WORDS, PATTERNS)
def test_a_key_fits_as_a_regular_expression_says(key: str, pattern: str):
    """A star is one word, a hash sign any number of them, none too."""
    words = "".join(f"{word}\\." for word in pattern.split("."))
    text = words.replace("*\\.", "[^.]+\\.").replace("#\\.", "(?:[^.]+\\.)*")
    is_one = re.fullmatch(text, f"{key}." if key else "") is not None
    assert fits(key.encode(), pattern.encode()) == is_one


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        (b"*.stock.#", {b"usd.stock", b"eur.stock.db"}),
        (b"#", {b"usd.stock", b"eur.stock.db", b"stock.nasdaq"}),
    ],
)
def test_the_specifications_own_example(pattern: bytes, keys: set[bytes]):
    """Section 3.1.3.3: *.stock.# matches usd.stock and eur.stock.db but not stock.nasdaq."""
    every = {b"usd.stock", b"eur.stock.db", b"stock.nasdaq"}
    assert {key for key in every if fits(key, pattern)} == keys


def test_arguments_are_read_in_their_order():
    """Integers, short strings, long strings, and what is left out."""
    reader = Reader(b"\0\x07\x02hi\0\0\0\x03abc..\xff")
    assert (reader.number(2), reader.short(), reader.long()) == (7, b"hi", b"abc")
    reader.skip(2)
    assert reader.number(1) == 255
