from unittest import mock

from tests.support import played
from wireproof.conformance.execution.failure import Seen
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.search.explore import Search
from wireproof.conformance.search.pursuit import Finding, Pursuit

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
