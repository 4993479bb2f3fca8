from unittest import mock

from tests.support import played
from wireproof.conformance.execution.executor import Outcome
from wireproof.conformance.execution.failure import Seen
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.search.explore import Failing, Search
from wireproof.conformance.search.pursuit import Finding, Pursuit
from wireproof.conformance.search.signature import signature_of
from wireproof.results import Delivery
from wireproof.wire.transcript import Transcript

_PLAN = single([b"ab"], [1])


class _SilenceIsKnown:
    """Some silence is known, and explains nothing that comes."""

    silence = is_anything = True

    def explains(self, search: Search, failing: object, *, by_signature: bool) -> bool:
        """Explain nothing."""
        del search, failing, by_signature
        return False


def _found(answers_after_s: float) -> tuple[Finding | None, Search]:
    """Pursue what fails at a glance, on a server that is slow, or silent for ever."""
    subject = played.subject()
    search, server = played.search(lambda _: None, subject)

    def judge(_: Plan) -> Seen | None:
        waited_s = server.executed[-1][1] or server.timeout_s
        return Seen.NOTHING if waited_s < answers_after_s else None

    server.judge = judge
    search._known = _SilenceIsKnown()
    search.executor.execute_plain = mock.Mock()  # type: ignore[method-assign]
    assert search.attempt(_PLAN) is not None
    return Pursuit(search, subject, 1.0).finding(search._requirement, lambda _: None), search


def test_what_is_only_slow_is_no_finding() -> None:
    """Beside a known silence what fails is pursued in haste, but has all the time in the end."""
    finding, search = _found(answers_after_s=1.0)
    assert finding is None
    assert search.is_hasty


def test_what_stays_silent_is_found() -> None:
    """It fails with all the time that a replay gives, and again in each run."""
    finding, _ = _found(answers_after_s=float("inf"))
    assert finding is not None
    assert finding.failed == finding.runs > 0


def test_what_fails_by_chance_at_a_border_is_walked_back_to_where_it_always_does() -> None:
    """Steps that are hardly larger may all lie at the border: those tried are larger by a share."""
    subject = played.subject()

    def step(size_bytes: int) -> Failing:
        plan, failure = single([b"x" * size_bytes]), played.failure(Seen.NOTHING)
        outcome = Outcome(failure, Delivery.CONFIRMED, Transcript(), ())
        return Failing(plan, outcome, failure, signature_of(plan, failure, ""))

    def judge(plan: Plan) -> Seen | None:
        return Seen.NOTHING if plan.bytes_sent > 120 else None

    search, _ = played.search(judge, subject)
    search.executor.execute_plain = mock.Mock()  # type: ignore[method-assign]
    search.consider(step(1000))
    smallest, again = Pursuit(search, subject, 1.0)._confirmed(
        [step(size) for size in (1000, 600, 190, 150, 104, 103, 102, 101, 100)]
    )
    assert smallest.plan.bytes_sent == 150
    assert again.is_certain
