"""Several readers that stall, and what the server keeps for one that does."""

from collections.abc import Iterator

from wireproof.conformance.execution.executor import LATE_S
from wireproof.conformance.plans.plan import (
    Action,
    Await,
    Close,
    LimitMemory,
    Open,
    Plan,
    Push,
    Send,
)
from wireproof.conformance.properties.connections.isolation import (
    MORE_THAN_KERNELS_BUFFER_BYTES,
    QUIET_S,
    TINY_WINDOW_BYTES,
    asking_for,
    fills_nothing,
    pushing,
)
from wireproof.conformance.requirements import requirement
from wireproof.conformance.subject import KIB, Subject
from wireproof.results import Level

_FLOW = "RFC 9293 section 3.8.6: the window; send(2): a send may block, or take a part"
_FEWEST, _MOST = 2, 16
_FULL_S = 0.005
"""Nothing moves for so long on each; then once more on each what is taken, and on the last nothing
for as long as on one alone."""
_OTHERS = 2
_OWED_BYTES = 64 * 1024 * KIB
_VALUES_BYTES = (512 * KIB, 64 * KIB)
_KEPT_BYTES = 32 * 1024 * KIB
"""What a server may keep of that in buffers of its own."""


@requirement(
    "SLOW-MANY",
    Level.MUST,
    "Several readers that stall delay no other connection.",
    source=_FLOW,
    reason="Each takes a worker of a pool with it, and the pool is small.",
    unsupported=lambda subject: (
        ("" if asking_for(subject, MORE_THAN_KERNELS_BUFFER_BYTES) else fills_nothing(subject))
        if subject.concurrent and subject.protocol.connections > _FEWEST
        else "the server has one connection at a time"
    ),
)
def many(subject: Subject) -> Iterator[Plan]:
    """Stall on some connections, and be answered on others, opened before and after."""
    requests = asking_for(subject, MORE_THAN_KERNELS_BUFFER_BYTES)
    requests = requests or pushing(subject, MORE_THAN_KERNELS_BUFFER_BYTES, QUIET_S).requests[0]
    sent = sum(map(len, requests))
    smallest = subject.smallest
    # A pool that is smaller is exhausted as well, and making the plan smaller tells how small.
    most = _FEWEST if subject.greeting_s > LATE_S else _MOST
    count = min(most, subject.protocol.connections - 1)
    stalls: list[Action] = []
    # Asked after each: what waits for all of them may be idle for longer than a server allows.
    asks = count if subject.most_requests > count else 1
    for number in range(count):
        stalls.append(Open(number, receive_buffer_bytes=TINY_WINDOW_BYTES))
        stalls.append(Push(number, sent, _FULL_S))
        if number >= count - asks:
            turn = number - (count - asks) + 2
            stalls += [Send(count, turn * len(smallest)), Await(count)]
    stalls += [
        Push(number, sent, QUIET_S if number == count - 1 else 0.0) for number in range(count)
    ]
    later = range(count + 1, count + _OTHERS + 1)
    served: list[Action] = []
    for number in later:
        served += [Open(number), Send(number, len(smallest)), Await(number), Close(number)]
    yield Plan(
        (
            *(requests for _ in range(count)),
            (smallest,) * (asks + 1),
            *((smallest,) for _ in later),
        ),
        (
            *(Open(count), Send(count, len(smallest)), Await(count)),
            *stalls,
            *served,
            *(Close(number) for number in range(count + 1)),
        ),
    )


@requirement(
    "SLOW-MEMORY",
    Level.SHOULD,
    "The server does not buffer without limit for a reader that stalls.",
    source="RFC 9293 section 3.8.6: flow control; getrlimit(2)",
    reason="A server that keeps answering a client that does not read gives it all its memory.",
    unsupported=lambda subject: (
        ""
        if subject.sees_server and _owing(subject)
        else "the server's processes can't be seen, or nothing makes it owe so much"
    ),
)
def memory(subject: Subject) -> Iterator[Plan]:
    """Have the server owe 64 MiB, and look at its memory meanwhile."""
    requests = _owing(subject)
    yield Plan(
        (requests,),
        (
            LimitMemory(0, _KEPT_BYTES),
            Open(0, receive_buffer_bytes=TINY_WINDOW_BYTES),
            Push(0, sum(map(len, requests)), QUIET_S),
            LimitMemory(0, _KEPT_BYTES),
            Close(0),
        ),
    )


def _owing(subject: Subject) -> tuple[bytes, ...]:
    """Return requests whose replies have so many bytes, or none where nothing tells that."""
    for value_bytes in _VALUES_BYTES:
        if requests := asking_for(subject, _OWED_BYTES, value_bytes):
            return requests
    request = subject.sized(64 * KIB)
    if request is None or not (subject.echoes and subject.protocol.pipelining):
        return ()
    return (request,) * (_OWED_BYTES // len(request))
