"""What the page shows of a check, ready for the template: every text is harmless."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wireproof.reporting.digest import Story, replay_command, stories
from wireproof.reporting.html.evidence_files import (
    REPLAY,
    evidence_files,
    read_conversation,
    read_script,
)
from wireproof.reporting.html.timeline import Timeline, timelines
from wireproof.reporting.text import escaped, preview
from wireproof.results import BoundaryMap, CheckResult, RequirementResult, Verdict

Link = Callable[[str], str | None]

_TEXT_CHARACTERS = 2_000
_MAX_STRIP_BYTES = 512
"""Longest conversation whose bytes are shown one by one; of longer ones only the offsets."""
_MAX_MAPS = 24
_MAX_TIMELINES = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement of the matrix; `anchor` is None where there is nothing more to see."""

    verdict: str
    id: str
    title: str
    source: str
    level: str
    delivery: str
    examples: int
    seconds: float
    message: str
    anchor: str | None


@dataclass(frozen=True, slots=True)
class FileView:
    """An evidence file; `link` is None where the page cannot reach it."""

    name: str
    link: str | None


@dataclass(frozen=True, slots=True)
class FindingView:
    """One requirement that does not hold, with its conversation; `also` do for the same reason."""

    row: Row
    cause: str
    also: list[Row]
    anchor: str
    expected: str
    actual: str
    files: list[FileView]
    replay: str
    script_name: str
    script: str
    timelines: list[Timeline]
    timelines_left_out: int


@dataclass(frozen=True, slots=True)
class Byte:
    """One byte of a conversation and the cut before it: `passed`, `failed` or `untried`."""

    offset: int
    shown: str
    cut: str
    told: str


@dataclass(frozen=True, slots=True)
class MapView:
    """A boundary map: the bytes where they are few, the ranges that failed in any case."""

    requirement: str
    anchor: str
    length: int
    tried: int
    failed: int
    failed_ranges: str
    bytes: list[Byte]
    conversation: str


def anchor_of(requirement: str) -> str:
    """Return a fragment that any ID can be turned into."""
    return "r-" + re.sub(r"[^A-Za-z0-9_-]", "-", requirement)


def matrix(check: CheckResult) -> list[Row]:
    """Return all requirements: in the catalogue's order."""
    return [_row(line) for line in check.requirements]


def _row(line: RequirementResult) -> Row:
    return Row(
        verdict=line.verdict.value,
        id=escaped(line.id, limit=80),
        title=escaped(line.title, limit=400),
        source=escaped(line.source, limit=200),
        level=line.level.value,
        delivery=line.delivery.value if line.delivery else "",
        examples=line.examples,
        seconds=line.seconds,
        message=escaped(line.message, limit=_TEXT_CHARACTERS, keep_newlines=True),
        anchor=anchor_of(line.id) if _is_shown(line) else None,
    )


def _is_shown(line: RequirementResult) -> bool:
    return line.verdict not in {Verdict.PASS, Verdict.UNSUPPORTED}


def finding_views(
    check: CheckResult, folder: Path, link: Link, *, with_conversations: bool
) -> list[FindingView]:
    """Return what needs attention, the gravest first."""
    told = stories(check)
    return [_finding(story, check, folder, link, with_conversations) for story in told]


def _finding(
    story: Story, check: CheckResult, folder: Path, link: Link, with_conversations: bool
) -> FindingView:
    line = story.lines[0]
    files = evidence_files(folder, line.evidence)
    script = read_script(files) if with_conversations else None
    conversation = read_conversation(files) if with_conversations else None
    lines: list[Timeline] = []
    if conversation is not None:
        failure = conversation.failure
        lines = timelines(conversation.events, failure.connection, by_absence=failure.is_absence)
    replays = [file for file in files if file.path.name == REPLAY]
    return FindingView(
        row=_row(line),
        cause=f"{escaped(story.cause.id, limit=20)}, confirmed {escaped(story.cause.confirmed)}"
        if story.cause
        else "",
        also=[_row(other) for other in story.lines[1:]],
        anchor=anchor_of(line.id),
        expected=escaped(line.expected, limit=_TEXT_CHARACTERS, keep_newlines=True),
        actual=escaped(line.actual, limit=_TEXT_CHARACTERS, keep_newlines=True),
        files=[FileView(escaped(file.name), link(file.name)) for file in files],
        replay=escaped(replay_command(replays[0].path, check)) if replays else "",
        script_name=escaped(script[0]) if script else "",
        script=escaped(script[1], limit=65_536, keep_newlines=True) if script else "",
        timelines=lines[:_MAX_TIMELINES],
        timelines_left_out=len(lines[_MAX_TIMELINES:]),
    )


def boundary_views(check: CheckResult) -> list[MapView]:
    """Return the boundary maps, those with failures first."""
    maps = [_map(entry) for entry in check.boundary_maps]
    maps.sort(key=lambda view: not view.failed)
    return maps[:_MAX_MAPS]


def _map(entry: BoundaryMap) -> MapView:
    failed = [cut.offset_bytes for cut in entry.boundaries if cut.failed]
    tried = [cut.offset_bytes for cut in entry.boundaries if cut.tried]
    conversation = _unhex(entry.conversation)
    return MapView(
        requirement=escaped(entry.requirement, limit=80),
        anchor=anchor_of(entry.requirement),
        length=entry.length_bytes,
        tried=len(tried),
        failed=len(failed),
        failed_ranges=ranges(failed),
        bytes=_bytes(conversation, entry),
        conversation=preview(conversation, _TEXT_CHARACTERS),
    )


def _bytes(conversation: bytes, entry: BoundaryMap) -> list[Byte]:
    if len(conversation) > _MAX_STRIP_BYTES:
        return []
    cuts = {cut.offset_bytes: cut for cut in entry.boundaries}
    views = []
    for offset in range(len(conversation)):
        cut = cuts.get(offset)
        state, told = "untried", f"offset {offset}: not tried"
        if offset == 0:
            state, told = "start", "the first byte"
        elif cut is not None and cut.tried:
            state = "failed" if cut.failed else "passed"
            told = f"cut at offset {offset}: tried {cut.tried}, failed {cut.failed}"
        views.append(Byte(offset, preview(conversation[offset : offset + 1]), state, told))
    return views


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:  # a file that someone else wrote
        return b""


def ranges(offsets: list[int]) -> str:
    """Return the offsets as spans: 1 and 7 to 9 for 1, 7, 8, 9."""
    spans: list[list[int]] = []
    for offset in sorted(offsets):
        if spans and offset == spans[-1][1] + 1:
            spans[-1][1] = offset
        else:
            spans.append([offset, offset])
    return ", ".join(
        f"{first}" if first == last else f"{first}\N{EN DASH}{last}" for first, last in spans
    )
