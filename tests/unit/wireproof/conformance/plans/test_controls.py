"""The control of a plan: the same requests, nothing of how they were sent."""

import pytest

from wireproof.conformance.plans.controls import controls_of, has_one_connection, one_by_one
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import (
    Await,
    AwaitEnd,
    Close,
    HalfClose,
    Look,
    Open,
    OpenTogether,
    Plan,
    Push,
    Reset,
    Rounds,
    Send,
    SendDatagram,
    SendLast,
    SendOpening,
    Way,
)

A, BB = b"a\n", b"bb\n"
WHOLE = (Open(0), Send(0, 2), Await(0), Send(0, 5), Await(0), Close(0))


@pytest.mark.parametrize(
    "plan",
    [
        single([A, BB], [1, 3], ending=(HalfClose, AwaitEnd), hold_s=1.0),
        single([A, BB], lock_step=True),
        Plan(((A, BB),), (Open(0), SendLast(0, 5), AwaitEnd(0))),
        Plan(((A, BB),), (Open(0, receive_buffer_bytes=9), Push(0, 5, 1.0), Await(0), Close(0))),
        Plan(((A, BB),), (Open(0, by_hand=True), SendOpening(0, 1), Send(0, 5), Close(0))),
        Plan(((A, BB),), (Open(0), Send(0, 1), Reset(0))),
        Plan(((A, BB),), (OpenTogether(0), Send(0, 5), Await(0), Close(0))),
    ],
)
def test_a_control_sends_whole_requests_in_turn(plan: Plan) -> None:
    """However the plan cut, joined, held or ended them."""
    assert controls_of(plan) == [Plan(plan.requests, WHOLE)]


def test_connections_speak_early_and_late() -> None:
    """Each where it spoke first; and once more where it was heard last, beside the others."""
    plan = Plan(
        ((A,), (BB,)),
        (Open(0), Open(1), Send(0, 1), Send(1, 3), Await(1), Close(1), Send(0, 2), Await(0)),
    )
    first, second = (Send(0, 2), Await(0)), (Send(1, 3), Await(1), Close(1))
    assert [control.actions for control in controls_of(plan)] == [
        (Open(0), Open(1), *first, *second, Close(0)),
        (Open(0), Open(1), *second, *first, Close(0)),
    ]


def test_who_says_nothing_is_held_to_saying_nothing() -> None:
    """A connection that is opened, and closed."""
    plan = Plan(((),), (Open(0), HalfClose(0), AwaitEnd(0)))
    assert controls_of(plan) == [Plan(((),), (Open(0), Close(0)))]


def test_rounds_of_connections_have_a_plain_one_for_a_control() -> None:
    """It must hold like any other: a server that answers otherwise now has no finding."""
    rounds = Rounds(0, (Way.CLOSE, Way.AT_ONCE), 8, 4, Look.DESCRIPTORS)
    plan = Plan(((A,),), (rounds,))
    assert controls_of(plan) == [single([A], lock_step=True)]
    assert not has_one_connection(plan)
    assert has_one_connection(single([A, BB], [1]))
    assert not has_one_connection(Plan(((A,), ()), (Open(0), Open(1))))


def test_datagrams_are_asked_in_turn() -> None:
    """Each once the one before is answered; sockets that ask the same are one."""
    plan = Plan(((A, BB), (A, BB)), (Open(0), Open(1), SendDatagram(0, 0), SendDatagram(1, 0)))
    steps = (SendDatagram(0, 0), Await(0), SendDatagram(0, 1), Await(0))
    assert controls_of(plan) == [Plan(((A, BB),), (Open(0), *steps, Close(0)))]
    assert one_by_one(plan) == controls_of(plan)


def test_one_by_one_each_connection_is_alone() -> None:
    """And none that says nothing, or the same, is held again."""
    plan = Plan(((A,), (), (A,), (BB,)), (Open(0),))
    assert one_by_one(plan) == [single([A], lock_step=True), single([BB], lock_step=True)]
