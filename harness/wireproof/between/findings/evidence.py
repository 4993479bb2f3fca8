"""What is left of a failure: files with which anyone can see it again."""

from importlib import resources
from pathlib import Path
from typing import Final

import msgspec

from wireproof.between.findings.case import CASE_FORMAT, BetweenCase, Failed
from wireproof.between.findings.judgement import BetweenSpec, Cause
from wireproof.wire.pcapng import synthesise
from wireproof.wire.transcript import Event, lines_of

_MOST_EVENTS: Final = 5000
_MOST_DATA_BYTES: Final = 256 * 1024
_SLOT: Final = "SCHEDULE: dict[str, Any] = {}"


def write_evidence(folder: Path, cause: Cause, spec: BetweenSpec, explanation: str) -> list[str]:
    """Write a cause's files into `folder/evidence/<requirement>/`.

    Returns:
        Their paths, relative to `folder`.

    Raises:
        OSError: they cannot be written.

    """
    minimum = cause.minimum
    name = cause.requirements[0]
    place = folder / "evidence" / name
    place.mkdir(parents=True, exist_ok=True)
    case = BetweenCase(
        format=CASE_FORMAT,
        of="between",
        command=spec.words,
        target=str(spec.target),
        schedule=minimum.schedule,
        same_output=spec.same_output,
        timeout_s=spec.timeout_s,
        failure=Failed(
            connection=0,
            kind="silence" if minimum.played.exit_code is None else "end",
            message=minimum.problem.message,
            expected=minimum.problem.expected,
            actual=minimum.problem.actual,
        ),
        failed=minimum.confirmation.failed,
        runs=minimum.confirmation.runs,
        explanation=explanation,
        events=_bounded(minimum.played.events),
    )
    files: dict[str, bytes] = {
        "replay.json": msgspec.json.format(msgspec.json.encode(case), indent=1) + b"\n",
        "relay.py": relay_script(case).encode(),
        "transcript.txt": transcript_text(case).encode(),
        "synthesised.pcapng": synthesise(case.events),
        "stdout.txt": minimum.played.output,
        "stderr.txt": minimum.played.errors,
    }
    for file, content in files.items():
        (place / file).write_bytes(content)
    return [f"evidence/{name}/{file}" for file in files]


def relay_script(case: BetweenCase) -> str:
    """Return a program of the standard library alone that does what the schedule says."""
    text = (
        resources.files("wireproof.between.findings").joinpath("relay_script.py").read_text("utf-8")
    )
    filled = f"# {case.explanation}\nSCHEDULE = {msgspec.to_builtins(case.schedule)!r}"
    return text.replace(_SLOT, filled, 1)


def transcript_text(case: BetweenCase) -> str:
    """Return the transcript for reading: time, connection, what happened, bytes."""
    lines = [
        f"{' '.join(case.command)} with {case.target}: {case.explanation}",
        f"expected  {case.failure.expected}",
        f"actual    {case.failure.actual}",
        f"again     {case.failed} of {case.runs}",
        "",
        "As the client has it: send is to the server, receive from it.",
        "",
    ]
    return "\n".join([*lines, *lines_of(case.events)]) + "\n"


def _bounded(events: tuple[Event, ...]) -> list[Event]:
    """Return the events as far as all of their data together can be read."""
    left = _MOST_DATA_BYTES
    bounded: list[Event] = []
    for event in events[:_MOST_EVENTS]:
        if len(event.data) > left:
            break
        left -= len(event.data)
        bounded.append(event)
    if len(bounded) < len(events):
        note = f"{len(events) - len(bounded)} more events are left out"
        at_ns = bounded[-1].at_ns if bounded else 0
        bounded.append(Event(at_ns, 0, "note", note=note))
    return bounded
