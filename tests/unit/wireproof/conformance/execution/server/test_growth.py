"""Leaks are told from what grows for other reasons."""

import random
from itertools import accumulate

import pytest

from wireproof.conformance.execution.server.growth import WARM_UP, growth, has_settled

ROUNDS = WARM_UP + 42
PAGE = 4096


def _pages(sizes: list[float]) -> list[int]:
    return [round(size) // PAGE * PAGE for size in sizes]


@pytest.mark.parametrize("each_bytes", [300, 2500, 100_000])
def test_a_leak_is_told(each_bytes: int) -> None:
    """It never settles, and the figure is that of a connection."""
    samples = _pages([10e6 + round_ * 48 * each_bytes for round_ in range(ROUNDS)])
    assert not any(has_settled(samples[:count], 48) for count in range(ROUNDS))
    found = growth(samples, 48)
    assert found is not None
    assert found.bytes_each == pytest.approx(each_bytes, rel=0.1)
    assert found.margin_bytes < each_bytes


@pytest.mark.parametrize("seed", range(20))
def test_noise_settles(seed: int) -> None:
    """A few pages more or less are no growth."""
    noise = random.Random(seed)
    samples = [10_000_000 + PAGE * noise.randrange(8) for _ in range(ROUNDS)]
    assert any(has_settled(samples[:count], 48) for count in range(ROUNDS))
    assert growth(samples, 48) is None


@pytest.mark.parametrize("full_at", [3, 12, 25, 40])
def test_a_pool_that_fills_up(full_at: int) -> None:
    """What grows for a while and then no more is not told, however long that took."""
    samples = [min(round_, full_at) * 500_000 for round_ in range(ROUNDS)]
    assert growth(samples, 48) is None


def test_arenas_and_collectors() -> None:
    """Steps, and a heap that is cleared now and then, are no leak."""
    steps = list(accumulate(4_000_000 if round_ % 9 == 0 else 0 for round_ in range(ROUNDS)))
    assert growth(steps, 48) is None
    saw = [(round_ % 11) * 300_000 + 5_000_000 for round_ in range(ROUNDS)]
    assert growth(saw, 48) is None


def test_too_few_rounds() -> None:
    """Nothing is told of them."""
    assert growth([1, 2, 3], 48) is None
    assert not has_settled([1, 2, 3], 48)
