"""Schedules of an open loop: pure times, tested as a table."""

from itertools import islice, pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.pacing import NS_PER_S, Ramp, constant_arrivals, poisson_arrivals, ramp_arrivals


def test_constant_is_even_and_never_drifts():
    """The n-th request is due n periods after the start, not one rounded period after the last."""
    times = list(islice(constant_arrivals(3000), 3001))
    assert times[:4] == [0, 333_333, 666_666, 1_000_000]
    assert times[3000] == NS_PER_S


def test_workers_share_a_constant_rate():
    """The workers' schedules together are the schedule of one."""
    shares = [islice(constant_arrivals(1000, worker, 3), 100) for worker in range(3)]
    assert sorted(at for share in shares for at in share) == list(
        islice(constant_arrivals(1000), 300)
    )


def test_poisson_keeps_the_rate_and_the_seed():
    """Gaps are exponential of the right mean, and a seed draws the same ones again."""
    times = list(takewhile(lambda at: at < 20 * NS_PER_S, poisson_arrivals(1000, 7)))
    gaps = [after - before for before, after in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    assert abs(len(times) - 20_000) < 5 * 20_000**0.5
    # An exponential's standard deviation is its mean; a constant schedule's is 0.
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert abs(deviation / mean - 1) < 0.05
    assert times == list(islice(poisson_arrivals(1000, 7), len(times)))


def test_poisson_workers_differ_and_add_up():
    """Workers draw independent requests whose rates add up to the whole."""
    first, second = (
        list(takewhile(lambda at: at < 10 * NS_PER_S, poisson_arrivals(1000, 7, worker, 2)))
        for worker in range(2)
    )
    assert not set(first) & set(second)
    assert abs(len(first) + len(second) - 10_000) < 500


def test_one_worker_is_the_first_of_one():
    """Who names no worker gets the whole rate's schedule, the same as worker 0 of 1."""
    alone, first = poisson_arrivals(1000, 7), poisson_arrivals(1000, 7, worker=0, workers=1)
    assert list(islice(alone, 100)) == list(islice(first, 100))


UP = Ramp(first_per_s=100, last_per_s=300, begins_s=1, lasts_s=4)


@pytest.mark.parametrize(
    ("until_s", "requests"),
    [(0, 0), (0.5, 50), (1, 100), (3, 100 + 200 + 100), (5, 100 + 800), (6, 900 + 300)],
)
def test_a_ramp_holds_changes_and_holds(until_s: float, requests: float):
    """Requests are the rate's integral, and each is due when the integral has come to it."""
    assert UP.requests(until_s) == pytest.approx(requests)
    assert UP.due_s(requests) == pytest.approx(until_s)


rates = st.floats(0.5, 1e6)


@given(rates, rates, st.floats(0, 60), st.floats(0.1, 600), st.floats(0, 1e7))
def test_when_a_ramps_requests_are_due_is_the_inverse(
    first: float, last: float, begins_s: float, lasts_s: float, number: float
):
    """Upwards, downwards and flat."""
    ramp = Ramp(first, last, begins_s, lasts_s)
    assert ramp.requests(ramp.due_s(number)) == pytest.approx(number, rel=1e-6, abs=1e-6)


def test_workers_share_a_ramp():
    """Together their schedules are that of one; seeded, they are independent and add up."""
    shares = [islice(ramp_arrivals(UP, None, worker, 3), 300) for worker in range(3)]
    whole = list(islice(ramp_arrivals(UP), 900))
    assert sorted(at for share in shares for at in share) == whole
    assert whole[100] == NS_PER_S
    seeded = [
        list(takewhile(lambda at: at < 5 * NS_PER_S, ramp_arrivals(UP, 7, worker, 2)))
        for worker in range(2)
    ]
    assert not set(seeded[0]) & set(seeded[1])
    assert abs(sum(map(len, seeded)) - 900) < 5 * 30
