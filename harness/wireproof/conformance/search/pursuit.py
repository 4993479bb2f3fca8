"""What follows a failing plan: make it smaller, run it again, and explain it."""

from collections.abc import Callable
from dataclasses import dataclass

from wireproof.conformance.explain import explain
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.plans.reduce import reduce
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.search.explore import Failing, Search
from wireproof.conformance.subject import Subject
from wireproof.deadline import Deadline

_STEPS_BACK = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """A requirement that is not kept.

    Attributes:
        requirement: which.
        failing: the smallest plan known to break it.
        failed: how often that plan failed again, out of `runs`.
        runs: how often it was run again on fresh connections.
        explanation: when the server fails, in words.

    """

    requirement: Requirement
    failing: Failing
    failed: int
    runs: int
    explanation: str


class Pursuit:
    """Makes the failing plan of one search smaller, within a time."""

    def __init__(self, search: Search, subject: Subject, shrink_s: float) -> None:
        """Pursue what `search` has found, for `shrink_s` at the longest."""
        assert search.tried.best is not None
        self._search = search
        self._subject = subject
        self._until = Deadline(shrink_s)
        self._shrink_s = shrink_s

    def finding(self, requirement: Requirement, draw_until: Callable[[Deadline], None]) -> Finding:
        """Return the smallest failing plan, confirmed and explained.

        Args:
            requirement: that it breaks.
            draw_until: draws more plans of the requirement's own, and shrinks those that fail.

        """
        draw_until(Deadline(self._shrink_s / 2))
        steps = self._reduce()
        failing, failed = self._confirmed(steps)
        explanation = explain(failing.plan, self._search.tried.single_cuts)
        return Finding(requirement, failing, failed, self._subject.depth.confirmations, explanation)

    def _reduce(self) -> list[Failing]:
        """Make the best plan smaller; return the failing plans on the way, the smallest last."""
        search = self._search
        best = search.tried.best
        assert best is not None
        steps = [best]

        def fails(plan: Plan) -> bool:
            if not self._subject.allows(plan):
                return False
            failure = search.run(plan, search.executor.shrink_timeout_s)
            smaller = search.tried.best
            if smaller is not None and smaller is not steps[-1]:
                steps.append(smaller)
            return failure is not None and failure.kind is best.failure.kind

        reduce(
            best.plan,
            fails,
            self._subject.smaller_requests,
            lambda: self._until.expired or search.is_over,
            best.failure.connection,
        )
        return steps

    def _confirmed(self, steps: list[Failing]) -> tuple[Failing, int]:
        """Return the smallest plan that fails again most often, and how often that is.

        Chance may have led shrinking astray: a plan that is a little larger may fail more often,
        and so may the one that failed first.
        """
        smallest, first = steps[-1], self._search.tried.first
        failed = self._again(smallest)
        for larger in (*steps[-2 : -2 - _STEPS_BACK : -1], *filter(None, [first])):
            if failed == self._subject.depth.confirmations or self._search.is_over:
                break
            again = self._again(larger)
            if again > failed or not failed:
                smallest, failed = larger, again
        return smallest, failed

    def _again(self, failing: Failing) -> int:
        """Run a failing plan again on fresh connections, and count how often it fails."""
        timeout_s = self._search.confirmation_timeout_s()
        runs = range(self._subject.depth.confirmations)
        return sum(self._search.run(failing.plan, timeout_s) is not None for _ in runs)
