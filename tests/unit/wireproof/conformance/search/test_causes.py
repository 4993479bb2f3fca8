from dataclasses import replace

from tests.support import played
from wireproof.conformance.catalogue import GENERIC
from wireproof.conformance.execution.failure import Seen
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.search.causes import FoundCauses
from wireproof.conformance.search.features import Condition, Feature
from wireproof.conformance.search.pursuit import Finding

BY_ID = {one.id: one for one in GENERIC}
CUT = single([b"ab"], [1])


def _finding(
    plan: Plan = CUT, seen: Seen = Seen.NOTHING, requirement: str = "SEG-SINGLE"
) -> Finding:
    _, failing = played.failing(lambda _: seen, plan, played.subject())
    condition = Condition(frozenset({Feature.CUTS}))
    return Finding(BY_ID[requirement], failing, 3, 3, "when it is cut", condition)


def test_one_minimum_is_one_cause() -> None:
    """Another conversation, or another failure of the same, is another cause."""
    causes = FoundCauses()
    first = causes.add(_finding())
    assert causes.add(_finding(requirement="SEG-OCTETS")) is first
    assert causes.add(_finding(single([b"xy"], [1]))).id == "C2"
    assert causes.add(_finding(seen=Seen.OTHER)).id == "C3"
    assert [one.id for one in causes] == ["C1", "C2", "C3"]


def test_the_requirement_that_fits_comes_first() -> None:
    """Whoever met the cause before."""
    cause = FoundCauses().add(_finding())
    for name in ("SEG-SETS", "SEG-SINGLE", "SEG-SETS"):
        cause.meet(name)
    assert cause.requirements == ["SEG-SINGLE", "SEG-SETS"]


def test_a_requirement_that_meets_a_cause_has_its_finding() -> None:
    """The smallest conversation is the cause's, under the requirement's own name."""
    cause = FoundCauses().add(_finding())
    other = cause.finding_of(BY_ID["SEG-PAIRS"])
    assert other.requirement.id == "SEG-PAIRS"
    assert other.failing is cause.finding.failing
    assert replace(other, requirement=cause.finding.requirement) == cause.finding


def test_what_is_explained_is_met_once() -> None:
    """The cause that explained a plan is told to whoever asks next."""
    causes = FoundCauses()
    cause = causes.add(_finding())
    judge = lambda plan: Seen.NOTHING if plan.cuts else None  # noqa: E731
    search, failing = played.failing(judge, single([b"abc"], [2]), played.subject())
    assert causes.explains(search, failing, by_signature=False)
    assert causes.met() is cause
    assert causes.met() is None
    executed = search.tried.plans
    assert causes.explains(search, failing, by_signature=True)
    assert search.tried.plans == executed


def test_silence_is_known_once_it_is_a_cause() -> None:
    """Other failures need no waiting."""
    causes = FoundCauses()
    causes.add(_finding(seen=Seen.OTHER))
    assert not causes.silence
    causes.add(_finding())
    assert causes.silence
    assert causes.headed_by("SEG-SINGLE") is not None
    assert causes.headed_by("SEG-PAIRS") is None
