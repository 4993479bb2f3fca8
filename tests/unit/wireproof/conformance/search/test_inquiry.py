from dataclasses import replace
from itertools import chain, pairwise
from unittest import mock

import msgspec

from tests.support import played
from tests.support.played import Judge
from wireproof.conformance.execution.failure import Seen
from wireproof.conformance.plans.made import interleaved, single
from wireproof.conformance.plans.plan import Plan, Push, Send
from wireproof.conformance.search.features import UNKNOWN, Condition, Feature
from wireproof.conformance.search.inquiry import Inquiry, is_explained_by


def _inquired(judge: Judge, plan: Plan, first: Plan | None = None) -> tuple[Plan, Condition]:
    subject = played.subject()
    search, failing = played.failing(judge, plan, subject)
    before = failing if first is None else search.run(first)
    assert before is not None
    inquiry = Inquiry(search, subject, failing, before, 60.0)
    inquiry.leave_out()
    inquiry.exchange()
    return inquiry.smallest.plan, inquiry.condition


def _when(fails: bool, seen: Seen = Seen.NOTHING) -> Seen | None:
    return seen if fails else None


def test_what_is_needed_is_found_by_leaving_it_out() -> None:
    """A cut that matters stays; which request it cuts does not."""
    plan, condition = _inquired(lambda plan: _when(plan.cuts > 0), single([b"abcd"], [2]))
    assert plan.cuts == 1
    assert condition.needed == {Feature.CUTS}
    assert condition.needless == {Feature.REQUEST}


def test_a_segment_that_fails_alone_is_no_matter_of_cuts() -> None:
    """A read of just so many bytes is told as that, though it was found in the middle of others."""

    def judge(plan: Plan) -> Seen | None:
        ends = [action.until for action in plan.actions if isinstance(action, Send)]
        return _when(32 in [end - begin for begin, end in pairwise([0, *ends])])

    plan, condition = _inquired(judge, single([b"a" * 32, b"b"], [1]))
    assert list(map(len, plan.requests[0])) == [32]
    assert plan.cuts == 0
    assert Feature.CUTS in condition.needless
    assert condition.needed == {Feature.REQUEST}


def test_what_is_needless_is_left_out_for_good() -> None:
    """A request that fails in whatever way it is sent is told without its cuts and company."""
    first = interleaved([single([b"q", b"\0b"], [2]), single([b"q"])], [0, 1])
    plan, condition = _inquired(
        lambda plan: _when(any(b"\0" in one for each in plan.requests for one in each)), first
    )
    assert plan == single([b"\0"])
    assert {Feature.CUTS, Feature.OTHERS, Feature.EARLIER} <= condition.needless
    assert condition.needed == {Feature.REQUEST}
    assert b"aa" in condition.holds_with


def test_it_may_fail_in_another_way() -> None:
    """A wrong reply under a cut is no matter of cuts where there is silence without it."""
    plan, condition = _inquired(
        lambda plan: Seen.OTHER if plan.cuts else Seen.NOTHING, single([b"abc"], [1])
    )
    assert plan.cuts == 0
    assert Feature.CUTS in condition.needless


def test_the_simplest_request_is_kept() -> None:
    """Of those that fail alike, the one that reads best."""
    plan, condition = _inquired(
        lambda plan: _when(len(plan.requests[0][0]) >= 2), single([b"\xff\xfe"])
    )
    assert plan.requests in {((b"QQ",),), ((b"aa",),)}
    assert condition.needed == {Feature.REQUEST}
    assert max(map(len, condition.holds_with)) == 1
    assert min(map(len, condition.fails_with)) == 2


def test_what_the_first_had_is_named() -> None:
    """Shrinking has left it out already: it makes no difference."""
    first = Plan(((b"a",),), (*single([b"a"]).actions[:1], Push(0, 1, 0.1)))
    _, condition = _inquired(lambda _: Seen.NOTHING, single([b"a"]), first)
    assert Feature.LATE_READING in condition.needless


def test_a_known_cause_explains_by_experiment() -> None:
    """Less what it doesn't need it fails as the cause does; less what it needs, it holds."""
    subject = played.subject()

    def judge(plan: Plan) -> Seen | None:
        if plan.cuts:
            return Seen.NOTHING
        return _when(any(b"\0" in one for each in plan.requests for one in each), Seen.OTHER)

    search, cut = played.failing(judge, single([b"ab"], [1]), subject)
    needs_cut = Condition(frozenset({Feature.CUTS}))
    longer = search.run(single([b"abc", b"d"], [1, 2]))
    both = search.run(single([b"\0bc"], [1]))
    value = search.run(single([b"\0"]))
    assert longer is not None
    assert both is not None
    assert value is not None
    assert is_explained_by(search, longer, cut, needs_cut, set())
    assert not is_explained_by(search, both, cut, needs_cut, set())
    assert not is_explained_by(search, value, cut, needs_cut, set())
    assert not is_explained_by(search, longer, cut, UNKNOWN, set())


def test_a_cause_that_is_gone_explains_nothing() -> None:
    """Its own smallest conversation has to fail still."""
    subject = played.subject()
    gone = single([b"ab"], [1])
    search, cut = played.failing(lambda plan: _when(plan.cuts > 0), gone, subject)
    other, longer = played.failing(
        lambda plan: _when(plan.cuts > 0 and plan != gone), single([b"abc"], [1]), subject
    )
    del search
    assert not is_explained_by(other, longer, cut, Condition(frozenset({Feature.CUTS})), set())


def test_what_a_glance_takes_for_silence_is_looked_at_again() -> None:
    """The look at the conversation less what it doesn't need has three glances' time."""
    subject = played.subject()
    search, server = played.search(lambda _: Seen.NOTHING, subject)
    cut = search.run(single([b"ab"], [1]))
    assert cut is not None
    search._known = mock.Mock(silence=True)
    assert is_explained_by(search, cut, cut, Condition(frozenset()), set())
    whole, timeout_s = server.executed[1]
    assert (whole.cuts, timeout_s) == (0, 3 * server.glance_timeout_s)


def test_all_that_is_needless_is_left_out_at_once() -> None:
    """It is one experiment, of three glances' time; one by one only where that shows nothing."""
    subject = played.subject()
    beside = interleaved([single([b"abc", b"d"], [1, 2]), single([b"q"])], [0, 1])
    search, server = played.search(lambda _: Seen.NOTHING, subject)
    failing, smallest = search.run(beside), search.run(single([b"a"]))
    assert failing is not None
    assert smallest is not None
    server.executed.clear()
    search._known = mock.Mock(silence=True)
    assert is_explained_by(search, failing, smallest, Condition(frozenset()), set())
    (whole, timeout_s), (known, _) = server.executed
    assert (len(whole.requests), whole.cuts, whole.pipelines) == (1, 0, False)
    assert timeout_s == 3 * server.glance_timeout_s
    assert known == smallest.plan

    proven: set[Plan] = set()
    for _ in range(2):
        server.executed.clear()
        assert is_explained_by(search, failing, smallest, Condition(frozenset()), proven)
    assert [plan for plan, _ in server.executed] == [smallest.plan]  # the second time

    server.judge = lambda plan: None if plan == whole else Seen.NOTHING
    server.executed.clear()
    assert is_explained_by(search, failing, smallest, Condition(frozenset()), set())
    assert len(server.executed) > 2


def test_a_request_that_fails_by_itself_explains_what_it_is_part_of() -> None:
    """Behind a missing reply the next one stands in its place; with another request all holds."""
    subject = played.subject()
    pair, other = single([b"a", b"z"]), single([b"b", b"z"], [1])

    def judge(plan: Plan) -> Seen | None:
        if any(b"a" in each for each in plan.requests):
            return Seen.NOTHING if plan.requests == ((b"a",),) else Seen.OTHER
        return Seen.OTHER if plan == other else None

    search, _ = played.search(judge, subject)
    smallest = search.run(single([b"a"]))
    failing, unlike = search.run(pair), search.run(other)
    assert smallest is not None
    assert failing is not None
    assert unlike is not None
    which = Condition(frozenset({Feature.REQUEST}), holds_with=(b"q",))
    assert is_explained_by(search, failing, smallest, which, set())
    assert not is_explained_by(search, unlike, smallest, which, set())
    anything = Condition(needless=frozenset({Feature.REQUEST}))
    assert is_explained_by(search, failing, smallest, anything, set())
    cut = Condition(frozenset({Feature.CUTS}))
    assert not is_explained_by(search, failing, smallest, cut, set())


def test_another_cut_in_the_same_requests_is_the_same_cause() -> None:
    """Other requests tell nothing there; those that are others have to hold with another."""
    subject = played.subject()
    letters = b"SET \xc3\xa4 and \xc3\xb6"

    def judge(plan: Plan) -> Seen | None:
        (requests,) = plan.requests
        cuts = {action.until for action in plan.actions if isinstance(action, Send)}
        inside = {at + 1 for one in requests for at, byte in enumerate(one) if byte == 0xC3}
        return _when(bool(cuts & inside), Seen.OTHER)

    search, cut = played.failing(judge, single([letters], [5]), subject)
    later, other = search.run(single([letters], [12])), search.run(single([letters + b"!"], [12]))
    assert later is not None
    assert other is not None
    needed = Condition(frozenset({Feature.CUTS, Feature.REQUEST}), holds_with=(b"SET plain",))
    assert is_explained_by(search, later, cut, needed, set())
    assert is_explained_by(search, other, cut, needed, set())  # none is as long as its cut
    alike = letters + b"?"
    longer = Condition(needed.needed, holds_with=(alike, b"SET in letters"))
    assert is_explained_by(search, other, cut, longer, set())
    assert not is_explained_by(
        search, other, cut, Condition(needed.needed, (), (), (alike,)), set()
    )


def test_the_last_connection_is_meant_where_there_are_fewer() -> None:
    """What was found on the second of two is asked of the one that is left."""
    subject = played.subject()
    search, _ = played.search(lambda plan: _when(len(plan.requests) > 1), subject)
    both = search.run(interleaved([single([b"a"]), single([b"ab"], [1])], [0, 1]))
    assert both is not None
    beside = replace(both, failure=msgspec.structs.replace(both.failure, connection=1))
    inquiry = Inquiry(search, subject, beside, beside, 60.0)
    inquiry.leave_out()
    assert inquiry.leaves_out_still(single([b"a"]))


def test_what_the_servers_own_reads_cut_is_no_second_cause() -> None:
    """Shifted against a read's border it holds, though more is sent; a full queue would not."""
    subject = played.lines()

    def cut_matters(plan: Plan) -> Seen | None:
        stream = b"".join(plan.requests[0])
        ends = [action.until for action in plan.actions if isinstance(action, Send)]
        reads = [range(begin + 1024, end, 1024) for begin, end in pairwise([0, *ends])]
        return _when(any(stream[at - 1 : at + 1] == b"f\n" for at in chain(ends, *reads)))

    def is_much(plan: Plan) -> Seen | None:
        return cut_matters(plan) or _when(plan.pipelines and len(plan.requests[0]) > 100)

    at_border = single([b"zz\n"] + [b"abcdef\n"] * 150)
    needs_cut = Condition(frozenset({Feature.CUTS}))
    for judge, explained in ((cut_matters, True), (is_much, False)):
        search, cut = played.failing(judge, single([b"abcdef\n"], [6]), subject)
        many = search.run(at_border)
        assert many is not None
        assert is_explained_by(search, many, cut, needs_cut, set()) is explained
        otherwise = replace(many, signature=replace(many.signature, seen=Seen.OTHER))
        assert is_explained_by(search, otherwise, cut, needs_cut, set()) is explained


def test_a_part_that_is_answered_while_it_is_held_is_no_second_cause() -> None:
    """Where parts are answered without a pause, too; where only the pause matters, it is."""
    subject = played.subject()
    line = b"{line}\n"
    held = single([line], [6], hold_s=0.5)

    def answers_parts(plan: Plan) -> Seen | None:
        cuts = {action.until: action.hold_s for action in plan.actions if isinstance(action, Send)}
        if 6 in cuts:  # the rest of the line is no line
            return _when(cuts[6] > 0, Seen.MORE)
        return _when(plan.cuts > 0, Seen.OTHER)

    def only_held(plan: Plan) -> Seen | None:
        return answers_parts(plan) if plan.requests != ((line,),) or plan == held else None

    needs_cut = Condition(frozenset({Feature.CUTS}))
    for judge, explained in ((answers_parts, True), (only_held, False)):
        search, cut = played.failing(judge, single([b"{l}\n"], [1]), subject)
        early = search.run(held)
        assert early is not None
        assert is_explained_by(search, early, cut, needs_cut, set()) is explained
        silent = replace(early, failure=msgspec.structs.replace(early.failure, seen=Seen.NOTHING))
        assert not is_explained_by(search, silent, cut, needs_cut, set())
