"""Kinds of requests, the rare ones too: none is left to chance."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate

from wireproof.conformance.drawing import draw_bytes
from wireproof.conformance.execution.executor import LATE_S
from wireproof.conformance.plans.plan import Action, Await, Close, Open, Plan, Send, SendOpening
from wireproof.conformance.requirements import requirement
from wireproof.conformance.subject import Subject
from wireproof.protocols.base import Protocol
from wireproof.results import Level

_STREAM = "RFC 9293 section 3.8.2: TCP may cut the stream anywhere"
_DRAWN = 12
_EVERY_CUT_UP_TO_BYTES = 96
_EDGE_BYTES = 24
_MOST_KINDS = 16


@requirement(
    "SEG-KINDS",
    Level.MUST,
    "A cut is harmless in every kind of request, the rare ones too.",
    source=_STREAM,
    reason="Each kind has a parser of its own, and chance cuts the common ones.",
)
def every_kind(subject: Subject) -> Iterator[Plan]:
    """Cut one example of each kind at every offset, then octet by octet."""
    for request in examples(subject).values():
        last = subject.protocol.is_last(request)
        requests = [request] if last else [request, subject.smallest]
        size = len(request)
        offsets = [*range(1, size)]
        if size > _EVERY_CUT_UP_TO_BYTES:
            offsets = [*range(1, _EDGE_BYTES), *range(size - _EDGE_BYTES, size)]
        for cut in offsets:
            yield subject.single(requests, [cut])
        yield subject.single(requests, range(1, min(size, 2048)))


@requirement(
    "CAP-ANSWERED",
    Level.MUST,
    "Connections that were answered and stay open do not keep others from being served.",
    source="the protocol, on concurrency (its `connections`); listen(2)",
    reason="Connections that have gone quiet use up a pool of workers that each keep one.",
    unsupported=lambda subject: (
        "" if subject.protocol.connections > 1 else "the server has one connection at a time"
    ),
)
def beside_answered(subject: Subject) -> Iterator[Plan]:
    """Be answered on all connections but one, keep them, and be answered on one more."""
    smallest = subject.smallest
    count = subject.protocol.connections - 1 if subject.concurrent else 1
    for request in {subject.plain_request: 0, **dict.fromkeys(examples(subject).values())}:
        if subject.protocol.is_last(request):
            continue
        kept = range(count)
        yield Plan(
            (*((request,) for _ in kept), (smallest,)),
            (
                *_answered_on(subject, kept, request),
                Open(count),
                Send(count, len(smallest)),
                Await(count),
                *(Close(number) for number in range(count + 1)),
            ),
        )


def _answered_on(subject: Subject, connections: range, request: bytes) -> Iterator[Action]:
    """Open connections, and be answered on each; where greetings come late, open all of them first.

    So the delays pass at the same time.
    """
    greets_late = subject.greeting_s > LATE_S
    if greets_late:
        yield from (Open(number, by_hand=True) for number in connections)
    for number in connections:
        if greets_late:
            yield Await(number)
            for end in accumulate(map(len, subject.protocol.opening())):
                yield from (SendOpening(number, end), Await(number))
        else:
            yield Open(number)
        yield from (Send(number, len(request)), Await(number))


def at_once(subject: Subject, requests: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return what of a conversation a client may send at once.

    Whoever says goodbye before he has been answered gives the answers up.
    """
    without = len(requests) > 1 and subject.protocol.is_last(requests[-1])
    return tuple(requests[:-1] if without else requests)


def examples(subject: Subject) -> Mapping[str, bytes]:
    """Return one request of each kind that the protocol names, or that its strategy has."""
    return _examples(subject.protocol)


@cache
def _examples(protocol: Protocol) -> Mapping[str, bytes]:
    found = {}
    for name, strategy in list(protocol.kinds().items())[:_MOST_KINDS]:
        for number, branch in enumerate(strategy.branches[:_MOST_KINDS]):
            # The shortest shows least of what the kind has: a list that is empty, a key of a byte.
            drawn = draw_bytes(protocol, branch, seed=0, count=_DRAWN)
            found[f"{name} {number}"] = drawn[len(drawn) // 2]
    return found
