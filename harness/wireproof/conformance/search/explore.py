"""Looking for a failing plan: the certain ones first, then those that Hypothesis draws."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wireproof.conformance.execution.executor import Executor, Outcome, weakest
from wireproof.conformance.execution.failure import ConversationFailedError, Failure, FailureKind
from wireproof.conformance.liveness import Liveness
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.subject import Subject
from wireproof.deadline import Deadline
from wireproof.results import Delivery

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_MAY_BE_A_DEATH = {
    FailureKind.END,
    FailureKind.RESET,
    FailureKind.SILENCE,
    FailureKind.NO_CONNECTION,
}


@dataclass(frozen=True, slots=True)
class Failing:
    """A plan that failed, and how."""

    plan: Plan
    outcome: Outcome
    failure: Failure


@dataclass(slots=True)
class Tried:
    """What has been tried for one requirement.

    Attributes:
        plans: how many plans were executed.
        delivery: the weakest delivery of any.
        first: the plan that failed first.
        too_slow: what kept a plan from being judged to its end, or nothing.
        best: the smallest failing plan of the kind that failed first.
        single_cuts: for each conversation cut once: offset to whether it failed.

    """

    plans: int = 0
    delivery: Delivery | None = None
    first: Failing | None = None
    best: Failing | None = None
    too_slow: str = ""
    single_cuts: dict[tuple[bytes, ...], dict[int, bool]] = field(default_factory=dict)


class Search:
    """The search for a failing plan of one requirement."""

    def __init__(
        self,
        executor: Executor,
        subject: Subject,
        requirement: Requirement,
        liveness: Liveness | None = None,
    ) -> None:
        """Search with `executor`; `liveness` tells a server that is gone from one that failed."""
        self.tried = Tried()
        self.executor = executor
        self._liveness = liveness
        self.subject = subject
        self._requirement = requirement

    def run(self, plan: Plan, timeout_s: float | None = None) -> Failure | None:
        """Execute one plan, judge it, and remember the smallest that fails."""
        outcome = self.executor.execute(plan, timeout_s)
        failure = outcome.failure
        if failure is None and self._requirement.judge is not None:
            failure = self._requirement.judge(self.subject, outcome)
        tried = self.tried
        tried.plans += 1
        tried.delivery = weakest(outcome.delivery, *filter(None, [tried.delivery]))
        if failure is not None and failure.kind is FailureKind.TOO_SLOW:
            tried.too_slow = failure.message
            return None
        if failure is not None and self._has_ended_the_server(failure):
            return None
        if failure is not None and self._is_best(plan, failure.kind):
            tried.best = Failing(plan, outcome, failure)
            tried.first = tried.first or tried.best
        self._mark_single_cut(plan, failure is not None)
        return failure

    @property
    def is_over(self) -> bool:
        """Whether the server is gone: nothing counts against it any more."""
        return self._liveness is not None and self._liveness.is_dead

    def _has_ended_the_server(self, failure: Failure) -> bool:
        if self._liveness is None or failure.kind not in _MAY_BE_A_DEATH:
            return False
        if self._liveness.has_served:
            self._liveness.look()
        return self._liveness.is_dead

    def confirmation_timeout_s(self) -> float:
        """How long a reply may take in the runs that confirm a failure: a second at least."""
        return min(self.executor.timeout_s, max(1.0, self.executor.shrink_timeout_s))

    def _is_best(self, plan: Plan, kind: FailureKind) -> bool:
        best = self.tried.best
        return best is None or (best.failure.kind is kind and plan.size < best.plan.size)

    def _mark_single_cut(self, plan: Plan, failed: bool) -> None:
        if len(plan.requests) == 1 and plan.cuts == 1 and plan.bytes_sent <= 256:
            sends = [action for action in plan.actions if hasattr(action, "until")]
            cuts = self.tried.single_cuts.setdefault(plan.requests[0], {})
            cuts[sends[0].until] = failed


def try_certain(
    search: Search, requirement: Requirement, subject: Subject, until: Deadline
) -> bool:
    """Execute the requirement's certain plans; stop soon after the first failure.

    Returns:
        Whether all were executed.

    """
    enough: Deadline | None = None
    for plan in filter(subject.allows, requirement.plans(subject)):
        if enough is None:
            failure = search.run(plan)
            enough = Deadline(subject.depth.shrink_s / 2) if failure else None
        elif enough.expired or until.expired:
            break
        else:  # the others show where else it fails, and may fail smaller; but not for ever
            search.run(plan, search.executor.shrink_timeout_s)
        if until.expired or search.is_over:
            return False
    return True


def try_drawn(
    search: Search,
    strategy: "SearchStrategy[Plan]",
    *,
    examples: int,
    seed: int,
    until: Deadline,
    timeout_s: Callable[[], float | None],
) -> None:
    """Let Hypothesis draw plans, and shrink what fails.

    The search keeps the smallest failing plan itself, so what Hypothesis reports at the end, and
    whether it finds the server flaky, does not matter.
    """
    from hypothesis import HealthCheck, Phase, Verbosity, given, settings
    from hypothesis import seed as with_seed

    @with_seed(seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @given(strategy)
    def holds(plan: Plan) -> None:
        if until.expired or search.is_over or not search.subject.allows(plan):
            return
        failure = search.run(plan, timeout_s())
        best = search.tried.best
        if failure is not None and best is not None and failure.kind is best.failure.kind:
            raise ConversationFailedError(failure)

    try:
        holds()
    except ConversationFailedError:
        pass
    except Exception as error:
        if search.tried.best is None or type(error).__module__.split(".")[0] != "hypothesis":
            raise
