"""What is left of a failure: files with which anyone can see it again."""

from pathlib import Path

import msgspec

from wireproof.conformance.evidence.case import REPLAY_FORMAT, Case, written_case
from wireproof.conformance.evidence.scripts import standalone_script
from wireproof.conformance.search.pursuit import Finding
from wireproof.learnt.protocol import LearntProtocol
from wireproof.learnt.scripts import FILE_NAME, written
from wireproof.protocols.base import Protocol
from wireproof.target import Target
from wireproof.wire.pcapng import synthesise
from wireproof.wire.transcript import Event, lines_of

_MOST_DATA_BYTES = 256 * 1024
"""Of all data in a transcript that is written down; the plan and the failure are always whole."""


def write_evidence(
    folder: Path,
    finding: Finding,
    *,
    target: Target,
    protocol: Protocol,
    protocol_name: str,
    settings: dict[str, str],
    timeout_s: float,
    name: str = "",
    behind: str = "",
) -> list[str]:
    """Write a finding's files into `folder/evidence/<name>/`; its requirement's ID, without a name.

    Returns:
        Their paths, relative to `folder`.

    """
    identifier = finding.requirement.id
    failing = finding.failing
    subfolder = name or identifier
    place = folder / "evidence" / subfolder
    place.mkdir(parents=True, exist_ok=True)
    case = Case(
        format=REPLAY_FORMAT,
        requirement=identifier,
        protocol=protocol_name,
        settings=settings,
        target=str(target),
        behind=behind,
        prelude=target.prelude,
        plan=failing.plan,
        failure=failing.failure,
        failed=finding.failed,
        runs=finding.runs,
        explanation=finding.explanation,
        events=_bounded(failing.outcome.transcript.events),
    )
    files: dict[str, str | bytes] = {
        "replay.json": written_case(case),
        "transcript.txt": transcript_text(case),
        f"test_{identifier.lower().replace('-', '_')}.py": _pytest_snippet(case),
    }
    if target.is_stream:
        files["synthesised.pcapng"] = synthesise(case.events)
    if isinstance(protocol, LearntProtocol):
        files[FILE_NAME] = written(protocol.scripts)
    is_plain = not target.prelude and not protocol.replies_in()
    script = standalone_script(case, target, protocol, timeout_s) if is_plain else ""
    if script:
        files["replay.py"] = script
    for file, content in files.items():
        (place / file).write_bytes(content.encode() if isinstance(content, str) else content)
    return [f"evidence/{subfolder}/{file}" for file in files]


def transcript_text(case: Case) -> str:
    """Return the transcript for reading: time, connection, what happened, bytes."""
    lines = [
        f"{case.requirement} on {case.target}: {case.failure.message}, {case.explanation}",
        f"expected  {case.failure.expected}",
        f"actual    {case.failure.actual}",
        f"again     {case.failed} of {case.runs}",
        "",
    ]
    return "\n".join([*lines, *lines_of(case.events)]) + "\n"


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


def _pytest_snippet(case: Case) -> str:
    name = case.requirement.lower().replace("-", "_")
    return f'''"""Recorded by Wireproof; it belongs beside replay.json; set TARGET."""

from pathlib import Path

from wireproof.conformance import replay

TARGET = {case.target!r}


def test_{name}_holds():
    """{case.requirement} holds for the conversation that once broke it."""
    outcome = replay(Path(__file__).with_name("replay.json"), TARGET, protocol={case.protocol!r})
    assert outcome.fate == "FIXED", outcome
'''
