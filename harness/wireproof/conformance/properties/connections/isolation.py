"""Connections have nothing to do with each other: slow, idle or busy, each is served alone."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wireproof.conformance.drawing import requests_of
from wireproof.conformance.plans.made import interleaved, single
from wireproof.conformance.plans.plan import Await, Close, Open, Plan, Push, Send
from wireproof.conformance.requirements import requirement
from wireproof.conformance.subject import KIB, Subject
from wireproof.protocols.exchange import Exchange
from wireproof.protocols.request_reply import right_reply_bytes
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

_ISOLATION = "RFC 9293 section 3.3.1: each connection has state of its own"
_FLOW = "RFC 9293 section 3.8.6: the window; send(2): a send may take a part"
TINY_WINDOW_BYTES = 2304  # SOCK_MIN_RCVBUF of Linux, rounded down by the kernel to its least
MORE_THAN_KERNELS_BUFFER_BYTES = 8 * 1024 * KIB
"""tcp_wmem and tcp_rmem let a connection hold 4 to 6 MiB; only then does send() take a part."""
_OTHERS = 8
_VALUE_BYTES = 64 * KIB
_AMPLIFIES = 2
_MOST_REQUESTS = 20_000
_SEND_BUFFER_BYTES = {True: 2048 * KIB, False: 256 * KIB}
"""What a server's socket takes at least before send() blocks, over loopback and elsewhere; Linux
6.1 took 2.3 MB over loopback from a reader with the tiniest window."""
QUIET_S = 0.05


def _interleavings(subject: Subject) -> "SearchStrategy[Plan]":
    """Draw two to five conversations, their cuts, and how their steps interleave."""
    from hypothesis import strategies as st

    # Made once: a strategy that is made for each draw costs more than what it draws.
    conversations = st.lists(requests_of(subject.protocol), min_size=1, max_size=3)

    @st.composite
    def plan(draw: "DrawFn") -> Plan:
        plans = []
        for _ in range(draw(st.integers(2, 5))):
            requests = draw(conversations)
            total = sum(map(len, requests))
            cuts = draw(st.sets(st.integers(1, total - 1), max_size=4)) if total > 1 else set()
            plans.append(subject.single(requests, cuts))
        order = draw(st.lists(st.integers(0, len(plans) - 1), max_size=30))
        return interleaved(plans, order)

    return plan()


@requirement(
    "ISO-REPLIES",
    Level.MUST,
    "Each reply goes to the connection that its request came from.",
    source=_ISOLATION,
    reason="Buffers or variables shared between connections mix up their bytes.",
    drawn=_interleavings,
)
def replies_apart(subject: Subject) -> Iterator[Plan]:
    """Interleave different conversations, cut, in turns."""
    requests = [request for request in subject.requests if len(request) <= 256] or [
        subject.smallest
    ]
    for count in (2, 3, 8):
        chosen = [requests[(7 * k) % len(requests)] for k in range(count)]
        for cuts in ((), (1,)):
            plans = [subject.single([one, chosen[0]], cuts) for one in chosen]
            yield interleaved(plans, [*range(count)] * max(len(p.actions) for p in plans))


@requirement(
    "ISO-PARTS",
    Level.MUST,
    "A partial request on one connection is not completed by bytes from another.",
    source=_ISOLATION,
    reason="One buffer for all connections works until two are cut at once.",
)
def parts_apart(subject: Subject) -> Iterator[Plan]:
    """Leave a request unfinished on one connection while another is served."""
    first = subject.conversations()[-1][0]
    second = subject.smallest
    for cut in sorted({1, len(first) // 2, len(first) - 1} - {0, len(first)}):
        yield Plan(
            ((first,), (second,)),
            (
                Open(0),
                Open(1),
                Send(0, cut),
                Send(1, len(second)),
                Await(1),
                Send(0, len(first)),
                Await(0),
                *subject.ended(0),
                Close(1),
            ),
        )


@requirement(
    "IDLE-OTHERS",
    Level.MUST,
    "An idle connection delays no other.",
    source=_ISOLATION,
    reason="A server that reads from one connection at a time waits for the idle one.",
)
def idle_blocks_nobody(subject: Subject) -> Iterator[Plan]:
    """Open a connection, say nothing on it, or a part of a request, and use another."""
    smallest = subject.smallest
    use_other = (Open(1), Send(1, len(smallest)), Await(1), Close(1))
    yield Plan(((), (smallest,)), (Open(0), *use_other, Close(0)))
    request = next((one for one in subject.requests if len(one) > 1), None)
    if request is not None:
        yield Plan(((request,), (smallest,)), (Open(0), Send(0, 1), *use_other, Close(0)))


@requirement(
    "IDLE-RESUME",
    Level.SHOULD,
    "A connection that was idle for a moment is served when it resumes.",
    source=_ISOLATION,
    reason="Some servers give up on clients that pause.",
    holds=True,
)
def idle_resumes(subject: Subject) -> Iterator[Plan]:
    """Be answered, pause, and be answered again."""
    pair = subject.pair
    yield Plan(
        (pair,),
        (
            Open(0),
            Send(0, len(pair[0]), subject.depth.idle_s),
            Await(0),
            Send(0, len(pair[0] + pair[1])),
            Await(0),
            Close(0),
        ),
    )


def pushing(subject: Subject, total: int, stall_s: float) -> Plan:
    """Return a plan that sends about `total` bytes of requests before it reads a reply.

    An endless stream needs no requests: it fills the window by itself.
    """
    if subject.protocol.exchange is Exchange.ENDLESS:
        window = Open(0, receive_buffer_bytes=TINY_WINDOW_BYTES)
        return Plan(((),), (window, Push(0, 0, stall_s), Await(0), Close(0)))
    request, count = _asked(subject, total)
    return _pushed(subject, (request,) * count, stall_s)


def fills_nothing(subject: Subject) -> str:
    """Say that so many replies as may be asked for fill no buffer; nothing where they may."""
    protocol = subject.protocol
    if protocol.exchange is Exchange.ENDLESS or not protocol.pipelining:
        return ""
    request, count = _asked(subject, MORE_THAN_KERNELS_BUFFER_BYTES)
    reply_bytes = protocol.usual_reply_bytes(request)
    if not 0 < count * reply_bytes < _SEND_BUFFER_BYTES[subject.target.is_loopback]:
        return ""
    return f"{count:,} replies of {reply_bytes} bytes fill no buffer"


def _asked(subject: Subject, total: int) -> tuple[bytes, int]:
    """Return a request, and how often it is asked to send about `total` bytes."""
    reply_bytes = subject.protocol.usual_reply_bytes
    known = (*subject.requests, *subject.long_requests)
    longest = max(known, key=lambda one: (reply_bytes(one), len(one)))
    request = subject.sized(max(4 * KIB, -(-total // subject.most_requests))) or longest
    size = reply_bytes(request)
    if not size:  # a short request whose reply is long fills more than a long one
        right, asks = max((right_reply_bytes(subject.protocol, one), one) for one in known)
        asked = min(total // len(asks), _MOST_REQUESTS, subject.most_requests)
        fills = asked * right >= _SEND_BUFFER_BYTES[True]  # of one that is long there are few
        if fills and right > _AMPLIFIES * right_reply_bytes(subject.protocol, request):
            request, size = asks, right
    count = max(1, total // len(request)) if subject.protocol.pipelining else 1
    if size:
        count = min(count, max(1, 2 * total // size))
    return request, min(count, _MOST_REQUESTS, subject.most_requests)


@requirement(
    "SLOW-LOSS",
    Level.MUST,
    "A slow reader loses nothing.",
    source=_FLOW,
    reason="send() may take a part of the reply; what it left must not be forgotten.",
)
def slow_reader(subject: Subject) -> Iterator[Plan]:
    """Push requests through a tiny window without reading, then read everything."""
    totals = (16 * KIB, MORE_THAN_KERNELS_BUFFER_BYTES)
    for total in totals[:1] if fills_nothing(subject) else totals:
        yield pushing(subject, total, QUIET_S)
    # What fills buffers elsewhere comes of long requests: another path than a long reply's own.
    if requests := asking_for(subject, MORE_THAN_KERNELS_BUFFER_BYTES):
        yield _pushed(subject, requests, QUIET_S)


@requirement(
    "SLOW-STALL",
    Level.MUST,
    "A reader that stalls for longer than a moment loses nothing.",
    source=_FLOW,
    reason="Send timeouts and non-blocking sockets under blocking code drop what is unsent.",
    unsupported=fills_nothing,
    holds=True,
)
def stalled_reader(subject: Subject) -> Iterator[Plan]:
    """The same, with a stall longer than usual send timeouts."""
    yield pushing(subject, MORE_THAN_KERNELS_BUFFER_BYTES, subject.depth.stall_s)


@requirement(
    "SLOW-OTHERS",
    Level.MUST,
    "A reader that stalls delays no other connection.",
    source=_FLOW,
    reason="A blocking send() in an event loop stops everyone.",
    unsupported=fills_nothing,
)
def slow_reader_alone(subject: Subject) -> Iterator[Plan]:
    """Stall on one connection, be answered on another, then read the first to its end."""
    stalled = pushing(subject, MORE_THAN_KERNELS_BUFFER_BYTES, QUIET_S)
    smallest = subject.smallest
    # Several others: a server of many workers may have put one of them elsewhere.
    others = range(1, _OTHERS + 1)
    yield Plan(
        (*stalled.requests, *((smallest,) for _ in others)),
        (
            *stalled.actions[:2],
            *(
                step
                for other in others
                for step in (Open(other), Send(other, len(smallest)), Await(other), Close(other))
            ),
            *stalled.actions[2:],
        ),
    )


def asking_for(subject: Subject, total: int, value_bytes: int = _VALUE_BYTES) -> tuple[bytes, ...]:
    """Return a request that stores a large value, and short ones for about `total` bytes of it.

    None where the protocol has no such thing, or no second request under way.
    """
    protocol = subject.protocol
    conversation = tuple(protocol.sized_conversation(value_bytes) or ())
    if not protocol.pipelining or len(conversation) < 2 or len(conversation[-1]) > KIB:
        return ()
    return conversation + conversation[-1:] * (total // value_bytes)


def _pushed(subject: Subject, requests: tuple[bytes, ...], stall_s: float) -> Plan:
    sent = sum(map(len, requests))
    return Plan(
        (requests,),
        (
            Open(0, receive_buffer_bytes=TINY_WINDOW_BYTES),
            Push(0, sent, stall_s),
            *single(requests[-1:], ending=()).actions[2:],
            *subject.single(requests[-1:]).actions[3:],
        ),
    )
