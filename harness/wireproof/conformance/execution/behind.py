"""An executor for what stands between: the server behind it is asked too, and is the oracle.

A plan that fails through a proxy says something of the proxy only where the server behind does
better. So each one that fails is executed once more directly, the same steps at the same places.
Where that holds, the failure stands. Where it fails alike, the proxy has passed on what it was
given, an end for a reset among it; where it fails otherwise, nobody knows what was right.
"""

from collections.abc import Callable, Sequence

import msgspec

from wireproof.conformance.execution.controlled import ControlledExecutor
from wireproof.conformance.execution.executor import Executor, Outcome
from wireproof.conformance.execution.failure import Failure, FailureKind
from wireproof.conformance.plans.plan import Plan
from wireproof.errors import CannotRunError
from wireproof.learnt.protocol import LearntProtocol
from wireproof.protocols.base import Protocol
from wireproof.target import Target
from wireproof.wire.kernel.sock_diag import SockDiag

_UNSETTLED = {FailureKind.TOO_SLOW, FailureKind.UNJUDGED}
_ENDS = {FailureKind.END, FailureKind.RESET}
"""A reset is passed on as one, or as an end."""


class BesideDirect(Executor):
    """Puts the same conversation with the server behind beside each one that fails.

    Attributes:
        direct: executes on the server behind.

    """

    overlaps = False
    direct: Executor
    _is_excused = False

    def execute(
        self, plan: Plan, timeout_s: float | None = None, *, alone: bool = False
    ) -> Outcome:
        """Execute `plan`; one that fails, directly too."""
        if alone:
            return super().execute(plan, timeout_s, alone=True)
        if not self._is_excused:
            return self._beside(plan, timeout_s)[0]
        # It goes wrong behind too, at times: then neither is waited for at length twice.
        hasty_s = min(timeout_s or self.timeout_s, self.shrink_timeout_s)
        outcome, is_settled = self._beside(plan, hasty_s)
        return outcome if is_settled else self._beside(plan, timeout_s)[0]

    def _beside(self, plan: Plan, timeout_s: float | None) -> tuple[Outcome, bool]:
        """Return what became of a plan, and whether that is no failure of what stands between."""
        outcome = super().execute(plan, timeout_s)
        failure = outcome.failure
        if failure is None or failure.kind in _UNSETTLED:
            return outcome, True
        said = self.direct.execute(plan, timeout_s).failure
        if said is None:
            return outcome, False
        self._is_excused = True
        return _as_said_directly(outcome, failure, said), True

    def execute_plain(self, plan: Plan, timeout_s: float | None = None) -> Failure | None:
        """Execute a plan of one plain exchange.

        Raises:
            CannotRunError: the server behind answers it no more either: there is no oracle.

        """
        failure = super().execute_plain(plan, timeout_s)
        if failure is not None:
            self.ask_behind(plan, timeout_s)
        return failure

    def ask_behind(self, plan: Plan, timeout_s: float | None = None) -> None:
        """Execute a plan of one plain exchange directly.

        Raises:
            CannotRunError: it goes wrong: there is no oracle.

        """
        said = self.direct.execute_plain(plan, timeout_s)
        if said is not None:
            raise CannotRunError(
                f"the server behind, {self.direct.target}, does not answer as"
                f" {self.protocol.called} does: {said.message}",
                "start it, or name its protocol",
            )


class BehindExecutor(BesideDirect, Executor):
    """For protocols that know what is right."""


class LearntBehindExecutor(BesideDirect, ControlledExecutor):
    """For what was learnt from the server behind."""


def executor_through(  # noqa: PLR0917 - see ControlledExecutor
    target: Target,
    behind: Target,
    protocol: Protocol,
    diag: SockDiag | None,
    timeout_s: float = 5.0,
    on_executed: Callable[[], None] = lambda: None,
    reset_command: Sequence[str] = (),
) -> BesideDirect:
    """Return what executes plans through `target`, and those that fail at `behind` too.

    Args:
        target: what stands between, resolved.
        behind: the server that it leads to, resolved.
        protocol: judges.
        diag: asks the kernel; None where it cannot be asked.
        timeout_s: how long a reply may take.
        on_executed: called before each plan.
        reset_command: run before each plan, where the protocol was learnt.

    """
    through: BesideDirect
    direct: Executor
    if isinstance(protocol, LearntProtocol):
        through = LearntBehindExecutor(
            target, protocol, diag, timeout_s, on_executed, behind, reset_command
        )
        direct = ControlledExecutor(behind, protocol, diag, timeout_s, reset_command=reset_command)
    else:
        through = BehindExecutor(target, protocol, diag, timeout_s, on_executed)
        direct = Executor(behind, protocol, diag, timeout_s)
    through.direct = direct
    through.behind = direct.behind = behind
    return through


def _as_said_directly(outcome: Outcome, failure: Failure, said: Failure) -> Outcome:
    """Return what a failure is where the server behind does not do what is right either."""
    alike = said.kind is failure.kind or {said.kind, failure.kind} <= _ENDS
    if alike and said.connection == failure.connection:
        return Outcome(None, outcome.delivery, outcome.transcript, outcome.oracles)
    unjudged = msgspec.structs.replace(
        failure,
        kind=FailureKind.UNJUDGED,
        message=f"not judged: it also fails directly ({said.message})",
    )
    return Outcome(unjudged, outcome.delivery, outcome.transcript, outcome.oracles)
