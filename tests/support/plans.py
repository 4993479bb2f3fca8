"""Hypothesis strategies for plans, as the properties make them."""

from hypothesis import strategies as st

from wireproof.conformance.plans.made import interleaved, single
from wireproof.conformance.plans.plan import (
    Action,
    Await,
    AwaitEnd,
    AwaitReleased,
    Close,
    CountDescriptors,
    HalfClose,
    Malformed,
    Open,
    OpenTogether,
    Plan,
    Push,
    Reset,
)

requests = st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=4)


@st.composite
def single_plans(draw: st.DrawFn) -> Plan:
    """Plans of one connection."""
    chosen = draw(requests)
    total = sum(map(len, chosen))
    cuts = draw(st.sets(st.integers(0, total), max_size=5))
    endings = [(Close,), (HalfClose, AwaitEnd)]
    plan = single(
        chosen,
        cuts,
        ending=draw(st.sampled_from(endings)),
        lock_step=draw(st.booleans()),
        hold_s=draw(st.sampled_from([0.0, 0.5])),
    )
    if not draw(st.booleans()):
        return plan
    window = draw(st.sampled_from([0, 2304]))
    pushed = (Open(0, window), Push(0, total, 0.2), Await(0), *(end(0) for end in endings[0]))
    return Plan(plan.requests, pushed)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans of every kind of step."""
    parts = draw(st.lists(single_plans(), min_size=1, max_size=4))
    order = draw(st.lists(st.integers(0, len(parts) - 1), max_size=12))
    plan = interleaved(parts, order)
    actions: list[Action] = [*plan.actions]
    if draw(st.booleans()):  # all opened at once
        opened = [action for action in actions if not isinstance(action, Open)]
        actions = [OpenTogether(len(parts) - 1), *opened]
    number = len(parts)
    more = draw(st.sampled_from(["", "reset", "malformed"]))
    if more:
        step = Reset(number) if more == "reset" else Malformed(number, b"\0bad")
        looks = (AwaitReleased(0), CountDescriptors(0))
        return Plan((*plan.requests, ()), (*actions, Open(number), step, *looks))
    return Plan(plan.requests, tuple(actions))
