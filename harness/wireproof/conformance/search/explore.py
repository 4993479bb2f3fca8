"""Looking for a failing plan: the certain ones first, then those that Hypothesis draws."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from wireproof.conformance.execution.executor import Executor, Outcome, weakest
from wireproof.conformance.execution.failure import ConversationFailedError, Failure, FailureKind
from wireproof.conformance.liveness import Liveness
from wireproof.conformance.plans.plan import Plan, SendOpening
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.search.pace import Paced
from wireproof.conformance.search.signature import Signature, signature_of
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
_LONGEST_MAPPED_BYTES = 256
_GLANCES = 2  # what is pursued beside a known silence is most often it: confirmed at length
_FEW_REQUESTS = 200  # of a plan whose controls cost little


@dataclass(frozen=True, slots=True)
class Failing:
    """A plan that failed, and how."""

    plan: Plan
    outcome: Outcome
    failure: Failure
    signature: Signature


@dataclass(slots=True)
class Tried:
    """What has been tried for one requirement.

    Attributes:
        plans: how many plans were executed.
        delivery: the weakest delivery of any.
        first: the plan that failed first for a reason that is not known.
        too_slow: what kept a plan from being judged to its end, or nothing.
        best: the smallest failing plan with the signature of the one that failed first.
        too_slow_plans: how many plans that was.
        unjudged: why a plan says nothing, as its controls failed too; or nothing.
        unjudged_plans: how many plans that was.
        left_out: how many of the requirement's certain plans there was no time for.
        unaffordable: how many have more requests than this server answers in that time.
        explained: how many plans failed for known causes.
        single_cuts: for each conversation cut once: offset to whether it failed.

    """

    plans: int = 0
    delivery: Delivery | None = None
    first: Failing | None = None
    best: Failing | None = None
    too_slow: str = ""
    too_slow_plans: int = 0
    unjudged: str = ""
    unjudged_plans: int = 0
    left_out: int = 0
    unaffordable: int = 0
    explained: int = 0
    single_cuts: dict[tuple[bytes, ...], dict[int, bool]] = field(default_factory=dict)


class Known(Protocol):
    """What is known of the server from requirements judged before."""

    @property
    def silence(self) -> bool:
        """Whether it is known to fall silent: that need not be waited for at length again."""

    @property
    def is_anything(self) -> bool:
        """Whether there is a cause."""

    def explains(self, search: "Search", failing: Failing, *, by_signature: bool) -> bool:
        """Whether a plan fails for a known cause; by its signature alone, where that will do."""


class NothingKnown:
    """Before the first finding."""

    silence = is_anything = False

    def explains(self, search: "Search", failing: Failing, *, by_signature: bool) -> bool:
        """Explain nothing."""
        del search, failing, by_signature
        return False


class Search:
    """The search for a failing plan of one requirement.

    Attributes:
        tried: what has been tried so far.
        subject: the server.
        executor: executes plans.
        is_hasty: whether what failed was not waited for at length, beside a silence that is known.

    """

    def __init__(
        self,
        executor: Executor,
        subject: Subject,
        requirement: Requirement,
        known: Known | None = None,
        liveness: Liveness | None = None,
    ) -> None:
        """Search with `executor`, but not for what is `known`.

        `liveness` tells a server that is gone from one that failed.
        """
        self.tried = Tried()
        self.subject = subject
        self.executor = executor
        self._liveness = liveness
        self._requirement = requirement
        self._known: Known = known or NothingKnown()
        self._known_until: Deadline | None = None
        self.is_hasty = False
        self._glancing = False
        self._compares = False  # plans with what is known

    def can_afford(self, plan: Plan) -> bool:
        """Whether a server of this pace could answer all of a plan in the time there is for it."""
        affordable = self.subject.can_afford(plan)
        self.tried.unaffordable += not affordable
        return affordable

    def attempt(self, plan: Plan) -> Failing | None:
        """Try one of the requirement's plans; None if it holds, or fails for a known cause."""
        # Once one has failed, the others show where else it fails.
        failing = self._news(plan) if self.tried.best is None else self.in_haste(plan)
        if failing is not None:
            self.consider(failing)
        return failing

    def consider(self, failing: Failing) -> None:
        """Keep the smallest plan with the signature of the first."""
        tried, best = self.tried, self.tried.best
        if best is None:
            tried.first = tried.best = failing
        elif best.signature.covers(failing.signature) and failing.plan.size < best.plan.size:
            tried.best = failing

    def run(self, plan: Plan, timeout_s: float | None = None) -> Failing | None:
        """Execute one plan and judge it; None where it holds."""
        if self._compares and _is_long(plan):
            return self.judged(plan, self.executor.execute(plan, timeout_s, alone=True))
        return self.judged(plan, self.executor.execute(plan, timeout_s))

    def judged(self, plan: Plan, outcome: Outcome) -> Failing | None:
        """Judge what became of a plan; None where it holds."""
        failure, rule = outcome.failure, ""
        if failure is None and self._requirement.judge is not None:
            failure = self._requirement.judge(self.subject, outcome)
            rule = self._requirement.id
        tried = self.tried
        self.count(outcome.delivery)
        if failure is None:
            self._mark_single_cut(plan, failed=False)
            return None
        if failure.kind is FailureKind.TOO_SLOW:
            tried.too_slow = failure.message
            tried.too_slow_plans += 1
            return None
        if failure.kind is FailureKind.UNJUDGED:
            tried.unjudged = failure.message
            tried.unjudged_plans += 1
            return None
        if self._has_ended_the_server(failure):
            return None
        self._mark_single_cut(plan, failed=True)
        # What the oracles hold is as much as the conversation, and nobody asks them any more.
        return Failing(
            plan, replace(outcome, oracles=()), failure, signature_of(plan, failure, rule)
        )

    def count(self, delivery: Delivery) -> None:
        """Count a plan that was executed, and how sure its delivery was."""
        self.tried.plans += 1
        self.tried.delivery = weakest(delivery, *filter(None, [self.tried.delivery]))

    def in_haste(self, plan: Plan, glances: int = 0) -> Failing | None:
        """Execute a plan with little timeout, beside a known silence with so many glances."""
        timeout_s = self.executor.shrink_timeout_s
        if self._known.silence:
            glances = glances or (1 if self._glancing else _GLANCES)
            timeout_s = min(timeout_s, glances * self.executor.glance_timeout_s)
        return self.run(plan, timeout_s)

    def fails_alike(self, plan: Plan, signature: Signature) -> Failing | None:
        """Execute a plan with little timeout, and return it if it fails with this signature."""
        failing = self.in_haste(plan)
        return failing if failing and signature.covers(failing.signature) else None

    def is_known(self, failing: Failing) -> bool:
        """Whether a plan fails for a cause that is known."""
        return self._known.explains(self, failing, by_signature=False)

    @property
    def is_over(self) -> bool:
        """Whether the server is gone: nothing counts against it any more."""
        return self._liveness is not None and self._liveness.is_dead

    def confirmation_timeout_s(self) -> float:
        """How long a reply may take in the runs that confirm a failure: long for this server."""
        return max(min(1.0, self.executor.timeout_s / 4), self.executor.shrink_timeout_s)

    def _news(self, plan: Plan) -> Failing | None:
        """Run a plan, and return it if it fails for no known cause.

        A silence is waited for at length once: where one is known, only what it doesn't explain is.
        Nor are there controls beside a long plan before it is known that nothing explains it.
        """
        self._glancing = self._known.silence
        self._compares = self._known.is_anything
        slow_plans = self.tried.too_slow_plans
        try:
            failing = self.in_haste(plan) if self._glancing else self.run(plan)
            if self._glancing and self.tried.too_slow_plans > slow_plans:  # for our haste alone
                self.tried.too_slow_plans, self.tried.plans = slow_plans, self.tried.plans - 1
                failing = self.run(plan)
            if failing is None:
                return None
            explained = self._known.explains(self, failing, by_signature=self.tried.explained > 0)
        finally:
            glanced, self._glancing = self._glancing, False
            alone, self._compares = self._compares and _is_long(plan), False
        if explained:
            self.tried.explained += 1
            self._known_until = self._known_until or Deadline(self.subject.depth.shrink_s / 4)
            return None
        if not (glanced or alone):
            return failing
        self.is_hasty = glanced
        return self.run(plan, self.executor.shrink_timeout_s if glanced else None)

    @property
    def has_enough(self) -> bool:
        """Whether a known cause has been met, and other failures have not come up for some time."""
        known_for_long = self._known_until is not None and self._known_until.expired
        seen_often = self._known.silence and self.tried.explained >= self.subject.depth.silences
        return self.tried.best is None and (known_for_long or seen_often)

    def _has_ended_the_server(self, failure: Failure) -> bool:
        if self._liveness is None or failure.kind not in _MAY_BE_A_DEATH:
            return False
        if self._liveness.has_served:
            self._liveness.look()
        return self._liveness.is_dead

    def _mark_single_cut(self, plan: Plan, *, failed: bool) -> None:
        one_cut = len(plan.requests) == 1 and plan.cuts == 1
        if one_cut and plan.bytes_sent <= _LONGEST_MAPPED_BYTES:
            first = next(action for action in plan.actions if hasattr(action, "until"))
            if not isinstance(first, SendOpening):  # of which the map shows nothing
                self.tried.single_cuts.setdefault(plan.requests[0], {})[first.until] = failed


def _is_long(plan: Plan) -> bool:
    return sum(map(len, plan.requests)) > _FEW_REQUESTS


class _Enough(BaseException):
    """The time for drawing is over."""


def try_certain(
    search: Search, requirement: Requirement, subject: Subject, until: Deadline
) -> bool:
    """Execute the requirement's certain plans; stop soon after the first failure.

    Returns:
        Whether all were executed, or enough of them.

    """
    enough: Deadline | None = None
    allowed = filter(subject.allows, requirement.plans(subject))
    plans = Paced(filter(search.can_afford, allowed), until)
    for plan in plans:
        search.attempt(plan)
        if until.expired or search.is_over:
            left = search.tried.left_out = 0 if search.is_over else plans.left()
            return search.tried.best is not None or not (left or search.is_over)
        if enough is None and search.tried.best is not None:
            # The others show where else it fails, and may fail smaller; but not for ever.
            enough = Deadline(subject.depth.shrink_s / (8 if search.is_hasty else 2))
        if search.has_enough or (enough is not None and enough.expired):
            break
    return True


def try_drawn(
    search: Search, strategy: "SearchStrategy[Plan]", *, examples: int, seed: int, until: Deadline
) -> None:
    """Let Hypothesis draw plans, and shrink what fails.

    The search itself keeps the smallest that fails: what Hypothesis reports does not matter.
    """
    from hypothesis import HealthCheck, Phase, Verbosity, given, settings
    from hypothesis import seed as with_seed

    enough: Deadline | None = None

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
        nonlocal enough
        if until.expired or search.is_over or search.has_enough or (enough and enough.expired):
            raise _Enough
        if not search.subject.allows(plan):
            return
        failing = search.attempt(plan)
        best = search.tried.best
        if failing is not None and best is not None and best.signature.covers(failing.signature):
            # Hypothesis shrinks for minutes; what it has found we make smaller by other means.
            enough = enough or Deadline(search.subject.depth.shrink_s / 2)
            raise ConversationFailedError(failing.failure)

    try:
        holds()
    except (ConversationFailedError, _Enough):
        pass
    except Exception as error:
        if search.tried.best is None or type(error).__module__.split(".")[0] != "hypothesis":
            raise
