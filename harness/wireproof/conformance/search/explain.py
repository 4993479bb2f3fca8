"""What a minimal failing plan means, in words: only what makes a difference is named."""

from collections.abc import Collection, Mapping
from itertools import accumulate

from wireproof.conformance.execution.failure import Phase
from wireproof.conformance.plans.plan import (
    Await,
    AwaitEnd,
    Close,
    CountDescriptors,
    Malformed,
    Open,
    Plan,
    Push,
    Reset,
    Rounds,
    RunOut,
    Send,
    SendDatagram,
    SendLast,
)
from wireproof.conformance.search.features import UNKNOWN, Condition, Feature
from wireproof.words import counted, printable

SingleCuts = Mapping[tuple[bytes, ...], Mapping[int, bool]]
"""For each conversation cut once: offset to whether it failed."""
_SHOWN_BYTES = 40
_NO_DIFFERENCE = (
    Feature.CUTS,
    Feature.PAUSES,
    Feature.PIPELINING,
    Feature.LATE_READING,
    Feature.OTHERS,
    Feature.ENDING,
    Feature.EARLIER,
    Feature.REQUEST,
)
"""In the order in which they are named."""
_SINGULAR = {Feature.PIPELINING, Feature.LATE_READING, Feature.ENDING, Feature.REQUEST}


def explain(
    plan: Plan,
    single_cuts: SingleCuts,
    phase: Phase = Phase.TALKING,
    condition: Condition = UNKNOWN,
) -> str:
    """Say when the server fails, and what makes no difference, as far as what was tried tells."""
    if phase is Phase.OPENING:
        return "whatever follows"
    words = _when(plan, single_cuts, condition, ending=phase is Phase.ENDING)
    left = _left_unread(plan) if phase is Phase.OVER else ""
    return words + left + _needless(condition.needless)


def _left_unread(plan: Plan) -> str:
    """Tell of connections that we close before their replies are read: TCP resets them then."""
    owed: set[int] = set()
    closed = 0
    for action in plan.actions:
        if isinstance(action, Send | SendLast):
            owed.add(action.connection)
        elif isinstance(action, Await | AwaitEnd):
            owed.discard(action.connection)
        elif isinstance(action, Close):
            closed += action.connection in owed
    if not closed:
        return ""
    if len(plan.requests) == 1:
        return ", and the connection closed before its reply is read"
    which = "one of which is" if closed == 1 else f"{closed} of which are"
    return f", {which} closed before a reply is read"


def _needless(features: Collection[Feature]) -> str:
    words = [feature.value for feature in _NO_DIFFERENCE if feature in features]
    if not words:
        return ""
    listed = " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    plural = len(words) > 1 or not {*features} & _SINGULAR
    return f"; {listed} {'make' if plural else 'makes'} no difference"


def _when(plan: Plan, single_cuts: SingleCuts, condition: Condition, *, ending: bool) -> str:
    for action in plan.actions:
        if isinstance(action, Rounds):
            return _of_rounds(action)
        if isinstance(action, RunOut):
            return "when it runs out of descriptors"
        if isinstance(action, Open) and action.prelude_cut:
            bytes_before = counted(action.prelude_cut, "byte")
            return (
                f"when the prelude is cut after {bytes_before}, and the rest comes a moment later"
            )
    if len(plan.requests) == 1:
        return _of_one(plan, single_cuts, condition, ending=ending)
    return _of_many(plan, len(plan.requests))


def _of_rounds(rounds: Rounds) -> str:
    if not rounds.ways:
        return "after the conversations before this one"
    if len(rounds.ways) == 1:
        (way,) = rounds.ways
        return f"over connections that are {way}"
    return "over connections that end in every way"


def _of_many(plan: Plan, count: int) -> str:
    if any(isinstance(action, CountDescriptors) for action in plan.actions):
        return f"over {count} connections"
    if stalled := len({one.connection for one in plan.actions if isinstance(one, Push)}):
        which = "one of which does" if stalled == 1 else f"{stalled} of which do"
        return f"with {count} connections, {which} not read"
    if any(isinstance(action, Reset) for action in plan.actions):
        return f"after a reset, with {count} connections"
    if any(isinstance(action, Malformed) for action in plan.actions):
        return f"after malformed input, with {count} connections"
    return f"with {count} connections at a time"


def _of_one(plan: Plan, single_cuts: SingleCuts, condition: Condition, *, ending: bool) -> str:
    stream = b"".join(plan.requests[0])
    if any(isinstance(action, Push) for action in plan.actions):
        size = counted(len(stream), "byte")
        return f"when {size} of requests are sent and the replies are read late"
    if plan.cuts == 0:
        return _of_uncut(plan, condition) + (_end(plan) if ending else "")
    if plan.cuts > 1:
        return f"with {plan.cuts} cuts in {counted(len(stream), 'byte')}"
    cut = _the_cut(plan)
    between = f"between {printable(stream[cut - 1 : cut])} and {printable(stream[cut : cut + 1])}"
    where = f"when the cut falls after byte {cut}, {between}"
    held_s = _longest_hold_s(plan)
    if held_s:
        return f"{where}, and the rest comes {held_s:g} s later"
    tried = single_cuts.get(plan.requests[0], {})
    failed = [offset for offset, bad in tried.items() if bad]
    if len(tried) > 1 and len(failed) == len(tried):
        return f"at every cut; {where}, for one"
    return f"only {where}" if len(tried) > 1 and failed == [cut] else where


def _the_cut(plan: Plan) -> int:
    """Return where the only cut of a plan is: sends before it may end whole requests."""
    sends = [action.until for action in plan.actions if isinstance(action, Send)]
    ends = set(accumulate(map(len, plan.requests[0])))
    return next((until for until in sends if until not in ends), sends[0])


def _of_uncut(plan: Plan, condition: Condition) -> str:
    requests = plan.requests[0]
    if held_s := _longest_hold_s(plan):
        return f"when the connection rests for {held_s:g} s"
    if any(isinstance(action, Malformed) for action in plan.actions):
        return "after part of a request, or bytes that are not a request"
    if not requests:
        return "when nothing is sent"
    if any(isinstance(action, SendDatagram) for action in plan.actions):
        which = f"after {counted(len(requests) - 1, 'datagram')}, " if len(requests) > 1 else ""
        return f"{which}when {_request(requests[-1], condition, 'datagram')} is sent"
    if len(requests) > 1:
        return _of_several(plan)
    return f"whenever {_request(requests[0], condition, 'request')} is sent"


def _of_several(plan: Plan) -> str:
    requests = plan.requests[0]
    if plan.pipelines:
        together = "in one segment" if plan.segments <= 1 else "without waiting for replies"
        return f"when {len(requests)} requests are sent {together}"
    same = len(set(requests)) == 1
    what = "" if same else f", {printable(requests[-1], _SHOWN_BYTES)},"
    return f"whenever request {len(requests):,} of a connection{what} is sent"


def _end(plan: Plan) -> str:
    if any(isinstance(action, SendLast) for action in plan.actions):
        return ", together with the client's end of stream"
    return ", followed by the client's end of stream"


def _request(request: bytes, condition: Condition, noun: str) -> str:
    """Return what is told of a request: any, its size, or the request itself."""
    if Feature.REQUEST in condition.needless:
        return f"a {noun}"
    size = len(request)
    fails = [size, *map(len, condition.fails_with)]
    holds = [*map(len, condition.holds_with)]
    if holds and size not in holds:
        least, most = min(fails), max(fails)
        # Only what is one byte beside a border tells that there is one.
        if max(holds) == least - 1:
            return f"a {noun} of {counted(least, 'byte')} or more"
        if min(holds) == most + 1:
            return f"a {noun} of {counted(most, 'byte')}{' or less' if most > 1 else ''}"
        if {size - 1, size + 1} <= set(holds) and set(fails) == {size}:
            return f"a {noun} of {counted(size, 'byte')}, neither {size - 1} nor {size + 1},"
    if size > _SHOWN_BYTES:
        return f"a {noun} of {counted(size, 'byte')}, {printable(request[: _SHOWN_BYTES // 2])}…,"
    return printable(request, _SHOWN_BYTES)


def _longest_hold_s(plan: Plan) -> float:
    return max((a.hold_s for a in plan.actions if isinstance(a, Send)), default=0.0)
