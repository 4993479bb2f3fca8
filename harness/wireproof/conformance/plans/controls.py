"""The control of a plan: the same requests, each sent whole once the one before is answered. Pure.

Where nobody knows what is right, a plan that fails says something only beside a control that
holds: then it is the way of sending that makes the difference.
"""

from itertools import accumulate

import msgspec

from wireproof.conformance.plans.plan import (
    Action,
    Await,
    Close,
    Open,
    OpenTogether,
    Plan,
    Push,
    Reset,
    Rounds,
    RunOut,
    Send,
    SendDatagram,
    SendLast,
)


def controls_of(plan: Plan) -> list[Plan]:
    """Return the controls: connections are opened in the plan's order, and closed in peace.

    All requests of a connection are sent where the plan sends its first byte; and, where there are
    several connections, once more where it waits for its last: those that stand beside each other
    may be refused or ended for that alone, as two sessions of one name are. Where no step says when
    they are sent, as in rounds of connections, each speaks alone.
    """
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for position, action in enumerate(plan.actions):
        if isinstance(action, Send | SendLast | Push):
            first.setdefault(action.connection, position)
        if isinstance(action, Send | SendLast | Push | Await) and action.connection in first:
            last[action.connection] = position
    if not first and any(plan.requests):
        return one_by_one(plan)
    places = [first] if len(plan.requests) == 1 else [first, last]
    return list(dict.fromkeys(_speaking_at(plan, one) for one in places))


def _speaking_at(plan: Plan, places: dict[int, int]) -> Plan:
    """Return the plan in which each connection sends all it has at its place."""
    actions: list[Action] = []
    opened: list[int] = []
    for position, action in enumerate(plan.actions):
        number = action.connection
        if isinstance(action, Open):
            actions.append(msgspec.structs.replace(action, receive_buffer_bytes=0, by_hand=False))
            opened.append(number)
        elif isinstance(action, OpenTogether):
            actions += map(Open, range(number + 1))
            opened += range(number + 1)
        elif isinstance(action, Close | Reset) and number in opened:
            actions.append(Close(number))
            opened.remove(number)
        elif places.get(number) == position:
            actions += _whole(plan, number)
    actions += map(Close, opened)
    return Plan(plan.requests, tuple(actions))


def has_one_connection(plan: Plan) -> bool:
    """Say whether a plan has no other connection before, behind or beside its one."""
    return len(plan.requests) == 1 and not comes_and_goes(plan)


def comes_and_goes(plan: Plan) -> bool:
    """Say whether a plan has connections come and go that only one step tells of."""
    return any(isinstance(action, Rounds | RunOut) for action in plan.actions)


def one_by_one(plan: Plan) -> list[Plan]:
    """Return the same requests as plans of one connection each, equal ones once."""
    if any(isinstance(action, SendDatagram) for action in plan.actions):
        return _datagrams_in_turn(plan)
    return list(
        dict.fromkeys(
            Plan((requests,), (Open(0), *_whole(Plan((requests,), ()), 0), Close(0)))
            for requests in plan.requests
            if requests
        )
    )


def _datagrams_in_turn(plan: Plan) -> list[Plan]:
    """Return a plan for each socket that asks: its datagrams, each awaited before the next."""
    each = [requests for requests in dict.fromkeys(plan.requests) if requests]
    return [
        Plan(
            (requests,),
            (
                Open(0),
                *(
                    step
                    for position in range(len(requests))
                    for step in (SendDatagram(0, position), Await(0))
                ),
                Close(0),
            ),
        )
        for requests in each
    ]


def _whole(plan: Plan, number: int) -> list[Action]:
    ends = accumulate(map(len, plan.requests[number]))
    return [step for end in ends for step in (Send(number, end), Await(number))]
