import time

import pytest

from wireproof.deadline import Deadline


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A monotonic clock that the test sets."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_time_runs_out(clock: list[float]) -> None:
    """What is left shrinks with the clock, and never below zero."""
    deadline = Deadline(2.5)
    assert deadline.remaining_s() == 2.5
    assert not deadline.expired
    clock[0] += 2
    assert deadline.remaining_s() == 0.5
    clock[0] += 0.5
    assert deadline.expired
    clock[0] += 100
    assert deadline.remaining_s() == 0


def test_no_limit(clock: list[float]) -> None:
    """An infinite deadline never expires."""
    deadline = Deadline(float("inf"))
    clock[0] += 1e9
    assert not deadline.expired
