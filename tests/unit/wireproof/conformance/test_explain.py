import pytest

from wireproof.conformance.explain import explain
from wireproof.conformance.plans.plan import Await, Close, Open, Plan, Push, Reset, Send, single

LINE = (b"ab\r\n",)
CUT = single(LINE, [3])
BETWEEN = "when the cut falls after byte 3, between b'\\r' and b'\\n'"


@pytest.mark.parametrize(
    ("tried", "words"),
    [
        ({3: True}, BETWEEN),
        ({1: False, 2: False, 3: True}, f"only {BETWEEN}"),
        ({1: True, 2: True, 3: True}, f"at every cut; {BETWEEN}, for one"),
        ({1: False, 2: True, 3: True}, BETWEEN),
        ({}, BETWEEN),
    ],
)
def test_one_cut(tried: dict[int, bool], words: str) -> None:
    """A cut is told with the bytes around it, and "only" where all others were seen to pass."""
    assert explain(CUT, {LINE: tried}) == words


def test_a_held_cut() -> None:
    """A cut that only harms when it lasts says how long."""
    assert (
        explain(single(LINE, [3], hold_s=0.6), {}) == f"{BETWEEN}, and the rest comes 0.6 s later"
    )


def test_a_cut_in_a_later_request() -> None:
    """Requests answered before are no cuts; the cut named is the one inside a request."""
    plan = Plan(
        ((b"ab", b"cd"),),
        (Open(0), Send(0, 2), Await(0), Send(0, 3), Send(0, 4), Await(0), Close(0)),
    )
    assert "after byte 3, between b'c' and b'd'" in explain(plan, {})


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (single([b"a"]), "on a conversation of 1 byte, without any cut"),
        (single([b"abc"], [1, 2]), "with 2 cuts in 3 bytes"),
        (single([b"a", b"b"]), "when 2 requests arrive in one segment"),
        (
            single([b"a", b"b"], lock_step=True),
            "when 2 requests follow each other, none of them cut",
        ),
        (
            Plan(((b"ab",),), (Open(0), Send(0, 2, 0.3), Await(0))),
            "when the connection rests for 0.3 s",
        ),
        (
            Plan(((b"ab",),), (Open(0), Push(0, 2, 0.3), Await(0))),
            "when 2 bytes of requests are sent and the replies are read late",
        ),
        (
            Plan(((b"a",), (b"b",)), (Open(0), Open(1), Reset(0))),
            "after a reset, with 2 connections",
        ),
        (
            Plan(((b"a",), ()), (Open(0), Push(0, 1, 0.1), Open(1))),
            "with 2 connections, one of which does not read",
        ),
        (
            Plan(((b"a",), (b"b",)), (Open(0), Open(1), Send(1, 1))),
            "with 2 connections at a time",
        ),
    ],
)
def test_other_plans(plan: Plan, words: str) -> None:
    """Each kind of conversation is told by what is special about it."""
    assert explain(plan, {}) == words
