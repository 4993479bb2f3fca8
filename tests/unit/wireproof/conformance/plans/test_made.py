import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.support.plans import single_plans
from wireproof.conformance.plans.made import interleaved, single
from wireproof.conformance.plans.plan import Await, AwaitEnd, Close, HalfClose, Open, Plan, Send


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
