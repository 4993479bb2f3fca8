"""Runs of requests that follow each other without a wait: cut within, and longer than any queue."""

from collections.abc import Iterator
from itertools import accumulate

import msgspec

from wireproof.conformance.plans.made import interleaved
from wireproof.conformance.plans.plan import Plan, Send, SendOpening
from wireproof.conformance.requirements import needs_pipelining, requirement
from wireproof.conformance.subject import Subject
from wireproof.results import Level

_STREAM = "RFC 9293 section 3.8.2: segments may be joined as well as cut"
_QUEUES = (64, 128, 129, 256, 1024, 4096)
_HELD_AT_ONCE = 22
"""With those of SEG-HELD, and a few that rest, about as many as a server is asked to serve."""
_LONGEST_CUT_BYTES = 256
_EDGE_BYTES = 64
_IN_TWO_UP_TO = 1024
_LONGEST_RUN_S = 2.0
"""Of one run: a slow server gets shorter ones."""


@requirement(
    "SEG-RUN",
    Level.MUST,
    "When several requests are sent at once, a cut inside a later one is harmless, held or not.",
    source=_STREAM,
    reason=(
        "What was read beyond the first request is parsed by different code than what was"
        " waited for."
    ),
    unsupported=needs_pipelining,
    holds=True,
)
def inside_a_run(subject: Subject) -> Iterator[Plan]:
    """Cut the second and the third of three requests at every offset; then hold such cuts."""
    requests = subject.run(3)
    ends = [0, *accumulate(map(len, requests))]
    to_an_end = {cut: min(abs(cut - end) for end in ends) for cut in range(ends[1], ends[-1])}
    most_bytes = _EDGE_BYTES if max(map(len, requests)) > _LONGEST_CUT_BYTES else _LONGEST_CUT_BYTES
    offsets = [cut for cut, size in to_an_end.items() if 0 < size <= most_bytes] or [ends[1]]
    for cut in offsets:
        yield subject.single(requests, [cut], lock_step=False)
    most = min(_HELD_AT_ONCE, subject.protocol.connections) if subject.concurrent else 1
    # The ends of requests are where parsers wait for the least.
    told = sorted(offsets, key=lambda cut: to_an_end.get(cut, 0))[:most]
    plans = [subject.single(requests, [cut], lock_step=False) for cut in told]
    yield held_together(plans, subject.depth.hold_s)


@requirement(
    "COAL-QUEUE",
    Level.MUST,
    "However many requests arrive at once, each gets its reply.",
    source=_STREAM,
    reason="Queues have a limit, and some servers lose what exceeds it.",
    unsupported=needs_pipelining,
)
def beyond_queues(subject: Subject) -> Iterator[Plan]:
    """Send as many requests as queues hold, and more, in one send and in two."""
    size = len(subject.smallest)
    for count in _QUEUES:
        if count * subject.request_s > _LONGEST_RUN_S:
            return
        requests = [subject.smallest] * count
        yield subject.single(requests, lock_step=False)
        if count <= _IN_TWO_UP_TO or subject.depth.name == "deep":
            yield subject.single(requests, [count * size // 2 + size // 2], lock_step=False)


def held_together(plans: list[Plan], hold_s: float) -> Plan:
    """Return plans of one connection and one cut side by side, all held at once.

    Args:
        plans: each with a first send that is not the last.
        hold_s: how long.

    """
    first_parts = [_first_part(plan) for plan in plans]
    # All open first: the delays before their greetings pass at the same time.
    order = [
        *range(len(plans)),
        *(p for p, part in enumerate(first_parts) for _ in range(part - 1)),
    ]
    together = interleaved(plans, order)
    actions = list(together.actions)
    step = actions[len(order) - 1]
    assert isinstance(step, Send | SendOpening)
    actions[len(order) - 1] = msgspec.structs.replace(step, hold_s=hold_s)
    return Plan(together.requests, tuple(actions))


def _first_part(plan: Plan) -> int:
    """Return how many actions come up to and with the first send."""
    sends = (
        n for n, action in enumerate(plan.actions, 1) if isinstance(action, Send | SendOpening)
    )
    return next(sends)
