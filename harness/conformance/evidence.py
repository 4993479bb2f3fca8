"""What is left of a failure: files with which anyone can see it again."""

import re
from collections.abc import Sequence
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

import msgspec

from harness.conformance.case import REPLAY_FORMAT, Case
from harness.conformance.failure import FailureKind
from harness.conformance.pcapng import synthesise
from harness.conformance.runner import Finding
from harness.protocols.base import Protocol
from harness.protocols.oracle import printable
from harness.protocols.replies import replies_of
from harness.protocols.request_reply import RequestReply
from harness.target import Target
from harness.wire.transcript import Event

_MOST_DATA_BYTES = 256 * 1024
"""Of all data in a transcript that is written down; the plan and the failure are always whole."""
_MARK = "CASE = {}  # filled in by Wireproof"
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
_CANNOT_JOIN = re.compile(rb"\\[1-9]|\(\?P|\(\?\(|\(\?[aiLmsux]+\)")
"""Back references, named groups and flags: they mean something else inside a longer pattern."""
_ANCHORS = re.compile(rb"^(?:\^|\\A)|(?<!\\)(?:\$|\\Z)$")
_JUDGE = re.compile(
    r"def complete\(sent, received, since_s\):.*?raise NotImplementedError\n", re.DOTALL
)


def write_evidence(
    folder: Path,
    finding: Finding,
    *,
    target: Target,
    protocol: Protocol,
    protocol_name: str,
    settings: dict[str, str],
    patience_s: float,
) -> list[str]:
    """Write a finding's files into `folder/evidence/<ID>/`.

    Returns:
        Their paths, relative to `folder`.

    """
    identifier = finding.requirement.id
    failing = finding.failing
    place = folder / "evidence" / identifier
    place.mkdir(parents=True, exist_ok=True)
    case = Case(
        format=REPLAY_FORMAT,
        requirement=identifier,
        protocol=protocol_name,
        settings=settings,
        target=str(target),
        plan=failing.plan,
        failure=failing.failure,
        failed=finding.failed,
        runs=finding.runs,
        explanation=finding.explanation,
        events=_bounded(failing.outcome.transcript.events),
    )
    files: dict[str, str | bytes] = {
        "replay.json": msgspec.json.format(msgspec.json.encode(case), indent=1) + b"\n",
        "transcript.txt": transcript_text(case),
        f"test_{identifier.lower().replace('-', '_')}.py": _pytest_snippet(case),
    }
    if target.is_stream:
        files["synthesised.pcapng"] = synthesise(case.events)
    script = standalone_script(case, target, protocol, patience_s)
    if script:
        files["replay.py"] = script
    for name, content in files.items():
        (place / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return [f"evidence/{identifier}/{name}" for name in files]


def transcript_text(case: Case) -> str:
    """Return the transcript for reading: time, connection, what happened, bytes."""
    lines = [
        f"{case.requirement} on {case.target}: {case.failure.message}, {case.explanation}",
        f"expected  {case.failure.expected}",
        f"actual    {case.failure.actual}",
        f"again     {case.failed} of {case.runs}",
        "",
    ]
    for event in case.events:
        shown = printable(event.data, 2000) if event.data else ""
        words = " ".join(part for part in (shown, event.note and f"({event.note})") if part)
        when = f"{event.at_ns / 1e6:12.3f} ms"
        lines.append(f"{when}  #{event.connection:<3} {event.kind:10}  {words}".rstrip())
    return "\n".join(lines) + "\n"


def standalone_script(case: Case, target: Target, protocol: Protocol, patience_s: float) -> str:
    """Return a script that replays the case with the standard library alone.

    Returns:
        Its source; nothing for datagrams, and where the protocol's judge cannot be told in such a
        script: `wireproof replay` runs those.

    """
    if not target.is_stream:
        return ""
    judge = protocol.judge_source()
    replies: list[Any] = [None] * len(case.plan.requests)
    if isinstance(protocol, RequestReply):
        replies = [_reply_patterns(protocol, requests) for requests in case.plan.requests]
    if not judge and None in replies:
        return ""
    data = {
        "requirement": case.requirement,
        "explanation": case.explanation,
        "address": [target.path] if target.scheme == "unix" else list(target.address[:2]),
        "scheme": target.scheme,
        "no_connection": case.failure.kind is FailureKind.NO_CONNECTION,
        "patience_s": patience_s,
        "streams": [_runs((*protocol.opening(), *one)) for one in case.plan.requests],
        "replies": replies,
        "steps": _steps(case, protocol.opening()),
    }
    template = Path(__file__).with_name("replay_script.py").read_text(encoding="utf-8")
    source = template.replace(_MARK, f"CASE = {data!r}")
    return _JUDGE.sub(lambda _: judge, source) if judge else source


def _runs(requests: Sequence[bytes]) -> list[tuple[str, int]]:
    """Return requests in hexadecimal, each once with how often it comes in a row."""
    return [(request.hex(), sum(1 for _ in run)) for request, run in groupby(requests)]


def _bounded(events: list[Event]) -> list[Event]:
    """Return the events with their data cut off where all of it together is too much to read."""
    left = _MOST_DATA_BYTES
    bounded = []
    for event in events:
        if len(event.data) > left:
            missing = f"{len(event.data) - left} of {len(event.data)} bytes left out"
            note = f"{event.note}; {missing}" if event.note else missing
            event = msgspec.structs.replace(event, data=event.data[:left], note=note)  # noqa: PLW2901
        left -= len(event.data)
        bounded.append(event)
    return bounded


def _steps(case: Case, opening: Sequence[bytes]) -> list[dict[str, Any]]:
    """Return the plan's actions as plain data, with the opening exchange made explicit."""
    ends = list(accumulate(map(len, opening)))
    opening_bytes = sum(map(len, opening))
    steps: list[dict[str, Any]] = []
    for action in case.plan.actions:
        step = msgspec.to_builtins(action, builtin_types=(bytes,))
        if "until" in step:
            step["until"] += opening_bytes
        if "data" in step:
            step["data"] = step["data"].hex()
        steps.append(step)
        opened = {"open": [step["connection"]], "open-together": range(step["connection"] + 1)}
        for number in opened.get(step["do"], []):
            steps.append({"do": "await", "connection": number})  # a greeting, if there is one
            for end in ends:
                steps.append({"do": "send", "connection": number, "until": end})
                steps.append({"do": "await", "connection": number})
    return steps


def _reply_patterns(
    protocol: RequestReply, requests: tuple[bytes, ...]
) -> list[tuple[int, str]] | None:
    """Return, for each request, where it ends and a pattern of its reply; None if one has none."""
    session = protocol.session()
    patterns: list[tuple[int, str]] = []
    if not session.ordered:
        return None
    offset = 0
    owed = [(0, reply) for reply in replies_of(session.greeting(), session.greeting)]
    for request in (*protocol.opening(), *requests):
        for part in session.parts(request):
            offset += len(part)
            expected = session.expected(part)
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


def _joinable(pattern: re.Pattern[bytes]) -> bytes:
    """Return a pattern, which must match a reply whole, so that others may follow it."""
    flags = "".join(letter for letter, flag in _FLAGS.items() if pattern.flags & flag)
    plain = _ANCHORS.sub(b"", pattern.pattern)
    # The line break ends the comment that a verbose pattern may end with.
    return b"(?" + flags.encode() + b":" + plain + (b"\n)" if "x" in flags else b")")


def _pytest_snippet(case: Case) -> str:
    name = case.requirement.lower().replace("-", "_")
    return f'''"""Recorded by Wireproof; it belongs beside replay.json; set TARGET."""

from pathlib import Path

from harness.conformance import replay

TARGET = {case.target!r}


def test_{name}_holds():
    """{case.requirement} holds for the conversation that once broke it."""
    outcome = replay(Path(__file__).with_name("replay.json"), TARGET, protocol={case.protocol!r})
    assert outcome.fate == "FIXED", outcome
'''
