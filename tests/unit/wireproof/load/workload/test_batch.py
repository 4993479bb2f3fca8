"""Replies whose counters grow from lap to lap."""

from hypothesis import given
from hypothesis import strategies as st

from wireproof.load.workload.batch import RECEIVE_BYTES, Batch, grown


@given(st.binary(min_size=6, max_size=6), st.integers(1, 4), st.integers(0, 2**33))
def test_a_counter_grows_within_its_bytes(reply: bytes, size: int, step: int) -> None:
    """As the number that it is; where that has no room there is no reply."""
    found = grown(reply, ((1, size, step),))
    number = int.from_bytes(reply[1 : 1 + size]) + step
    if number < 256**size:
        assert found == reply[:1] + number.to_bytes(size) + reply[1 + size :]
    else:
        assert found is None


def test_what_is_known_goes_on_as_it_comes() -> None:
    """What came is kept as accepted; a counter that is full is left to the oracle."""
    batch = Batch((b"a",))
    batch.know(b"x\xfc", 5, (2,))
    batch.grow(((1, 1, 2),))
    assert (batch.accepted, batch.reply, batch.ends) == (b"x\xfc", b"x\xfe", (2,))
    batch.passed()
    assert (batch.accepted, batch.reply, batch.left) == (b"x\xfe", None, -1)
    assert (batch.passes, batch.receive_bytes) == (1, RECEIVE_BYTES)


def test_without_counters_nothing_changes() -> None:
    """A reply that is known stays as it is."""
    batch = Batch((b"a",))
    batch.know(b"x")
    batch.passed()
    assert (batch.reply, batch.accepted, batch.passes) == (b"x", b"x", 0)
