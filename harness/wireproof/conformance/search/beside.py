"""Holds that pass beside each other, before their requirements are due, and only if all is well.

Only what is right counts here. Whatever fails is forgotten, and tried by itself when its
requirement is due: what is found, and how it is made smaller, is as if this had not been.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from wireproof.conformance.execution.executor import Executor
from wireproof.conformance.execution.together import LONG_HOLD_S, longest_hold_s
from wireproof.conformance.liveness import Liveness
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.search.explore import Search
from wireproof.conformance.subject import Subject
from wireproof.results import Delivery

Due = tuple[Requirement, Plan]


class HeldBeside:
    """The plans with long holds that were right beside each other."""

    def __init__(
        self, executor: Executor, subject: Subject, requirements: Sequence[Requirement]
    ) -> None:
        """Look for plans with long holds in `requirements`, which the subject is able to keep."""
        self._executor = executor
        self._subject = subject
        self._due = [
            (one, plan)
            for one in requirements
            if one.holds
            for plan in filter(subject.allows, one.plans(subject))
            if longest_hold_s(plan) >= LONG_HOLD_S and subject.can_afford(plan)
        ]
        self._right: dict[tuple[str, Plan], Delivery] = {}

    def execute(self, liveness: Liveness, timeout_s: float) -> None:
        """Execute them all, unless that is done, as many at a time as the protocol has connections.

        Args:
            liveness: tells whether the server has survived what it failed.
            timeout_s: how long a reply may take.

        """
        due, self._due = self._due, []
        for group in _groups(due, self._subject.protocol.connections):
            requirement_of = {plan: requirement for requirement, plan in group}
            is_right = True
            for plan, outcome in self._executor.execute_together(list(requirement_of), timeout_s):
                requirement, failure = requirement_of[plan], outcome.failure
                if failure is None and requirement.judge is not None:
                    failure = requirement.judge(self._subject, outcome)
                if failure is None:
                    self._right[requirement.id, plan] = outcome.delivery
                is_right &= failure is None
            # A server that this has ended must end once more, by what is tried for itself.
            if not is_right and liveness.look() is not None:
                self._right.clear()
                liveness.revive()
                return

    def without(self, requirement: Requirement, search: Search) -> Requirement:
        """Return a requirement less those of its plans that were right: `search` counts them."""

        def others(subject: Subject) -> Iterator[Plan]:
            for plan in requirement.plans(subject):
                delivery = self._right.get((requirement.id, plan))
                if delivery is None:
                    yield plan
                else:
                    search.count(delivery)

        return replace(requirement, plans=others) if requirement.holds else requirement


def _groups(due: Sequence[Due], connections: int) -> Iterator[list[Due]]:
    """Yield all, those that hold the longest together; none of more connections than so many."""
    left = sorted(due, key=lambda one: -longest_hold_s(one[1]))
    while left:
        group: list[Due] = []
        later: list[Due] = []
        used = 0
        for one in left:
            plan = one[1]
            fits = used + len(plan.requests) <= connections
            if not group or (fits and all(plan != other for _, other in group)):
                group.append(one)
                used += len(plan.requests)
            else:
                later.append(one)
        yield group
        left = later
