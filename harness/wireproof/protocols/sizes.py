"""Sizes and numbers at the borders of what fields hold, and requests of an exact size."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

BORDER_SIZES = (127, 128, 129, 255, 256, 257, 1000)
"""On both sides of where a length, or a count, gains a bit, a byte or a digit."""
ORDINARY_SIZES = (16, 64, 256, 1024)
"""Of values that ordinary clients store."""
LETTERS = b"abcdefghijklmnopqrstuvwxyz"
ALL_OCTETS = bytes(range(256))
_MOST_DIGITS = 20


def octets(size_bytes: int, alphabet: bytes = ALL_OCTETS) -> bytes:
    """Return `alphabet` over and over, `size_bytes` of it."""
    return (alphabet * (size_bytes // len(alphabet) + 1))[:size_bytes]


def border_integers(least: int, most: int) -> list[int]:
    """Return what lies beside the powers of two where integers usually end, within a range.

    >>> border_integers(0, 300)
    [0, 127, 128, 129, 255, 256, 257, 300]
    """
    beside = {
        sign * 2**bits + step
        for bits in (7, 8, 15, 16, 31, 32, 63)
        for step in (-1, 0, 1)
        for sign in (-1, 1)
    }
    return sorted(each for each in beside | {0, least, most} if least <= each <= most)


def integers(least: int, most: int) -> SearchStrategy[int]:
    """Return a strategy for integers in a range, those at the borders of types among them."""
    from hypothesis import strategies as st

    return st.one_of(st.integers(least, most), st.sampled_from(border_integers(least, most)))


def payloads(most_bytes: int, alphabet: bytes = ALL_OCTETS) -> SearchStrategy[bytes]:
    """Return a strategy for short payloads of any octets, and for some of `BORDER_SIZES`.

    Args:
        most_bytes: of those that are drawn octet by octet.
        alphabet: which octets there are.

    """
    from hypothesis import strategies as st

    if alphabet == ALL_OCTETS:
        drawn = st.binary(max_size=most_bytes)
    else:
        drawn = st.lists(st.sampled_from(list(alphabet)), max_size=most_bytes).map(bytes)
    return st.one_of(drawn, st.sampled_from(BORDER_SIZES).map(lambda size: octets(size, alphabet)))


def ordinary_values() -> SearchStrategy[bytes]:
    """Return a strategy for values as ordinary clients store them: letters, 16 to 1,024 of them."""
    from hypothesis import strategies as st

    return st.sampled_from(ORDINARY_SIZES).map(lambda size: octets(size, LETTERS))


def together(kinds: Iterable[SearchStrategy[bytes]]) -> SearchStrategy[bytes]:
    """Return a strategy for any of these, which as a part of `one_of` is as likely as another part.

    `one_of` takes what is in another `one_of` for parts of its own.
    """
    from hypothesis import strategies as st

    each = tuple(kinds)
    return st.integers(0, len(each) - 1).flatmap(each.__getitem__)


def padded(
    size_bytes: int, build: Callable[[bytes], bytes], alphabet: bytes = ALL_OCTETS
) -> bytes | None:
    r"""Return `build(payload)` with a payload that makes it exactly `size_bytes`, or None.

    Lengths written in digits make some sizes impossible: where the length goes from 9 to 10, the
    request grows by two bytes.

    >>> padded(6, lambda payload: b"%d:%b," % (len(payload), payload))
    b'3:\x00\x01\x02,'
    """
    # From an upper bound down by what the request is too long; that may overstep by a digit or two.
    size = size_bytes - len(build(b""))
    while size >= 0 and len(build(octets(size, alphabet))) > size_bytes:
        size -= len(build(octets(size, alphabet))) - size_bytes
    for candidate in range(max(size, 0), size + _MOST_DIGITS):
        request = build(octets(candidate, alphabet))
        if len(request) >= size_bytes:
            return request if len(request) == size_bytes else None
    return None
