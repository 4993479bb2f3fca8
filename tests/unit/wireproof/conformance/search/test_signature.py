from dataclasses import replace

import pytest

from wireproof.conformance.execution.failure import Failure, FailureKind, Owed, Phase, Seen
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import (
    Await,
    AwaitEnd,
    Close,
    HalfClose,
    Open,
    Plan,
    Push,
    Reset,
    Send,
)
from wireproof.conformance.search.signature import Place, Signature, Whom, signature_of

OTHER = Signature(Phase.TALKING, Owed.REPLY, Seen.OTHER, Whom.PLAIN, Place.FIRST)
MORE = replace(OTHER, owed=Owed.NOTHING, seen=Seen.MORE)
SILENT = replace(OTHER, seen=Seen.NOTHING)
LESS = replace(OTHER, seen=Seen.LESS)


def _failure(action: int, connection: int = 0) -> Failure:
    return Failure(
        kind=FailureKind.SILENCE,
        connection=connection,
        action=action,
        message="m",
        expected="e",
        actual="a",
        seen=Seen.NOTHING,
    )


@pytest.mark.parametrize(
    ("first", "smaller", "covers"),
    [
        (OTHER, OTHER, True),
        (OTHER, MORE, True),
        (OTHER, SILENT, False),
        (LESS, SILENT, True),
        (SILENT, LESS, False),
        (OTHER, replace(OTHER, phase=Phase.ENDING), False),
        (MORE, replace(MORE, phase=Phase.ENDING), True),
        (OTHER, replace(MORE, phase=Phase.OPENING), False),
        (SILENT, replace(SILENT, owed=Owed.END, phase=Phase.ENDING), False),
        (replace(SILENT, whom=Whom.OTHER), SILENT, True),
        (SILENT, replace(SILENT, whom=Whom.OTHER), False),
        (replace(SILENT, whom=Whom.OTHER), replace(SILENT, whom=Whom.OWN), False),
        (OTHER, replace(OTHER, rule="TS-SKEW"), False),
        (replace(OTHER, place=Place.LATER), OTHER, True),
    ],
)
def test_what_shrinking_keeps(first: Signature, smaller: Signature, covers: bool) -> None:
    """What is owed, to whom, what came instead and when; not what chance or shrinking moves."""
    assert first.covers(smaller) is covers


PUSHED = Plan(
    ((b"a",), (b"b",)),
    (Open(0), Push(0, 1, 0.1), Open(1), Send(1, 1), Await(1), Close(1), Await(0), Close(0)),
)


@pytest.mark.parametrize(
    ("plan", "failure", "whom"),
    [
        (single([b"a"]), _failure(2), Whom.PLAIN),
        (PUSHED, _failure(4, 1), Whom.OTHER),
        (PUSHED, _failure(6, 0), Whom.OWN),
        (
            Plan(((b"a",), (b"b",)), (Open(1), Await(1), Open(0), Send(0, 1), Reset(0))),
            _failure(1, 1),
            Whom.PLAIN,
        ),
    ],
)
def test_to_whom_it_was_owed(plan: Plan, failure: Failure, whom: Whom) -> None:
    """What was odd before the failure counts, on the connection that failed or on another."""
    assert signature_of(plan, failure).whom is whom


def test_at_which_place() -> None:
    """Replies that were awaited before make it a later one, whenever their bytes were read."""
    plan = single([b"a", b"b"], lock_step=True, ending=(HalfClose, AwaitEnd))
    assert signature_of(plan, _failure(1)).place is Place.FIRST
    assert signature_of(plan, _failure(2)).place is Place.FIRST
    assert signature_of(plan, _failure(3)).place is Place.LATER
    greeted = Plan(((b"a",),), (Open(0), Await(0), Send(0, 1), Await(0)))
    assert signature_of(greeted, _failure(3)).place is Place.FIRST
