"""Coalescing, framing and sizes: nothing missing, nothing surplus, nothing too early."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from wireproof.conformance.drawing import requests_of
from wireproof.conformance.plans.plan import Await, Open, Plan, Send
from wireproof.conformance.properties.streams.kinds import at_once
from wireproof.conformance.properties.streams.tricky import TRICKY
from wireproof.conformance.requirements import needs_pipelining, requirement
from wireproof.conformance.subject import KIB, Subject
from wireproof.learnt.protocol import LearntProtocol
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

_STREAM = "RFC 9293 section 3.8.2: segments may be joined as well as cut"
_FRAMING = "the protocol's framing"
_EARLY_HOLD_S = 0.05


def _pipelined(subject: Subject) -> "SearchStrategy[Plan]":
    """Draw up to twelve requests that leave in one segment, or in two."""
    from hypothesis import strategies as st

    conversations = st.lists(requests_of(subject.protocol), min_size=2, max_size=12)

    @st.composite
    def plan(draw: "DrawFn") -> Plan:
        requests = draw(conversations)
        cut = draw(st.integers(0, sum(map(len, requests)) - 1))
        return subject.single(requests, [cut], lock_step=False)

    return plan()


def _any_requests(subject: Subject) -> "SearchStrategy[Plan]":
    """Draw requests that are sent whole, each after the reply to the one before."""
    from hypothesis import strategies as st

    return st.lists(requests_of(subject.protocol), min_size=1, max_size=6).map(
        lambda requests: subject.single(requests, lock_step=True)
    )


def _batched(items: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    """Yield the items in groups; itertools has this from Python 3.12 on."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


@requirement(
    "BASE-ANSWER",
    Level.MUST,
    "A valid request in one segment gets the right reply.",
    source=_FRAMING,
    reason="Nothing else can be judged about a server that does not answer.",
    transport="any",
)
def answer(subject: Subject) -> Iterator[Plan]:
    """Send the smallest request, whole."""
    yield subject.plain()


@requirement(
    "FRAME-EXACT",
    Level.MUST,
    "Each request gets exactly its reply: nothing missing, nothing surplus.",
    source=_FRAMING,
    reason="A byte too many or too few puts every later reply out of step.",
    drawn=_any_requests,
)
def exact(subject: Subject) -> Iterator[Plan]:
    """Send requests in lock step; a surplus byte spoils the next reply or precedes the end."""
    for conversation in subject.protocol.conversations():
        yield subject.single(conversation, lock_step=True)
    for request in (*subject.requests, *subject.long_requests):
        yield subject.single([request, subject.smallest, request], lock_step=True)


@requirement(
    "FRAME-EARLY",
    Level.MUST,
    "Nothing is answered before its request is complete.",
    source=_FRAMING,
    reason="A reply to a part of a request is a reply to something nobody asked.",
)
def early(subject: Subject) -> Iterator[Plan]:
    """Hold the last octet of a request back for a moment, and look."""
    for conversation in subject.conversations():
        requests = conversation if subject.protocol.pipelining else conversation[-1:]
        total = sum(map(len, requests))
        begin = total - len(requests[-1])
        if total - 1 > begin:
            yield Plan(
                (requests,),
                (
                    Open(0),
                    *((Send(0, begin), Await(0)) if begin else ()),
                    Send(0, total - 1, _EARLY_HOLD_S),
                    Send(0, total),
                    Await(0),
                    *subject.ended(0),
                ),
            )


@requirement(
    "COAL-MANY",
    Level.MUST,
    "Requests that arrive in one segment all get their replies, in order.",
    source=_STREAM,
    reason="A server that handles one message a recv() loses or delays the rest.",
    drawn=_pipelined,
    unsupported=needs_pipelining,
)
def coalesced(subject: Subject) -> Iterator[Plan]:
    """Send two, three, eight and fifty requests in one segment."""
    for conversation in subject.protocol.conversations():
        yield subject.single(at_once(subject, conversation), lock_step=False)
    for count in (2, 3, 8, 50):
        yield subject.single([subject.smallest] * count, lock_step=False)
        several = [subject.requests[k % len(subject.requests)] for k in range(count)]
        yield subject.single(several, lock_step=False)


@requirement(
    "COAL-HALF",
    Level.MUST,
    "When a segment ends inside a request, the whole requests before it get their replies.",
    source=_STREAM,
    reason="Some servers answer a batch only when it ends at a border, or drop its tail.",
    unsupported=needs_pipelining,
)
def two_and_a_half(subject: Subject) -> Iterator[Plan]:
    """Send two requests and a part of a third; await two replies; send the rest."""
    last = next((request for request in subject.requests if 1 < len(request) <= 64), None)
    requests = (subject.smallest, subject.smallest, *filter(None, [last]))
    if last is None or not subject.protocol.is_conversation(requests):
        requests = subject.run(3)
    total = sum(map(len, requests))
    for cut in range(total - len(requests[-1]) + 1, total):
        yield Plan(
            (requests,),
            (Open(0), Send(0, cut), Await(0), Send(0, total), Await(0), *subject.ended(0)),
        )


@requirement(
    "OCTET-ALL",
    Level.MUST,
    "Every octet that a request may hold passes unchanged.",
    source=_FRAMING,
    reason="Text handling eats NUL, CR, 0xFF, invalid UTF-8 and blanks at the ends.",
    unsupported=lambda subject: (
        ""
        if subject.sized(256) or subject.protocol.payload_request(b"a")
        else "the protocol carries no payload of the client's choice"
    ),
)
def every_octet(subject: Subject) -> Iterator[Plan]:
    """Send each octet alone, sequences that text handling is fond of, and all octets in a row."""
    carry = subject.protocol.payload_request
    for payloads in _batched([bytes([octet]) for octet in range(256)], 16):
        requests = [request for payload in payloads if (request := carry(payload))]
        if requests:
            yield subject.single(requests, lock_step=True)
    for payload in TRICKY:
        if request := carry(payload):
            yield subject.single([request])
            yield subject.single([request, subject.smallest], lock_step=True)
    for size in (1, 2, 3, 10, 11, 13, 14, 32, 33, 64, 65, 128, 129, 255, 256, 257, 512):
        if request := subject.sized(size):
            yield subject.single([request])
            yield subject.single([request, subject.smallest])


@requirement(
    "SIZE-POWERS",
    Level.MUST,
    "Requests of sizes around powers of two get the right replies.",
    source=_FRAMING,
    reason="Buffers have round sizes, and faults sit one byte beside them.",
    unsupported=lambda subject: (
        "" if subject.sized(128) else "the protocol has no requests of any size"
    ),
)
def powers_of_two(subject: Subject) -> Iterator[Plan]:
    """Send sizes 2^k - 1, 2^k, 2^k + 1, twice each on one connection."""
    size = 2
    while size <= subject.depth.largest_bytes:
        for exactly in (size - 1, size, size + 1):
            request = subject.sized(exactly)
            if request is not None:
                plan = subject.single(
                    [request, subject.smallest] if size > 64 * KIB else [request] * 2
                )
                yield plan
        size *= 2
    if isinstance(subject.protocol, LearntProtocol):
        for request in sorted(subject.protocol.unanswered(), key=len)[:1]:
            yield subject.single([request], lock_step=True)
