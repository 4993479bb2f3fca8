"""A server of any pace gets its time, and what is tried of much is spread."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wireproof.conformance.search.pace import Allotment, Paced, spread
from wireproof.conformance.subject import DEPTHS
from wireproof.deadline import Deadline

SLOW_S = 0.02
QUICK = replace(DEPTHS["quick"], requirement_s=2.0, total_s=10.0)


@given(st.integers(0, 3000))
def test_everything_comes_once(count: int) -> None:
    """The order leaves nothing out and repeats nothing."""
    assert sorted(spread(range(count))) == list(range(count))


@given(st.integers(2, 2000), st.data())
def test_what_has_come_lies_evenly(count: int, data: st.DataObject) -> None:
    """However early it ends, no gap is more than four times what an even one would be."""
    tried = data.draw(st.integers(1, count))
    places = sorted(list(spread(range(count)))[:tried])
    ends = [-1, *places, count]
    assert max(b - a for a, b in pairwise(ends)) <= 4 * count / tried + 1


def test_a_requirement_gets_a_share_of_what_is_left() -> None:
    """Three shares at most, its own limit at most, and never nothing."""
    assert 0.9 < Allotment(QUICK, 33).next(SLOW_S).remaining_s() < 1.0
    assert 1.9 < Allotment(QUICK, 3).next(SLOW_S).remaining_s() <= 2.0
    many = Allotment(QUICK, 10_000)
    assert 0.2 < many.next(SLOW_S).remaining_s() <= 0.25
    assert not many.is_used_up


def test_a_fast_server_is_not_cut_short() -> None:
    """What takes a millisecond is tried whole."""
    assert Allotment(QUICK, 33).next(0.001).remaining_s() > 1e9


def test_the_users_limit_is_one() -> None:
    """Nothing is tried beyond it."""
    none = Allotment(QUICK, 5, budget_s=0.0)
    assert none.is_used_up
    assert none.next(SLOW_S).expired
    assert Allotment(QUICK, 1, budget_s=1.0).next(SLOW_S).remaining_s() <= 1.0


def test_a_fast_server_gets_all_in_order() -> None:
    """Nothing is known of how much there is before the time for it is short."""
    paced = Paced(iter(range(100)), Deadline(1000))
    assert list(paced) == list(range(100))
    assert paced.total == 0


def test_a_slow_server_gets_a_spread_of_what_is_left() -> None:
    """Once a third of the time is over, the others come from all over, each once."""
    paced = Paced(iter(range(64)), Deadline(0))
    order = list(paced)
    assert order[:4] == [0, 1, 33, 17]
    assert sorted(order) == list(range(64))
    assert paced.total == 64


def test_what_has_not_come_is_counted_without_losing_any() -> None:
    """Who asks early gets the rest spread; who asks at the end hears of none."""
    paced = Paced(iter(range(9)), Deadline(1000))
    assert next(paced) == 0
    assert paced.left() == 8
    assert sorted(paced) == list(range(1, 9))
    assert paced.left() == 0
