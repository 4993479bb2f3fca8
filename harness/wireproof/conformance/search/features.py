"""What may make the difference in a conversation, and the same conversation without it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from wireproof.conformance.execution.failure import Failure, Phase
from wireproof.conformance.plans.edits import (
    apart,
    only_last_request,
    read_at_once,
    uncut,
    unended,
    unheld,
    with_requests,
    without_connections,
)
from wireproof.conformance.plans.made import single
from wireproof.conformance.plans.plan import Plan, Send
from wireproof.conformance.subject import Subject

_KINDS = 4
_MOST_SEGMENTS = 16


class Feature(StrEnum):
    """One thing about a conversation that a failure may depend on."""

    OTHERS = "other connections"
    PAUSES = "pauses"
    LATE_READING = "reading late"
    CUTS = "cuts"
    PIPELINING = "pipelining"
    ENDING = "the client's end of stream"
    EARLIER = "the requests before it"
    REQUEST = "which request it is"


ABLATIONS = (
    Feature.OTHERS,
    Feature.PAUSES,
    Feature.LATE_READING,
    Feature.ENDING,
    Feature.CUTS,
    Feature.PIPELINING,
    Feature.EARLIER,
)
"""What can be left out, in the order in which it is tried; a request can only be exchanged."""


def without(feature: Feature, plan: Plan, connection: int) -> Plan | None:
    """Return the conversation without one of its features; None where it has none of it.

    Args:
        feature: one of `ABLATIONS`.
        plan: the conversation.
        connection: on which it failed.

    """
    match feature:
        case Feature.OTHERS:
            others = [one for one in range(len(plan.requests)) if one != connection]
            changed = without_connections(plan, others)
        case Feature.PAUSES:
            changed = unheld(plan)
        case Feature.LATE_READING:
            changed = read_at_once(plan)
        case Feature.ENDING:
            changed = unended(plan)
        case Feature.CUTS:
            changed = uncut(plan)
        case Feature.PIPELINING:
            changed = apart(plan) if plan.pipelines else plan
        case Feature.EARLIER:
            changed = only_last_request(plan, connection)
        case _:
            raise ValueError(f"{feature} cannot be left out")
    return None if changed == plan else changed


def had(feature: Feature, plan: Plan, failure: Failure) -> bool:
    """Whether a conversation that failed had a feature by which that can be explained."""
    if feature is Feature.ENDING and failure.phase is not Phase.ENDING:
        return False  # it had not come to that
    return without(feature, plan, failure.connection) is not None


def joined(plan: Plan, subject: Subject) -> Plan | None:
    """Return the conversation with its requests made one of the same size, if there is one."""
    if len(plan.requests) != 1 or len(plan.requests[0]) < 2 or not plan.pipelines:
        return None
    together = b"".join(plan.requests[0])
    request = together if subject.is_payload(together) else subject.sized(len(together))
    return None if request is None else Plan(((request,),), plan.actions)


def segments_as_requests(plan: Plan, subject: Subject) -> Iterator[Plan]:
    """Yield the conversation with its segments sent as whole requests.

    What a read brings may break a server, and not that a request is cut there: then its largest
    segment does so alone, or the last, or each in its turn.
    """
    if len(plan.requests) != 1 or not 2 <= plan.segments <= _MOST_SEGMENTS:
        return
    stream = b"".join(plan.requests[0])
    sends = {n: action.until for n, action in enumerate(plan.actions) if isinstance(action, Send)}
    first, last = min(sends), max(sends)
    if sends[last] != len(stream):
        return  # the rest is sent in another way
    segments = [stream[begin:end] for begin, end in pairwise([0, *sends.values()])]
    largest = max(segments, key=len)
    for chosen in dict.fromkeys([(largest,), (segments[-1],), tuple(segments)]):
        requests = [request_like(one, subject) for one in chosen]
        if None in requests:
            continue
        whole = single([one for one in requests if one], lock_step=True, ending=())
        exchange = whole.actions[1:]
        after = plan.actions[last + 1 :]
        after = after[1:] if after[:1] == exchange[-1:] else after
        yield Plan(whole.requests, (*plan.actions[:first], *exchange, *after))


def request_like(segment: bytes, subject: Subject) -> bytes | None:
    """Return a segment as a request: itself, where any bytes are one, or one of its size."""
    return segment if subject.is_payload(segment) else subject.sized(len(segment))


def with_another(plan: Plan, request: bytes) -> Plan | None:
    """Return the conversation with `request` in the place of all others; None if that cuts less."""
    changed = plan
    for connection, requests in enumerate(plan.requests):
        changes = dict.fromkeys(range(len(requests)), request)
        changed = with_requests(changed, connection, changes)
    same = changed.cuts == plan.cuts and changed.pipelines == plan.pipelines
    return changed if same and changed != plan else None


def stand_ins(subject: Subject, request: bytes) -> Iterator[bytes]:
    """Yield other requests: what most probably holds, other sizes, other values, other kinds."""
    size = len(request)
    carry = subject.protocol.payload_request

    def plain(count: int, letter: bytes = b"a") -> bytes | None:
        return carry(letter * count) or subject.sized(count)

    kinds = {one[:1]: one for one in reversed(subject.requests)}
    candidates = [
        subject.smallest,
        subject.plain_request,
        plain(size),
        *(plain(count) for count in (size - 1, size + 1) if count),
        *(plain(count) for count in (1, 2)),
        *(subject.sized(count) for count in (size // 2, 2 * size) if count),
        *list(kinds.values())[:_KINDS],
        *(plain(count, b"Q") for count in (1, 2, size)),
    ]
    yield from dict.fromkeys(one for one in candidates if one and one != request)


@dataclass(frozen=True, slots=True)
class Condition:
    """What a failure depends on, as far as experiments have told.

    Attributes:
        needed: without it the conversation holds.
        needless: without it the conversation fails all the same.
        fails_with: other requests with which it fails.
        holds_with: other requests with which it holds.

    """

    needed: frozenset[Feature] = frozenset()
    needless: frozenset[Feature] = frozenset()
    fails_with: tuple[bytes, ...] = ()
    holds_with: tuple[bytes, ...] = ()


UNKNOWN = Condition()
"""Of a failure with which nothing was tried."""
