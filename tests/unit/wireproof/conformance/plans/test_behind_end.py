"""The end of a stream takes the place of the wait for its last reply."""

import pytest

from wireproof.conformance.plans.behind_end import behind_end
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import (
    Action,
    Await,
    AwaitEnd,
    Close,
    HalfClose,
    Open,
    Plan,
    Reset,
    Send,
    SendLast,
)

A, BB = b"a\n", b"bb\n"
END = (HalfClose(0), AwaitEnd(0))


@pytest.mark.parametrize(
    ("plan", "actions"),
    [
        (single([A]), (Open(0), Send(0, 2), *END, Close(0))),
        (single([A], [1]), (Open(0), Send(0, 1), Send(0, 2), *END, Close(0))),
        (single([A], ending=(HalfClose, AwaitEnd)), (Open(0), Send(0, 2), *END)),
        (single([A, BB], lock_step=True),
         (Open(0), Send(0, 2), Await(0), Send(0, 5), *END, Close(0))),
        (Plan(((A,),), (Open(0), Send(0, 1), *END)), (Open(0), Send(0, 1), Send(0, 2), *END)),
        (Plan(((A,),), (Open(0), *END)), (Open(0), Send(0, 2), *END)),
        (Plan(((),), (Open(0), *END)), (Open(0),)),
        (Plan(((A,),), (Open(0), Send(0, 1), Reset(0))), (Open(0), Send(0, 1), Reset(0))),
        (Plan(((A,),), (Open(0), SendLast(0, 2), AwaitEnd(0))),
         (Open(0), SendLast(0, 2), AwaitEnd(0))),
    ],
)  # fmt: skip
def test_a_wait_says_first_that_nothing_more_comes(plan: Plan, actions: tuple[Action, ...]) -> None:
    """Once all is sent, and once only; what does not wait stays, but no part of a request ends."""
    assert behind_end(plan) == Plan(plan.requests, actions)


def test_each_connection_has_an_end_of_its_own() -> None:
    """Where it is waited for, and not where another is."""
    plan = Plan(((A,), (BB,)), (Open(0), Open(1), Send(1, 3), Await(1), Send(0, 2), Await(0)))
    assert behind_end(plan).actions == (
        Open(0),
        Open(1),
        Send(1, 3),
        HalfClose(1),
        AwaitEnd(1),
        Send(0, 2),
        *END,
    )
