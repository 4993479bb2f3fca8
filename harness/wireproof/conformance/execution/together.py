"""Conversations beside each other: each takes its turn, but their long holds pass at the same time.

While one holds, the others do. So the server has the same quiet that it would have with each by
itself; what happens only then, such as the timeout of its loop, happens here too.
"""

import time
from collections.abc import Iterator

import msgspec

from wireproof.conformance.execution.plan_execution import PlanExecution
from wireproof.conformance.plans.plan import Plan, Send, SendOpening

LONG_HOLD_S = 0.3
"""What is held for less is not worth the trouble."""


def longest_hold_s(plan: Plan) -> float:
    """Return how long the longest of a plan's holds is."""
    return max((a.hold_s for a in plan.actions if isinstance(a, Send | SendOpening)), default=0.0)


def in_parts(execution: PlanExecution, plan: Plan) -> Iterator[float]:
    """Do all of a plan's actions; before a long hold, yield until when that is, in monotonic time.

    Raises:
        ConversationFailedError: the server did not do its part.

    """
    for number, action in enumerate(plan.actions):
        if not isinstance(action, Send | SendOpening) or action.hold_s < LONG_HOLD_S:
            execution.step(number, action)
            continue
        execution.step(number, msgspec.structs.replace(action, hold_s=0.0))
        until_s = time.monotonic() + action.hold_s
        yield until_s
        execution.hold(action.connection, max(0.0, until_s - time.monotonic()))
