"""Sizes and numbers at borders, and requests of an exact size."""

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from wireproof.protocols.sizes import (
    BORDER_SIZES,
    LETTERS,
    ORDINARY_SIZES,
    border_integers,
    integers,
    octets,
    ordinary_values,
    padded,
    payloads,
    together,
)


@given(st.integers(0, 3000))
def test_padded_is_exact_or_none(size: int):
    """The request has the size asked for; only where a length gains a digit there is none."""

    def build(payload: bytes) -> bytes:
        return b"%d:%b," % (len(payload), payload)

    possible = {len(build(b"x" * count)): count for count in range(size + 1)}
    request = padded(size, build)
    assert (request is None) == (size not in possible)
    assert request is None or len(request) == size


@given(st.integers(0, 600), st.sampled_from([b"a", b"abc", bytes(range(256))]))
def test_octets_repeat_their_alphabet(size: int, alphabet: bytes):
    """There are as many as asked for, each the alphabet's next one; all octets count up."""
    assert octets(size, alphabet) == bytes(alphabet[at % len(alphabet)] for at in range(size))
    assert octets(size) == bytes(at % 256 for at in range(size))


@given(st.integers(0, 60), st.integers(0, 30))
def test_padding_that_is_not_all_kept_is_found(size: int, lost: int):
    """Also where a request is shorter than its payload, and grows by more digits than one."""

    def build(payload: bytes) -> bytes:
        kept = payload[min(lost, 19) :]
        return b"%d:%b" % (10 ** (len(kept) // 9), kept)

    sizes = {len(build(b"x" * count)) for count in range(200)}
    request = padded(size, build)
    assert (request is None) == (size not in sizes)
    assert request is None or len(request) == size


@pytest.mark.parametrize(("size", "right"), [(2, b"0:"), (1, None), (5, b"3:aba"), (12, None)])
def test_padding_is_of_the_alphabet(size: int, right: bytes | None):
    """The payload is the alphabet's; what is shorter than an empty request cannot be built."""
    assert padded(size, lambda payload: b"%d:%b" % (len(payload), payload), b"ab") == right


def test_numbers_lie_beside_where_types_end():
    """On both sides of seven, eight, fifteen… bits, of either sign, and within the range only."""
    assert border_integers(1, 130) == [1, 127, 128, 129, 130]
    assert border_integers(-129, 0) == [-129, -128, -127, 0]
    every = border_integers(-(2**63), 2**63 - 1)
    for bits in (7, 8, 15, 16, 31, 32):
        assert {2**bits - 1, 2**bits, 2**bits + 1, -(2**bits)} < set(every)
    assert (every[0], every[-1]) == (-(2**63), 2**63 - 1)


@pytest.mark.parametrize("wanted", [0, 255, 256, 65535, 3])
def test_numbers_at_borders_and_others_are_drawn(wanted: int):
    """Borders, both ends and any number between are drawn."""
    assert (
        find(
            integers(0, 65535),
            lambda number: number == wanted,
            settings=settings(max_examples=100_000),
        )
        == wanted
    )


@pytest.mark.parametrize("alphabet", [LETTERS, bytes(range(256))])
@pytest.mark.parametrize("size", [*BORDER_SIZES, 0, 7])
def test_payloads_have_sizes_at_borders_too(size: int, alphabet: bytes):
    """Short ones of any octets, and one of each border's size, of the alphabet alone."""
    found = find(payloads(100, alphabet), lambda payload: len(payload) == size)
    assert set(found) <= set(alphabet)


def test_ordinary_values_are_of_ordinary_sizes():
    """What clients store is text of a few sizes."""
    for size in ORDINARY_SIZES:
        assert find(ordinary_values(), lambda value, size=size: len(value) == size).isalpha()


def test_many_kinds_together_are_as_likely_as_one():
    """Of two parts each is drawn about as often, though one of them has ten kinds."""
    kinds = [st.just(b"%d" % number) for number in range(10)]
    drawn: list[bytes] = []

    @settings(max_examples=200, database=None, derandomize=True)
    @given(st.lists(st.one_of(st.just(b"plain"), together(kinds)), min_size=10, max_size=10))
    def draw(some: list[bytes]) -> None:
        drawn.extend(some)

    draw()
    assert set(drawn) == {b"plain", *(b"%d" % number for number in range(10))}
    assert 0.3 < drawn.count(b"plain") / len(drawn) < 0.7
