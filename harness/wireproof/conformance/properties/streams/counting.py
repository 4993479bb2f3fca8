"""What is counted on a connection: identifiers at the borders of their types, and requests."""

from collections.abc import Iterator

from wireproof.conformance.plans.plan import Action, Await, Open, Plan, Send
from wireproof.conformance.requirements import requirement
from wireproof.conformance.subject import Subject
from wireproof.protocols.base import NUMBER_BORDERS, Protocol, overrides
from wireproof.results import Level

_BEFORE = 3
_AROUND = 8
_MANY = 2**16 + 64
_AT_ONCE = 256
_LONGEST_S = {"quick": 0.5, "deep": 20.0}
_USUALLY_S = 6.0


def _needs_identifiers(subject: Subject) -> str:
    named = overrides(subject.protocol, Protocol, "numbered")
    return "" if named else "the protocol has no identifiers"


def _needs_pace(subject: Subject) -> str:
    protocol = subject.protocol
    if not protocol.pipelining or subject.most_requests < _MANY:
        return "no connection of the protocol's has so many requests"
    if subject.request_s * _MANY > _LONGEST_S.get(subject.depth.name, _USUALLY_S):
        return "so many requests would take this server too long"
    return ""


@requirement(
    "ID-BORDERS",
    Level.MUST,
    "Identifiers on both sides of the limits of integer types get the same kind of answer.",
    source="the protocol, on identifiers",
    reason="An identifier is kept in a type that is too small or has a sign; it takes an hour of "
    "counting to show.",
    unsupported=_needs_identifiers,
)
def borders(subject: Subject) -> Iterator[Plan]:
    """Begin a few identifiers below each limit, and count across it."""
    requests = (subject.plain_request,) * _AROUND
    size = len(subject.plain_request)
    for border in NUMBER_BORDERS:
        opened = Open(0, first_number=border - _BEFORE)
        steps = [step for n in range(1, _AROUND + 1) for step in (Send(0, n * size), Await(0))]
        yield Plan((requests,), (opened, *steps, *subject.ended(0)))
        if subject.protocol.pipelining:
            at_once = (Send(0, _AROUND * size), Await(0))
            yield Plan((requests,), (opened, *at_once, *subject.ended(0)))


@requirement(
    "ID-MANY",
    Level.MUST,
    "A connection is still served, however many requests it has had.",
    source="RFC 9293 section 3.3.1: each connection has state of its own",
    reason="Counters of 16 bits, tables of what is under way and logs of a session fill up.",
    unsupported=_needs_pace,
)
def long_lived(subject: Subject) -> Iterator[Plan]:
    """Send more than 65,536 requests on one connection."""
    size = len(subject.smallest)
    steps: list[Action] = []
    for sent in (*range(_AT_ONCE, _MANY, _AT_ONCE), _MANY):
        steps += [Send(0, sent * size), Await(0)]
    yield Plan(((subject.smallest,) * _MANY,), (Open(0), *steps, *subject.ended(0)))
