"""Running the catalogue against a server, one verdict a requirement."""

import errno
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from wireproof.conformance.execution.executor import Executor
from wireproof.conformance.execution.failure import Failure, FailureKind
from wireproof.conformance.explain import explain
from wireproof.conformance.explore import Failing, Search, Tried, try_certain, try_drawn
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
from wireproof.conformance.plans.reduce import reduce
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.subject import Depth, Subject, draw_requests
from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError, WireproofError
from wireproof.protocols.base import Protocol
from wireproof.results import Boundary, BoundaryMap, Level, RequirementResult, Verdict
from wireproof.target import Target
from wireproof.wire.kernel.sock_diag import SockDiag

_SETTLING_TIMEOUT_S = 1.0
_REVIVAL_TIMEOUT_S = 0.5
_LOOKS_AT_A_DEAD_SERVER = 4
_STEPS_BACK = 2
_NOT_FROM_THE_HOST = {
    "no answer in time",
    *map(os.strerror, (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN)),
}
"""Ends of a connect that no packet of the host's has caused."""


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


@dataclass(frozen=True, slots=True)
class Judged:
    """A requirement's line of the matrix, and what stands behind it."""

    result: RequirementResult
    finding: Finding | None = None
    boundary_map: BoundaryMap | None = None


class Runner:
    """Judges one server by the catalogue."""

    def __init__(
        self,
        target: Target,
        protocol: Protocol,
        depth: Depth,
        *,
        seed: int,
        diag: SockDiag | None,
        time_budget_s: float | None = None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Raises:
            ProtocolCodeError: the protocol's requests cannot be drawn.

        """
        self.executor = Executor(target, protocol, diag, depth.timeout_s)
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
        self._first_seen: dict[Plan, str] = {}
        self._dead_since = ""
        self._looks_left = _LOOKS_AT_A_DEAD_SERVER
        self._has_judged = False

    def judge(self, requirements: Sequence[Requirement]) -> Iterator[Judged]:
        """Yield a verdict for each requirement, in order.

        Raises:
            CannotRunError: this machine lacks what the check needs.
            ProtocolCodeError: the protocol's own code is at fault.

        """
        self.settle()
        for requirement in requirements:
            yield self.judge_one(requirement)

    def judge_one(self, requirement: Requirement) -> Judged:
        """Return the verdict for one requirement."""
        if reason := requirement.unsupported_reason(self.subject):
            return self._without_search(requirement, Verdict.UNSUPPORTED, reason)
        if self._dead_since and not self._revived():
            return self._without_search(
                requirement,
                Verdict.INCONCLUSIVE,
                f"a plain request gets no right answer any more since {self._dead_since}",
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

    def _unless_dead(self, requirement: Requirement, judged: Judged, begun: float) -> Judged:
        """Ask plainly; where no answer comes, that is the verdict."""
        complaint = self._ask_plainly()
        if complaint is None:
            return judged
        self._dead_since = requirement.id
        if self._is_out_of_reach(complaint):
            message = f"the server's host cannot be reached any more: {complaint.actual}"
            return self._without_search(requirement, Verdict.INCONCLUSIVE, message, begun)
        if judged.finding is None:
            message = "after this the server answers nobody"
            return self._without_search(requirement, Verdict.FAIL, message, begun)
        return judged

    def _search(self, requirement: Requirement) -> Judged:
        begun = time.monotonic()
        search = Search(self.executor, self.subject, requirement)
        complete = try_certain(search, requirement, self.subject, self._budget)
        if search.tried.best is None and requirement.drawn is not None and complete:
            self._draw(search, requirement, self._budget, self.subject.depth.examples)
        tried = search.tried
        if not tried.plans and complete:
            return self._without_search(
                requirement, Verdict.UNSUPPORTED, "the protocol has no such conversation"
            )
        finding = None if tried.best is None else self._pursue(search, requirement)
        if finding is None:
            message = tried.too_slow or ("" if complete else "the time was used up")
            verdict = Verdict.INCONCLUSIVE if message else Verdict.PASS
        else:
            verdict = self._verdict(requirement, finding)
            message = self._message(finding)
        failure = finding.failing.failure if finding else None
        result = RequirementResult(
            id=requirement.id,
            title=requirement.title,
            level=requirement.level_for(self.subject),
            verdict=verdict,
            delivery=tried.delivery,
            examples=tried.plans,
            seconds=round(time.monotonic() - begun, 3),
            message=message,
            expected=failure.expected if failure else "",
            actual=failure.actual if failure else "",
            source=requirement.source,
        )
        return Judged(result, finding, _boundary_map(requirement, tried))

    def _pursue(self, search: Search, requirement: Requirement) -> Finding:
        """Make the failing plan smaller, run it again, and explain it."""
        depth = self.subject.depth
        shrink_s = min(depth.shrink_s, self._budget.remaining_s())
        shrink_until = Deadline(shrink_s)
        if requirement.drawn is not None:
            half = Deadline(shrink_s / 2)
            self._draw(search, requirement, half, depth.examples)
        assert search.tried.best is not None
        kind = search.tried.best.failure.kind
        steps = [search.tried.best]

        def fails(plan: Plan) -> bool:
            if not self.subject.allows(plan):
                return False
            failure = search.run(plan, search.shrink_timeout_s())
            best = search.tried.best
            if best is not None and best is not steps[-1]:
                steps.append(best)
            return failure is not None and failure.kind is kind

        reduce(
            search.tried.best.plan,
            fails,
            self._smaller_requests,
            lambda: shrink_until.expired,
            search.tried.best.failure.connection,
        )
        smallest = search.tried.best
        failed = self._confirm(search, smallest)
        first = search.tried.first
        for larger in (*steps[-2 : -2 - _STEPS_BACK : -1], *filter(None, [first])):
            if failed == depth.confirmations:
                break
            # Chance led shrinking astray; a plan that is a little larger may fail more often, and
            # so may the one that failed first.
            again = self._confirm(search, larger)
            if again > failed or not failed:
                smallest, failed = larger, again
        explanation = explain(smallest.plan, search.tried.single_cuts)
        return Finding(requirement, smallest, failed, depth.confirmations, explanation)

    def _confirm(self, search: Search, failing: Failing) -> int:
        """Run a failing plan again on fresh connections, and count how often it fails."""
        timeout_s = search.confirmation_timeout_s()
        runs = range(self.subject.depth.confirmations)
        return sum(search.run(failing.plan, timeout_s) is not None for _ in runs)

    def _draw(
        self, search: Search, requirement: Requirement, until: Deadline, examples: int
    ) -> None:
        if requirement.drawn is None:
            return
        try_drawn(
            search,
            requirement.drawn(self.subject),
            examples=examples,
            seed=self._seed ^ zlib.crc32(requirement.id.encode()),
            until=until,
            timeout_s=lambda: search.shrink_timeout_s() if search.tried.best else None,
        )

    def _smaller_requests(self, request: bytes) -> list[bytes]:
        """Return valid requests shorter than `request`, the shortest first."""
        size = len(request)
        shorter = [one for one in self.subject.requests if len(one) < size][:6]
        sizes = sorted({1, 2, size // 4, size // 2, 3 * size // 4, size - 16, size - 1})
        shorter += [
            sized
            for wanted in sizes
            if 0 < wanted < size and (sized := self.subject.sized(wanted)) is not None
        ]
        return sorted(shorter, key=len)

    def _verdict(self, requirement: Requirement, finding: Finding) -> Verdict:
        level = requirement.level_for(self.subject)
        late = finding.failing.failure.kind is FailureKind.SECOND_SYN
        if finding.failed == 0 or (late and not self.subject.target.is_loopback):
            return Verdict.INCONCLUSIVE
        if level is not Level.MUST:
            return Verdict.NON_STRICT if level is Level.SHOULD else Verdict.PASS
        return Verdict.FAIL if finding.failed == finding.runs else Verdict.FLAKY

    def _message(self, finding: Finding) -> str:
        words = finding.failing.failure.message
        first = self._first_seen.setdefault(finding.failing.plan, finding.requirement.id)
        if first != finding.requirement.id:
            words = f"the same conversation as {first}: {words}"
        again = (
            "" if finding.failed == finding.runs else f"; again {finding.failed} of {finding.runs}"
        )
        return f"{words}, {finding.explanation}{again}"

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

    def _ask_plainly(self, timeout_s: float | None = None) -> Failure | None:
        """Return what is wrong with the answer to a plain request, if anything is."""
        begun = time.monotonic()
        failure = self.executor.execute(self.subject.plain(), timeout_s).failure
        if failure is None:
            self.executor.usual_s = max(self.executor.usual_s, time.monotonic() - begun)
        return failure

    def _is_out_of_reach(self, complaint: Failure) -> bool:
        """Whether nothing came back at all: a host would refuse for a server that has died."""
        return (
            not self.subject.target.is_loopback
            and complaint.kind is FailureKind.NO_CONNECTION
            and complaint.actual in _NOT_FROM_THE_HOST
        )

    def _revived(self) -> bool:
        """Ask a dead server a few times more, then no longer."""
        self._looks_left -= 1
        if self._looks_left < 0 or self._ask_plainly(_REVIVAL_TIMEOUT_S) is not None:
            return False
        self._dead_since = ""
        return True

    def _without_search(
        self, requirement: Requirement, verdict: Verdict, message: str, begun: float | None = None
    ) -> Judged:
        return Judged(
            RequirementResult(
                id=requirement.id,
                title=requirement.title,
                level=requirement.level_for(self.subject),
                verdict=verdict,
                message=message,
                seconds=0.0 if begun is None else round(time.monotonic() - begun, 3),
                source=requirement.source,
            )
        )


def _boundary_map(requirement: Requirement, tried: Tried) -> BoundaryMap | None:
    """Return the map of the conversation in which the most cuts failed, the longest for choice."""
    if not tried.single_cuts:
        return None
    requests, cuts = max(
        tried.single_cuts.items(), key=lambda item: (sum(item[1].values()), len(item[1]))
    )
    stream = b"".join(requests)
    return BoundaryMap(
        requirement=requirement.id,
        conversation=stream.hex(),
        length_bytes=len(stream),
        boundaries=[
            Boundary(offset_bytes=offset, tried=1, failed=int(failed))
            for offset, failed in sorted(cuts.items())
        ],
    )
