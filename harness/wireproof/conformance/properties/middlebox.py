"""What stands between a client and a server: bytes, ends and waits all pass as if it weren't there.

A proxy, a balancer, a tunnel or a pooler. Every plan that fails through it is executed directly,
too, see `execution.behind`: what the server behind does by itself is no fault of what stands
between.
"""

from collections.abc import Iterator

from wireproof.conformance.execution.server.released import GROWING_ROUNDS
from wireproof.conformance.plans.plan import (
    Await,
    AwaitEnd,
    HalfClose,
    Look,
    Malformed,
    Open,
    Plan,
    Push,
    Rounds,
    Send,
    Way,
)
from wireproof.conformance.properties.connections import closing, isolation, stalled
from wireproof.conformance.properties.connections.isolation import QUIET_S, TINY_WINDOW_BYTES
from wireproof.conformance.properties.streams import framing as streams
from wireproof.conformance.properties.streams import kinds, opening, runs, segmentation, sizes
from wireproof.conformance.requirements import (
    MIDDLEBOX_HALF_CLOSE,
    Requirement,
    needs_half_close,
    needs_pipelining,
    requirement,
)
from wireproof.conformance.subject import KIB, Subject
from wireproof.protocols.exchange import Exchange
from wireproof.results import Level

_BYTES = "RFC 9293 section 3.8.2: a stream of octets, whatever its segments"
_ENDS = "RFC 9293 section 3.6: a closed direction leaves the other open"
_FLOW = "RFC 9293 section 3.8.6: the window of one side holds back the other"
_IN_EACH_ROUND = 2
_LATE_BYTES = (16 * KIB, 256 * KIB, 2048 * KIB)


def _all_of(subject: Subject, *requirements: Requirement) -> Iterator[Plan]:
    for one in requirements:
        if not one.unsupported_reason(subject):
            yield from one.plans(subject)


@requirement(
    "MID-BYTES",
    Level.MUST,
    "However requests are cut and whatever they hold, the replies are those of the server behind.",
    source=_BYTES,
    reason=(
        "A proxy that forwards reads instead of bytes loses what a read has cut off or left over."
    ),
    drawn=segmentation.drawn_cuts,
)
def same_bytes(subject: Subject) -> Iterator[Plan]:
    """Whole requests of every kind, octet and size; then cut ones."""
    yield subject.plain()
    yield from _all_of(
        subject,
        streams.exact,
        segmentation.single_cuts,
        segmentation.octets,
        opening.cut_opening,
        streams.every_octet,
        streams.powers_of_two,
        sizes.values,
        kinds.every_kind,
        segmentation.held,
    )


@requirement(
    "MID-PIPELINE",
    Level.MUST,
    "Requests that follow each other without a wait all reach the server behind, in order.",
    source=_BYTES,
    reason="A proxy that waits for a reply to each message, or expects only one, drops the others.",
    unsupported=needs_pipelining,
)
def pipelining_kept(subject: Subject) -> Iterator[Plan]:
    """Join two requests and more, and end a segment inside one."""
    yield from _all_of(
        subject,
        streams.coalesced,
        streams.two_and_a_half,
        opening.joined_opening,
        runs.inside_a_run,
        runs.beyond_queues,
    )


@requirement(
    "MID-OTHERS",
    Level.MUST,
    "Each connection is passed on by itself: none waits for another, nor gets its replies.",
    source="RFC 9293 section 3.3.1: each connection has state of its own",
    reason="A pool hands one client's reply to the next when a connection is given back too soon.",
)
def others(subject: Subject) -> Iterator[Plan]:
    """Idle, interleaved and stalled connections beside each other."""
    yield from _all_of(
        subject,
        isolation.idle_blocks_nobody,
        isolation.replies_apart,
        isolation.parts_apart,
        closing.reset_inside_reply,
        isolation.slow_reader_alone,
    )


@requirement(
    "MID-SLOW",
    Level.MUST,
    "A reader that is slow, or stalls, loses nothing.",
    source=_FLOW,
    reason="What one side does not read now must be kept, and the other side slowed down.",
)
def slow_reader(subject: Subject) -> Iterator[Plan]:
    """Fill every buffer on the way, then read all."""
    yield from _all_of(subject, isolation.slow_reader, isolation.stalled_reader)


@requirement(
    MIDDLEBOX_HALF_CLOSE,
    Level.SHOULD,
    "The end of the client's stream is passed on, and what is still owed comes back whole.",
    source=_ENDS,
    reason=(
        "A proxy that closes both directions at the first end loses every reply still on its way."
    ),
    unsupported=needs_half_close,
)
def half_close(subject: Subject) -> Iterator[Plan]:
    """Send requests and the end; then read."""
    yield from closing.half_close.plans(subject)


@requirement(
    "MID-LAST",
    Level.MUST,
    "No byte of a reply is lost when the server behind closes right after it.",
    source=_ENDS,
    reason=(
        "A proxy that closes as soon as it sees the end drops what it has read and not yet sent."
    ),
    unsupported=lambda subject: (
        ""
        if subject.half_close or any(_last_requests(subject)) or _speaks_alone(subject)
        else "nothing makes the server behind close after a reply"
    ),
)
def last_reply(subject: Subject) -> Iterator[Plan]:
    """Have the server owe much and close; read only then."""
    late = Open(0, receive_buffer_bytes=TINY_WINDOW_BYTES)
    if _speaks_alone(subject):
        yield Plan(((),), (Open(0), AwaitEnd(0)))
        yield Plan(((),), (late, AwaitEnd(0)))
        return
    for request in _last_requests(subject):
        yield Plan(((request,),), (Open(0), Send(0, len(request)), AwaitEnd(0)))
    large = [sized for size in _LATE_BYTES if (sized := subject.sized(size))]
    several = 1 if subject.protocol.one_request or not subject.protocol.pipelining else 16
    for request in (subject.plain_request, subject.requests[-1], *large):
        requests = (request,) * several
        total = sum(map(len, requests))
        if subject.half_close:
            pushed = (late, Push(0, total, QUIET_S), HalfClose(0), AwaitEnd(0))
            yield Plan((requests,), (Open(0), Send(0, total), HalfClose(0), AwaitEnd(0)))
            yield Plan((requests,), pushed)
        for last in _last_requests(subject) if several > 1 else ():
            whole = total + len(last)
            yield Plan(((*requests, last),), (late, Push(0, whole, QUIET_S), AwaitEnd(0)))


@requirement(
    "MID-END",
    Level.SHOULD,
    "When the server behind ends a connection, the client sees an end, or a reset.",
    source=_ENDS,
    reason="A client that is never told waits for its own timeout.",
    unsupported=lambda subject: (
        ""
        if not needs_half_close(subject) or subject.ended_by or any(_last_requests(subject))
        else "nothing makes the server behind end a connection"
    ),
)
def end_passed_on(subject: Subject) -> Iterator[Plan]:
    """Give it every reason to end that there is; where it does not end, nothing is judged."""
    for data in subject.ended_by:
        yield Plan(((),), (Open(0), Malformed(0, data), AwaitEnd(0)))
    for request in _last_requests(subject):
        yield Plan(((request,),), (Open(0), Send(0, len(request)), Await(0), AwaitEnd(0)))
    if not needs_half_close(subject):
        yield from closing.silent.plans(subject)
        yield from closing.end_inside_request.plans(subject)


@requirement(
    "MID-RESET",
    Level.SHOULD,
    "A client that resets or closes takes its connection to the server behind with it.",
    source="RFC 9293 section 3.5.2: a reset; it is passed on as a reset, or as an end",
    reason="The server behind keeps a session for every client that has gone, until none is left.",
    unsupported=lambda subject: (
        ""
        if subject.sees_behind
        else "the connections of the server behind can't be seen from here"
    ),
)
def reset_passed_on(subject: Subject) -> Iterator[Plan]:
    """Count the connections of the server behind after each round; a pool may keep some."""
    request = subject.plain_request
    ways = [Way.CLOSE, Way.RESET, Way.AT_ONCE]
    for way in ways if len(request) == 1 else [*ways, Way.IN_REQUEST]:
        rounds = Rounds(0, (way,), _IN_EACH_ROUND, GROWING_ROUNDS + 1, Look.BEHIND)
        yield Plan(((request,),), (rounds,))


@requirement(
    "MID-FLOW",
    Level.SHOULD,
    "A client that does not read slows down the server behind: the proxy buffers little.",
    source=_FLOW,
    reason=(
        "A proxy that keeps reading what it cannot pass on gives one slow client all its memory."
    ),
    unsupported=stalled.memory.unsupported,
)
def back_pressure(subject: Subject) -> Iterator[Plan]:
    """Have the server owe much to a reader that stalls, and look at the memory of the proxy."""
    yield from stalled.memory.plans(subject)


def _speaks_alone(subject: Subject) -> bool:
    return subject.protocol.exchange is Exchange.ANNOUNCEMENT


def _last_requests(subject: Subject) -> Iterator[bytes]:
    """Yield requests after which the server closes by itself."""
    if subject.protocol.one_request:
        yield subject.plain_request
    for request in kinds.examples(subject).values():
        if subject.protocol.is_last(request):
            yield request


MIDDLEBOX: tuple[Requirement, ...] = (
    same_bytes,
    pipelining_kept,
    others,
    half_close,
    last_reply,
    end_passed_on,
    slow_reader,
    back_pressure,
    reset_passed_on,
)
"""What `--behind` has tried, in this order."""
