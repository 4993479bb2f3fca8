"""Requests of an exact size."""

from hypothesis import given
from hypothesis import strategies as st

from harness.protocols.sizes import padded


@given(st.integers(0, 3000))
def test_padded_is_exact_or_none(size: int):
    """The request has the size asked for; only where a length gains a digit there is none."""

    def build(payload: bytes) -> bytes:
        return b"%d:%b," % (len(payload), payload)

    possible = {len(build(b"x" * count)): count for count in range(size + 1)}
    request = padded(size, build)
    assert (request is None) == (size not in possible)
    assert request is None or len(request) == size
