"""What remains in the server's processes after many connections have come and gone."""

from collections.abc import Iterator

from wireproof.conformance.execution.growth import WARM_UP
from wireproof.conformance.execution.released import GROWING_ROUNDS
from wireproof.conformance.plans.plan import (
    AwaitIdle,
    AwaitReleased,
    Churn,
    CountDescriptors,
    CountThreads,
    Plan,
    WatchMemory,
    Way,
)
from wireproof.conformance.properties.kinds import examples
from wireproof.conformance.requirements import requirement
from wireproof.conformance.subject import Subject
from wireproof.results import Level

_SOCKETS = "RFC 9293 section 3.6: CLOSE-WAIT ends only when the server closes"
_RUNS_OUT = "getrlimit(2): what a process may hold is limited"
_IN_EACH_WAY = 8
"""Connections of a round that end in one way, of which there are five or six."""
_THREADED_IN_EACH_WAY = 12
"""The same where threads are counted: pools grow for a round or two, not for 240 connections."""
_MEMORY_ROUNDS = WARM_UP + 42
_CONNECTION_S = {"tls": 0.002}
_USUAL_CONNECTION_S = 0.0005
"""About what a connection costs us."""
_LONGEST_S = 20.0


def _needs_processes(subject: Subject) -> str:
    return "" if subject.sees_server else "the server's processes can't be seen from here"


def _unkept(subject: Subject) -> bytes:
    """Return a request that is every connection's alike, so that a server keeps it once; or none.

    What a connection stores under a name of its own stays on purpose.
    """
    personalise = subject.protocol.personalise
    return next(
        (
            one
            for one in (subject.plain_request, *examples(subject).values())
            if personalise(one, 0) == personalise(one, 1) and not subject.protocol.is_last(one)
        ),
        b"",
    )


def _needs_unkept(subject: Subject) -> str:
    if without := _needs_processes(subject):
        return without
    return "" if _unkept(subject) else "what is asked for may be kept for each connection"


def _used(subject: Subject, count: int) -> list[Churn]:
    """Return connections that end in each of the ways that the subject has, so many of each."""
    without = set()
    if not subject.half_close:
        without.add(Way.HALF_CLOSE)
    if not subject.protocol.opening():
        without.add(Way.IN_OPENING)
    if len(subject.plain_request) == 1:
        without.add(Way.IN_REQUEST)
    return [Churn(0, count, way) for way in Way if way not in without]


@requirement(
    "REL-DESCRIPTORS",
    Level.MUST,
    "Every descriptor is given back, however its connection ends.",
    source=_SOCKETS,
    reason="The path that handles a reset, or an end inside a log-in, forgets to close.",
    unsupported=_needs_processes,
)
def descriptors(subject: Subject) -> Iterator[Plan]:
    """Count after each round of connections that end in each way."""
    round_: tuple[Action, ...] = (
        *_used(subject, _IN_EACH_WAY),
        AwaitReleased(0),
        CountDescriptors(0),
    )
    yield Plan(((subject.plain_request,),), round_ * (GROWING_ROUNDS + 1))


@requirement(
    "REL-THREADS",
    Level.MUST,
    "Every thread and process ends with its connection, or serves the next.",
    source=_RUNS_OUT,
    reason="A thread that waits for a connection that is over, or a child that nobody reaps, "
    "stays for ever.",
    unsupported=_needs_processes,
)
def threads(subject: Subject) -> Iterator[Plan]:
    """Count after each round of connections that end in each way."""
    round_: tuple[Action, ...] = (*_used(subject, _THREADED_IN_EACH_WAY), CountThreads(0))
    yield Plan(((subject.plain_request,),), round_ * (GROWING_ROUNDS + 1))


@requirement(
    "REL-IDLE",
    Level.MUST,
    "When all connections are over the server has nothing to do.",
    source="poll(2): a descriptor in error is ready for ever",
    reason="A loop that is woken for a dead connection, and does nothing about it, never sleeps "
    "again.",
    unsupported=_needs_processes,
)
def idle(subject: Subject) -> Iterator[Plan]:
    """Look at the processor time after connections that end in each way."""
    used = _used(subject, _IN_EACH_WAY)
    rounds = tuple(step for one in used for step in (one, AwaitIdle(0)))
    yield Plan(((subject.plain_request,),), (AwaitIdle(0), *rounds))


@requirement(
    "REL-MEMORY",
    Level.SHOULD,
    "The server's memory stops growing, however many connections have come and gone.",
    source=_RUNS_OUT,
    reason="A list of all connections there ever were costs a few kilobytes each, and a restart "
    "a week.",
    unsupported=_needs_unkept,
)
def memory(subject: Subject) -> Iterator[Plan]:
    """Look after each of many rounds of all ways; most servers have settled after a few."""
    used = _used(subject, _IN_EACH_WAY)
    each_s = _CONNECTION_S.get(subject.target.scheme, _USUAL_CONNECTION_S) + subject.request_s
    if each_s * _MEMORY_ROUNDS * _IN_EACH_WAY * len(used) > _LONGEST_S:
        return
    round_: tuple[Action, ...] = (*used, WatchMemory(0))
    last = (*used, WatchMemory(0, last=True))
    yield Plan(((_unkept(subject),),), (*round_ * (_MEMORY_ROUNDS - 1), *last))
