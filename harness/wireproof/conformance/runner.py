"""Running the catalogue against a server, one verdict a requirement."""

import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from wireproof.conformance.catalogue import GENERIC
from wireproof.conformance.execution.executor import Executor
from wireproof.conformance.execution.failure import FailureKind
from wireproof.conformance.liveness import Liveness, is_out_of_reach
from wireproof.conformance.plans.plan import (
    Await,
    AwaitEnd,
    Close,
    HalfClose,
    Open,
    Plan,
    Send,
    single,
)
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.search.causes import Cause, Causes
from wireproof.conformance.search.explore import Search, try_certain, try_drawn
from wireproof.conformance.search.heading import fitting
from wireproof.conformance.search.pursuit import Finding, Pursuit
from wireproof.conformance.subject import Depth, Subject, draw_requests
from wireproof.conformance.verdict import Judged, amended, searched, without_search
from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError, WireproofError
from wireproof.protocols.base import Protocol
from wireproof.results import Verdict
from wireproof.target import Target
from wireproof.wire.kernel.sock_diag import SockDiag

_SETTLING_TIMEOUT_S = 1.0
_GENERIC = frozenset(one.id for one in GENERIC)
"""A protocol's own requirements are more to the point than these."""


class Runner:
    """Judges one server by the catalogue.

    Attributes:
        executor: executes every plan.
        subject: the server, as properties see it.
        causes: of what was found so far.

    """

    def __init__(
        self,
        target: Target,
        protocol: Protocol,
        depth: Depth,
        *,
        seed: int,
        diag: SockDiag | None,
        time_budget_s: float | None = None,
        on_executed: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Raises:
            ProtocolCodeError: the protocol's requests cannot be drawn.

        """
        self.executor = Executor(target, protocol, diag, depth.timeout_s, on_executed)
        self._seed = seed
        requests = draw_requests(protocol, target, seed)
        self.subject = Subject(
            protocol,
            target,
            depth,
            half_close=False,
            concurrent=False,
            smallest=requests[0],
            requests=requests,
        )
        # Drawing is our own time: the budget is for looking at the server.
        self._budget = Deadline(float("inf") if time_budget_s is None else time_budget_s)
        self.causes = Causes()
        self._selected: dict[str, Requirement] = {}
        self._passed: dict[str, Judged] = {}
        self._liveness = Liveness(self.executor, self.subject.plain())
        self._has_judged = False

    def judge(self, requirements: Sequence[Requirement]) -> Iterator[Judged]:
        """Yield a verdict for each requirement, in order.

        Raises:
            CannotRunError: this machine lacks what the check needs.
            ProtocolCodeError: the protocol's own code is at fault.

        """
        self.settle()
        self._selected = {one.id: one for one in requirements}
        for requirement in requirements:
            yield self.judge_one(requirement)

    def judge_one(self, requirement: Requirement) -> Judged:
        """Return the verdict for one requirement."""
        if reason := requirement.unsupported_reason(self.subject):
            return self._without_search(requirement, Verdict.UNSUPPORTED, reason)
        if self._liveness.dead_since and not self._liveness.revived():
            return self._without_search(
                requirement,
                Verdict.INCONCLUSIVE,
                f"a plain request gets no right answer any more since {self._liveness.dead_since}",
            )
        if self._budget.expired and self._has_judged:  # the first tells the most
            return self._without_search(requirement, Verdict.INCONCLUSIVE, "the time was used up")
        begun = time.monotonic()
        self._has_judged = True
        try:
            judged = self._search(requirement)
        except WireproofError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours must not hide other verdicts
            return self._without_search(
                requirement, Verdict.ERROR, f"{type(error).__name__}: {error}", begun
            )
        return self._unless_dead(requirement, judged, begun)

    def settle(self) -> None:
        """Find out, once, what later plans may build on: half-close and a second connection."""
        if not self.subject.target.is_stream:
            failure = self.executor.execute(self.subject.plain()).failure
            if failure is not None and failure.kind is FailureKind.NO_CONNECTION:
                raise CannotRunError(
                    f"nothing answers on {self.subject.target}: {failure.actual}",
                    "start the server first",
                )
            return
        smallest = self.subject.smallest
        half_close = self.subject.target.scheme != "tls" and self._holds(
            single([smallest], ending=(HalfClose, AwaitEnd))
        )
        beside_idle = (Open(0), Open(1), Send(1, len(smallest)), Await(1), Close(1), Close(0))
        concurrent = self._holds(Plan(((), (smallest,)), beside_idle))
        self.subject = replace(self.subject, half_close=half_close, concurrent=concurrent)

    def _holds(self, plan: Plan) -> bool:
        return self.executor.execute(plan, _SETTLING_TIMEOUT_S).failure is None

    def _search(self, requirement: Requirement) -> Judged:
        begun = time.monotonic()
        search = Search(self.executor, self.subject, requirement, self.causes)
        complete = try_certain(search, requirement, self.subject, self._budget)
        tried = search.tried
        if tried.best is None and complete:
            self._draw(search, requirement, self._budget)
        if not tried.plans and complete:
            return self._without_search(
                requirement, Verdict.UNSUPPORTED, "the protocol has no such conversation"
            )
        finding = None if tried.best is None else self._pursue(search, requirement)
        seconds = time.monotonic() - begun
        if finding is not None and not finding.failed:
            return searched(requirement, self.subject, tried, seconds, finding=finding)
        cause = self._cause_of(finding) if finding is not None else self.causes.met()
        cause = cause or self.causes.headed_by(requirement.id)
        if cause is None:
            why = tried.too_slow or ("" if complete else "the time was used up")
            judged = searched(requirement, self.subject, tried, seconds, why)
            if judged.result.verdict is Verdict.PASS:
                self._passed[requirement.id] = judged
            return judged
        cause.meet(requirement.id)
        finding = cause.finding_of(requirement)
        judged = searched(requirement, self.subject, tried, seconds, finding=finding, cause=cause)
        return replace(judged, amended=self._amended(cause))

    def _cause_of(self, finding: Finding) -> Cause:
        """Return the cause of a finding, a known one or one under the heading that fits it."""
        failing = finding.failing
        heading = finding.requirement
        fits = fitting(failing.plan, failing.signature, finding.condition)
        if heading.id in _GENERIC and heading.id not in fits:
            usable = (self._selected[one] for one in fits if one in self._selected)
            able = (one for one in usable if not one.unsupported_reason(self.subject))
            heading = next(able, heading)
        return self.causes.add(replace(finding, requirement=heading))

    def _amended(self, cause: Cause) -> tuple[Judged, ...]:
        """Return the line of the requirement that fits a cause, if it has passed before.

        The smallest conversation breaks it, too: its own plans had not come upon it.
        """
        heading = cause.finding.requirement
        passed = self._passed.pop(heading.id, None)
        if passed is None:
            return ()
        cause.meet(heading.id)
        return (amended(passed, heading, self.subject, cause.finding, cause),)

    def _pursue(self, search: Search, requirement: Requirement) -> Finding | None:
        shrink_s = min(self.subject.depth.shrink_s, self._budget.remaining_s())
        pursuit = Pursuit(search, self.subject, shrink_s)
        return pursuit.finding(requirement, lambda until: self._draw(search, requirement, until))

    def _draw(self, search: Search, requirement: Requirement, until: Deadline) -> None:
        if requirement.drawn is None:
            return
        try_drawn(
            search,
            requirement.drawn(self.subject),
            examples=self.subject.depth.examples,
            seed=self._seed ^ zlib.crc32(requirement.id.encode()),
            until=until,
        )

    def _unless_dead(self, requirement: Requirement, judged: Judged, begun: float) -> Judged:
        """Ask plainly; where no answer comes, that is the verdict."""
        complaint = self._liveness.complaint_after(requirement.id)
        if complaint is None:
            return judged
        if is_out_of_reach(complaint, self.executor):
            message = f"the server's host cannot be reached any more: {complaint.actual}"
            return self._without_search(requirement, Verdict.INCONCLUSIVE, message, begun)
        if judged.finding is None:
            message = "after this the server answers nobody"
            return self._without_search(requirement, Verdict.FAIL, message, begun)
        return judged

    def _without_search(
        self, requirement: Requirement, verdict: Verdict, message: str, begun: float | None = None
    ) -> Judged:
        seconds = 0.0 if begun is None else time.monotonic() - begun
        return without_search(requirement, self.subject, verdict, message, seconds)
