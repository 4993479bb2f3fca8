"""Others are served beside what happens on one connection."""

from wireproof.conformance.plans.plan import Action, Await, Close, Open, Plan, Send
from wireproof.conformance.subject import Subject


def beside(subject: Subject, requests: tuple[bytes, ...], actions: tuple[Action, ...]) -> Plan:
    """Return a plan that does `actions` on connection 0, and is served on 1 and 2 all the same."""
    pair = subject.pair
    first, both = len(pair[0]), len(pair[0] + pair[1])
    return Plan(
        (requests, pair, pair[:1]),
        (
            Open(1),
            Send(1, first),
            Await(1),
            *actions,
            Send(1, both),
            Await(1),
            Open(2),
            Send(2, first),
            Await(2),
            Close(1),
            Close(2),
        ),
    )
