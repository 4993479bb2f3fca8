"""At the limit of descriptors, which comes sooner or later: wait, and go on."""

from collections.abc import Iterator

from wireproof.conformance.plans.plan import Look, Plan, RunOut
from wireproof.conformance.requirements import requirement
from wireproof.conformance.subject import Subject
from wireproof.results import Level

_SOURCE = "accept(2), EMFILE: the connection stays in the queue; getrlimit(2)"
_MORE = 48
"""Descriptors that it may open: enough for what a connection needs besides its socket."""
_SLOW_S = 0.1


def _needs_start(subject: Subject) -> str:
    if not subject.started:
        return "whose limits may be changed is known of a server that --start starts"
    return "" if subject.sees_server else "the server's processes can't be seen from here"


def _needs_rest(subject: Subject) -> str:
    if without := _needs_start(subject):
        return without
    return "" if subject.rests else "the server works even when nobody asks for anything"


def _plan(subject: Subject, look: Look) -> Iterator[Plan]:
    if subject.greeting_s + subject.request_s < _SLOW_S:
        yield Plan(((subject.plain_request,),), (RunOut(0, _MORE, look),))


@requirement(
    "LIMIT-SERVE",
    Level.MUST,
    "A server that ran out of descriptors serves again once connections end.",
    source=_SOURCE,
    reason="The accept loop takes the error for the end, or drops what it had accepted.",
    unsupported=_needs_start,
)
def serves_again(subject: Subject) -> Iterator[Plan]:
    """Connect past the limit, let go, and be served."""
    yield from _plan(subject, Look.DESCRIPTORS)


@requirement(
    "LIMIT-WAIT",
    Level.SHOULD,
    "A server that is out of descriptors waits for one instead of spinning.",
    source=_SOURCE,
    reason="The listener is readable all the time, so the loop that can't accept never sleeps.",
    unsupported=_needs_rest,
)
def waits(subject: Subject) -> Iterator[Plan]:
    """Look at the processor time while connections wait."""
    yield from _plan(subject, Look.WORK)
