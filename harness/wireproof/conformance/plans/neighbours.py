"""Plans that ask whether a server keeps the order of two requests. Pure."""

from collections.abc import Iterator
from itertools import accumulate, pairwise

from wireproof.conformance.plans.plan import Action, Await, Close, Open, Plan, Send


def neighbours(plan: Plan) -> Iterator[Plan]:
    """Yield a plan for each two requests that follow each other in `plan` and differ.

    All before them are sent one by one, and they in one segment, so that nothing else is new.
    """
    seen: set[tuple[bytes, bytes]] = set()
    for requests in plan.requests:
        ends = list(accumulate(map(len, requests)))
        for number, pair in enumerate(pairwise(requests)):
            if pair[0] == pair[1] or pair in seen:
                continue
            seen.add(pair)
            steps: list[Action] = []
            for end in (*ends[:number], ends[number + 1]):
                steps += [Send(0, end), Await(0)]
            yield Plan((requests[: number + 2],), (Open(0), *steps, Close(0)))


def says_different_things(plan: Plan, connection: int) -> bool:
    """Say whether a connection's requests differ: only then is there an order to keep."""
    return connection < len(plan.requests) and len(set(plan.requests[connection])) > 1
