"""Replies must not depend on how TCP cuts the request stream."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, combinations
from typing import TYPE_CHECKING

from wireproof.conformance.drawing import conversations_of
from wireproof.conformance.plans.made import interleaved
from wireproof.conformance.plans.plan import Await, Plan, Send
from wireproof.conformance.requirements import requirement
from wireproof.conformance.subject import KIB, Subject
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

_STREAM = (
    "RFC 9293 section 3.8.2: TCP may cut the stream anywhere; RFC 9293 3.9.1.2: PSH is no mark"
)
_LONGEST_DRAWN_BYTES = 8 * KIB
_EDGE_BYTES = 16
"""Headers stand at the start of a request, and marks of its end at the end."""
_NEAR_BYTES = 64
"""Of a request that is too long to be cut everywhere: so many cuts at both ends all the same."""


def drawn_cuts(subject: Subject) -> "SearchStrategy[Plan]":
    """Draw a conversation of one to four requests and any set of cuts in it."""
    from hypothesis import strategies as st

    conversations = conversations_of(subject.protocol, 1, 4)

    @st.composite
    def plan(draw: "DrawFn") -> Plan:
        requests = _bounded(draw(conversations))
        total = sum(map(len, requests))
        cuts = draw(st.sets(st.integers(1, total - 1), max_size=16)) if total > 1 else set()
        return subject.single(requests, cuts)

    return plan()


def _cuts_of(subject: Subject) -> dict[tuple[bytes, ...], Sequence[int]]:
    """Return where each short conversation is cut: everywhere, or spread over a very long one."""
    conversations = dict.fromkeys(subject.conversations())
    left = subject.depth.most_cuts
    cuts: dict[tuple[bytes, ...], Sequence[int]] = {}
    for number, requests in enumerate(sorted(conversations, key=_size)):
        cuts[requests] = _spread_within(requests, left // (len(conversations) - number))
        left -= len(cuts[requests])
    return {requests: cuts[requests] for requests in conversations}


def _spread_within(requests: Sequence[bytes], most: int) -> Sequence[int]:
    """Return at most so many cuts of a conversation: near its requests' ends, the rest spread."""
    total = _size(requests)
    if total <= most + 1:
        return range(1, total)
    ends = accumulate(map(len, requests), initial=0)
    near = {cut for end in ends for cut in range(end - _NEAR_BYTES, end + _NEAR_BYTES + 1)}
    first = _spread(sorted(near & {*range(1, total)}), max(2, most // 2))
    others = sorted({*range(1, total)}.difference(first))
    return sorted({*first, *_spread(others, max(2, most - len(first)))})


def _not_cut(subject: Subject) -> int:
    """Return at how many places of its short conversations a subject is not cut at this depth."""
    cut = _cuts_of(subject).items()
    return sum(_size(requests) - 1 - len(cuts) for requests, cuts in cut)


def _size(requests: Sequence[bytes]) -> int:
    return sum(map(len, requests))


@requirement(
    "SEG-SINGLE",
    Level.MUST,
    "A reply does not depend on any single cut of the request stream.",
    source=_STREAM,
    reason="A server that takes one recv() for one message breaks at the first cut.",
    beyond=_not_cut,
)
def single_cuts(subject: Subject) -> Iterator[Plan]:
    """Cut short conversations at every offset, and long requests near both ends."""
    for requests, cuts in _cuts_of(subject).items():
        for cut in cuts:
            yield subject.single(requests, [cut])
    long = [request for request in subject.requests if 64 < len(request) <= 2 * KIB]
    for request in long[:1] + long[-1:]:
        size = len(request)
        for cut in (*range(1, _EDGE_BYTES + 1), *range(size - _EDGE_BYTES, size)):
            yield subject.single([request, subject.smallest], [cut])


@requirement(
    "SEG-OCTETS",
    Level.MUST,
    "A request that arrives octet by octet gets the same reply.",
    source=_STREAM,
    reason="A slow or congested sender produces the smallest segments there are.",
)
def octets(subject: Subject) -> Iterator[Plan]:
    """Send every octet as a segment of its own."""
    for requests in [*subject.conversations(), *([one] for one in subject.requests[:40:4])]:
        total = sum(map(len, requests))
        if total <= 2 * KIB:
            yield subject.single(requests, range(1, total))


@requirement(
    "SEG-PAIRS",
    Level.MUST,
    "A reply does not depend on any two cuts of the request stream.",
    source=_STREAM,
    reason="Some parsers survive every single cut and fail when a part of a part is left over.",
)
def pairs(subject: Subject) -> Iterator[Plan]:
    """Cut short conversations at every pair of offsets."""
    limit = subject.depth.pairs_up_to_bytes
    for requests in dict.fromkeys([*subject.conversations(), subject.repeated(limit)]):
        total = sum(map(len, requests))
        if total <= limit:
            for cuts in combinations(range(1, total), 2):
                yield subject.single(requests, cuts)


@requirement(
    "SEG-SETS",
    Level.MUST,
    "A reply does not depend on any set of cuts of the request stream.",
    source=_STREAM,
    reason="Cuts that are harmless one by one can add up.",
    drawn=drawn_cuts,
)
def sets(subject: Subject) -> Iterator[Plan]:
    """Cut every other octet, every third, and so on; the rest is drawn."""
    for requests in subject.conversations():
        total = sum(map(len, requests))
        stride = 1 + total // subject.depth.most_cuts  # no longer than single cuts take
        for step in range(2 * stride, min(total, 12 * stride), stride):
            yield subject.single(requests, range(step, total, step))


@requirement(
    "SEG-BUFFER",
    Level.MUST,
    "Cuts at and around the sizes of read buffers change nothing.",
    source=_STREAM,
    reason="Off-by-one faults sit where a read fills the buffer exactly.",
    unsupported=lambda subject: (
        "" if subject.of_about(2 * KIB, 64 * KIB) else "the protocol has no requests of any size"
    ),
)
def buffer_multiples(subject: Subject) -> Iterator[Plan]:
    """Cut a long request at powers of two, one less and one more."""
    largest = min(16 * KIB, subject.depth.largest_bytes)
    for power in (128, 256, 512, 1024, 2048, 4096, 8192):
        request = subject.of_about(min(2 * power + 1, largest), largest)
        if request is None:
            continue
        for cut in (power - 1, power, power + 1):
            yield subject.single([request], [cut])
        yield subject.single([request], range(power, len(request), power))


@requirement(
    "SEG-HELD",
    Level.MUST,
    "A partial request is kept, however long the rest takes.",
    source=_STREAM,
    reason="Some servers discard what stays unfinished for a few hundred milliseconds.",
    holds=True,
)
def held(subject: Subject) -> Iterator[Plan]:
    """Hold cuts on many connections at once, so that it takes no longer than one."""
    requests = subject.conversations()[-1]
    total = sum(map(len, requests))
    hold_s = subject.depth.hold_s
    if not subject.concurrent or not subject.is_independent(requests):
        for cut in _spread(range(1, total), 3):
            yield subject.single(requests, [cut], hold_s=hold_s)
        return
    cuts = _spread(range(1, total), min(24, subject.protocol.connections))
    plans = [subject.single(requests, [cut]) for cut in cuts]
    if not plans:
        return
    first_parts = [_first_part(plan) for plan in plans]
    # Every first part goes out, the last of them is held, and with it all the others. All open
    # first: so the delays before their greetings, where there are any, pass at the same time.
    order = [
        *range(len(plans)),
        *(p for p, part in enumerate(first_parts) for _ in range(part - 1)),
    ]
    last = len(order) - 1
    # The last step of each waits for an end, all of them at once.
    order += [
        p for p, plan in enumerate(plans) for _ in range(first_parts[p], len(plan.actions) - 1)
    ]
    held_plan = interleaved(plans, order)
    actions = list(held_plan.actions)
    step = actions[last]
    if isinstance(step, Send):
        actions[last] = Send(step.connection, step.until, hold_s)
    yield Plan(held_plan.requests, tuple(actions))


@requirement(
    "SEG-LATER",
    Level.MUST,
    "A cut in a later request of a connection is as harmless as one in the first.",
    source=_STREAM,
    reason="What the first request left in a buffer spoils the second.",
)
def later(subject: Subject) -> Iterator[Plan]:
    """Answer one request, then cut the next at every offset."""
    first, *_ = subject.conversations()[-1]
    runs = [(first, second) for second in {subject.smallest: 0, first: 0}]
    for requests in (*runs, *subject.protocol.conversations()):
        ends = {*accumulate(map(len, requests))}
        cuts = [cut for cut in range(len(requests[0]), max(ends)) if cut not in ends]
        for cut in _spread(cuts, 64):
            yield subject.single(requests, [cut], lock_step=True)


def _first_part(plan: Plan) -> int:
    """Return how many actions come before the rest of the first cut request."""
    sends = [number for number, action in enumerate(plan.actions) if isinstance(action, Send)]
    # Lock-step plans answer earlier requests first; the cut is the first send without a wait.
    for number in sends:
        if not isinstance(plan.actions[number + 1], Await):
            return number + 1
    return len(plan.actions)


def _spread(offsets: Sequence[int], count: int) -> Sequence[int]:
    """Return at most `count` of the offsets, spread evenly, both ends among them."""
    if len(offsets) <= count:
        return offsets
    return sorted({offsets[round(k * (len(offsets) - 1) / (count - 1))] for k in range(count)})


def _bounded(requests: list[bytes]) -> list[bytes]:
    """Drop requests from the end until the whole is affordable, but never the first."""
    while len(requests) > 1 and sum(map(len, requests)) > _LONGEST_DRAWN_BYTES:
        requests = requests[:-1]
    return requests
