import msgspec
import pytest
from hypothesis import given

from tests.support.plans import plans
from wireproof.conformance.plans.made import interleaved, single
from wireproof.conformance.plans.plan import (
    Await,
    Close,
    Malformed,
    Open,
    OpenTogether,
    Plan,
    Push,
    SendOpening,
    Way,
)


def test_numbers_of_a_plan() -> None:
    """Cuts, segments and bytes are counted over all connections."""
    plan = interleaved([single([b"abc"], [1, 2]), single([b"d"])], [0, 1])
    assert (plan.cuts, plan.segments, plan.bytes_sent) == (2, 4, 4)


def test_the_border_of_a_request_in_lock_step_is_no_cut() -> None:
    """Two requests, each sent whole and awaited, are two segments and no cut."""
    assert single([b"ab", b"c"], lock_step=True).cuts == 0
    assert single([b"ab", b"c"], [1], lock_step=True).cuts == 1


def test_a_pipelined_border_is_a_cut() -> None:
    """Two requests sent one right after the other could have arrived as one segment."""
    assert single([b"ab", b"c"], [2]).cuts == 1


def test_malformed_bytes_count() -> None:
    """Bytes outside the protocol are bytes sent."""
    assert Plan(((),), (Open(0), Malformed(0, b"xyz"))).bytes_sent == 3


def test_connections_at_a_time_are_those_that_are_not_closed_yet() -> None:
    """Two by turns are two; one after the other, one; those that open together, all of them."""
    one_after_the_other = Plan(((), ()), (Open(0), Close(0), Open(1), Close(1)))
    assert interleaved([single([b"a"])] * 2, [0, 1, 0, 1]).at_once == 2
    assert one_after_the_other.at_once == 1
    assert Plan(((), (), ()), (OpenTogether(2),)).at_once == 3


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        (single([b"abc"], [1, 2]), interleaved([single([b"a"])] * 2, [])),
        (single([b"a"]), single([b"ab"])),
        (single([b"abc"]), single([b"abc"], [1])),
        (single([b"abc"], [1]), single([b"abc"], [1], hold_s=0.5)),
        (single([b"a"], ending=()), single([b"a"])),
        (
            Plan(((b"a",),), (Open(0), Push(0, 1, 0.1))),
            Plan(((b"a",),), (Open(0), Push(0, 1, 0.5))),
        ),
    ],
)
def test_order_of_size(smaller: Plan, larger: Plan) -> None:
    """Connections count most, then bytes, cuts, steps and waits."""
    assert smaller.size < larger.size


@given(plans())
def test_json_round_trip(plan: Plan) -> None:
    """A plan is data: it survives its file, bytes, tuples and all."""
    again = msgspec.json.decode(msgspec.json.encode(plan), type=Plan)
    assert again == plan
    assert hash(again) == hash(plan)
    assert again.size == plan.size


def test_a_cut_opening_is_a_cut() -> None:
    """What is awaited in between is none."""
    opened = (Open(0, by_hand=True), Await(0))
    cut = Plan(((),), (*opened, SendOpening(0, 2), SendOpening(0, 5), Await(0), Close(0)))
    assert cut.cuts == 1
    apart = Plan(((),), (*opened, SendOpening(0, 2), Await(0), SendOpening(0, 5), Await(0)))
    assert apart.cuts == 0


def test_what_a_way_was_called_before_is_read() -> None:
    """A replay file that an earlier version has written names it so; nothing else is guessed."""
    assert msgspec.json.decode(b'"reset at once behind a request"', type=Way) is Way.AT_ONCE
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'"reset now and then"', type=Way)
