from hypothesis import given
from hypothesis import strategies as st

from wireproof.between.runs.schedules import Cut, Direction
from wireproof.between.trying.shrinking import shrinking

CUTS = tuple(Cut(Direction.REPLY, 1, offset) for offset in range(1, 200))


def _shrunk(needed: frozenset[Cut]) -> tuple[tuple[Cut, ...], int]:
    """What is left where a set fails that has all that is needed, and after how many tries."""
    search = shrinking(CUTS)
    tries = 0
    try:
        tried = next(search)
        while True:
            tries += 1
            tried = search.send(needed <= set(tried))
    except StopIteration as done:
        return done.value, tries


@given(st.frozensets(st.sampled_from(CUTS), min_size=1, max_size=4))
def test_what_is_left_is_what_is_needed(needed: frozenset[Cut]) -> None:
    """No cut too many, and none too few."""
    assert frozenset(_shrunk(needed)[0]) == needed


def test_one_cut_is_found_in_few_tries() -> None:
    """Halving takes two tries a level: 16 for 199 cuts, where one by one takes 199."""
    for cut in CUTS[::20]:
        assert _shrunk(frozenset({cut}))[1] <= 16


def test_a_single_cut_is_small_enough() -> None:
    """Nothing is tried."""
    assert list(shrinking(CUTS[:1])) == []
