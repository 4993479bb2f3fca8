"""Making a failing plan smaller while it fails in the same way. Pure: the caller executes.

Hypothesis shrinks what it drew. This works on any plan, those tried exhaustively too, and on what
Hypothesis cannot see: connections, cuts, waits.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain

import msgspec

from harness.conformance.plan import (
    Action,
    Await,
    AwaitEnd,
    HalfClose,
    OnServer,
    Open,
    OpenTogether,
    Plan,
    Push,
    Send,
    SendDatagram,
    SendLast,
)

_SHORT_STALL_S = 0.05
_OFFSETS_TRIED = 16
_FEW_REQUESTS = 4
"""So many are made shorter before steps are left out, of which there may be many."""
Fails = Callable[[Plan], bool]


def reduce(
    plan: Plan,
    fails: Fails,
    smaller_requests: Callable[[bytes], Sequence[bytes]],
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
    for alone in (*_alone(plan, failed_on), *_asking_alone(plan, failed_on)):
        if alone.size < plan.size and not out_of_time() and fails(alone):
            plan = alone
            break
    progress = True
    while progress and not out_of_time():
        progress = False
        for candidate in _candidates(plan, smaller_requests):
            if out_of_time():
                break
            if candidate.size < plan.size and fails(candidate):
                plan = candidate
                progress = True
                break  # what was tried may be worth trying again on the smaller plan
    return plan


def _candidates(plan: Plan, smaller_requests: Callable[[bytes], Sequence[bytes]]) -> Iterator[Plan]:
    """Yield simplifications, the boldest first, and before them those that save time."""
    yield from _with_less_waiting(plan)
    yield from _in_lock_step(plan)
    size = len(plan.requests) // 2
    while size > 1:  # a half of the connections, a quarter, and so on
        yield _without_connections(plan, range(size))
        size //= 2
    for connection in range(len(plan.requests)):
        yield from _without_connection(plan, connection)
    for connection, requests in enumerate(plan.requests):
        count = len(requests)
        size = count // 2
        while size > 1:  # a half of them, a quarter, and so on
            yield _without_requests(plan, connection, range(count - size, count))
            yield _without_requests(plan, connection, range(size))
            size //= 2
    for connection, position, _ in _positions(plan):
        yield _with_request(plan, connection, position, None)
    if plan.cuts > 1:
        yield from _with_one_cut(plan)
    steps = chain.from_iterable(
        _simpler_steps(plan, number, action) for number, action in enumerate(plan.actions)
    )
    shorter = (
        _with_request(plan, connection, position, smaller)
        for connection, position, request in _positions(plan)
        for smaller in smaller_requests(request)
    )
    few = sum(map(len, plan.requests)) <= _FEW_REQUESTS
    yield from chain(shorter, steps) if few else chain(steps, shorter)
    yield from _cut_elsewhere(plan)


def _positions(plan: Plan) -> Iterator[tuple[int, int, bytes]]:
    """Yield connection, position and bytes of every request."""
    for connection, requests in enumerate(plan.requests):
        for position, request in enumerate(requests):
            yield connection, position, request


def _simpler_steps(plan: Plan, number: int, action: Action) -> Iterator[Plan]:
    """Yield the plan without one action."""
    if _may_go(plan, number, action):
        yield _without_action(plan, number)


def _alone(plan: Plan, connection: int) -> Iterator[Plan]:
    """Yield the plan with one connection only, and with one other beside it.

    Where many connections were held at once by the wait of one, what is alone waits by itself.
    """
    others = [one for one in range(len(plan.requests)) if one != connection]
    if hold_s := max((a.hold_s for a in plan.actions if isinstance(a, Send)), default=0.0):
        alone = _without_connections(plan, others)
        cuts = [n for n, action in enumerate(alone.actions) if _is_cut(alone, n, action)]
        for number in cuts:
            held = msgspec.structs.replace(alone.actions[number], hold_s=hold_s)
            alone = _replaced(alone, number, held)
        yield alone
    for beside in (None, *others[:1], *others[-1:]):
        yield _without_connections(plan, [one for one in others if one != beside])


def _asking_alone(plan: Plan, connection: int) -> Iterator[Plan]:
    """Yield the plan in which all the other connections are open, and ask nothing."""
    if len(plan.requests) > 2:
        quiet = plan
        for other in range(len(plan.requests)):
            if other != connection:
                quiet = _without_requests(quiet, other, range(len(plan.requests[other])))
        yield quiet


def _in_lock_step(plan: Plan) -> Iterator[Plan]:
    """Yield the plan in which each request waits for the reply to the one before."""
    ends = [set(accumulate(map(len, requests))) for requests in plan.requests]
    actions: list[Action] = []
    following: dict[int, Action] = {}  # by connection: the step after the one looked at
    for action in reversed(plan.actions):
        number = action.connection
        at_end = isinstance(action, Send) and action.until in ends[number]
        if at_end and isinstance(following.get(number), Send):
            actions.append(Await(number))
        actions.append(action)
        following[number] = action
    if len(actions) > len(plan.actions):
        yield Plan(plan.requests, tuple(reversed(actions)))


def _with_less_waiting(plan: Plan) -> Iterator[Plan]:
    for number, action in enumerate(plan.actions):
        if isinstance(action, Send) and action.hold_s:
            yield _replaced(plan, number, msgspec.structs.replace(action, hold_s=0.0))
        if isinstance(action, Push):
            yield _replaced(plan, number, Send(action.connection, action.until))
            if action.stall_s > _SHORT_STALL_S:
                short = msgspec.structs.replace(action, stall_s=_SHORT_STALL_S)
                yield _replaced(plan, number, short)


def _may_go(plan: Plan, number: int, action: Action) -> bool:
    """Whether leaving the action out keeps the plan meaningful, and harmless.

    A plan that closes with replies unread resets the connection: that may end a fragile server,
    and it would be our doing.
    """
    later = [one for one in plan.actions[number + 1 :] if one.connection == action.connection]
    if isinstance(action, Send):  # a cut: more of the same stream follows
        return any(isinstance(one, Send) for one in later)
    if isinstance(action, SendDatagram):
        return False  # it goes with its request
    if isinstance(action, Await):
        earlier = [one for one in plan.actions[:number] if one.connection == action.connection]
        # After a push, the wait is also what sends the rest.
        after_push = bool(earlier) and isinstance(earlier[-1], Push)
        return not after_push and any(isinstance(one, Await | AwaitEnd) for one in later)
    return not isinstance(action, Open | OpenTogether | SendLast | HalfClose | AwaitEnd | Push)


def _without_action(plan: Plan, number: int) -> Plan:
    return Plan(plan.requests, plan.actions[:number] + plan.actions[number + 1 :])


def _replaced(plan: Plan, number: int, action: Action) -> Plan:
    return Plan(plan.requests, (*plan.actions[:number], action, *plan.actions[number + 1 :]))


def _without_connection(plan: Plan, gone: int) -> Iterator[Plan]:
    """Yield the plan without one connection, the later ones renumbered."""
    if len(plan.requests) == 1:
        return
    actions: list[Action] = []
    for action in plan.actions:
        number = action.connection
        if isinstance(action, OnServer):  # for the server as a whole; numbered 0
            actions.append(action)
        elif isinstance(action, OpenTogether) and number == 0 == gone:
            return
        elif number > gone or (isinstance(action, OpenTogether) and number == gone):
            actions.append(msgspec.structs.replace(action, connection=number - 1))
        elif number != gone:
            actions.append(action)
    requests = plan.requests[:gone] + plan.requests[gone + 1 :]
    yield Plan(requests, tuple(actions))


def _is_cut(plan: Plan, number: int, action: Action) -> bool:
    return isinstance(action, Send) and _may_go(plan, number, action)


def _without_connections(plan: Plan, gone: Sequence[int]) -> Plan:
    """Return the plan without several connections; with those that it cannot do without."""
    for connection in sorted(gone, reverse=True):
        plan = next(_without_connection(plan, connection), plan)
    return plan


def _with_one_cut(plan: Plan) -> Iterator[Plan]:
    """Yield the plan with all cuts but one left out, for each that may stay."""
    cuts = [number for number, action in enumerate(plan.actions) if _is_cut(plan, number, action)]
    for kept in (*cuts[:8], *cuts[-8:]):
        dropped = set(cuts) - {kept}
        yield Plan(
            plan.requests,
            tuple(action for n, action in enumerate(plan.actions) if n not in dropped),
        )


def _cut_elsewhere(plan: Plan) -> Iterator[Plan]:
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


def _without_requests(plan: Plan, connection: int, gone: range) -> Plan:
    """Return the plan without some successive requests."""
    for position in reversed(gone):
        plan = _with_request(plan, connection, position, None)
    return plan


def _with_request(plan: Plan, connection: int, position: int, by: bytes | None) -> Plan:
    """Return the plan with one request replaced, or left out, and all offsets moved."""
    requests = plan.requests[connection]
    begin = sum(map(len, requests[:position]))
    old, new = len(requests[position]), len(by or b"")

    def moved(offset: int) -> int:
        if offset <= begin:
            return offset
        if offset >= begin + old:
            return offset + new - old
        inside = offset - begin
        # A cut just before the end stays there; the others keep their distance from the start.
        return begin + (new - 1 if inside == old - 1 else min(inside, new)) if new else begin

    actions: list[Action] = []
    sent = 0
    for action in plan.actions:
        step = action
        if isinstance(action, SendDatagram) and action.connection == connection and not by:
            if action.position == position:
                continue
            step = SendDatagram(connection, action.position - (action.position > position))
        if action.connection == connection and isinstance(action, Send | SendLast | Push):
            until = moved(action.until)
            if until <= sent:
                if isinstance(action, SendLast):  # nothing is left to send, but the end
                    actions.append(HalfClose(connection))
                continue
            sent = until
            step = msgspec.structs.replace(action, until=until)
        actions.append(step)
    changed = (*requests[:position], *((by,) if by else ()), *requests[position + 1 :])
    everything = (*plan.requests[:connection], changed, *plan.requests[connection + 1 :])
    return Plan(everything, tuple(actions))
