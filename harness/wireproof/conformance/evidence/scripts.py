"""Scripts that replay a failure with nothing but Python's standard library."""

import re
from collections.abc import Sequence
from itertools import accumulate, groupby
from typing import Any

import msgspec

from wireproof.conformance.evidence.assembly import (
    AssemblyError,
    Part,
    assembled,
    part,
    part_of,
)
from wireproof.conformance.evidence.case import Case
from wireproof.conformance.execution.failure import Failure, FailureKind
from wireproof.conformance.plans.plan import Open, SendOpening, Unscripted
from wireproof.learnt.cast import Cast, Cue
from wireproof.learnt.half_closed import HalfClosedProtocol
from wireproof.learnt.oracle import JUDGED_BY_KIND
from wireproof.learnt.protocol import LearntProtocol
from wireproof.learnt.source.source_text import of_pattern
from wireproof.protocols.base import Protocol, as_sent, overrides
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.hooks import RequestReplyHooks
from wireproof.protocols.replies import replies_of
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.user_code import code_error
from wireproof.target import Target

_HEADER = '''#!/usr/bin/env python3
"""Replay one recorded failure of a socket server. Needs Python 3.9 and nothing else.

    python3 SCRIPT [{where}]

Exits 1 while the fault is there, 0 once it is gone, 2 on wrong usage, 3 when the server cannot be
reached. The conversation is held several times, since some faults depend on timing or on history.
"""
'''
_STREAM_PARTS = ("broken", "server_side", "connecting", "peer", "stream_steps", "command")
_DATAGRAM_PARTS = ("broken", "datagram_peer", "datagram_steps", "command")
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
_CANNOT_JOIN = re.compile(rb"\\[1-9]|\(\?P|\(\?\(|\(\?[aiLmsux]+\)")
"""Back references, named groups and flags: they mean something else inside a longer pattern."""
_ANCHORS = re.compile(rb"^(?:\^|\\A)|(?<!\\)(?:\$|\\Z)$")


def standalone_script(case: Case, target: Target, protocol: Protocol, timeout_s: float) -> str:
    """Return a script that replays the case with the standard library alone.

    Returns:
        Its source; nothing where the protocol's judge cannot be told in such a script:
        `wireproof replay` runs those.

    """
    data = {
        "requirement": case.requirement,
        "explanation": case.explanation,
        "address": list(target.address[:2]) if target.has_host else [target.path],
        "no_connection": case.failure.kind is FailureKind.NO_CONNECTION,
        "timeout_s": timeout_s,
        "runs": case.runs,
        "scheme": target.scheme,
    }
    if isinstance(protocol, Datagrams) and not target.is_stream:
        return _datagram_script(case, protocol, data)
    return _stream_script(case, target, protocol, data)


def _datagram_script(case: Case, protocol: Datagrams, data: dict[str, Any]) -> str:
    replies = [_datagram_patterns(protocol, datagrams) for datagrams in case.plan.requests]
    if None in replies:
        return ""
    sockets = [[one.hex() for one in datagrams] for datagrams in case.plan.requests]
    steps = _steps(case, ())
    data |= {"datagrams": sockets, "replies": replies, "steps": steps}
    return assembled(_HEADER.format(where="HOST PORT"), [_case(data), *map(part, _DATAGRAM_PARTS)])


def _datagram_patterns(
    protocol: Datagrams, datagrams: Sequence[bytes]
) -> list[tuple[str, int] | None] | None:
    """Return the pattern and flags of each datagram's reply; None if one has a judge instead."""
    patterns: list[tuple[str, int] | None] = []
    for datagram in datagrams:
        match protocol.expected_datagram(datagram):
            case None:
                patterns.append(None)
            case bytes() as reply:
                patterns.append((re.escape(reply).hex(), 0))
            case re.Pattern() as pattern:
                patterns.append((pattern.pattern.hex(), pattern.flags))
            case _:
                return None
    return patterns


def _stream_script(case: Case, target: Target, protocol: Protocol, data: dict[str, Any]) -> str:
    judge = protocol.judge_source()
    if any(isinstance(action, Unscripted) for action in case.plan.actions):
        return ""
    if isinstance(protocol, HalfClosedProtocol):  # the executor has steps of its own
        return ""
    streams = _as_sent(case, protocol)
    replies: list[Any] = [None] * len(case.plan.requests)
    if isinstance(protocol, LearntProtocol):
        replies = [_learnt_patterns(protocol, requests, case.failure) for requests in streams]
    elif isinstance(protocol, RequestReply):
        replies = [_reply_patterns(protocol, requests) for requests in streams]
    if not judge and None in replies:
        return ""
    data |= {
        "streams": [_runs(one) for one in streams],
        "replies": replies,
        "upgrades": [_upgrades(protocol, one) for one in streams],
        "steps": _steps(case, protocol.opening()),
    }
    own = _own_judge(protocol, judge) if judge else part("judge")
    where = {"unix": "PATH", "exec": "COMMAND"}.get(target.scheme, "HOST PORT")
    return assembled(_HEADER.format(where=where), [_case(data), own, *map(part, _STREAM_PARTS)])


def _as_sent(case: Case, protocol: Protocol) -> list[tuple[bytes, ...]]:
    """Return each connection's opening and requests, private to it and numbered as the plan says.

    A server that lets a name be there once would end all connections but one.
    """
    opening = protocol.opening()
    serials = [*range(len(case.plan.requests))]
    first_numbers = [len(opening)] * len(serials)
    for action in case.plan.actions:
        if isinstance(action, Open):
            on = action.connection
            first_numbers[on] = action.first_number or first_numbers[on]
            serials[on] = serials[action.named_like] if action.named_like >= 0 else on
    return [
        (*as_sent(protocol, opening, serial), *as_sent(protocol, requests, serial, first))
        for requests, serial, first in zip(case.plan.requests, serials, first_numbers, strict=True)
    ]


def _upgrades(protocol: Protocol, requests: Sequence[bytes]) -> list[int]:
    """Return the offsets behind which all is inside TLS."""
    ends = accumulate(map(len, requests))
    return [end for end, one in zip(ends, requests, strict=True) if protocol.begins_tls(one)]


def _own_judge(protocol: Protocol, source: str) -> Part:
    """Return a protocol's own judge as a part.

    Raises:
        ProtocolCodeError: it is no Python, or defines no such function.

    """
    instead = "return source that defines complete(sent, received, since_s)"
    try:
        own = part_of("the protocol's judge", source)
    except AssemblyError as error:
        raise code_error(protocol.judge_source, f"is at fault: {error}", instead) from error
    if "complete" not in own.defines:
        raise code_error(protocol.judge_source, "returned no function complete", instead)
    return own


def _case(data: dict[str, Any]) -> Part:
    """Return the case as the part that defines it."""
    return part_of("case", f"CASE = {data!r}")


def _runs(requests: Sequence[bytes]) -> list[tuple[str, int]]:
    """Return requests in hexadecimal, each once with how often it comes in a row."""
    return [(request.hex(), sum(1 for _ in run)) for request, run in groupby(requests)]


def _steps(case: Case, opening: Sequence[bytes]) -> list[dict[str, Any]]:
    """Return the plan's actions as plain data, with the opening exchange made explicit."""
    ends = list(accumulate(map(len, opening)))
    opening_bytes = sum(map(len, opening))
    steps: list[dict[str, Any]] = []
    for action in case.plan.actions:
        step = msgspec.to_builtins(action, builtin_types=(bytes,))
        if isinstance(action, SendOpening):
            step |= {"do": "send", "until": min(action.until, opening_bytes)}
        elif "until" in step:
            step["until"] += opening_bytes
        if "data" in step:
            step["data"] = step["data"].hex()
        steps.append(step)
        opened = {"open": [step["connection"]], "open-together": range(step["connection"] + 1)}
        by_hand = isinstance(action, Open) and action.by_hand
        for number in () if by_hand else opened.get(step["do"], ()):
            steps.append({"do": "await", "connection": number})  # a greeting, if there is one
            for end in ends:
                steps.append({"do": "send", "connection": number, "until": end})
                steps.append({"do": "await", "connection": number})
    return steps


def _reply_patterns(
    protocol: RequestReply, requests: tuple[bytes, ...]
) -> list[tuple[int, str]] | None:
    """Return, for each request, where it ends and a pattern of its reply; None if one has none.

    The opening requests are the first of them.
    """
    session = protocol.session()
    patterns: list[tuple[int, str]] = []
    if not session.ordered or overrides(session, RequestReplyHooks, "unsolicited"):
        return None  # a list of replies has no room for what may stand anywhere
    offset = 0
    owed = [(0, reply) for reply in replies_of(session.greeting(), session.greeting)]
    for request in requests:
        for message in session.parts(request):
            offset += len(message)
            expected = session.expected(message)
            owed += [(offset, reply) for reply in replies_of(expected, session.expected)]
    if any(reply.lane or reply.optional for _, reply in owed):
        return None
    for end, matcher in ((end, reply.matcher) for end, reply in owed):
        if isinstance(matcher, bytes):
            patterns.append((end, re.escape(matcher).hex()))
        elif isinstance(matcher, re.Pattern) and not _CANNOT_JOIN.search(matcher.pattern):
            patterns.append((end, _joinable(matcher).hex()))
        elif matcher is not None:
            return None
    return patterns


def _learnt_patterns(
    protocol: LearntProtocol, requests: tuple[bytes, ...], failure: Failure
) -> list[tuple[int, str]] | None:
    """Return the same of what was learnt; None where a script can't tell what was wrong.

    A script looks at the form alone: not whether a date is now, nor whether a token came before;
    and it doesn't know the token that it is given, nor what comes unasked.
    """
    cast = Cast(protocol.scripts)
    if cast.carries or cast.unasked or JUDGED_BY_KIND in failure.message:
        return None
    cue = Cue(cast)
    patterns = [(0, cast.greeting)] if cast.greeting is not None else []
    offset = 0
    for request in requests:
        patterns.append((offset + len(request), cue.pattern_for(request)))
        offset += len(request)
    return [(end, "".join(of_pattern(pattern)).encode().hex()) for end, pattern in patterns]


def _joinable(pattern: re.Pattern[bytes]) -> bytes:
    """Return a pattern, which must match a reply whole, so that others may follow it."""
    flags = "".join(letter for letter, flag in _FLAGS.items() if pattern.flags & flag)
    plain = _ANCHORS.sub(b"", pattern.pattern)
    # The line break ends the comment that a verbose pattern may end with.
    return b"(?" + flags.encode() + b":" + plain + (b"\n)" if "x" in flags else b")")
