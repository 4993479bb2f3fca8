"""What a requirement is. The catalogue is the tuple of them all, in `catalogue.py`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from wireproof.conformance.execution.executor import Outcome
from wireproof.conformance.execution.failure import Failure, Owed, Seen
from wireproof.conformance.plans.plan import Plan
from wireproof.conformance.subject import Subject
from wireproof.protocols.base import Protocol
from wireproof.protocols.exchange import Exchange
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

HALF_CLOSE = "CLOSE-HALF"
"""The requirement whose level the protocol declares by itself."""
MIDDLEBOX_HALF_CLOSE = "MID-HALF"
"""The same of what stands between."""
Transport = Literal["stream", "datagram", "any"]
Judge = Callable[[Subject, Outcome], Failure | None]
"""A rule about all replies of a plan that went well by itself."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One sentence that a server keeps or breaks.

    Attributes:
        id: stable, never reused, never renamed.
        level: how binding, unless the protocol says otherwise.
        title: the requirement in one sentence.
        source: where it stands.
        reason: why it matters, or what breaks it.
        plans: every plan that is tried for certain, the smallest first.
        drawn: a strategy for more of them, or None.
        judge: a rule on top of the oracle's, or None.
        unsupported: why a subject has no such thing, or nothing.
        beyond: how many more certain plans there would be that the depth has no time for, however
            fast the server.
        transport: what it is about.
        holds: whether some of its certain plans hold a connection for long, or read nothing of it,
            and no more than that: such plans are tried beside those of other requirements.

    """

    id: str
    level: Level
    title: str
    source: str
    reason: str
    plans: Callable[[Subject], Iterator[Plan]]
    drawn: "Callable[[Subject], SearchStrategy[Plan]] | None" = None
    judge: Judge | None = None
    unsupported: Callable[[Subject], str] = lambda _: ""
    beyond: Callable[[Subject], int] = lambda _: 0
    transport: Transport = "stream"
    holds: bool = False

    def unsupported_reason(self, subject: Subject) -> str:
        """Say why a subject has no such thing, or nothing."""
        if self.transport != "any" and subject.target.is_stream != (self.transport == "stream"):
            return "it is about streams" if self.transport == "stream" else "it is about datagrams"
        if subject.target.scheme == "exec" and (reason := _without_pipes(self.id)):
            return reason
        return self.unsupported(subject) or irrelevance(self.id, subject.protocol)

    def level_for(self, subject: Subject) -> Level:
        """Return how binding this is for the subject's protocol."""
        return level_of(self.id, self.level, subject.protocol)

    def level_of_failure(self, subject: Subject, failure: Failure) -> Level:
        """Return how binding it is that the subject does not fail in this way.

        To lose a reply behind the client's end of stream is worse than to say more than it. Who was
        never asked two things at once has promised no order. And what is given back late is.
        """
        level = self.level_for(subject)
        surplus = self.id == HALF_CLOSE and failure.owed is Owed.NOTHING
        late = failure.owed is Owed.RELEASE and failure.seen is Seen.LATE
        is_weak = surplus or late or failure.seen is Seen.ORDER
        return Level.SHOULD if is_weak and level is Level.MUST else level


def level_of(identifier: str, level: Level, protocol: Protocol) -> Level:
    """Return how binding a requirement is for a protocol; `level` unless that says otherwise."""
    by_protocol = identifier in {HALF_CLOSE, MIDDLEBOX_HALF_CLOSE}
    own = protocol.half_close if by_protocol else level
    return protocol.levels.get(identifier, own)


def requirement(
    identifier: str,
    level: Level,
    title: str,
    *,
    source: str,
    reason: str,
    **more: Any,
) -> Callable[[Callable[[Subject], Iterator[Plan]]], Requirement]:
    """Make a requirement of the plans that follow; the sentence stands directly above them."""

    def made(plans: Callable[[Subject], Iterator[Plan]]) -> Requirement:
        return Requirement(identifier, level, title, source, reason, plans, **more)

    return made


_ABOUT_REQUESTS = ("SEG-", "COAL-", "FRAME-", "OCTET-", "SIZE-")
_IRRELEVANT = {
    Exchange.ANNOUNCEMENT: (*_ABOUT_REQUESTS, "CLOSE-"),
    Exchange.ENDLESS: (*_ABOUT_REQUESTS, "CLOSE-"),
    Exchange.SILENT: ("SEG-", "COAL-"),
}


def irrelevance(identifier: str, protocol: Protocol) -> str:
    """Say why a requirement about requests and replies means nothing to a protocol without."""
    if identifier in protocol.inapplicable:
        return protocol.inapplicable[identifier]
    if identifier.startswith(_IRRELEVANT.get(protocol.exchange, ("\0",))):
        return f"the exchange is {protocol.exchange}: there are no replies to requests"
    return ""


_OWN_PROCESS = "each connection is a process of its own"
_NOT_OF_PIPES = {
    "RESET-": "a pipe has no reset",
    "CAP-": _OWN_PROCESS,
    "ISO-": _OWN_PROCESS,
    "IDLE-OTHERS": _OWN_PROCESS,
    "SLOW-OTHERS": _OWN_PROCESS,
    "SLOW-MANY": _OWN_PROCESS,
    "SLOW-MEMORY": _OWN_PROCESS,
    "REL-": "its process ends with the connection",
}


def _without_pipes(identifier: str) -> str:
    """Say why a requirement means nothing to a server on standard input and output."""
    return next((why for of, why in _NOT_OF_PIPES.items() if identifier.startswith(of)), "")


def needs_pipelining(subject: Subject) -> str:
    """Say why requests cannot follow each other at once."""
    return "" if subject.protocol.pipelining else "the protocol has one request at a time"


def needs_half_close(subject: Subject) -> str:
    """Say why there is no end of one direction."""
    ends = (subject.target, subject.behind)
    no_half_close = any(one is not None and one.scheme == "tls" for one in ends)
    no_half_close |= any(map(subject.protocol.begins_tls, subject.protocol.opening()))
    return "TLS has no half-close" if no_half_close else ""
