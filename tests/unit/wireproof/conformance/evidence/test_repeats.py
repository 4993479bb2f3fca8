import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.conformance.evidence.repeats import Repeated, restored, stored
from wireproof.errors import UsageError

RUNS = st.lists(st.tuples(st.binary(max_size=3), st.integers(1, 20)), max_size=5)
REQUESTS = RUNS.map(lambda runs: tuple(one for one, times in runs for _ in range(times)))


@given(requests=st.lists(REQUESTS, max_size=3).map(tuple))
def test_nothing_is_lost(requests: tuple[tuple[bytes, ...], ...]) -> None:
    """In order and number."""
    assert restored(stored(requests)) == requests


def test_a_long_run_stands_once() -> None:
    """A short one is written out, as in files of earlier versions."""
    assert stored(((b"a", *(b"b",) * 1000, b"c", b"c"),)) == (
        (b"a", Repeated(b"b", 1000), b"c", b"c"),
    )


def test_a_run_is_one_object() -> None:
    """A thousand requests cost a thousand references."""
    ((first, *others),) = restored(((Repeated(bytes(4096), 1000),),))
    assert all(one is first for one in others)


@pytest.mark.parametrize("run", [Repeated(b"", 1_000_001), Repeated(bytes(2**20), 1025)])
def test_more_than_we_send_is_refused(run: Repeated) -> None:
    """Before it is in memory."""
    with pytest.raises(UsageError, match="are the most"):
        restored(((run,),))


def test_a_negative_number_of_times_is_none() -> None:
    """It makes no room for others either."""
    assert restored(((Repeated(b"a", -5),),)) == ((),)
    with pytest.raises(UsageError, match="are the most"):
        restored(((Repeated(b"a", -5), Repeated(b"a", 1_000_001)),))
