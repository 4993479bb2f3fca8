from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.between.runs.schedules import Direction
from wireproof.between.trying.borders import borders_of, framers_by
from wireproof.between.trying.plans import (
    DEPTHS,
    FIRST_TRIALS,
    LEAST_SCHEDULES,
    every_cut,
    places,
    trials,
)
from wireproof.between.trying.requirements import BY_ID, REPLY_CUT, REQUEST_CUT
from wireproof.protocols.built_in.line_echo import LineEcho

SIZES = st.lists(st.integers(1, 300), min_size=1, max_size=20)


@given(SIZES, st.integers(1, 500))
def test_places_are_inside_messages(sizes: list[int], most: int) -> None:
    """Each once, no more than are wanted, and all where there are no more."""
    found = places(sizes, most)
    assert len(found) == len(set(found)) == min(most, sum(size - 1 for size in sizes))
    assert all(1 <= offset < sizes[message - 1] for message, offset in found)


def test_both_ends_of_a_message_are_dense() -> None:
    """What lies between is spread over the message."""
    offsets = [offset for _, offset in places([1000], 20)]
    assert {1, 2, 3, 4, 996, 997, 998, 999} <= set(offsets)
    inner = sorted(offset for offset in offsets if 4 < offset < 996)
    assert inner[0] < 150
    assert inner[-1] > 850


def test_a_message_of_many_megabytes_has_places_at_once() -> None:
    """Nothing is listed that is not wanted."""
    assert len(places([10**9], 45)) == 45


@pytest.mark.parametrize("sizes", [(49, 30), (3, 2), (20_000, 100)])
def test_a_quick_run_tries_a_hundred_schedules_in_both_directions(sizes: tuple[int, int]) -> None:
    """Of short streams every single cut; drawn sets where there is little else."""
    found = list(
        trials(
            {Direction.REPLY: [sizes[0]] * 3, Direction.REQUEST: [sizes[1]] * 3}, DEPTHS["quick"], 1
        )
    )
    assert len(found) >= (100 if sizes[0] > 3 else 30)
    assert len({one.schedule for one in found}) == len(found)
    assert {REPLY_CUT, REQUEST_CUT} <= {one.requirement for one in found}
    assert {one.requirement for one in found} <= BY_ID.keys()


def test_the_same_seed_draws_the_same() -> None:
    """And another one draws something else."""
    sizes = {Direction.REPLY: [40], Direction.REQUEST: [40]}
    first, again, other = (list(trials(sizes, DEPTHS["quick"], seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(first) >= LEAST_SCHEDULES - 5


def test_a_stream_without_bytes_has_nothing_to_cut() -> None:
    """A server that only listens, or only speaks."""
    sizes = {Direction.REPLY: [5], Direction.REQUEST: []}
    assert all(
        cut.direction is Direction.REPLY
        for one in islice(trials(sizes, DEPTHS["quick"], 1), 200)
        for cut in one.schedule.cuts
    )


def test_every_cut_is_between_two_bytes_of_a_stream() -> None:
    """The border between two messages is one, the beginning of the first is none."""
    found = every_cut({Direction.REPLY: [2, 3], Direction.REQUEST: []}, (Direction.REPLY,), 100)
    assert [(cut.message, cut.offset) for cut in found] == [(1, 1), (2, 0), (2, 1), (2, 2)]


def test_a_short_time_tries_some_of_each_kind() -> None:
    """What is tried in any case has a trial of every requirement that there is a place for."""
    sizes = {Direction.REPLY: [49, 8], Direction.REQUEST: [30]}
    for depth in DEPTHS.values():
        found = list(trials(sizes, depth, 1))
        first = {one.requirement for one in found[:FIRST_TRIALS]}
        assert first == {one.requirement for one in found}


def test_cuts_are_dense_at_the_borders_that_a_protocol_tells():
    """Three replies in one message: each cut next to one of their ends is among the first."""
    data = b"x" * 299 + b"\n" + b"y" * 399 + b"\n" + b"z" * 99 + b"\n"
    borders = borders_of(data, [len(data)], framers_by(LineEcho())[Direction.REPLY])
    assert borders == [[300, 700]]
    near = {(1, at + step) for at in (300, 700) for step in (-1, 0, 1)}
    assert near <= set(places([len(data)], 45, borders))
    assert not near <= set(places([len(data)], 45))
