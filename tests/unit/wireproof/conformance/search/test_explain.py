import pytest

from wireproof.conformance.execution.failure import Phase
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
    SendLast,
)
from wireproof.conformance.search.explain import explain
from wireproof.conformance.search.features import Condition, Feature

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
        (single([b"a"]), "whenever b'a' is sent"),
        (single([]), "when nothing is sent"),
        (single([b"abc"], [1, 2]), "with 2 cuts in 3 bytes"),
        (single([b"a", b"b"]), "when 2 requests are sent in one segment"),
        (
            single([b"a", b"b"], lock_step=True),
            "whenever request 2 of a connection, b'b', is sent",
        ),
        (single([b"a"] * 1001, lock_step=True), "whenever request 1,001 of a connection is sent"),
        (
            Plan(((b"a", b"b"),), (Open(0), Send(0, 1), Send(0, 2), Await(0))),
            "when the cut falls after byte 1, between b'a' and b'b'",
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


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition(needless=frozenset({Feature.CUTS})), "whenever b'abcd' is sent; cuts make no"),
        (
            Condition(needless=frozenset({Feature.PIPELINING, Feature.CUTS, Feature.PAUSES})),
            "whenever b'abcd' is sent; cuts, pauses and pipelining make no difference",
        ),
        (
            Condition(needless=frozenset({Feature.REQUEST}), fails_with=(b"x",)),
            "whenever a request is sent; which request it is makes no difference",
        ),
        (Condition(fails_with=(b"x" * 8,), holds_with=(b"x", b"xxx")), "a request of 4 bytes or m"),
        (Condition(fails_with=(b"x",), holds_with=(b"x" * 5,)), "a request of 4 bytes or less"),
        (Condition(fails_with=(b"x",), holds_with=(b"x" * 9,)), "whenever b'abcd' is sent"),
        (
            Condition(holds_with=(b"x" * 3, b"x" * 5)),
            "a request of 4 bytes, neither 3 nor 5, is sent",
        ),
        (Condition(holds_with=(b"efgh",)), "whenever b'abcd' is sent"),
    ],
)
def test_only_what_makes_a_difference_is_named(condition: Condition, words: str) -> None:
    """What experiments have shown to be needless is said to be; sizes where they tell."""
    assert words in explain(single([b"abcd"]), {}, Phase.TALKING, condition)


def test_behind_the_clients_end() -> None:
    """A reply that is lost behind the end of the client's stream says so, and how they came."""
    together = Plan(((b"a",),), (Open(0), SendLast(0, 1), AwaitEnd(0)))
    words = explain(together, {}, Phase.ENDING)
    assert words == "whenever b'a' is sent, together with the client's end of stream"
    apart = single([b"a"], ending=(HalfClose, AwaitEnd))
    assert explain(apart, {}, Phase.ENDING).endswith("followed by the client's end of stream")
    assert explain(apart, {}) == "whenever b'a' is sent"


def test_a_refused_opening_needs_no_conversation() -> None:
    """The message names the opening request; what would have followed does not matter."""
    assert explain(single([b"a"]), {}, Phase.OPENING) == "whatever follows"


def test_what_we_close_unread_is_told_of_a_server_that_is_gone() -> None:
    """TCP resets what is closed with bytes unread: that may have ended it, not their number."""
    use_other = (Open(1), Send(1, 1), Await(1), Close(1))
    beside = Plan(((b"ab",), (b"c",)), (Open(0), Send(0, 1), *use_other, Close(0)))
    alone = Plan(((b"ab",),), (Open(0), Send(0, 2), Close(0)))
    left = "with 2 connections at a time, one of which is closed before a reply is read"
    assert explain(beside, {}, Phase.OVER) == left
    assert explain(beside, {}) == "with 2 connections at a time"
    assert explain(alone, {}, Phase.OVER).endswith(
        ", and the connection closed before its reply is read"
    )
    assert explain(single([b"a"]), {}, Phase.OVER) == explain(single([b"a"]), {})


def test_a_reader_that_stalls_twice_is_one() -> None:
    """How many do not read is a number of connections, not of stalls."""
    stalls = (Open(0), Push(0, 1, 0.1), Open(1), Push(1, 1, 0.1), Push(0, 1, 0.1), Push(1, 1, 0.1))
    plan = Plan(((b"a",), (b"b",), ()), (*stalls, Open(2)))
    assert explain(plan, {}) == "with 3 connections, 2 of which do not read"
