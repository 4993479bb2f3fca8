"""What is no request, or none that is whole: it ends no service, and it is not served."""

from collections.abc import Iterator

from wireproof.conformance.execution.executor import Outcome
from wireproof.conformance.execution.failure import Failure, FailureKind, Owed, Seen
from wireproof.conformance.plans.plan import AwaitEnd, Close, HalfClose, Malformed, Open, Plan
from wireproof.conformance.properties.beside import beside
from wireproof.conformance.requirements import needs_half_close, requirement
from wireproof.conformance.subject import Subject
from wireproof.protocols.base import overrides
from wireproof.protocols.framing import ReplyBuffer
from wireproof.protocols.hooks import RequestReplyHooks
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.replies import replies_of
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.user_code import takes_request
from wireproof.results import Level
from wireproof.words import printable

_SEED, _EXAMPLES = 0, 30
_ENDED = (HalfClose(0), AwaitEnd(0))


def malformed_examples(subject: Subject) -> tuple[bytes, ...]:
    """Return some of what is no request, the same each time; none where every input is valid."""
    from wireproof.conformance.drawing import draw_bytes

    strategy = subject.protocol.malformed()
    if strategy is None:
        return ()
    return draw_bytes(subject.protocol, strategy, seed=_SEED, count=_EXAMPLES)


def _needs_malformed(subject: Subject) -> str:
    return "" if subject.protocol.malformed() is not None else "every input is valid"


def _needs_refusal(subject: Subject) -> str:
    if without := _needs_malformed(subject) or needs_half_close(subject):
        return without
    return "" if _knows_refusals(subject) else "the protocol does not say what a refusal is"


def _knows_refusals(subject: Subject) -> bool:
    protocol = subject.protocol
    return isinstance(protocol, RequestReply) and overrides(protocol, RequestReplyHooks, "refused")


def served_half(subject: Subject, outcome: Outcome) -> Failure | None:
    """Return the failure where a part of a request was served, once the stream had ended.

    A protocol may have whole requests within one (`parts`, several replies), or answer before the
    end of one (`answerable_at`): a part that holds those is not judged.
    """
    if not _knows_refusals(subject):
        return None
    sent = next(
        (one.data for one in reversed(outcome.transcript.events) if one.kind == "send"), b""
    )
    if not sent or _may_be_answered(subject, sent):
        return None
    return _served(subject, outcome, "a part of a request was served", "no service of it")


def _may_be_answered(subject: Subject, sent: bytes) -> bool:
    """Say whether a beginning of a request, or of several, holds what may be answered."""
    protocol = subject.protocol
    if not isinstance(protocol, RequestReply):
        return True
    for request in (one[0] for one in subject.conversations() if one[0].startswith(sent)):
        session = protocol.session()
        if len(session.parts(request)) > 1:
            return True
        if len(replies_of(session.expected(request), session.expected)) != 1:
            return True
        if session.answerable_at(request) <= len(sent):
            return True
    return False


def _judge_refusal(subject: Subject, outcome: Outcome) -> Failure | None:
    """Return the failure where malformed input was served; a plan may have shrunk to none."""
    sent = [one for one in outcome.transcript.events if (one.connection, one.kind) == (0, "send")]
    if sum(len(one.data) for one in sent) <= sum(map(len, subject.protocol.opening())):
        return None
    return _served(subject, outcome, "malformed input was served", "a refusal, or the end")


def _served(subject: Subject, outcome: Outcome, message: str, expected: str) -> Failure | None:
    """Return the failure where connection 0 had a reply, behind what was sent last, of service."""
    reply = _first_service(subject, outcome)
    if not reply:
        return None
    return Failure(
        kind=FailureKind.RULE,
        connection=0,
        action=1,
        message=message,
        expected=expected,
        actual=printable(reply),
        owed=Owed.NOTHING,
        seen=Seen.MORE,
    )


def _first_service(subject: Subject, outcome: Outcome) -> bytes:
    """Return the first whole reply if it is no refusal; empty otherwise.

    What follows a refusal may belong to it, as the ReadyForQuery of PostgreSQL does.
    """
    protocol = subject.protocol
    if not isinstance(protocol, RequestReply):
        return b""
    received = ReplyBuffer()
    for event in outcome.transcript.events:
        if event.connection == 0 and event.kind == "send":
            received = ReplyBuffer()
        elif event.connection == 0 and event.kind == "receive":
            received += event.data
    session = protocol.session()
    request = (b"",) if takes_request(session.reply_length) else ()
    while received:
        try:
            length = session.reply_length(received, *request)
        except MalformedReplyError:
            return b""  # a refusal in another protocol's words, such as a page of HTML
        if length is None and session.eof_ends_reply and session.in_words(bytes(received)):
            length = len(
                received
            )  # what says nothing in the protocol's words is none of its replies
        if length is None or not 0 < length <= len(received):
            return b""
        reply = bytes(received[:length])
        received.drop(length)
        if not session.unsolicited(reply):
            return b"" if session.refused(reply) else reply
    return b""


@requirement(
    "BAD-SURVIVE",
    Level.MUST,
    "Malformed input on one connection does not end service on others.",
    source="RFC 1122 section 1.2.2: be liberal in what you accept",
    reason="Anyone can send anything to an open port.",
    unsupported=_needs_malformed,
)
def survives_malformed(subject: Subject) -> Iterator[Plan]:
    """Send what is no request, in one segment; be answered on another connection."""
    for data in malformed_examples(subject):
        yield beside(subject, (), (Open(0), Malformed(0, data), Close(0)))


@requirement(
    "BAD-REFUSE",
    Level.SHOULD,
    "Malformed input is refused, or ends its connection; it is not served.",
    source="RFC 9413 section 4: what is accepted by mistake becomes part of the protocol",
    reason=(
        "An attacker hides things in what one server takes for a request and another for content."
    ),
    unsupported=_needs_refusal,
    judge=_judge_refusal,
)
def refuses_malformed(subject: Subject) -> Iterator[Plan]:
    """Send what is no request, then the end; see no reply that is a service."""
    for data in malformed_examples(subject):
        yield Plan(((),), (Open(0), Malformed(0, data), *_ENDED))
