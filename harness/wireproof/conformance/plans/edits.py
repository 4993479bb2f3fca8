"""Changes to a plan that leave it executable: the steps of making it smaller. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate, pairwise

import msgspec

from wireproof.conformance.plans.plan import (
    Action,
    Await,
    AwaitEnd,
    Close,
    HalfClose,
    OnServer,
    Open,
    OpenTogether,
    Plan,
    Push,
    Send,
    SendDatagram,
    SendLast,
    SendOpening,
)

_NEEDED = Open | OpenTogether | SendDatagram | SendLast | HalfClose | AwaitEnd | Push


def removable(plan: Plan) -> list[int]:
    """Return which actions may go, each by itself: the plan stays meaningful, and harmless.

    A plan that closes with replies unread resets the connection: that may end a fragile server,
    and it would be our doing.
    """
    previous = _followers(plan.actions[::-1])
    later: set[tuple[type[Action], int]] = set()
    numbers = []
    for number, before in zip(reversed(range(len(plan.actions))), previous, strict=True):
        action = plan.actions[number]
        more_follow = (type(action), action.connection) in later
        if isinstance(action, Send | SendOpening):
            goes = more_follow  # a cut: more of the same stream follows
        elif isinstance(action, Await):
            # After a push, the wait is also what sends the rest.
            # So it is in an opening: who goes ahead there breaks many a protocol.
            # Behind our end of stream the server may owe other things than before it.
            goes = more_follow and not isinstance(before, Push | Open | SendOpening)
        else:
            goes = not isinstance(action, _NEEDED)
        if goes:
            numbers.append(number)
        later.add((type(action), action.connection))
    return numbers[::-1]


def cuts_of(plan: Plan) -> list[int]:
    """Return the numbers of the sends that others of the same stream follow."""
    following: set[int] = set()
    cuts = []
    for number in reversed(range(len(plan.actions))):
        action = plan.actions[number]
        if isinstance(action, Send):
            if action.connection in following:
                cuts.append(number)
            following.add(action.connection)
    return cuts[::-1]


def without_actions(plan: Plan, gone: Collection[int]) -> Plan:
    """Leave some actions out."""
    gone = frozenset(gone)  # a plan may have a hundred thousand
    kept = tuple(action for number, action in enumerate(plan.actions) if number not in gone)
    return Plan(plan.requests, kept)


def replaced(plan: Plan, number: int, by: Action) -> Plan:
    """Put another action in an action's place."""
    return Plan(plan.requests, (*plan.actions[:number], by, *plan.actions[number + 1 :]))


def in_lock_step(plan: Plan) -> Plan:
    """Let each request wait for the reply to the one before."""
    ends = [set(accumulate(map(len, requests))) for requests in plan.requests]
    actions: list[Action] = []
    for action, following in zip(plan.actions, _followers(plan.actions), strict=True):
        actions.append(action)
        at_end = isinstance(action, Send) and action.until in ends[action.connection]
        if at_end and isinstance(following, Send):
            actions.append(Await(action.connection))
    return Plan(plan.requests, tuple(actions))


def _followers(actions: Sequence[Action]) -> list[Action | None]:
    """Return for each action the next one of its connection."""
    latest: dict[int, Action] = {}
    following: list[Action | None] = []
    for action in reversed(actions):
        following.append(latest.get(action.connection))
        latest[action.connection] = action
    return following[::-1]


def apart(plan: Plan) -> Plan:
    """Send each request by itself, once the one before is answered; cuts inside them stay."""
    ends = [list(accumulate(map(len, requests))) for requests in plan.requests]
    sent = [0] * len(ends)
    actions: list[Action] = []
    for action, following in zip(plan.actions, _followers(plan.actions), strict=True):
        on = action.connection
        if isinstance(action, Send | SendLast | Push):
            first, last = bisect_right(ends[on], sent[on]), bisect_left(ends[on], action.until)
            for end in ends[on][first:last]:
                actions += [Send(on, end), Await(on)]
            sent[on] = action.until
            actions.append(action)
            if action.until in ends[on] and isinstance(following, Send | SendLast | Push):
                actions.append(Await(on))
        else:
            actions.append(action)
    return Plan(plan.requests, tuple(actions))


def uncut(plan: Plan) -> Plan:
    """Send no request in parts: leave out the sends that end inside one."""
    ends = [set(accumulate(map(len, requests))) for requests in plan.requests]
    inside = {
        number
        for number in cuts_of(plan)
        if isinstance(action := plan.actions[number], Send)
        and action.until not in ends[action.connection]
    }
    return without_actions(plan, inside)


def unheld(plan: Plan) -> Plan:
    """Pause nowhere."""
    return Plan(plan.requests, tuple(map(_unheld, plan.actions)))


def _unheld(action: Action) -> Action:
    held = isinstance(action, Send) and action.hold_s
    return msgspec.structs.replace(action, hold_s=0.0) if held else action


def unended(plan: Plan) -> Plan:
    """Await the replies and close, in place of ending our stream and reading on."""
    actions: list[Action] = []
    for action in plan.actions:
        on = action.connection
        if isinstance(action, SendLast):
            actions += [Send(on, action.until), Await(on)]
        elif isinstance(action, HalfClose):
            actions.append(Await(on))
        elif isinstance(action, AwaitEnd):
            actions.append(Close(on))
        else:
            actions.append(action)
    kept = [
        action
        for action, before in zip(actions, [None, *actions], strict=False)
        if not (isinstance(action, Await) and action == before)
    ]
    return Plan(plan.requests, tuple(kept))


def read_at_once(plan: Plan) -> Plan:
    """Read replies while requests are sent, through a window as wide as usual."""
    actions: list[Action] = []
    for action in plan.actions:
        if isinstance(action, Push):
            actions.append(Send(action.connection, action.until))
        elif isinstance(action, Open) and any(isinstance(one, Push) for one in plan.actions):
            actions.append(Open(action.connection))
        else:
            actions.append(action)
    return Plan(plan.requests, tuple(actions))


def with_segments_as_requests(plan: Plan, of_size: Mapping[int, bytes]) -> Plan | None:
    """Make each segment a request of its own, in lock step; None where there is none of its size.

    Args:
        plan: sends requests in segments.
        of_size: valid requests, by their number of bytes.

    """
    sent: list[list[int]] = [[0] for _ in plan.requests]
    for action in plan.actions:
        if isinstance(action, Send):
            sent[action.connection].append(action.until)
    requests = []
    for offsets, old in zip(sent, plan.requests, strict=True):
        if offsets[-1] != sum(map(len, old)):
            return None  # the rest is sent in another way
        sizes = [end - begin for begin, end in pairwise(offsets)]
        if not all(size in of_size for size in sizes):
            return None
        requests.append(tuple(of_size[size] for size in sizes))
    return in_lock_step(Plan(tuple(requests), plan.actions))


def without_connections(plan: Plan, gone: Collection[int]) -> Plan:
    """Leave some connections out, and renumber the others."""
    for connection in sorted(gone, reverse=True):
        plan = _without_connection(plan, connection)
    return plan


def _without_connection(plan: Plan, gone: int) -> Plan:
    """Leave a connection out, unless the plan cannot do without."""
    if len(plan.requests) == 1:
        return plan
    actions: list[Action] = []
    for action in plan.actions:
        number = action.connection
        if isinstance(action, OnServer):  # for the server as a whole; numbered 0
            actions.append(action)
        elif isinstance(action, OpenTogether) and number == 0 == gone:
            return plan
        elif number > gone or (isinstance(action, OpenTogether) and number == gone):
            actions.append(msgspec.structs.replace(action, connection=number - 1))
        elif number != gone:
            actions.append(action)
    requests = plan.requests[:gone] + plan.requests[gone + 1 :]
    return Plan(requests, tuple(actions))


def with_requests(plan: Plan, connection: int, changes: Mapping[int, bytes]) -> Plan:
    """Put other requests in the place of some, with all offsets moved.

    Args:
        plan: to change.
        connection: whose requests.
        changes: by position; no bytes leave the request out.

    """
    requests = plan.requests[connection]
    changed = [changes.get(position, old) for position, old in enumerate(requests)]
    moved = _Moved(requests, changed)
    actions: list[Action] = []
    sent = 0
    for action in plan.actions:
        step = action
        if action.connection == connection:
            if isinstance(action, SendDatagram):
                if not changed[action.position]:
                    continue
                left = sum(map(bool, changed[: action.position]))
                step = SendDatagram(connection, left)
            elif isinstance(action, Send | SendLast | Push):
                until = moved.offset(action.until)
                if until <= sent:
                    if isinstance(action, SendLast):  # nothing is left to send, but the end
                        actions.append(HalfClose(connection))
                    continue
                sent = until
                step = msgspec.structs.replace(action, until=until)
        actions.append(step)
    everything = list(plan.requests)
    everything[connection] = tuple(filter(None, changed))
    return Plan(tuple(everything), tuple(actions))


def only_last_request(plan: Plan, connection: int) -> Plan:
    """Leave out all requests of a connection but the last, and the waits for their replies."""
    earlier = range(len(plan.requests[connection]) - 1)
    changed = with_requests(plan, connection, dict.fromkeys(earlier, b""))
    sent = False
    actions: list[Action] = []
    for action in changed.actions:
        if action.connection == connection:
            sent = sent or isinstance(action, Send | SendLast | Push)
            if isinstance(action, Await) and not sent:
                continue
        actions.append(action)
    return Plan(changed.requests, tuple(actions)) if earlier else plan


class _Moved:
    """Where offsets into requests lie once others stand in their place."""

    def __init__(self, old: Sequence[bytes], new: Sequence[bytes]) -> None:
        self._old_ends = list(accumulate(map(len, old), initial=0))
        self._new_ends = list(accumulate(map(len, new), initial=0))

    def offset(self, offset: int) -> int:
        """Return where it lies: a cut just before a request's end stays there.

        Other cuts inside keep their distance from the request's start.
        """
        position = bisect_left(self._old_ends, offset)
        end, begin = self._new_ends[position], self._new_ends[max(0, position - 1)]
        before_end = self._old_ends[position] - offset
        if before_end <= 1:
            return max(begin, end - before_end)
        return min(end, begin + offset - self._old_ends[position - 1])
