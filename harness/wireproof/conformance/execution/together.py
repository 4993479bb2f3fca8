"""Conversations beside each other: each takes its turn, but their long holds pass at the same time.

While one holds, the others do, and the longest of the holds ends first. So the server has at least
the quiet that it would have with each by itself; what happens only then, such as the timeout of its
loop, happens here too.
"""

import time
from collections.abc import Callable, Iterator

import msgspec

from wireproof.conformance.execution.failure import ConversationFailedError, FailureKind
from wireproof.conformance.execution.judged_connection import FULL_S
from wireproof.conformance.execution.plan_execution import PlanExecution
from wireproof.conformance.plans.plan import Action, Await, AwaitEnd, Plan, Push, Send, SendOpening
from wireproof.deadline import Deadline

LONG_HOLD_S = 0.3
"""What is held for less is not worth the trouble."""


def longest_hold_s(plan: Plan) -> float:
    """Return how long the longest of a plan's holds is, a stall of its reader among them."""
    return max(map(_hold_s, plan.actions), default=0.0)


def in_parts(execution: PlanExecution, plan: Plan) -> Iterator[float]:
    """Do all of a plan's actions; before a long hold, yield until when that is, in monotonic time.

    Raises:
        ConversationFailedError: the server did not do its part.

    """
    for number, action in enumerate(plan.actions):
        hold_s = _hold_s(action)
        if hold_s < LONG_HOLD_S:
            execution.step(number, action)
        elif isinstance(action, Push):
            execution.step(number, msgspec.structs.replace(action, stall_s=FULL_S))
            until_s = time.monotonic() + hold_s - FULL_S
            yield until_s
            left_s = max(0.0, until_s - time.monotonic())
            execution.step(number, msgspec.structs.replace(action, stall_s=left_s))
        else:
            execution.step(number, msgspec.structs.replace(action, hold_s=0.0))
            until_s = time.monotonic() + hold_s
            yield until_s
            execution.hold(action.connection, max(0.0, until_s - time.monotonic()))


def patiently(
    execution: PlanExecution,
    plan: Plan,
    times_s: tuple[float, float],
    meanwhile: Callable[[], None],
) -> None:
    """Do all of a plan's actions; where one waits in vain, do something else in that time, once.

    Args:
        execution: of the plan.
        plan: is executed.
        times_s: after what time of silence something else is done, and how long that silence lasts.
        meanwhile: what that is.

    Raises:
        ConversationFailedError: the server did not do its part.

    """
    glance_s, timeout_s = times_s
    is_done = False
    for number, action in enumerate(plan.actions):
        if is_done or not isinstance(action, Await | AwaitEnd):
            execution.step(number, action)
            continue
        until = Deadline(timeout_s)
        try:
            execution.step(number, action, glance_s)
        except ConversationFailedError as failed:
            if failed.failure.kind is not FailureKind.SILENCE:
                raise
            meanwhile()
            is_done = True
            execution.step(number, action, until.remaining_s())


def _hold_s(action: Action) -> float:
    match action:
        case Send(hold_s=seconds) | SendOpening(hold_s=seconds) | Push(stall_s=seconds):
            return seconds
        case _:
            return 0.0
