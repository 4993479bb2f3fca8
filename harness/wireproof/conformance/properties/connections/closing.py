"""How connections end, and what the server owes then."""

from collections.abc import Iterator

from wireproof.conformance.execution.server.released import GROWING_ROUNDS
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import (
    Action,
    Await,
    AwaitEnd,
    AwaitReleased,
    Close,
    CountDescriptors,
    HalfClose,
    Look,
    Malformed,
    Open,
    OpenTogether,
    Plan,
    Reset,
    Rounds,
    Send,
    SendLast,
    Way,
)
from wireproof.conformance.properties.beside import beside
from wireproof.conformance.properties.streams.kinds import at_once
from wireproof.conformance.properties.streams.refusal import served_half
from wireproof.conformance.requirements import needs_half_close, requirement
from wireproof.conformance.subject import KIB, Subject
from wireproof.results import Level

_HALF_CLOSE = "RFC 9293 section 3.6: a closed direction leaves the other open"
_RESET = "RFC 9293 section 3.5.2: a reset concerns one connection"
_MORE_BURSTS = 4
_RESET_AT_ONCE = 50
_SOCKETS = "RFC 9293 section 3.6: CLOSE-WAIT ends only when the server closes"


@requirement(
    "CLOSE-HALF",
    Level.SHOULD,
    "After the client's end of stream the server sends all that it owes, then closes.",
    source=_HALF_CLOSE,
    reason="Clients such as `nc -N` send, say that they are done, and read to the end.",
    unsupported=needs_half_close,
)
def half_close(subject: Subject) -> Iterator[Plan]:
    """Send requests and the end of the stream at once; then read."""
    conversations = [at_once(subject, one) for one in subject.conversations()]
    for requests in [(subject.smallest,), *conversations]:
        total = sum(map(len, requests))
        if subject.protocol.pipelining or len(requests) == 1:
            yield Plan((requests,), (Open(0), SendLast(0, total), AwaitEnd(0)))
            yield Plan((requests,), (Open(0), Send(0, total), HalfClose(0), AwaitEnd(0)))
        yield single(
            requests, ending=(HalfClose, AwaitEnd), lock_step=not subject.protocol.pipelining
        )
    for size in (KIB, 64 * KIB, 256 * KIB):
        if size <= subject.depth.largest_bytes and (request := subject.sized(size)):
            yield Plan(((request,),), (Open(0), SendLast(0, size), AwaitEnd(0)))
            yield Plan(((request,),), (Open(0), Send(0, size), HalfClose(0), AwaitEnd(0)))


@requirement(
    "CLOSE-SILENT",
    Level.SHOULD,
    "A connection on which nothing was sent is closed at the client's end of stream.",
    source=_HALF_CLOSE,
    reason="Port scanners and health checks do this; each must not cost a socket.",
    unsupported=needs_half_close,
)
def silent(subject: Subject) -> Iterator[Plan]:
    """Open, say nothing, end."""
    del subject
    yield Plan(((),), (Open(0), HalfClose(0), AwaitEnd(0)))


@requirement(
    "CLOSE-MID",
    Level.SHOULD,
    (
        "The end of the stream inside a request ends the connection, and the partial request"
        " is not served."
    ),
    source=_HALF_CLOSE,
    reason="A server that waits for the rest keeps the socket forever; one that takes the part "
    "for the whole runs what a broken connection cut short.",
    unsupported=needs_half_close,
    judge=served_half,
)
def end_inside_request(subject: Subject) -> Iterator[Plan]:
    """Send all of a request but its last octet, then the end."""
    for request in {requests[0]: 0 for requests in subject.conversations()}:
        for cut in {1, len(request) // 2, len(request) - 1} - {0}:
            yield Plan(((),), (Open(0), Malformed(0, request[:cut]), HalfClose(0), AwaitEnd(0)))


@requirement(
    "RESET-MID",
    Level.MUST,
    "A reset inside a request ends that connection only.",
    source=_RESET,
    reason="One unhandled ECONNRESET ends many a server.",
)
def reset_inside_request(subject: Subject) -> Iterator[Plan]:
    """Reset one connection inside a request, and be answered on another and on a new one."""
    request = subject.conversations()[-1][0]
    for cut in sorted({1, len(request) // 2 or 1, len(request)}):
        yield beside(subject, (request,), (Open(0), Send(0, cut), Reset(0)))


@requirement(
    "RESET-REPLY",
    Level.MUST,
    "A reset while a reply is under way ends that connection only.",
    source=_RESET,
    reason="EPIPE and ECONNRESET come from send() too.",
)
def reset_inside_reply(subject: Subject) -> Iterator[Plan]:
    """Reset right after whole requests, small and large, with their replies unread."""
    yield beside(subject, (subject.smallest,), (Open(0), Send(0, len(subject.smallest)), Reset(0)))
    large = subject.sized(min(256 * KIB, subject.depth.largest_bytes))
    request = large or subject.requests[-1]
    yield beside(subject, (request,), (Open(0), Send(0, len(request)), Reset(0)))


@requirement(
    "RESET-QUEUED",
    Level.MUST,
    "Connections that are reset before they are accepted do no harm.",
    source="accept(2), ECONNABORTED; Stevens, UNIX Network Programming, section 5.11",
    reason="accept() may fail, or return a socket that is dead already.",
)
def reset_before_accept(subject: Subject) -> Iterator[Plan]:
    """Open and reset twenty connections without a byte, then be answered on a new one.

    Then reset many at once behind a request, in rounds: nothing of them may remain.
    """
    count = 20
    smallest = subject.smallest
    opens = (Open(number, by_hand=True) for number in range(count))  # no greeting is waited for
    actions = [step for one in opens for step in (one, Reset(one.connection))]
    yield Plan(
        (*(() for _ in range(count)), (smallest,)),
        (*actions, Open(count), Send(count, len(smallest)), Await(count), Close(count)),
    )
    served = (Open(0), Send(0, len(smallest)), Await(0), Close(0))
    at_once = Rounds(0, (Way.AT_ONCE,), _RESET_AT_ONCE, GROWING_ROUNDS + 1, Look.DESCRIPTORS)
    yield Plan(((smallest,),), (at_once, *served))


@requirement(
    "REL-SOCKETS",
    Level.MUST,
    "Every socket is released when its connection ends.",
    source=_SOCKETS,
    reason="A socket left in CLOSE-WAIT is a descriptor lost, and so is a file opened for a "
    "connection and never closed; a thousand of them end service.",
)
def released(subject: Subject) -> Iterator[Plan]:
    """End connections in every way there is; nothing of theirs may be left on the server.

    No socket at all, and no descriptors that become more round after round.
    """
    smallest = subject.smallest
    ways = [
        (way, speak, wait)
        for way in (Close, Reset)
        for speak, wait in ((False, False), (True, False), (True, True))
    ]

    def used(number: int, way: type[Close | Reset], speak: bool, wait: bool) -> Iterator[Action]:
        yield Open(number)
        if speak:
            yield Send(number, len(smallest))
        if wait:
            yield Await(number)
        yield way(number)

    for repeats in (1, 5):
        steps = [step for number, how in enumerate(ways * repeats) for step in used(number, *how)]
        yield Plan(((smallest,),) * len(ways) * repeats, (*steps, AwaitReleased(0)))
    count = (AwaitReleased(0), CountDescriptors(0))
    rounds = range(GROWING_ROUNDS + 1)
    for how in ways:
        steps = [step for number in rounds for step in (*used(number, *how), *count)]
        yield Plan(((smallest,),) * len(rounds), tuple(steps))


@requirement(
    "CAP-CONCURRENT",
    Level.MUST,
    "As many connections as promised are served at the same time.",
    source="the protocol, on concurrency (its `connections`); listen(2)",
    reason="A server of one connection at a time lets all the others wait.",
)
def concurrent(subject: Subject) -> Iterator[Plan]:
    """Open them all, send on all, and be answered on the last first."""
    smallest = subject.smallest
    # Where not even two are served, fifty show nothing new, and take long to show it.
    for count in sorted({2, subject.protocol.connections if subject.concurrent else 2}):
        numbers = range(count)
        yield Plan(
            tuple((smallest,) for _ in numbers),
            (
                *(Open(number) for number in numbers),
                *(Send(number, len(smallest)) for number in reversed(numbers)),
                *(Await(number) for number in reversed(numbers)),
                *(Close(number) for number in numbers),
            ),
        )


@requirement(
    "CAP-BURST",
    Level.SHOULD,
    "As many connects as promised, at the same instant, need no second SYN.",
    source="listen(2); tcp(7), tcp_abort_on_overflow",
    reason="A full accept queue drops the SYN, and the client waits a second and more.",
    unsupported=lambda subject: (
        "" if subject.target.scheme in {"tcp", "tls"} else "only TCP sends SYNs"
    ),
)
def burst(subject: Subject) -> Iterator[Plan]:
    """Connect all at once, then be answered on each.

    More than once: a server that accepts in time now and then only is lucky, and busy later.
    """
    smallest = subject.smallest
    most = subject.protocol.connections
    for count in (*sorted({2, most}), *[most] * _MORE_BURSTS):
        numbers = range(count)
        yield Plan(
            tuple((smallest,) for _ in numbers),
            (
                OpenTogether(count - 1),
                *(Send(number, len(smallest)) for number in numbers),
                *(Await(number) for number in numbers),
                *(Close(number) for number in numbers),
            ),
        )
