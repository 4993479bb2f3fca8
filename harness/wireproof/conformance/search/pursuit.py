"""What follows a failing plan: make it smaller, find out what it needs, and run it again."""

from collections.abc import Callable
from dataclasses import dataclass

from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.plans.reduce import reduce
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.search.confirmation import Again, held_again
from wireproof.conformance.search.explain import explain
from wireproof.conformance.search.explore import Failing, Search
from wireproof.conformance.search.features import UNKNOWN, Condition
from wireproof.conformance.search.inquiry import Inquiry
from wireproof.conformance.subject import Subject
from wireproof.deadline import Deadline

_STEPS_BACK = 2
_LARGER = 1.25, 2.0
"""How much larger than the smallest others are that are tried where it fails by chance."""


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

    def finding(
        self, requirement: Requirement, draw_until: Callable[[Deadline], None]
    ) -> Finding | None:
        """Return the smallest failing plan, confirmed and explained.

        None if its cause is known, or if it was only slow.

        Args:
            requirement: that it breaks.
            draw_until: draws more plans of the requirement's own, and shrinks those that fail.

        """
        draw_until(Deadline(self._shrink_s / 2))
        best, first = self._search.tried.best, self._search.tried.first
        assert best is not None
        assert first is not None
        steps = self._reduced(best, self._until, self._subject.allows)
        smallest = steps[-1]
        if self._search.is_known(smallest):
            return None
        # What is new is waited for as long as a replay does, for it may only be slow.
        if self._search.is_hasty and self._search.run(first.plan) is None:
            return None
        inquiry = Inquiry(self._search, self._subject, smallest, first, self._shrink_s / 2)
        inquiry.leave_out()
        inquiry.exchange()
        if inquiry.smallest is not smallest:
            seconds = Deadline(self._shrink_s / 2)
            steps += self._reduced(inquiry.smallest, seconds, inquiry.leaves_out_still)
            inquiry.smallest = steps[-1]
        if self._search.is_known(inquiry.smallest):
            return None
        steps.append(inquiry.smallest)
        failing, again = self._confirmed(steps)
        # What chance has found tells nothing of the cause.
        condition = inquiry.condition if failing is inquiry.smallest else UNKNOWN
        explanation = explain(
            failing.plan, self._search.tried.single_cuts, failing.failure.phase, condition
        )
        return Finding(requirement, failing, again.failed, again.runs, explanation, condition)

    def _reduced(
        self, failing: Failing, until: Deadline, allows: Callable[[Plan], bool]
    ) -> list[Failing]:
        """Make a failing plan smaller; return the failing plans on the way, the smallest last."""
        steps = [failing]

        def fails(plan: Plan) -> bool:
            # Fewer waits are fewer steps, and no simpler conversation.
            if not allows(plan) or (plan.pipelines and not failing.plan.pipelines):
                return False
            found = self._search.fails_alike(plan, failing.signature)
            if found is not None:
                steps.append(found)
            return found is not None

        reduce(
            failing.plan,
            fails,
            self._subject.smaller_requests,
            lambda: until.expired or self._search.is_over,
            failing.failure.connection,
        )
        return steps

    def _confirmed(self, steps: list[Failing]) -> tuple[Failing, Again]:
        """Return the smallest plan that fails again most often, and how often that is.

        Chance may have led shrinking astray, to the border of what kernels hold above all: a plan
        that is larger may fail more often, and so may the one that failed first.
        """
        smallest, first = steps[-1], self._search.tried.first
        most = held_again(self._search, self._subject, smallest)
        for larger in (*_larger(steps), *filter(None, [first])):
            if most.is_certain or self._search.is_over:
                break
            again = held_again(self._search, self._subject, larger)
            if again.is_surer_than(most) or not most.failed:
                smallest, most = larger, again
        return smallest, most


def _larger(steps: list[Failing]) -> list[Failing]:
    """Return the last steps before the smallest, and the last that are larger by some more."""
    least_bytes = steps[-1].plan.bytes_sent
    before = steps[-2::-1]
    larger = (
        next((one for one in before if one.plan.bytes_sent >= factor * least_bytes), None)
        for factor in _LARGER
    )
    found = [*before[:_STEPS_BACK], *filter(None, larger)]
    return list({id(one): one for one in found}.values())
