"""What remains in the server's processes after many connections have come and gone."""

from collections.abc import Iterator

from wireproof.conformance.execution.executor import LATE_S
from wireproof.conformance.execution.server.growth import WARM_UP
from wireproof.conformance.execution.server.released import GROWING_ROUNDS
from wireproof.conformance.plans.plan import Look, Plan, Rounds, Way
from wireproof.conformance.properties.streams.kinds import examples
from wireproof.conformance.requirements import requirement
from wireproof.conformance.subject import Subject
from wireproof.results import Level

_SOCKETS = "RFC 9293 section 3.6: CLOSE-WAIT ends only when the server closes"
_RUNS_OUT = "getrlimit(2): what a process may hold is limited"
_IN_EACH_WAY = 8
"""Connections of a round that end in one way, of which there are five or six."""
_FEW_IN_EACH_WAY = 2
"""Where each waits for its greeting: of fewer, more ways are tried in time."""
_MEMORY_ROUNDS = WARM_UP + 42
_MORE_THAN_POOLS = 1024
"""Connections: a pool of threads that gets one more for each is full before."""
_CONNECTION_S = {"tls": 0.002}
_USUAL_CONNECTION_S = 0.0005
"""About what a connection costs us."""
_LONGEST_S = 20.0


def _needs_processes(subject: Subject) -> str:
    return "" if subject.sees_server else "the server's processes can't be seen from here"


def _needs_rest(subject: Subject) -> str:
    if without := _needs_processes(subject):
        return without
    return "" if subject.rests else "the server works even when nobody asks for anything"


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


def _ways(subject: Subject, *, many: bool = False) -> tuple[Way, ...]:
    """Return in which ways a connection of the subject's may end; those soon over, of many."""
    without = set()
    if not subject.half_close or (many and subject.ends_late):
        without.add(Way.HALF_CLOSE)
    if not subject.protocol.opening():
        without.add(Way.IN_OPENING)
    if len(subject.plain_request) == 1:
        without.add(Way.IN_REQUEST)
    return tuple(way for way in Way if way not in without)


def _takes_too_long(subject: Subject, connections: int) -> bool:
    ours_s = _CONNECTION_S.get(subject.target.scheme, _USUAL_CONNECTION_S)
    return (ours_s + subject.greeting_s + subject.request_s) * connections > _LONGEST_S


@requirement(
    "REL-DESCRIPTORS",
    Level.MUST,
    "Every descriptor is released, however its connection ends.",
    source=_SOCKETS,
    reason="The path that handles a reset, or an end inside a log-in, forgets to close.",
    unsupported=_needs_processes,
)
def descriptors(subject: Subject) -> Iterator[Plan]:
    """Count after each round of connections that end in one way."""
    is_late = subject.greeting_s > LATE_S or subject.ends_late
    count = _FEW_IN_EACH_WAY if is_late else _IN_EACH_WAY
    for way in _ways(subject):
        rounds = Rounds(0, (way,), count, GROWING_ROUNDS + 1, Look.DESCRIPTORS)
        yield Plan(((subject.plain_request,),), (rounds,))


@requirement(
    "REL-THREADS",
    Level.MUST,
    "Every thread and process ends with its connection, or serves the next.",
    source=_RUNS_OUT,
    reason="A thread that waits for a connection that has ended, or a child that nobody reaps,"
    " stays forever.",
    unsupported=_needs_processes,
)
def threads(subject: Subject) -> Iterator[Plan]:
    """Count after each round of connections that end in each way."""
    ways = _ways(subject, many=True)
    rounds = -(-_MORE_THAN_POOLS // (len(ways) * _IN_EACH_WAY))
    counted = Rounds(0, ways, _IN_EACH_WAY, rounds, Look.THREADS)
    if not _takes_too_long(subject, counted.connections):
        yield Plan(((subject.plain_request,),), (counted,))


@requirement(
    "REL-IDLE",
    Level.MUST,
    "When all connections have ended, the server is idle.",
    source="poll(2): a descriptor in error is always ready",
    reason="A loop that is woken for a dead connection, and does nothing about it, never sleeps "
    "again.",
    unsupported=_needs_rest,
)
def idle(subject: Subject) -> Iterator[Plan]:
    """Look at the processor time, as things are and after connections that end in each way.

    The first way that fails is told: a server that spins does so for the others, too.
    """
    for ways in ((), *((way,) for way in _ways(subject))):
        yield Plan(((subject.plain_request,),), (Rounds(0, ways, _IN_EACH_WAY, 1, Look.WORK),))


@requirement(
    "REL-MEMORY",
    Level.SHOULD,
    "The server's memory stops growing, however many connections have come and gone.",
    source=_RUNS_OUT,
    reason="A list of every connection there ever was costs a few kilobytes each, and a restart"
    " a week.",
    unsupported=_needs_unkept,
)
def memory(subject: Subject) -> Iterator[Plan]:
    """Look after each of many rounds of all ways; most servers have settled after a few."""
    rounds = Rounds(0, _ways(subject, many=True), _IN_EACH_WAY, _MEMORY_ROUNDS, Look.MEMORY)
    if not _takes_too_long(subject, rounds.connections):
        yield Plan(((_unkept(subject),),), (rounds,))
