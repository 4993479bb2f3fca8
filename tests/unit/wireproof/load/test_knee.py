"""The search for the knee, on loads whose knee is known."""

import random

import pytest

from wireproof.load.knee import find_knee


@pytest.mark.parametrize("knee", [1, 2, 7, 50, 640, 100_000])
def test_a_sharp_knee_lies_in_the_interval(knee: int):
    """The answer's interval holds the knee and is narrow."""
    found = find_knee(lambda load: load <= knee)
    assert found.fails_at is not None
    assert found.holds_at <= knee < found.fails_at
    assert found.fails_at - found.holds_at <= max(1, found.fails_at * 0.1)


def test_both_ends_are_repeated():
    """One run is no proof: each end was tried until two of three agreed."""
    found = find_knee(lambda load: load <= 50)
    assert found.tried[found.holds_at] == (2, 2)
    assert found.tried[found.fails_at or 0] == (0, 2)


def test_nothing_holds():
    """Where the objective fails at once, the interval starts at nothing."""
    found = find_knee(lambda _: False)
    assert (found.holds_at, found.fails_at) == (0, 1)


def test_no_limit():
    """Where it never fails, there is no upper end."""
    assert find_knee(lambda _: True, most=300).fails_at is None


def test_a_noisy_knee_ends_and_comes_near():
    """Runs that go either way near the knee neither loop for ever nor lead far away."""
    for seed in range(20):
        draw = random.Random(seed)
        found = find_knee(lambda load, draw=draw: load <= draw.gauss(100, 5))
        assert found.fails_at is not None
        assert 60 < found.holds_at < 130
        assert sum(runs for _, runs in found.tried.values()) < 60
