"""The soak's gate: a leak of a little with each round does not pass, a warm process does."""

import random

import pytest

from tests.soak.trends import trend

_HALF_AN_HOUR_S = [20.0 * number for number in range(90)]
_BOUND = 1e6


def _noise(seed: int, size: float) -> list[float]:
    chance = random.Random(seed)
    return [chance.uniform(-size, size) for _ in _HALF_AN_HOUR_S]


@pytest.mark.parametrize("seed", range(5))
def test_a_leak_of_twice_the_bound_is_growing(seed: int) -> None:
    """Two megabytes an hour are a leak, though they are a fiftieth of the value after a round."""
    values = [
        50e6 + 2e6 * at_s / 3600 + noise
        for at_s, noise in zip(_HALF_AN_HOUR_S, _noise(seed, 1e5), strict=True)
    ]
    found = trend(_HALF_AN_HOUR_S, values)
    assert found.per_hour == pytest.approx(2e6, rel=0.1)
    assert found.is_growing(_BOUND)
    assert not found.is_growing(10 * _BOUND)


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_not_growing(seed: int) -> None:
    """A value that only scatters is flat, whichever way the line happens to lie."""
    values = [50e6 + noise for noise in _noise(seed, 1e6)]
    assert not trend(_HALF_AN_HOUR_S, values).is_growing(_BOUND)


def test_odd_samples_are_not_growing() -> None:
    """A few samples far off, at the end even, move neither the line nor the noise."""
    values = [50e6] * 85 + [80e6] * 5
    found = trend(_HALF_AN_HOUR_S, values)
    assert not found.is_growing(_BOUND)
    assert (found.first, found.last) == (50e6, 50e6)


def test_one_descriptor_in_ten_rounds_is_growing() -> None:
    """A leak of descriptors is seen however seldom it is."""
    values = [20.0 + number // 10 for number in range(90)]
    assert trend(_HALF_AN_HOUR_S, values).is_growing(1)


def test_a_step_within_a_short_stretch_is_not_growing() -> None:
    """In three minutes an arena more is no trend."""
    values = [50e6] * 5 + [50e6 + 200_000] * 5
    assert not trend(_HALF_AN_HOUR_S[:10], values).is_growing(_BOUND)
