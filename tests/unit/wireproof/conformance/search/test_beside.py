from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import cast
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from tests.support import played
from wireproof.conformance.catalogue import GENERIC
from wireproof.conformance.execution.executor import Executor, Held, Outcome
from wireproof.conformance.execution.failure import Seen
from wireproof.conformance.execution.together import LONG_HOLD_S, longest_hold_s
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Plan, Send
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.search import beside
from wireproof.conformance.search.beside import HeldBeside
from wireproof.conformance.subject import Subject
from wireproof.results import Delivery, Level
from wireproof.wire.transcript import Transcript

_UNHELD = single([b"ab"], [1])
_PLANS = [single([b"a" * size], [1], hold_s=0.5) for size in (2, 3, 4)]


def _requirement(identifier: str, *plans: Plan, holds: bool = True) -> Requirement:
    def every(_: Subject) -> Iterator[Plan]:
        yield from plans

    return Requirement(identifier, Level.MUST, "", "", "", every, holds=holds)


def _outcome(failed: bool) -> Outcome:
    failure = played.failure() if failed else None
    return Outcome(failure, Delivery.CONFIRMED, Transcript(), ())


class _Executor:
    """Fails the plans that it is told, and notes what it was given."""

    def __init__(self, failing: Collection[Plan]) -> None:
        self.failing = failing
        self.given: list[list[Plan]] = []

    def execute_together(self, plans: Sequence[Plan], _: float) -> Iterator[Held]:
        self.given.append(list(plans))
        yield from ((plan, _outcome(plan in self.failing)) for plan in plans)


def _held(executor: _Executor, requirements: Sequence[Requirement]) -> HeldBeside:
    return HeldBeside(cast(Executor, executor), played.subject(), requirements)


def _left(held: HeldBeside, requirement: Requirement) -> tuple[list[Plan], int]:
    """Return the plans that are left to try, and how many were counted."""
    search = mock.Mock()
    left = list(held.without(requirement, search).plans(played.subject()))
    return left, search.count.call_count


def test_what_was_right_beside_others_is_counted_and_not_tried_again() -> None:
    """Only the plans with long holds are tried ahead, and only of requirements that hold."""
    first = _requirement("A", _UNHELD, _PLANS[0])
    second = _requirement("B", _PLANS[1])
    other = _requirement("C", _PLANS[2], holds=False)
    executor = _Executor([])
    held = _held(executor, [first, second, other])
    held.execute(mock.Mock(), 1.0)
    held.execute(mock.Mock(), 1.0)
    assert executor.given == [_PLANS[:2]]
    assert _left(held, first) == ([_UNHELD], 1)
    assert _left(held, second) == ([], 1)
    assert _left(held, other) == ([_PLANS[2]], 0)


def test_what_failed_beside_others_is_tried_by_itself() -> None:
    """A failure among others says nothing, be it the oracle's or the requirement's own judge's."""
    first, second = _requirement("A", _PLANS[0]), _requirement("B", _PLANS[1])
    third = replace(_requirement("C", _PLANS[2]), judge=lambda *_: played.failure(Seen.OTHER))
    held = _held(_Executor([_PLANS[0]]), [first, second, third])
    held.execute(mock.Mock(look=mock.Mock(return_value=None)), 1.0)
    assert _left(held, first) == ([_PLANS[0]], 0)
    assert _left(held, second) == ([], 1)
    assert _left(held, third) == ([_PLANS[2]], 0)


def test_of_a_server_that_has_ended_nothing_is_known() -> None:
    """It is started again, and each plan is tried by itself, so that the guilty one is found."""
    first, second = _requirement("A", _PLANS[0]), _requirement("B", _PLANS[1])
    held = _held(_Executor([_PLANS[0]]), [first, second])
    liveness = mock.Mock()
    held.execute(liveness, 1.0)
    liveness.revive.assert_called_once_with()
    assert _left(held, second) == ([_PLANS[1]], 0)


@given(
    st.lists(st.tuples(st.integers(1, 60), st.floats(0.5, 3.0)), max_size=12), st.integers(1, 50)
)
def test_no_group_has_more_connections_than_are_allowed(
    sizes: list[tuple[int, float]], connections: int
) -> None:
    """Each plan is in one group; one that is too large for any is by itself."""
    requirement = _requirement("A")
    due = []
    for count, hold_s in sizes:
        due.append((requirement, Plan(((b"ab",),) * count, (Send(0, 1, hold_s),))))
    groups = list(beside._groups(due, connections))
    counts = [[len(plan.requests) for _, plan in group] for group in groups]
    assert sorted(len(plan.requests) for _, plan in due) == sorted(
        count for each in counts for count in each
    )
    assert all(sum(each) <= connections or len(each) == 1 for each in counts)


def test_those_that_hold_are_those_with_long_holds() -> None:
    """No requirement is told to hold that has no such plan, nor has one such a plan untold."""
    subject = replace(played.subject(), concurrent=True)
    for one in GENERIC:
        if one.unsupported_reason(subject) or one.id.startswith(("MID-", "REL-", "SIZE-")):
            continue
        holds = any(longest_hold_s(plan) >= LONG_HOLD_S for plan in one.plans(subject))
        assert one.holds >= holds, one.id
