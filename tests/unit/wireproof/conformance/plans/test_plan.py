import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.plans import plans, single_plans
from wireproof.conformance.plans.plan import (
    Await,
    AwaitEnd,
    Close,
    HalfClose,
    Malformed,
    Open,
    Plan,
    Push,
    Send,
    SendOpening,
    interleaved,
    single,
)


def _sends(plan: Plan) -> list[int]:
    return [action.until for action in plan.actions if isinstance(action, Send)]


def test_single_uncut() -> None:
    """Without cuts everything leaves in one segment, and all of it is awaited."""
    assert single([b"ab", b"c"]) == Plan(
        ((b"ab", b"c"),), (Open(0), Send(0, 3), Await(0), Close(0))
    )


def test_single_with_cuts() -> None:
    """Cuts come in order; those at the ends, twice or outside cut nothing."""
    assert _sends(single([b"ab", b"cd"], [3, 1, 3, 0, 4, 99])) == [1, 3, 4]


def test_single_in_lock_step() -> None:
    """In lock step each request waits for the reply to the one before."""
    plan = single([b"ab", b"c"], [1], lock_step=True, ending=(HalfClose, AwaitEnd))
    assert plan.actions == (
        Open(0),
        Send(0, 1),
        Send(0, 2),
        Await(0),
        Send(0, 3),
        Await(0),
        HalfClose(0),
        AwaitEnd(0),
    )


def test_only_cuts_are_held() -> None:
    """What ends a request is not held back: there is nothing unfinished then."""
    plan = single([b"ab"], [1], hold_s=0.5)
    assert [a.hold_s for a in plan.actions if isinstance(a, Send)] == [0.5, 0.0]


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


@given(st.lists(single_plans(), min_size=1, max_size=4), st.data())
def test_interleaving_keeps_the_order_on_each_connection(
    parts: list[Plan], data: st.DataObject
) -> None:
    """Whatever the order over connections, each sees its own steps in their own order."""
    order = data.draw(st.lists(st.integers(0, len(parts) - 1), max_size=20))
    whole = interleaved(parts, order)
    assert len(whole.actions) == sum(len(part.actions) for part in parts)
    for number, part in enumerate(parts):
        mine = [action for action in whole.actions if action.connection == number]
        assert [msgspec.structs.replace(action, connection=0) for action in mine] == [*part.actions]
        assert whole.requests[number] == part.requests[0]


def test_interleaving_follows_the_order() -> None:
    """One step a turn; what is left over follows plan by plan."""
    whole = interleaved([single([b"a"]), single([b"b"])], [1, 0, 1])
    assert [action.connection for action in whole.actions] == [1, 0, 1, 0, 0, 0, 1, 1]


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
