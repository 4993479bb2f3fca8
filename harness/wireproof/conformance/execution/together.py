"""Conversations beside each other: each takes its turn, but their long holds pass at the same time.

While one holds, the others do, and the longest of the holds ends first. So the server has at least
the quiet that it would have with each by itself; what happens only then, such as the timeout of its
loop, happens here too.
"""

import time
from collections.abc import Iterator

import msgspec

from wireproof.conformance.execution.judged_connection import FULL_S
from wireproof.conformance.execution.plan_execution import PlanExecution
from wireproof.conformance.plans.plan import Action, Plan, Push, Send, SendOpening

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


def _hold_s(action: Action) -> float:
    match action:
        case Send(hold_s=seconds) | SendOpening(hold_s=seconds) | Push(stall_s=seconds):
            return seconds
        case _:
            return 0.0
