"""Two requests at once, behind those before them: each pair that differs, once."""

from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.neighbours import neighbours, says_different_things
from wireproof.conformance.plans.plan import Await, Close, Open, Send


def test_each_two_that_differ_are_sent_at_once() -> None:
    """What stands before them is sent one by one; equal ones have no order."""
    plan = single([b"a", b"bb", b"bb", b"a", b"bb"])
    first, second = neighbours(plan)
    assert first.requests == ((b"a", b"bb"),)
    assert first.actions == (Open(0), Send(0, 3), Await(0), Close(0))
    assert second.requests == ((b"a", b"bb", b"bb", b"a"),)
    sent = [step.until for step in second.actions if isinstance(step, Send)]
    assert sent == [1, 3, 6]
    assert first.pipelines
    assert second.pipelines


def test_where_all_is_the_same_there_is_no_order() -> None:
    """Nor on a connection that the plan has not."""
    assert not says_different_things(single([b"a", b"a"]), 0)
    assert says_different_things(single([b"a", b"b"]), 0)
    assert not says_different_things(single([b"a", b"b"]), 1)
