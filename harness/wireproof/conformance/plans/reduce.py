"""Making a failing plan smaller while it fails in the same way. Pure: the caller executes.

Hypothesis shrinks what it drew. This works on any plan, those tried exhaustively too, and on what
Hypothesis cannot see: connections, cuts, waits.

Passes over the plan, each of which takes out blocks, the largest first, as long as one may go, as
in Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28 (2002);
all passes again, as long as one of them made it smaller.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import takewhile

import msgspec

from wireproof.conformance.plans.edits import (
    cuts_of,
    in_lock_step,
    removable,
    replaced,
    unheld,
    with_requests,
    with_segments_as_requests,
    without_actions,
    without_connections,
)
from wireproof.conformance.plans.plan import Plan, Push, Send

_SHORT_STALL_S = 0.05
_OFFSETS_TRIED = 16
_LONE_CUTS_TRIED = 8
Fails = Callable[[Plan], bool]
SmallerRequests = Callable[[bytes], Sequence[bytes]]


def reduce(
    plan: Plan,
    fails: Fails,
    smaller_requests: SmallerRequests,
    out_of_time: Callable[[], bool],
    failed_on: int = 0,
) -> Plan:
    """Return a plan no larger than `plan` that still fails.

    Args:
        plan: fails.
        fails: executes a plan and says whether it fails in the same way.
        smaller_requests: valid requests that may stand in for one, the smallest first.
        out_of_time: asked before each execution; True ends the search with the best so far.
        failed_on: the connection on which the failure was seen; it may do without the others.

    """
    tried: set[Plan] = set()
    smaller_requests = cache(smaller_requests)

    def first(candidates: Iterator[Plan]) -> Plan | None:
        """Return the first that is smaller and fails."""
        for candidate in takewhile(lambda _: not out_of_time(), candidates):
            if candidate.size < plan.size and candidate not in tried:
                tried.add(candidate)
                if fails(candidate):
                    return candidate
        return None

    plan = first(_alone(plan, failed_on)) or plan
    progress = True
    while progress:
        progress = False
        for simpler in _PASSES:
            while found := first(simpler(plan, smaller_requests)):
                plan = found
                progress = True
    return plan


def _blocks(count: int) -> Iterator[range]:
    """Yield all, then each half, each quarter and so on, down to each one; the last first."""
    size = count
    while size:
        for end in range(count, 0, -size):
            yield range(max(0, end - size), end)
        size //= 2


def _alone(plan: Plan, connection: int) -> Iterator[Plan]:
    """Yield the plan with one connection only, with one other beside it, with others that are idle.

    Where many connections were held at once by the wait of one, what is alone waits by itself.
    """
    others = [one for one in range(len(plan.requests)) if one != connection]
    if hold_s := max((a.hold_s for a in plan.actions if isinstance(a, Send)), default=0.0):
        alone = without_connections(plan, others)
        for number in cuts_of(alone):
            held = msgspec.structs.replace(alone.actions[number], hold_s=hold_s)
            alone = replaced(alone, number, held)
        yield alone
    for beside in (None, *others[:1], *others[-1:]):
        yield without_connections(plan, [one for one in others if one != beside])
    if len(others) > 1:
        for other in others:
            plan = with_requests(plan, other, dict.fromkeys(range(len(plan.requests[other])), b""))
        yield plan


def _less_waiting(plan: Plan, _: SmallerRequests) -> Iterator[Plan]:
    """First of all, since it saves time."""
    yield unheld(plan)
    for number, action in enumerate(plan.actions):
        if isinstance(action, Send) and action.hold_s:
            yield replaced(plan, number, msgspec.structs.replace(action, hold_s=0.0))
        if isinstance(action, Push):
            yield replaced(plan, number, Send(action.connection, action.until))
            if action.stall_s > _SHORT_STALL_S:
                short = msgspec.structs.replace(action, stall_s=_SHORT_STALL_S)
                yield replaced(plan, number, short)


def _lock_step(plan: Plan, smaller_requests: SmallerRequests) -> Iterator[Plan]:
    """What fails in lock step is no matter of how the bytes are cut."""
    yield in_lock_step(plan)
    if plan.cuts and any(plan.requests):
        longest = max((request for each in plan.requests for request in each), key=len)
        of_size = {len(request): request for request in smaller_requests(longest)}
        if apart := with_segments_as_requests(plan, of_size):
            yield apart


def _connections(plan: Plan, _: SmallerRequests) -> Iterator[Plan]:
    yield from (without_connections(plan, gone) for gone in _blocks(len(plan.requests)))


def _requests(plan: Plan, _: SmallerRequests) -> Iterator[Plan]:
    for connection, requests in enumerate(plan.requests):
        for gone in _blocks(len(requests)):
            yield with_requests(plan, connection, dict.fromkeys(gone, b""))


def _cuts(plan: Plan, _: SmallerRequests) -> Iterator[Plan]:
    """Yield the plan with fewer cuts; often a single one is what matters."""
    cuts = cuts_of(plan)
    yield without_actions(plan, cuts)
    for kept in (*cuts[:_LONE_CUTS_TRIED], *cuts[-_LONE_CUTS_TRIED:]):
        yield without_actions(plan, set(cuts) - {kept})
    for gone in _blocks(len(cuts)):
        yield without_actions(plan, cuts[gone.start : gone.stop])


def _shorter_requests(plan: Plan, smaller_requests: SmallerRequests) -> Iterator[Plan]:
    """Yield the plan with all requests as short as can be, with a connection's, with one."""
    shorter = [list(map(smaller_requests, requests)) for requests in plan.requests]
    shortest = [{n: by[0] for n, by in enumerate(each) if by} for each in shorter]
    everywhere = plan
    for connection, changes in enumerate(shortest):
        everywhere = with_requests(everywhere, connection, changes)
    yield everywhere
    yield from (with_requests(plan, number, changes) for number, changes in enumerate(shortest))
    for connection, each in enumerate(shorter):
        for position, by in enumerate(each):
            yield from (with_requests(plan, connection, {position: one}) for one in by)


def _steps(plan: Plan, _: SmallerRequests) -> Iterator[Plan]:
    yield from (without_actions(plan, {number}) for number in removable(plan))


def _cut_elsewhere(plan: Plan, _: SmallerRequests) -> Iterator[Plan]:
    """Yield one request less with the only cut at another offset: in what is left it may fail too.

    A cut between two requests vanishes with either of them, though one inside does the same.
    """
    sends = [number for number, action in enumerate(plan.actions) if isinstance(action, Send)]
    if len(plan.requests) > 1 or len(plan.requests[0]) == 1 or plan.cuts != 1 or len(sends) != 2:
        return
    first, last = sends
    for position in range(len(plan.requests[0])):
        requests = plan.requests[0][:position] + plan.requests[0][position + 1 :]
        total = sum(map(len, requests))
        for cut in range(1, min(total, _OFFSETS_TRIED)):
            actions = list(plan.actions)
            for number, until in ((first, cut), (last, total)):
                actions[number] = msgspec.structs.replace(actions[number], until=until)
            yield Plan((requests,), tuple(actions))


_PASSES = (
    _less_waiting,
    _lock_step,
    _connections,
    _requests,
    _cuts,
    _shorter_requests,
    _steps,
    _cut_elsewhere,
)
