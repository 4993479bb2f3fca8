"""Others are served beside what happens on one connection."""

from wireproof.conformance.plans.plan import Action, Await, Close, Open, Plan, Send
from wireproof.conformance.subject import Subject


def beside(subject: Subject, requests: tuple[bytes, ...], actions: tuple[Action, ...]) -> Plan:
    """Return a plan that does `actions` on connection 0, and is served on 1 and 2 all the same."""
    smallest = subject.smallest
    whole = len(smallest)
    return Plan(
        (requests, (smallest,) * 2, (smallest,)),
        (
            Open(1),
            Send(1, whole),
            Await(1),
            *actions,
            Send(1, 2 * whole),
            Await(1),
            Open(2),
            Send(2, whole),
            Await(2),
            Close(1),
            Close(2),
        ),
    )
