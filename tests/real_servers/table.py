"""The gallery's table, for the terminal and for docs/reference/gallery.md."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import msgspec

from tests.real_servers.gallery import Server, is_installed, version, why_absent
from tests.real_servers.running import Outcome
from wireproof.conformance.evidence.case import read_case
from wireproof.conformance.plans.plan import HalfClose, Plan, Push, Send, SendDatagram, SendLast
from wireproof.protocols.base import as_sent
from wireproof.protocols.loading.registry import find_protocol
from wireproof.results import RequirementResult, Verdict, load_results
from wireproof.words import printable

_LONGEST, _LONGEST_SEGMENT, _MOST_SEGMENTS = 160, 60, 6
_BEGIN, _END = "<!-- gallery: begin -->", "<!-- gallery: end -->"


def as_lines(outcomes: Sequence[Outcome], missing: Sequence[Server]) -> list[str]:
    """Return the table in plain text, and the servers that were left out."""
    width = max((len(_named(outcome)) for outcome in outcomes), default=0)
    lines = ["", f"{'server':<{width}}  verdict"]
    for outcome in outcomes:
        lines.append(f"{_named(outcome):<{width}}  {_verdict(outcome)}")
        lines += [f"{'':<{width}}    {text}" for text in _details(outcome)]
        if outcome.problem:
            lines.append(f"{'':<{width}}    UNEXPECTED: {outcome.problem}")
        if outcome.gap:
            lines.append(f"{'':<{width}}    not yet: {outcome.gap} ({outcome.server.not_yet})")
        elif outcome.server.not_yet and outcome.lines:
            lines.append(f"{'':<{width}}    as expected, although the catalogue says `not_yet`")
        if outcome.beside:
            lines.append(f"{'':<{width}}    only beside other servers: {outcome.beside}")
    for server in missing:
        lines.append(f"left out: {server.name}, because {why_absent(server)}")
    unexpected = sum(bool(outcome.problem) for outcome in outcomes)
    gaps = sum(bool(outcome.gap) for outcome in outcomes)
    lines.append(
        f"\n{len(outcomes)} servers judged, {unexpected} not as expected, {gaps} known gaps"
    )
    return lines


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    """Return the table as Markdown."""
    lines = [
        "| server | version | depth | verdict | smallest conversation that fails | cause, thread |",
        "|---|---|---|---|---|---|",
    ]
    for outcome in outcomes:
        server = outcome.server
        shown = "<br>".join(_code(text) for text in _details(outcome)[:2])
        cause = " ".join(filter(None, (server.about, server.thread)))
        cause += "".join(f" {key}: {why}" for key, why in server.non_strict.items())
        named = server.name, version(server), _depth(outcome)
        cells = (*named, _verdict(outcome), shown, cause.strip())
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def put_between_marks(path: Path, table: str) -> None:
    """Replace what stands between a file's two marks; a file without them is replaced whole."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    whole = f"{before}{begin}\n{table}{end}{after}" if begin and end else table
    path.write_text(whole, encoding="utf-8")


def _named(outcome: Outcome) -> str:
    server = outcome.server
    return f"{server.name} [{version(server) if is_installed(server) else 'missing'}]"


def _depth(outcome: Outcome) -> str:
    """Return the depth of the run, as its results have it; nothing where there are none."""
    path = outcome.folder / "results.json"
    check = load_results(path).check if path.exists() else None
    return check.depth if check else ""


def _verdict(outcome: Outcome) -> str:
    if not outcome.lines:
        return "not judged"
    failed = list(outcome.findings)
    weak = [line.id for line in _shown(outcome) if not line.verdict.is_finding]
    if failed:
        whole = f"FAIL {', '.join(failed)}"
    else:
        whole = "sound" if outcome.server.is_sound else "nothing found in this run"
    return "; NON-STRICT ".join([whole, *filter(None, [", ".join(weak)])])


def _shown(outcome: Outcome) -> list[RequirementResult]:
    """Return the findings, and what is only recommended of sound servers or where it is meant."""
    server = outcome.server
    return [
        line
        for line in outcome.lines
        if line.verdict.is_finding
        or (line.verdict is Verdict.NON_STRICT and (server.is_sound or server.asks_for(line.id)))
    ]


def _details(outcome: Outcome) -> list[str]:
    """Return what the catalogue asks for first, each with what was sent and what came."""
    asks_for = outcome.server.asks_for
    shown = sorted(
        _shown(outcome), key=lambda line: (not asks_for(line.id), not line.verdict.is_finding)
    )
    return [_told(outcome, line) for line in shown[:3]]


def _told(outcome: Outcome, line: RequirementResult) -> str:
    """Return what was sent, what was expected and what came, in one line."""
    path = next((outcome.folder / each for each in line.evidence if each.endswith(".json")), None)
    if path is None or not path.exists():
        return f"{line.id}: {line.message}"
    case = read_case(path)
    plan = case.plan
    if outcome.server.scheme != "udp":
        # As the first connection of a run sends them: identifiers are given at the last moment.
        protocol = find_protocol(outcome.server.protocol_name, case.settings)
        before = len(protocol.opening())
        requests = tuple(tuple(as_sent(protocol, each, 0, before)) for each in plan.requests)
        plan = msgspec.structs.replace(plan, requests=requests)
    each = groupby(filter(None, (_segments(plan, at) for at in range(len(plan.requests)))))
    counted = ((sum(1 for _ in same), segments) for segments, same in each)
    sent = " and ".join(
        f"{n} times {what}" if n > 2 else " and ".join([what] * n) for n, what in counted
    )
    return (
        f"{line.id}: sent {sent[:_LONGEST]}; expected {line.expected[:_LONGEST]};"
        f" got {line.actual[:_LONGEST]}"
    )


def _segments(plan: Plan, connection: int) -> str:
    """Return the segments that one connection sends, or the datagrams, with bars between.

    The end of the stream is told where it comes with the last segment, or with none.
    """
    stream = b"".join(plan.requests[connection])
    start, parts = 0, []
    for action in plan.actions:
        if action.connection != connection:
            continue
        if isinstance(action, Send | Push | SendLast):
            parts.append(printable(stream[start : action.until], _LONGEST_SEGMENT))
            start = action.until
        if isinstance(action, SendDatagram):
            datagram = plan.requests[connection][action.position]
            parts.append(printable(datagram, _LONGEST_SEGMENT))
        if isinstance(action, SendLast) or (isinstance(action, HalfClose) and not parts):
            parts.append("end of stream")
    if len(parts) > _MOST_SEGMENTS:
        return (
            f"{len(stream)} bytes in {len(parts)} segments" if start else f"{len(parts)} datagrams"
        )
    return " | ".join(parts)


def _code(text: str) -> str:
    """Return a code span, so that no byte of a conversation is taken for markup or changed."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"
