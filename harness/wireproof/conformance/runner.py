"""Running the catalogue against a server, one verdict a requirement."""

import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from wireproof.conformance.catalogue import GENERIC
from wireproof.conformance.drawing import draw_long, draw_requests, plain_request
from wireproof.conformance.execution.behind import BesideDirect, executor_through
from wireproof.conformance.execution.controlled import executor_for
from wireproof.conformance.execution.executor import Held
from wireproof.conformance.liveness import Liveness
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.search.beside import HeldBeside
from wireproof.conformance.search.causes import FoundCause, FoundCauses
from wireproof.conformance.search.death import DeathHunt, has_reached
from wireproof.conformance.search.explore import Search, Tried, try_certain, try_drawn
from wireproof.conformance.search.heading import fitting
from wireproof.conformance.search.pace import Allotment, is_slow
from wireproof.conformance.search.pursuit import Finding, Pursuit
from wireproof.conformance.search.release import GIVEN_BACK_S, with_release
from wireproof.conformance.settling import settled, settled_behind
from wireproof.conformance.subject import KIB, Depth, Subject
from wireproof.conformance.verdict import Judged, amended, searched, without_search
from wireproof.deadline import Deadline
from wireproof.errors import WireproofError
from wireproof.protocols.base import Protocol
from wireproof.results import Verdict
from wireproof.target import Target
from wireproof.wire.kernel.sock_diag import SockDiag
from wireproof.wire.started_server import StartedServer
from wireproof.words import counted

_GENERIC = frozenset(one.id for one in GENERIC)
"""A protocol's own requirements are more to the point than these."""
_BESIDE_SILENCE = 0.3
"""Of the time to shrink; each try takes less than a third of it then, see `Search.in_haste`."""
_SLOW_MIB_S = 0.1


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
        server: StartedServer | None = None,
        reference: Target | None = None,
        reset_command: Sequence[str] = (),
        behind: Target | None = None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            target: resolved.
            protocol: judges.
            depth: how much to try.
            seed: of everything that is drawn.
            diag: asks the kernel; None where it cannot be asked.
            time_budget_s: after which nothing more is tried; None for no limit.
            on_executed: called before each plan.
            server: the process, where it is ours to start again.
            reference: the server that the protocol was learnt from, where it is another.
            reset_command: run before each plan, where the protocol was learnt.
            behind: the server to which the target leads, where that is judged as what stands
                between.

        Raises:
            ProtocolCodeError: the protocol's requests cannot be drawn.

        """
        self.executor = (
            executor_for(
                target, protocol, diag, depth.timeout_s, on_executed, reference, reset_command
            )
            if behind is None
            else executor_through(
                target, behind, protocol, diag, depth.timeout_s, on_executed, reset_command
            )
        )
        self._seed = seed
        requests = draw_requests(protocol, target, seed)
        self.subject = Subject(
            protocol,
            target,
            depth,
            half_close=False,
            concurrent=False,
            smallest=requests[0],
            plain_request=plain_request(protocol, target, requests),
            requests=requests,
            long_requests=draw_long(protocol, target),
            started=server is not None,
        )
        # Drawing is our own time: what is dealt out is for looking at the server.
        self._budget_s = time_budget_s
        self._allotment = Allotment(depth, len(GENERIC), time_budget_s)
        self.causes = FoundCauses()
        self._selected: dict[str, Requirement] = {}
        self._passed: dict[str, Judged] = {}
        self._liveness = Liveness(self.executor, self.subject.plain(), server)
        self._hunt = DeathHunt(self.executor, self.subject, self._liveness)
        self._beside = HeldBeside(self.executor, self.subject, ())
        self._has_judged = False
        self._gone_since = ""

    def judge(self, requirements: Sequence[Requirement]) -> Iterator[Judged]:
        """Yield a verdict for each requirement, in order.

        Raises:
            CannotRunError: this machine lacks what the check needs.
            ProtocolCodeError: the protocol's own code is at fault.

        """
        self.settle()
        self._selected = {one.id: one for one in requirements}
        able = [one for one in requirements if not one.unsupported_reason(self.subject)]
        left_s = None if self._budget_s is None else self._allotment.budget_left_s
        self._allotment = Allotment(self.subject.depth, len(able), left_s)
        if self.executor.overlaps and self.subject.concurrent and self._budget_s is None:
            self._beside = HeldBeside(self.executor, self.subject, able)
        most = self.subject.protocol.connections // 2 if self.subject.concurrent else 0
        with self.executor.opening_ahead(self.subject.greeting_s, most):
            for requirement in requirements:
                yield self.judge_one(requirement)

    def judge_one(self, requirement: Requirement) -> Judged:
        """Return the verdict for one requirement."""
        if reason := requirement.unsupported_reason(self.subject):
            return self._without_search(requirement, Verdict.UNSUPPORTED, reason)
        if (gone := self._liveness.gone) is not None and not self._liveness.revive():
            how_on = "; --start COMMAND would start it again" if gone.kind.is_death else ""
            message = f"not tried, since in {self._gone_since} {gone}{how_on}"
            return self._without_search(requirement, Verdict.INCONCLUSIVE, message)
        if self._allotment.is_used_up and self._has_judged:  # the first tells the most
            return self._without_search(requirement, Verdict.INCONCLUSIVE, "time ran out")
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
        """Find out, once, what later plans may build on."""
        if isinstance(self.executor, BesideDirect):
            self.executor.ask_behind(self.subject.plain())
        self.subject = settled(self.executor, self.subject)
        self._liveness.settle(self.subject.plain())
        if isinstance(self.executor, BesideDirect):
            self.subject = settled_behind(self.executor, self.executor.direct, self.subject)
        self._hunt = DeathHunt(self.executor, self.subject, self._liveness)

    def _search(self, requirement: Requirement) -> Judged:
        begun = time.monotonic()
        self._learn_pace()
        search = Search(self.executor, self.subject, requirement, self.causes, self._liveness)
        until = self._allotment.next(self._exchange_s)
        if requirement.holds and not (self.causes.is_anything or is_slow(self._exchange_s)):
            self._beside.execute(self._liveness, max(1.0, self.executor.shrink_timeout_s))
        others = self._beside.without(requirement, search)
        complete = try_certain(search, others, self.subject, until)
        tried = search.tried
        if tried.best is None and complete:
            self._draw(search, requirement, until)
        if search.is_over:
            return searched(requirement, self.subject, tried, 0.0, "the server is gone")
        if not tried.plans and complete:
            why = "the protocol has no such conversation"
            if any(map(self.subject.is_crowded, requirement.plans(self.subject))):
                most = counted(self.subject.protocol.connections, "connection")
                why = f"the server need not serve more than {most} at a time"
            if tried.unaffordable:
                why = f"too much for a server whose exchange takes {self._pace}"
                why += self._pace_of_bytes
            return self._without_search(requirement, Verdict.UNSUPPORTED, why)
        finding = None if tried.best is None else self._pursue(search, requirement)
        seconds = time.monotonic() - begun
        if finding is not None and not finding.failed:
            return searched(requirement, self.subject, tried, seconds, finding=finding)
        cause = self._cause_of(finding) if finding is not None else self.causes.met()
        cause = cause or self.causes.headed_by(requirement.id)
        if cause is None:
            beyond = requirement.beyond(self.subject)
            cut_short = until.expired and requirement.drawn is not None
            why, note = self._what_was_left(tried, beyond, complete=complete, cut_short=cut_short)
            judged = searched(requirement, self.subject, tried, seconds, why, note=note)
            if judged.result.verdict is Verdict.PASS:
                self._passed[requirement.id] = judged
            return judged
        cause.meet(requirement.id)
        finding = cause.finding_of(requirement)
        judged = searched(requirement, self.subject, tried, seconds, finding=finding, cause=cause)
        return replace(judged, amended=self._amended(cause))

    def _what_was_left(
        self, tried: Tried, beyond: int, *, complete: bool, cut_short: bool
    ) -> tuple[str, str]:
        """Return why a search settles nothing, and else what it left out; both may be empty.

        So many plans were `beyond` what the depth has time for, on any server.
        """
        if self._allotment.is_used_up and (cut_short or not complete):
            return "time ran out", ""
        if tried.too_slow_plans + tried.unjudged_plans == tried.plans:
            return tried.too_slow or tried.unjudged, ""
        left_out = tried.left_out + tried.unaffordable + beyond
        if tried.unjudged:
            return "", f"{tried.unjudged_plans} of {tried.plans} conversations {tried.unjudged}"
        if not (cut_short or left_out or tried.too_slow):
            return "", ""
        of = f"{tried.plans:,} of " if left_out else ""
        count = of + counted(tried.plans + left_out, "conversation")
        if left_out == beyond > 0 and not (cut_short or tried.too_slow):
            name = self.subject.depth.name
            return "", f"{count} tried, spread over all: depth {name} tries no more"
        slow = f"; {tried.too_slow_plans} were right, and too slow to end" if tried.too_slow else ""
        return "", f"{count} tried: an exchange takes {self._pace}{slow}"

    @property
    def _pace(self) -> str:
        return f"{self._exchange_s * 1000:.0f} ms"

    @property
    def _pace_of_bytes(self) -> str:
        mib_s = self.subject.byte_s * KIB * KIB
        return f", and each MiB {mib_s:.1f} s" if mib_s >= _SLOW_MIB_S else ""

    def _learn_pace(self) -> None:
        """Take what long requests took from a slow server for its pace.

        Settling sends none, since some end a server; what was measured there is of shorter ones.
        """
        byte_s = self.executor.pace.byte_s
        if byte_s is not None and is_slow(self._exchange_s):
            self.subject = replace(self.subject, byte_s=byte_s)

    @property
    def _exchange_s(self) -> float:
        """Return how long an exchange takes, the slowest of those that every requirement makes."""
        return max(self.executor.pace_s, self.subject.exchange_s)

    def _cause_of(self, finding: Finding) -> FoundCause:
        """Return the cause of a finding, a known one or one under the heading that fits it."""
        failing = finding.failing
        heading = finding.requirement
        fits = fitting(failing.plan, failing.signature, finding.condition)
        if heading.id in _GENERIC and heading.id not in fits:
            usable = (self._selected[one] for one in fits if one in self._selected)
            able = (one for one in usable if not one.unsupported_reason(self.subject))
            heading = next(able, heading)
        return self.causes.add(replace(finding, requirement=heading))

    def _amended(self, cause: FoundCause) -> tuple[Judged, ...]:
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
        shrink_s = min(self.subject.depth.shrink_s, self._allotment.budget_left_s)
        if self.causes.silence:
            shrink_s *= _BESIDE_SILENCE
        pursuit = Pursuit(search, self.subject, shrink_s)
        finding = pursuit.finding(requirement, lambda until: self._draw(search, requirement, until))
        if finding is not None:
            until_s = min(GIVEN_BACK_S, self._allotment.budget_left_s)
            finding = with_release(finding, self.executor.resources, until_s)
        if finding is None or finding.failed in {0, finding.runs}:
            return finding
        by_chance = self.executor.holds_in_pairs(finding.failing.plan)
        return replace(finding, failed=0) if by_chance else finding

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
        gone = self._liveness.gone or self._liveness.look()
        if gone is None:
            return judged
        self._gone_since = requirement.id
        if not gone.kind.is_death:
            if judged.finding is not None:
                return judged
            return self._without_search(requirement, Verdict.INCONCLUSIVE, str(gone), begun)
        seconds = min(self.subject.depth.shrink_s, self._allotment.budget_left_s)
        finding = self._hunt.finding(requirement, gone, self._suspects(), seconds)
        took_s = time.monotonic() - begun
        tried = Tried(plans=judged.result.examples)
        if not finding.failed:
            return searched(requirement, self.subject, tried, took_s, finding=finding)
        cause = self.causes.add(finding)
        cause.meet(requirement.id)
        finding = cause.finding_of(requirement)
        return searched(requirement, self.subject, tried, took_s, finding=finding, cause=cause)

    def _suspects(self) -> list[Held]:
        """Return the last conversations that reached the server: the others ended nothing."""
        latest = list(self.executor.latest)
        return [held for held in latest if has_reached(held[1])] or latest

    def _without_search(
        self, requirement: Requirement, verdict: Verdict, message: str, begun: float | None = None
    ) -> Judged:
        seconds = 0.0 if begun is None else time.monotonic() - begun
        return without_search(requirement, self.subject, verdict, message, seconds)
