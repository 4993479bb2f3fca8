"""What a minimal failing plan means, in words."""

from collections.abc import Mapping
from itertools import accumulate

from wireproof.conformance.plans.plan import CountDescriptors, Plan, Push, Reset, Send
from wireproof.protocols.oracle import printable
from wireproof.words import counted


def explain(plan: Plan, single_cuts: Mapping[tuple[bytes, ...], Mapping[int, bool]]) -> str:
    """Say when the server fails, as far as what was tried tells."""
    if len(plan.requests) == 1:
        return _explain_one(plan, single_cuts)
    count = len(plan.requests)
    if any(isinstance(action, CountDescriptors) for action in plan.actions):
        return f"over {count} connections"
    if any(isinstance(action, Reset) for action in plan.actions):
        return f"after a reset, with {count} connections"
    if any(isinstance(action, Push) for action in plan.actions):
        return f"with {count} connections, one of which does not read"
    return f"with {count} connections at a time"


def _explain_one(plan: Plan, single_cuts: Mapping[tuple[bytes, ...], Mapping[int, bool]]) -> str:
    stream = b"".join(plan.requests[0])
    if any(isinstance(action, Push) for action in plan.actions):
        size = counted(len(stream), "byte")
        return f"when {size} of requests are sent and the replies are read late"
    if plan.cuts == 0:
        return _explain_uncut(plan, len(stream))
    if plan.cuts > 1:
        return f"with {plan.cuts} cuts in {counted(len(stream), 'byte')}"
    cut = _the_cut(plan)
    between = f"between {printable(stream[cut - 1 : cut])} and {printable(stream[cut : cut + 1])}"
    where = f"when the cut falls after byte {cut}, {between}"
    held_s = _longest_hold_s(plan)
    if held_s:
        return f"{where}, and the rest comes {held_s:g} s later"
    tried = single_cuts.get(plan.requests[0], {})
    failed = [offset for offset, bad in tried.items() if bad]
    if len(tried) > 1 and len(failed) == len(tried):
        return f"at every cut; {where}, for one"
    return f"only {where}" if len(tried) > 1 and failed == [cut] else where


def _the_cut(plan: Plan) -> int:
    """Return where the only cut of a plan is: sends before it may end whole requests."""
    sends = [action.until for action in plan.actions if isinstance(action, Send)]
    ends = set(accumulate(map(len, plan.requests[0])))
    return next((until for until in sends if until not in ends), sends[0])


def _explain_uncut(plan: Plan, size_bytes: int) -> str:
    requests = len(plan.requests[0])
    if held_s := _longest_hold_s(plan):
        return f"when the connection rests for {held_s:g} s"
    if requests > 1 and plan.segments == 1:
        return f"when {requests} requests arrive in one segment"
    if requests > 1 and plan.segments == requests:
        return f"when {requests} requests follow each other, none of them cut"
    return f"on a conversation of {counted(size_bytes, 'byte')}, without any cut"


def _longest_hold_s(plan: Plan) -> float:
    return max((a.hold_s for a in plan.actions if isinstance(a, Send)), default=0.0)
