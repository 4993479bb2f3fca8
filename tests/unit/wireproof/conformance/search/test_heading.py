import pytest

from tests.support import played
from wireproof.conformance.catalogue import GENERIC
from wireproof.conformance.execution.failure import Phase, Seen
from wireproof.conformance.plans.made import interleaved, single
from wireproof.conformance.plans.plan import Open, Plan, Reset, Send
from wireproof.conformance.search.features import UNKNOWN, Condition, Feature
from wireproof.conformance.search.heading import fitting
from wireproof.conformance.search.signature import signature_of

CUT = Condition(frozenset({Feature.CUTS}))
HELD = Condition(frozenset({Feature.CUTS, Feature.PAUSES}))
TOGETHER = Condition(frozenset({Feature.CUTS, Feature.PIPELINING}))
ANY = Condition(needless=frozenset({Feature.REQUEST}))


@pytest.mark.parametrize(
    ("plan", "condition", "first"),
    [
        (single([b"ab"], [1]), CUT, "SEG-SINGLE"),
        (single([b"abcd"], [1, 3]), CUT, "SEG-SETS"),
        (single([b"ab"], [1], hold_s=0.5), HELD, "SEG-HELD"),
        (single([b"ab", b"cd"], [3]), TOGETHER, "COAL-HALF"),
        (single([b"a", b"b"]), UNKNOWN, "COAL-MANY"),
        (single([b"a"] * 1001, lock_step=True), ANY, "FRAME-EXACT"),
        (single([b"a"]), ANY, "BASE-ANSWER"),
        (single([b"a" * 4097]), Condition(holds_with=(b"a", b"b" * 5000)), "SIZE-POWERS"),
        (single([b"aa"]), Condition(holds_with=(b"a",)), "FRAME-EXACT"),
        (single([b"quit"]), Condition(holds_with=(b"Quit",)), "FRAME-EXACT"),
        (
            Plan(((b"a",),), (Open(0), Send(0, 1, 0.5))),
            Condition(frozenset({Feature.PAUSES})),
            "IDLE-RESUME",
        ),
    ],
)
def test_the_requirement_that_fits(plan: Plan, condition: Condition, first: str) -> None:
    """By what the smallest conversation needs, not by whose plans came upon it."""
    found = fitting(plan, signature_of(plan, played.failure(Seen.OTHER)), condition)
    assert found[0] == first
    known = {one.id for one in GENERIC}
    assert set(found) <= known


@pytest.mark.parametrize(
    "plan",
    [
        interleaved([single([b"a"]), single([b"b"])], []),
        Plan(((b"a",),), (Open(0), Send(0, 1), Reset(0))),
        single([]),
    ],
)
def test_what_speaks_for_itself_keeps_its_finder(plan: Plan) -> None:
    """Several connections, resets and silence are told under the requirement that tried them."""
    assert not fitting(plan, signature_of(plan, played.failure()), UNKNOWN)


def test_behind_the_end_and_by_a_rule_the_finder_stays() -> None:
    """So is what failed behind the client's end of stream, or by a rule of its own."""
    plan = single([b"a"])
    assert not fitting(plan, signature_of(plan, played.failure(phase=Phase.ENDING)), UNKNOWN)
    assert not fitting(plan, signature_of(plan, played.failure(), "TS-SKEW"), UNKNOWN)
