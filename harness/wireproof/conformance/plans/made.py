"""Plans that many requirements begin from: one connection's requests, cut; several interleaved."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

import msgspec

from wireproof.conformance.plans.plan import (
    Action,
    Await,
    AwaitEnd,
    Close,
    HalfClose,
    Open,
    Plan,
    Send,
)


def single(
    requests: Sequence[bytes],
    cuts: Iterable[int] = (),
    *,
    ending: Sequence[type[HalfClose | AwaitEnd | Close]] = (Close,),
    lock_step: bool = False,
    hold_s: float = 0.0,
) -> Plan:
    """Return the plan of one connection that sends `requests`, cut at `cuts`.

    Args:
        requests: whole requests.
        cuts: offsets into their concatenation, in any order; those at its ends cut nothing.
        ending: what happens after the last reply.
        lock_step: whether each request waits for the reply to the one before.
        hold_s: how long each cut is held.

    """
    ends = set(accumulate(map(len, requests)))
    total = max(ends, default=0)
    awaited = ends if lock_step else {total}
    actions: list[Action] = [Open(0)]
    for border in sorted({cut for cut in cuts if 0 < cut < total} | awaited):
        at_end = border in awaited
        actions.append(Send(0, border, 0.0 if at_end else hold_s))
        if at_end:
            actions.append(Await(0))
    actions += [step(0) for step in ending]
    return Plan((tuple(requests),), tuple(actions))


def interleaved(plans: Sequence[Plan], order: Sequence[int]) -> Plan:
    """Return one plan that takes the steps of several single-connection plans in `order`.

    Args:
        plans: each of one connection, numbered 0; they are renumbered by position.
        order: positions in `plans`; one step of the plan named is taken for each entry, and what
            is left over follows plan by plan.

    """
    left = [list(plan.actions) for plan in plans]
    actions: list[Action] = []
    for position in [*order, *(p for p, plan in enumerate(plans) for _ in plan.actions)]:
        if left[position]:
            step = left[position].pop(0)
            actions.append(msgspec.structs.replace(step, connection=position))
    return Plan(tuple(plan.requests[0] for plan in plans), tuple(actions))
