"""Requests of an exact size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.protocols.built_in.sizes import octets, padded


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
