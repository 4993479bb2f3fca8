"""What follows a failing plan: make it smaller, find out what it needs, and run it again."""

from collections.abc import Callable
from dataclasses import dataclass

from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.plans.reduce import reduce
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.search.explain import explain
from wireproof.conformance.search.explore import Failing, Search
from wireproof.conformance.search.features import UNKNOWN, Condition
from wireproof.conformance.search.inquiry import inquire
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
        condition: what makes the difference, by experiment.

    """

    requirement: Requirement
    failing: Failing
    failed: int
    runs: int
    explanation: str
    condition: Condition = UNKNOWN

    @property
    def sentence(self) -> str:
        """What is wrong, and when."""
        again = "" if self.failed == self.runs else f"; again {self.failed} of {self.runs}"
        return f"{self.failing.failure.message}, {self.explanation}{again}"


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
        first = self._search.tried.first
        assert first is not None
        until = Deadline(max(self._until.remaining_s(), self._shrink_s / 4))
        smallest, condition = inquire(self._search, self._subject, steps[-1], first, until)
        if smallest is not steps[-1]:
            steps.append(smallest)
        failing, failed = self._confirmed(steps)
        if failing is not smallest:  # what chance has found tells nothing of the cause
            condition = UNKNOWN
        explanation = explain(
            failing.plan, self._search.tried.single_cuts, failing.failure.phase, condition
        )
        runs = self._subject.depth.confirmations
        return Finding(requirement, failing, failed, runs, explanation, condition)

    def _reduce(self) -> list[Failing]:
        """Make the best plan smaller; return the failing plans on the way, the smallest last."""
        search = self._search
        best = search.tried.best
        assert best is not None
        steps = [best]

        def fails(plan: Plan) -> bool:
            if not self._subject.allows(plan):
                return False
            found = search.fails_alike(plan, best.signature)
            if found is not None:
                steps.append(found)
            return found is not None

        reduce(
            best.plan,
            fails,
            self._subject.smaller_requests,
            lambda: self._until.expired,
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
            if failed == self._subject.depth.confirmations:
                break
            again = self._again(larger)
            if again > failed or not failed:
                smallest, failed = larger, again
        return smallest, failed

    def _again(self, failing: Failing) -> int:
        """Run a failing plan again on fresh connections, and count how often it fails.

        The first of these runs waits as long as a replay does: what is only slow holds then. The
        others need not wait for the same silence as long.
        """
        count = self._subject.depth.confirmations
        short_s = self._search.confirmation_timeout_s()
        timeouts_s = [None, *[short_s] * (count - 1)] if count else []
        return sum(self._search.run(failing.plan, one) is not None for one in timeouts_s)
