"""One line of the verdict matrix, from what a search has tried and found."""

from dataclasses import dataclass

import msgspec

from wireproof.conformance.execution.failure import FailureKind
from wireproof.conformance.requirements import Requirement
from wireproof.conformance.search.causes import FoundCause
from wireproof.conformance.search.explore import Tried
from wireproof.conformance.search.pursuit import Finding
from wireproof.conformance.subject import Subject
from wireproof.results import Boundary, BoundaryMap, Level, RequirementResult, Verdict
from wireproof.words import counted


@dataclass(frozen=True, slots=True)
class Judged:
    """A requirement's line of the matrix, and what stands behind it.

    Attributes:
        result: the line.
        finding: what was found.
        cause: of it; None where it was not seen again.
        boundary_map: where the cuts of a conversation failed.
        amended: lines of other requirements, told before, that this one's finding changes.

    """

    result: RequirementResult
    finding: Finding | None = None
    boundary_map: BoundaryMap | None = None
    cause: FoundCause | None = None
    amended: tuple["Judged", ...] = ()


def without_search(
    requirement: Requirement, subject: Subject, verdict: Verdict, message: str, seconds: float = 0.0
) -> Judged:
    """Return a verdict that rests on no conversation of the requirement's own."""
    return Judged(
        RequirementResult(
            id=requirement.id,
            title=requirement.title,
            level=requirement.level_for(subject),
            verdict=verdict,
            message=message,
            seconds=round(seconds, 3),
            source=requirement.source,
        )
    )


def searched(  # noqa: PLR0917 - the parts of a line
    requirement: Requirement,
    subject: Subject,
    tried: Tried,
    seconds: float,
    message: str = "",
    finding: Finding | None = None,
    cause: FoundCause | None = None,
    note: str = "",
) -> Judged:
    """Return the verdict of a search.

    Args:
        requirement: that was tried.
        subject: on which.
        tried: all of it.
        seconds: how long that took.
        message: why the search settles nothing, or empty.
        finding: None where no plan failed.
        cause: of the finding.
        note: what is to be said of a search that settles it.

    """
    result = RequirementResult(
        id=requirement.id,
        title=requirement.title,
        level=requirement.level_for(subject),
        verdict=Verdict.INCONCLUSIVE if message else Verdict.PASS,
        delivery=tried.delivery,
        examples=tried.plans,
        seconds=round(seconds, 3),
        message=message or note,
        source=requirement.source,
    )
    judged = Judged(result, None, _boundary_map(requirement, tried))
    return amended(judged, requirement, subject, finding, cause) if finding else judged


def amended(
    judged: Judged,
    requirement: Requirement,
    subject: Subject,
    finding: Finding,
    cause: FoundCause | None,
) -> Judged:
    """Return the line with the verdict on what was found."""
    failure = finding.failing.failure
    level = requirement.level_of_failure(subject, failure)
    if level is Level.SHOULD and not finding.failed and not failure.kind.is_death:
        # Chance shows once: nothing is said of a server for what it never did again.
        once = f"failed once, and not again in {counted(finding.runs, 'run')}"
        return Judged(
            msgspec.structs.replace(judged.result, message=once), None, judged.boundary_map
        )
    result = msgspec.structs.replace(
        judged.result,
        level=level,
        verdict=_of_finding(level, subject, finding),
        message=finding.sentence,
        expected=failure.expected,
        actual=failure.actual,
        cause=cause.id if cause else "",
    )
    return Judged(result, finding, judged.boundary_map, cause)


def _of_finding(level: Level, subject: Subject, finding: Finding) -> Verdict:
    all_of_them = finding.failed == finding.runs
    if finding.failing.failure.kind.is_death:  # whatever the level, and whatever was sent
        return Verdict.FAIL if all_of_them else Verdict.FLAKY
    if level is not Level.MUST:  # what need not be is settled, however often it was seen
        return Verdict.NON_STRICT if level is Level.SHOULD else Verdict.PASS
    late = finding.failing.failure.kind is FailureKind.SECOND_SYN
    if finding.failed == 0 or (late and not subject.target.is_loopback):
        return Verdict.INCONCLUSIVE
    return Verdict.FAIL if all_of_them else Verdict.FLAKY


def _boundary_map(requirement: Requirement, tried: Tried) -> BoundaryMap | None:
    """Return the map of the conversation in which the most cuts failed, the longest for choice."""
    if not tried.single_cuts:
        return None
    requests, cuts = max(
        tried.single_cuts.items(), key=lambda item: (sum(item[1].values()), len(item[1]))
    )
    stream = b"".join(requests)
    return BoundaryMap(
        requirement=requirement.id,
        conversation=stream.hex(),
        length_bytes=len(stream),
        boundaries=[
            Boundary(offset_bytes=offset, tried=1, failed=int(failed))
            for offset, failed in sorted(cuts.items())
        ],
    )
