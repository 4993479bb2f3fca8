"""Executing a plan: the same for a property, a shrink step, a confirmation and a replay."""

import contextlib
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from wireproof.conformance.execution.failure import ConversationFailedError, Failure
from wireproof.conformance.execution.plan_execution import PlanExecution
from wireproof.conformance.execution.server.burden import ServerBurden
from wireproof.conformance.execution.server.released import Ledger, ServerResources
from wireproof.conformance.execution.server_pace import ServerPace
from wireproof.conformance.execution.together import in_parts, patiently
from wireproof.conformance.plans.plan import Action, OnServer, Open, OpenTogether, Plan
from wireproof.errors import CannotRunError
from wireproof.protocols.base import Protocol
from wireproof.protocols.oracle import Oracle
from wireproof.results import Delivery
from wireproof.target import Target
from wireproof.wire.ahead import Ahead
from wireproof.wire.kernel.sock_diag import SockDiag
from wireproof.wire.transcript import Transcript
from wireproof.wire.written import readable

_REMEMBERED = 4
LATE_S = 0.02
"""A greeting that comes later than any machine needs for it is meant to."""
_MOST_AHEAD = 16
_NOT_BEGUN = float("inf")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a plan.

    Attributes:
        failure: None when every reply was right.
        delivery: the weakest delivery of any segment.
        transcript: all that happened.
        oracles: each connection's judge, as it was at the end.

    """

    failure: Failure | None
    delivery: Delivery
    transcript: Transcript
    oracles: tuple[Oracle, ...]


Held = tuple[Plan, Outcome]
"""A conversation that was held, and what became of it."""


class Executor:
    """Executes plans against one target, and keeps account of them.

    Attributes:
        target: resolved; with the file in which its replies stand, if they do.
        protocol: judges.
        timeout_s: how long a reply may take.
        latest: the last conversations, the latest last, without their oracles, which may hold
            hundreds of MiB; plain ones are left out.
        pace: how fast the server was so far.
        behind: the server to which the target leads, where that is known and is another.
        overlaps: whether several plans may be under way at a time.

    """

    overlaps = True

    def __init__(
        self,
        target: Target,
        protocol: Protocol,
        diag: SockDiag | None,
        timeout_s: float = 5.0,
        on_executed: Callable[[], None] = lambda: None,
    ) -> None:
        """Execute against `target`.

        Args:
            target: resolved.
            protocol: judges.
            diag: asks the kernel; None where it cannot be asked.
            timeout_s: how long a reply may take.
            on_executed: called before each plan.

        Raises:
            UsageError: the file in which its replies stand cannot be read.

        """
        self.target = replace(target, written=readable(protocol.replies_in()))
        self.protocol = protocol
        self.timeout_s = timeout_s
        self._diag = diag
        self._on_executed = on_executed
        self._executed = 0
        self._seen: set[int] = set()
        self.pace = ServerPace()
        self._serials = itertools.count()
        self._ledger = Ledger()
        self._ahead: Ahead | None = None
        self.behind: Target | None = None
        self.latest: deque[Held] = deque(maxlen=_REMEMBERED)

    def execute(
        self, plan: Plan, timeout_s: float | None = None, *, alone: bool = False
    ) -> Outcome:
        """Execute `plan` on fresh connections.

        Args:
            plan: is what the server has to keep.
            timeout_s: how long a reply may take; None for the usual.
            alone: without controls, where there would be any: enough where another, smaller plan
                has had them, and this one is asked whether it fails like it.

        Raises:
            CannotRunError: this machine lacks what a connection needs.
            ProtocolCodeError: the protocol's own code is at fault.

        """
        del alone
        outcome = self._execute(plan, timeout_s, self._ahead_for(plan))
        self.remember(plan, outcome)
        return outcome

    def execute_patiently(
        self, plan: Plan, glance_s: float, meanwhile: Callable[[], None]
    ) -> Outcome:
        """Execute `plan` with all the time that a reply may take, and do something else in it.

        Args:
            plan: is what the server has to keep.
            glance_s: after so long a silence something else is done before the rest of it passes.
            meanwhile: what that is; where nothing falls silent it is not done.

        Raises:
            CannotRunError: this machine lacks what a connection needs.
            ProtocolCodeError: the protocol's own code is at fault.

        """
        times_s = glance_s, self.timeout_s
        outcome = self._execute(
            plan, None, run=lambda execution: patiently(execution, plan, times_s, meanwhile)
        )
        self.remember(plan, outcome)
        return outcome

    def remember(self, plan: Plan, outcome: Outcome) -> None:
        """Keep a conversation among the latest."""
        self.latest.append((plan, replace(outcome, oracles=())))

    @contextlib.contextmanager
    def opening_ahead(self, greeting_s: float, most: int) -> Iterator[None]:
        """Have connections open before plans that begin with them need them.

        Args:
            greeting_s: how long the server takes before it greets a client.
            most: how many may be open beside the one in use.

        """
        count = min(most, _MOST_AHEAD)
        if greeting_s < LATE_S or count < 1:
            yield
            return
        self._ahead = Ahead(self.target, count)
        # The last of a server that accepts nobody any more may have been so many plans ago.
        self.latest = deque(self.latest, maxlen=_REMEMBERED + count)
        try:
            yield
        finally:
            self._ahead.close()
            self._ahead = None

    def _ahead_for(self, plan: Plan) -> Ahead | None:
        """Return where a plan's connections may come from, if it opens all at its beginning."""
        if self._ahead is None:
            return None
        first = list(itertools.takewhile(_is_plain_open, plan.actions))
        later = plan.actions[len(first) :]
        if not first or any(isinstance(one, Open | OpenTogether | OnServer) for one in later):
            self._ahead.close()  # they would be in the way of what is counted
            return None
        self._ahead.open(len(first))
        return self._ahead

    def execute_together(self, plans: Sequence[Plan], timeout_s: float) -> Iterator[Held]:
        """Execute plans beside each other, so that their long holds pass at the same time.

        Args:
            plans: of fewer connections, all together, than the server may be asked to serve.
            timeout_s: how long a reply may take.

        Yields:
            Each as it ends: all begin their holds, then that goes on first which holds the longest.

        Raises:
            CannotRunError: this machine lacks what a connection needs.
            ProtocolCodeError: the protocol's own code is at fault.

        """
        executions = {plan: self._begun(plan, timeout_s) for plan in plans}
        parts = {plan: in_parts(execution, plan) for plan, execution in executions.items()}
        held_until = dict.fromkeys(plans, _NOT_BEGUN)
        try:
            while held_until:
                plan = max(held_until, key=held_until.__getitem__)
                failure = None
                try:
                    held_until[plan] = next(parts[plan])
                    continue
                except StopIteration:
                    pass
                except ConversationFailedError as failed:
                    failure = failed.failure
                del held_until[plan]
                outcome = _outcome(executions[plan], failure)
                self.remember(plan, outcome)
                yield plan, outcome
        finally:
            for execution in executions.values():
                execution.leave()

    def _execute(
        self,
        plan: Plan,
        timeout_s: float | None,
        ahead: Ahead | None = None,
        run: Callable[[PlanExecution], None] = PlanExecution.run,
    ) -> Outcome:
        execution = self._begun(plan, timeout_s, ahead)
        failure = None
        begun_s = time.monotonic()
        try:
            run(execution)
            self.pace.whole(plan, time.monotonic() - begun_s)
        except ConversationFailedError as failed:
            failure = failed.failure
        finally:
            execution.leave()
        return _outcome(execution, failure)

    def _begun(
        self, plan: Plan, timeout_s: float | None, ahead: Ahead | None = None
    ) -> PlanExecution:
        self._executed += 1
        self._seen.add(hash(plan))
        self._on_executed()
        return PlanExecution(
            plan,
            self.target,
            self.protocol,
            self._diag,
            self._serials,
            timeout_s or self.timeout_s,
            ahead,
            self.behind,
            self._ledger,
        )

    def execute_plain(self, plan: Plan, timeout_s: float | None = None) -> Failure | None:
        """Execute a plan of one plain exchange, and remember how long it took if it went well."""
        begun = time.monotonic()
        failure = self._execute(plan, timeout_s).failure
        if failure is None:
            self.pace.plain(time.monotonic() - begun)
        return failure

    def burden(self, timeout_s: float | None = None) -> ServerBurden:
        """Return what the server's processes carry now, where they can be seen."""
        return ServerBurden(self.resources(), timeout_s or self.timeout_s)

    def resources(self) -> ServerResources:
        """Return what the server holds now, where that can be seen."""
        return ServerResources(self.target, self._diag, self._ledger)

    def holds_in_pairs(self, plan: Plan) -> bool:
        """Say whether a plan fails by chance, now and then: never, where what is right is known."""
        del plan
        return False

    @property
    def executed(self) -> int:
        """How many plans were executed."""
        return self._executed

    @property
    def pace_s(self) -> float:
        """How long the quickest plain exchange took: the server's own time; 0 before the first."""
        return self.pace.exchange_s

    @property
    def shrink_timeout_s(self) -> float:
        """How long a reply may take while shrinking: long for this server, short for us."""
        return min(self.timeout_s, self.pace.shrink_timeout_s)

    @property
    def glance_timeout_s(self) -> float:
        """How long a reply may take where a known silence is only to be recognised."""
        return min(self.timeout_s, self.pace.glance_timeout_s)

    @property
    def distinct(self) -> int:
        """How many different plans were executed."""
        return len(self._seen)


def _outcome(execution: PlanExecution, failure: Failure | None) -> Outcome:
    return Outcome(
        failure,
        weakest(*execution.deliveries),
        execution.transcript,
        tuple(stream.oracle for stream in execution.streams),
    )


def _is_plain_open(action: Action) -> bool:
    return isinstance(action, Open) and not (action.receive_buffer_bytes or action.prelude_cut)


def weakest(*deliveries: Delivery) -> Delivery:
    """Return the least sure of some deliveries; confirmed, where nothing had to be delivered."""
    order = [Delivery.ASSUMED, Delivery.HELD, Delivery.CONFIRMED]
    return min(deliveries, key=order.index, default=Delivery.CONFIRMED)


def open_diag() -> SockDiag | None:
    """Return a way to ask the kernel, or None where there is none."""
    with contextlib.suppress(CannotRunError):
        return SockDiag()
    return None
