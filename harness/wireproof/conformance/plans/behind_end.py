"""A plan for requests that are answered behind the end of the client's stream alone. Pure.

What waits for a reply that is owed then says first that nothing more will be sent. The end of a
stream stands behind whole requests alone: behind a part, or nothing, it would
make another request of it.
"""

from wireproof.conformance.plans.plan import (
    Action,
    Await,
    AwaitEnd,
    HalfClose,
    Plan,
    Push,
    Send,
    SendLast,
)


def behind_end(plan: Plan) -> Plan:
    """Return the plan with the end of each stream in place of the wait for its last reply."""
    sizes = [sum(map(len, requests)) for requests in plan.requests]
    sent = [0] * len(sizes)
    ended: set[int] = set()
    actions: list[Action] = []
    for action in plan.actions:
        number = action.connection
        if isinstance(action, HalfClose | AwaitEnd) and (number in ended or not sizes[number]):
            continue
        if isinstance(action, HalfClose) and sent[number] < sizes[number]:
            sent[number] = sizes[number]
            actions.append(Send(number, sizes[number]))
        if isinstance(action, Send | SendLast | Push):
            sent[number] = action.until
        if isinstance(action, Await) and sizes[number] and sent[number] == sizes[number]:
            actions += [] if number in ended else [HalfClose(number), AwaitEnd(number)]
            ended.add(number)
            continue
        actions.append(action)
    return Plan(plan.requests, tuple(actions))
