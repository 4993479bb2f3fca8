"""An executor for protocols that were learnt: no alarm counts without controls beside it.

What is right was only seen, never said. So a plan that fails is held against the same requests sent
whole: two such controls must hold behind it, and the plan must fail again. One that fails now and
then must do so in several of twenty pairs, and none of their controls may fail. All else is
`UNJUDGED`: the server answers differently now, however the bytes are sent.
"""

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

import msgspec

from wireproof.conformance.execution.executor import Executor, Outcome
from wireproof.conformance.execution.failure import Failure, FailureKind, Seen
from wireproof.conformance.plans.behind_end import behind_end
from wireproof.conformance.plans.controls import (
    comes_and_goes,
    controls_of,
    has_one_connection,
    one_by_one,
)
from wireproof.conformance.plans.neighbours import neighbours, says_different_things
from wireproof.conformance.plans.plan import Plan
from wireproof.errors import CannotRunError
from wireproof.learnt.protocol import LearntProtocol
from wireproof.protocols.base import Protocol
from wireproof.target import Target
from wireproof.wire.kernel.sock_diag import SockDiag

_PAIRS: Final = 20
_LEAST_FAILED: Final = 3
"""Of the pairs: fewer is chance."""
_MOST_SERIES: Final = 4
"""Of pairs in one check: a server that wavers is known by then."""
_SAME_MOMENT_S: Final = 1.0
_RESET_TIMEOUT_S: Final = 60.0
_SETTLED: Final = {FailureKind.TOO_SLOW, FailureKind.UNJUDGED}
_OF_REPLIES: Final = {FailureKind.WRONG_REPLY, FailureKind.END}
"""Where connections come and go, what each leaves is judged: the next may hear of those before."""
_OF_THE_SERVER: Final = {
    FailureKind.SILENCE,
    FailureKind.NO_CONNECTION,
    FailureKind.SECOND_SYN,
    FailureKind.RULE,
}
"""What connections that say the same can't do to each other, as taking over a session would."""
_OF_ORDER: Final = {FailureKind.WRONG_REPLY, FailureKind.SILENCE, FailureKind.END}
_MOST_WRONG_ANYHOW: Final = 3
"""Looks at the same requests in any order, where all were wrong."""
_MOST_NEIGHBOURS: Final = 8
_LOOKED_AT: Final = 4
"""How often two requests are sent at once: who answers as each is ready may keep the order once."""


class ControlledExecutor(Executor):
    """Executes plans, and puts controls beside those that fail."""

    overlaps = False

    def __init__(  # noqa: PLR0917 - an executor's, and two more
        self,
        target: Target,
        protocol: LearntProtocol,
        diag: SockDiag | None,
        timeout_s: float = 5.0,
        on_executed: Callable[[], None] = lambda: None,
        reference: Target | None = None,
        reset_command: Sequence[str] = (),
    ) -> None:
        """Execute against `target`.

        Args:
            target: resolved.
            protocol: was learnt.
            diag: asks the kernel; None where it cannot be asked.
            timeout_s: how long a reply may take.
            on_executed: called before each plan.
            reference: the server that the protocol was learnt from, where it is another.
            reset_command: run before each plan, so that the server forgets.

        """
        super().__init__(target, protocol, diag, timeout_s, on_executed)
        self._learnt = protocol
        self._unanswered = protocol.unanswered()
        self._reset_command = reset_command
        self._reference = None
        if reference is not None:
            self._reference = Executor(reference, protocol, diag, timeout_s)
        self._held: dict[Plan, float] = {}  # controls, and when
        self._series_left = _MOST_SERIES
        self._wrong_anyhow: Counter[tuple[tuple[bytes, ...], ...]] = Counter()
        self._neighbours: set[Plan] = set()  # looked at
        self._changes = False  # known of a server that answers two requests in another order

    def execute(
        self, plan: Plan, timeout_s: float | None = None, *, alone: bool = False
    ) -> Outcome:
        """Execute `plan`; one that fails, with its controls, unless it is looked at alone."""
        outcome = self._with_order_told(plan, self._once(plan, timeout_s), timeout_s)
        failure = outcome.failure
        if failure is not None and failure.kind not in _SETTLED and not alone:
            outcome = self._beside_controls(plan, outcome, failure, timeout_s)
        self.remember(plan, outcome)
        return outcome

    def execute_plain(self, plan: Plan, timeout_s: float | None = None) -> Failure | None:
        """Execute a plan of one plain exchange: any reply shows that the server lives."""
        self._learnt.looks_at_form(only=True)
        try:
            failure = super().execute_plain(self._as_executed(plan), timeout_s)
        finally:
            self._learnt.looks_at_form(only=False)
        self._learnt.has_lost_count()
        answered = failure is not None and failure.seen in {Seen.OTHER, Seen.MORE, Seen.LESS}
        return None if answered else failure

    def holds_in_pairs(self, plan: Plan) -> bool:
        """Say whether a plan that fails now and then does so by chance."""
        if not self._series_left:
            return True
        self._series_left -= 1
        failed = 0
        timeout_s = self.shrink_timeout_s
        for _ in range(_PAIRS):
            failed += self._once(plan, timeout_s).failure is not None
            if not self._control_holds(plan, None, again=False):
                return True
        return failed < _LEAST_FAILED

    def _with_order_told(self, plan: Plan, outcome: Outcome, timeout_s: float | None) -> Outcome:
        """Return the outcome, with what failed called an order where it may be that alone.

        A server that takes one of two requests before the other may say something else, or nothing:
        a message is not passed on to who asks for it too late.
        """
        failure = outcome.failure
        if (
            failure is None
            or failure.kind not in _OF_ORDER
            or self._learnt.carries
            or not plan.pipelines
            or not says_different_things(plan, failure.connection)
        ):
            return outcome
        if not self._is_order(plan, failure, timeout_s) and not self._changes_order(plan):
            return outcome
        told = msgspec.structs.replace(
            failure, seen=Seen.ORDER, message=f"replies in another order ({failure.message})"
        )
        return replace(outcome, failure=told)

    def _is_order(self, plan: Plan, failure: Failure, timeout_s: float | None) -> bool:
        """Say whether the replies to a plan are right in another order."""
        if failure.kind is not FailureKind.WRONG_REPLY or failure.seen is not Seen.OTHER:
            return False
        if self._wrong_anyhow[plan.requests] >= _MOST_WRONG_ANYHOW:
            return False
        self._learnt.leaves_order_open(is_open=True)
        try:
            is_wrong = self._once(plan, timeout_s).failure is not None
        finally:
            self._learnt.leaves_order_open(is_open=False)
        self._wrong_anyhow[plan.requests] += is_wrong
        return not is_wrong

    def _changes_order(self, plan: Plan) -> bool:
        """Say whether the server is known to answer two requests at once in another order."""
        for pair in islice(neighbours(plan), _MOST_NEIGHBOURS):
            if self._changes or pair in self._neighbours:
                continue
            self._neighbours.add(pair)
            for _ in range(_LOOKED_AT):
                failure = self._once(pair, self.shrink_timeout_s).failure
                if failure is not None and self._is_order(pair, failure, self.shrink_timeout_s):
                    self._changes = True
                if failure is not None:
                    break
        return self._changes

    def _beside_controls(
        self, plan: Plan, outcome: Outcome, failure: Failure, timeout_s: float | None
    ) -> Outcome:
        together = failure.kind in _OF_REPLIES and comes_and_goes(plan)
        if together or (failure.kind in _OF_ORDER and self._borders_are_lost(plan)):
            return _unjudged(outcome, failure, beside=together)
        if any(self._unanswered & set(requests) for requests in plan.requests):
            return outcome  # that it is so however it is sent is what was found
        control = controls_of(plan)[0]
        known = time.monotonic() - self._held.get(control, float("-inf")) < _SAME_MOMENT_S
        # What the plan has upset, the first control may still meet: it may be held twice.
        for again in (True,) if known else (True, False):
            if not self._control_holds(plan, failure, again=again):
                return _unjudged(outcome, failure, beside=len(plan.requests) > 1)
        self._held[control] = time.monotonic()
        if known:
            return outcome
        repeated = self._once(plan, timeout_s)
        if repeated.failure is not None or not self.holds_in_pairs(plan):
            return outcome
        return _unjudged(outcome, failure)

    def _borders_are_lost(self, plan: Plan) -> bool:
        """Say whether a reply may go on into the next: only a pause showed where it ended."""
        return plan.pipelines and not all(
            self._learnt.ends_itself(request)
            for requests in plan.requests
            for request in requests[:-1]
        )

    def _control_holds(self, plan: Plan, failure: Failure | None, *, again: bool) -> bool:
        """Execute a plan's control; where it fails, `again` gives it another chance."""
        alone = failure is not None and failure.kind in _OF_THE_SERVER
        controls = one_by_one(plan) if alone else controls_of(plan)
        return all(self._holds(one) or (again and self._holds(one)) for one in controls)

    def _holds(self, control: Plan) -> bool:
        if self._reference is None:
            return self._once(control, None).failure is None
        self._learnt.begins_plan(ordered=has_one_connection(control))
        self._learnt.has_lost_count()
        return self._reference.execute(self._as_executed(control)).failure is None

    def _once(self, plan: Plan, timeout_s: float | None) -> Outcome:
        """Execute a plan; one that fails, once more where replies may have been left out."""
        outcome = self._once_as_learnt(plan, timeout_s)
        failure = outcome.failure
        if failure is None or failure.kind.is_death or not self._learnt.expects_interim:
            return outcome
        self._learnt.leaves_out_interim(is_left_out=True)
        try:
            again = self._once_as_learnt(plan, timeout_s)
        finally:
            self._learnt.leaves_out_interim(is_left_out=False)
        return outcome if again.failure is not None else again

    def _once_as_learnt(self, plan: Plan, timeout_s: float | None) -> Outcome:
        self._reset()
        self._learnt.begins_plan(ordered=has_one_connection(plan))
        outcome = self._execute(self._as_executed(plan), timeout_s)
        if outcome.failure is not None or not has_one_connection(plan):
            self._learnt.has_lost_count()
        return outcome

    def _as_executed(self, plan: Plan) -> Plan:
        return behind_end(plan) if self._learnt.scripts.behind_end else plan

    def _reset(self) -> None:
        if self._reset_command:
            run_reset(self._reset_command)


def executor_for(  # noqa: PLR0917 - see ControlledExecutor
    target: Target,
    protocol: Protocol,
    diag: SockDiag | None,
    timeout_s: float = 5.0,
    on_executed: Callable[[], None] = lambda: None,
    reference: Target | None = None,
    reset_command: Sequence[str] = (),
) -> Executor:
    """Return what executes plans of a protocol: with controls, where it was learnt."""
    if isinstance(protocol, LearntProtocol):
        return ControlledExecutor(
            target, protocol, diag, timeout_s, on_executed, reference, reset_command
        )
    return Executor(target, protocol, diag, timeout_s, on_executed)


def run_reset(command: Sequence[str]) -> None:
    """Run the user's command that has the server forget.

    Raises:
        CannotRunError: it can't be run, fails, or takes more than a minute.

    """
    shown = " ".join(command)
    try:
        done = subprocess.run(command, capture_output=True, timeout=_RESET_TIMEOUT_S, check=False)
    except OSError as error:
        raise CannotRunError(f"cannot run the reset command {shown!r}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise CannotRunError(f"the reset command {shown!r} takes more than a minute") from None
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        last = f": {ascii(said[-1])[1:-1]:.160}" if said else ""
        raise CannotRunError(f"the reset command {shown!r} exits {done.returncode}{last}")


def _unjudged(outcome: Outcome, failure: Failure, *, beside: bool = False) -> Outcome:
    why = "not judged: sent whole, the requests are not answered as learnt either"
    if beside:
        why += ", several connections beside each other; --vary REGEX gives each its own name"
    unjudged = msgspec.structs.replace(
        failure, kind=FailureKind.UNJUDGED, message=f"{why} ({failure.message})"
    )
    return Outcome(unjudged, outcome.delivery, outcome.transcript, outcome.oracles)
