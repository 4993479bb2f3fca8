"""The opening is part of the conversation: a log-in is cut, joined and reset like any request."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from wireproof.conformance.plans.plan import (
    Action,
    Await,
    Close,
    Open,
    Plan,
    Reset,
    Send,
    SendOpening,
    Upgrade,
)
from wireproof.conformance.properties.streams.runs import held_together
from wireproof.conformance.requirements import requirement
from wireproof.conformance.subject import Subject
from wireproof.preludes import SOURCE
from wireproof.results import Level

_STREAM = "RFC 9293 section 3.8.2: TCP may cut the stream anywhere, and join what was sent apart"
_RESET = "RFC 9293 section 3.5.2: a reset concerns one connection"
_EVERY_CUT_UP_TO_BYTES = 512
_EDGE_BYTES = 64
_HELD_AT_ONCE = 20
_RESETS = 4
_LONGEST_PRELUDE_BYTES = 128
_CUTS_OF_A_HANDSHAKE = (1, 3, 5, 6, 9, 64)
"""Inside and behind the head of a record and of a message (RFC 8446, sections 5.1 and 4)."""
_SURPLUS_S = 0.1
"""How long is waited for what answers nothing."""


def needs_opening(subject: Subject) -> str:
    """Say why there is nothing to cut."""
    return "" if subject.protocol.opening() else "the protocol has no opening exchange"


def _needs_to_go_ahead(subject: Subject) -> str:
    if without := needs_opening(subject):
        return without
    allowed = subject.protocol.opening_ahead and subject.protocol.pipelining
    return "" if allowed else "the protocol has the client wait until the opening is answered"


def _needs_upgrade(subject: Subject) -> str:
    return "" if _asks_for_tls(subject) >= 0 else "TLS does not begin inside a connection"


@requirement(
    "SEG-OPENING",
    Level.MUST,
    "The opening exchange does not depend on how its bytes are cut.",
    source=_STREAM,
    reason="A log-in is read with one recv() by code that is older than the rest.",
    unsupported=needs_opening,
    holds=True,
)
def cut_opening(subject: Subject) -> Iterator[Plan]:
    """Cut the opening at every offset, octet by octet, and hold such cuts."""
    ends = _ends(subject)
    total = ends[-1]
    offsets = [cut for cut in range(1, total) if cut not in ends]
    if total > _EVERY_CUT_UP_TO_BYTES:
        edges = {near for end in (0, *ends) for near in range(end - _EDGE_BYTES, end + _EDGE_BYTES)}
        offsets = [cut for cut in offsets if cut in edges]
    for cut in offsets:
        yield _cut_at(subject, [cut])
    yield _cut_at(subject, offsets)
    in_first = [cut for cut in offsets if cut < ends[0]]
    if in_first:
        most = min(_HELD_AT_ONCE, subject.protocol.connections) if subject.concurrent else 1
        step = -(-len(in_first) // most)
        plans = [_cut_at(subject, [cut]) for cut in in_first[::-step]]
        yield held_together(plans, subject.depth.hold_s)


@requirement(
    "COAL-OPENING",
    Level.MUST,
    "Requests that arrive in one segment with the opening all get their replies.",
    source=_STREAM,
    reason="What was read beyond the log-in stays in a buffer that nobody looks at again.",
    unsupported=_needs_to_go_ahead,
)
def joined_opening(subject: Subject) -> Iterator[Plan]:
    """Send the opening and the first requests as one segment, whole and ending inside one."""
    plain = subject.plain_request
    opened = (Open(0, by_hand=True), Await(0))
    last = _ends(subject)[-1]
    for requests in ((plain,), (plain,) * 3, (subject.smallest,) * 8):
        total = sum(map(len, requests))
        yield Plan((requests,), (*opened, Send(0, total), Await(0), *subject.ended(0)))
    for cut in sorted({1, len(plain) // 2, len(plain) - 1} - {0}):
        both = (Send(0, cut), Await(0), Send(0, len(plain)), Await(0))
        yield Plan(((plain,),), (*opened, *both, *subject.ended(0)))
    for cut in sorted({1, last // 2, last - 1} - {0}):
        rest = (SendOpening(0, cut), Send(0, len(plain)), Await(0))
        yield Plan(((plain,),), (*opened, *rest, *subject.ended(0)))


@requirement(
    "SEG-UPGRADE",
    Level.MUST,
    "TLS that begins inside a connection does not depend on how its first bytes are cut.",
    source=_STREAM,
    reason="What was read beyond the request for TLS, or less than its first record, is lost.",
    unsupported=_needs_upgrade,
)
def cut_handshake(subject: Subject) -> Iterator[Plan]:
    """Cut the client's first flight inside and behind the head of its record, and hold it once."""
    for cut in _CUTS_OF_A_HANDSHAKE:
        yield _upgraded(subject, Upgrade(0, cut=cut))
    yield _upgraded(subject, Upgrade(0, cut=_CUTS_OF_A_HANDSHAKE[-1], hold_s=subject.depth.hold_s))


@requirement(
    "COAL-UPGRADE",
    Level.MUST,
    "What is sent in the clear after the request for TLS is not answered inside TLS.",
    source="RFC 3207 section 4.2: the server discards what it learnt before; CVE-2011-0411",
    reason=(
        "An attacker in between injects commands there, and they run as if they had come over TLS."
    ),
    unsupported=_needs_upgrade,
)
def stuffed_upgrade(subject: Subject) -> Iterator[Plan]:
    """Send a request in one segment with the one for TLS; then go on as usual inside TLS."""
    opening = subject.protocol.opening()
    following = opening[_asks_for_tls(subject) + 1 :][:1]
    for stuffed in dict.fromkeys((*following, subject.plain_request)):
        yield _upgraded(subject, Upgrade(0, stuffed=stuffed, hold_s=_SURPLUS_S))


@requirement(
    "RESET-OPENING",
    Level.MUST,
    "A reset before or inside the opening ends that connection only.",
    source=_RESET,
    reason="Before the log-in there is no session yet whose errors are handled.",
    unsupported=needs_opening,
)
def reset_opening(subject: Subject) -> Iterator[Plan]:
    """Reset before the opening, inside it and right behind it; be answered on a new connection."""
    plain = subject.plain_request
    served = (Open(_RESETS), Send(_RESETS, len(plain)), Await(_RESETS), Close(_RESETS))
    ends = _ends(subject)
    total = ends[-1]
    for cut in sorted({0, 1, total // 2, total - 1, total}):
        resets: list[Action] = []
        for number in range(_RESETS):
            resets.append(Open(number, by_hand=True))
            for border in (*(end for end in ends if end < cut), cut):  # each behind its reply
                resets += [Await(number), SendOpening(number, border)] if cut else []
            resets.append(Reset(number))
        yield Plan((*[()] * _RESETS, (plain,)), (*resets, *served))


@requirement(
    "SEG-PRELUDE",
    Level.SHOULD,
    "The prelude may be cut like everything else.",
    source=SOURCE,
    reason="A header that is looked at with one recv() is refused when a network has cut it.",
)
def cut_prelude(subject: Subject) -> Iterator[Plan]:
    """Cut it at every offset, and hold the rest for a moment; then be answered."""
    plain = subject.plain_request
    for cut in range(1, min(len(subject.target.prelude), _LONGEST_PRELUDE_BYTES)):
        steps = (Open(0, prelude_cut=cut), Send(0, len(plain)), Await(0))
        yield Plan(((plain,),), (*steps, *subject.ended(0)))


def _asks_for_tls(subject: Subject) -> int:
    """Return which opening request asks for TLS; -1 where none does."""
    asks = [subject.protocol.begins_tls(request) for request in subject.protocol.opening()]
    return asks.index(True) if True in asks else -1


def _upgraded(subject: Subject, upgrade: Upgrade) -> Plan:
    """Return the plan of plain exchanges inside TLS that begins as `upgrade` says."""
    plain = subject.plain_request
    actions: list[Action] = [Open(0, by_hand=True), Await(0)]
    for number, end in enumerate(_ends(subject)):
        if number == _asks_for_tls(subject) and upgrade.stuffed:
            actions.append(upgrade)
            continue
        actions += [SendOpening(0, end), Await(0)]
        if number == _asks_for_tls(subject):
            actions.append(upgrade)
    hold_s = _SURPLUS_S if upgrade.stuffed else 0.0
    actions += [Send(0, len(plain), hold_s), Await(0), *subject.ended(0)]
    return Plan(((plain,),), tuple(actions))


def _ends(subject: Subject) -> list[int]:
    return list(accumulate(map(len, subject.protocol.opening())))


def _cut_at(subject: Subject, cuts: Sequence[int]) -> Plan:
    """Return the plan of one plain exchange whose opening is cut."""
    ends = _ends(subject)
    plain = subject.plain_request
    actions: list[Action] = [Open(0, by_hand=True), Await(0)]  # a greeting, where there is one
    for border in sorted({*cuts, *ends}):
        actions.append(SendOpening(0, border))
        if border in ends:
            actions.append(Await(0))
    actions += [Send(0, len(plain)), Await(0), *subject.ended(0)]
    return Plan(((plain,),), tuple(actions))
