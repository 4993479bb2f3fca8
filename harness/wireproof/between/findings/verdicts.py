"""What was found, as the records of the result file."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence

from wireproof.between.findings.judgement import BetweenSpec, Cause, Judgement
from wireproof.between.findings.sentences import sentence, waiting
from wireproof.between.runs.course import MOST_OCTETS
from wireproof.between.runs.judging import how, meets
from wireproof.between.runs.playing import Played
from wireproof.between.runs.schedules import Direction, told
from wireproof.between.trying.leaving import read_all
from wireproof.between.trying.plans import CUTS_OF
from wireproof.between.trying.requirements import BETWEEN, BROKEN, UNCUT, Between
from wireproof.between.trying.search import Tried
from wireproof.results import (
    BetweenResult,
    Boundary,
    BoundaryMap,
    CauseResult,
    CheckResult,
    Delivery,
    Level,
    RequirementResult,
    Verdict,
)
from wireproof.words import counted

_FEW_RANGES = 8
_MOST_MAP_BYTES = 4096


def check_result(
    found: Judgement, spec: BetweenSpec, evidence: Mapping[str, list[str]]
) -> CheckResult:
    """Return the matrix of requirements, with causes and the maps of cuts.

    Args:
        found: all of it.
        spec: what was asked.
        evidence: of each cause, paths relative to the result file.

    """
    return CheckResult(
        protocol="between",
        depth=spec.depth,
        seed=spec.seed,
        seconds=found.seconds,
        plans=sum(map(len, found.tried.values())),
        requirements=[
            _line(one, found, spec, evidence) for one in BETWEEN if _is_told(one, found, spec)
        ],
        causes=[
            CauseResult(
                id=cause.id,
                sentence=sentence(cause, found),
                requirements=cause.requirements,
                evidence=evidence.get(cause.id, []),
                confirmed=_confirmed(cause),
            )
            for cause in found.causes
        ],
        boundary_maps=[one for name in Direction if (one := _map(name, found)) is not None],
    )


def between_result(found: Judgement, spec: BetweenSpec) -> BetweenResult:
    """Return what the matrix has no room for."""
    return BetweenResult(
        command=shlex.join(spec.words),
        judge="exit status and output" if spec.same_output else "exit status",
        schedules=sum(map(len, found.tried.values())),
        runs=found.runs,
        baseline_runs=len(found.baseline.runs),
        is_stable=found.is_stable,
        jobs=found.beside.jobs,
        why_alone=found.beside.why_alone,
        only_beside=found.only_beside,
        cuts=[
            {
                "cause": cause.id,
                "direction": cut.direction,
                "message": cut.message,
                "offset": cut.offset,
            }
            for cause in found.causes
            for cut in cause.minimum.schedule.cuts
        ],
    )


def _confirmed(cause: Cause) -> str:
    found = cause.minimum.confirmation
    return f"{found.failed}/{found.runs}"


def _is_told(one: Between, found: Judgement, spec: BetweenSpec) -> bool:
    return one.id == UNCUT or (found.is_stable and one.id in spec.wanted)


def _line(
    one: Between, found: Judgement, spec: BetweenSpec, evidence: Mapping[str, list[str]]
) -> RequirementResult:
    tried = found.tried[one.id] if one.id != UNCUT else []
    verdict, message = _verdict(one, found, spec)
    cause = found.cause_of.get(one.id)
    problem = cause.minimum.problem if cause else None
    played = [run.played for run in tried] or found.baseline.runs
    return RequirementResult(
        id=one.id,
        title=one.title,
        level=one.level,
        verdict=verdict,
        delivery=_delivery(played),
        examples=len(played),
        seconds=sum(run.seconds for run in played),
        message=message,
        expected=problem.expected if problem else "",
        actual=problem.actual if problem else "",
        evidence=evidence.get(cause.id, []) if cause else [],
        source=one.source,
        cause=cause.id if cause else "",
    )


def _verdict(one: Between, found: Judgement, spec: BetweenSpec) -> tuple[Verdict, str]:
    if one.id == UNCUT:
        return _uncut(found)
    tried = found.tried[one.id]
    if not tried:
        return _untried(one, found)
    if one.id == BROKEN:
        return _broken(tried, spec.expect)
    if one.id in found.cause_of:
        cause = found.cause_of[one.id]
        verdict = cause.minimum.confirmation.verdict
        if one.level is not Level.MUST and verdict is Verdict.FAIL:
            verdict = Verdict.NON_STRICT
        return verdict, _told_failures(one, found, cause)
    if one.id in found.doubts:
        return _doubt(found, one.id)
    return Verdict.PASS, _limits(one, tried)


def _untried(one: Between, found: Judgement) -> tuple[Verdict, str]:
    if one.id in found.planned and one.level is Level.MUST:
        return Verdict.INCONCLUSIVE, "not tried: there was no time, or the places to cut never came"
    why = "there was no time" if one.id in found.planned else "the streams have no place for it"
    return Verdict.UNSUPPORTED, why


def _uncut(found: Judgement) -> tuple[Verdict, str]:
    runs = len(found.baseline.runs)
    if found.is_stable:
        return Verdict.PASS, f"{runs} of {runs} runs"
    if not found.baseline.problems:
        return Verdict.INCONCLUSIVE, "interrupted"
    if UNCUT in found.cause_of:
        return Verdict.FAIL, sentence(found.cause_of[UNCUT], found)
    first, last = found.baseline.problems[0], found.baseline.runs[-1]
    waits = f"; {waiting(last)}" if last.exit_code is None else ""
    return Verdict.INCONCLUSIVE, (
        f"uncut it fails {len(found.baseline.problems)} of {runs} times{_directly(found)}:"
        f" {first.message} ({first.actual}{waits}); so nothing can be said about cuts"
    )


def _directly(found: Judgement) -> str:
    """Return how it went without the relay, where that was tried."""
    uncut = found.baseline
    if not uncut.direct:
        return ""
    went = f"{len(uncut.direct_problems)} of {len(uncut.direct)}"
    own = "; it read all that it was sent" if all(map(read_all, uncut.runs)) else ""
    return f", and {went} without the relay{own}"


def _told_failures(one: Between, found: Judgement, cause: Cause) -> str:
    failed = found.failures(one.id)
    tried = len(found.tried[one.id])
    cuts = [cut for each in failed for cut in each.trial.schedule.cuts]
    smallest = cause.minimum.schedule.cuts
    if len(smallest) == 1 and CUTS_OF[smallest[0].direction] == one.id:
        return sentence(cause, found)  # which says how the other cuts went
    if one.id in CUTS_OF.values():
        return f"{len(failed)} of {tried} cuts fail: {told(cuts)}; {sentence(cause, found)}"
    return f"{len(failed)} of {tried} fail; {sentence(cause, found)}"


def _doubt(found: Judgement, identifier: str) -> tuple[Verdict, str]:
    confirmation, tried = found.doubts[identifier]
    assert tried.problem is not None
    what = f"{tried.problem.message}: {tried.trial.schedule}"
    if confirmation is None:
        return Verdict.PASS, f"{what}, once, and never again"
    verdict = confirmation.verdict
    if verdict is Verdict.PASS:
        return verdict, f"{what}, once, and then {confirmation}"
    words = "the command is not stable by itself" if confirmation.uncut_failed else "now and then"
    return Verdict.INCONCLUSIVE, f"{words}: {what}, {confirmation}"


def _broken(tried: Sequence[Tried], expect: str) -> tuple[Verdict, str]:
    ends = Counter(_end_of(one.played) for one in tried)
    shown = ", ".join(f"{end} in {number}" for end, number in ends.most_common())
    message = f"where a stream breaks off: {shown}"
    wrong = [one for one in tried if not meets(one.played, expect)]
    if not wrong:
        return Verdict.PASS, message
    first = wrong[0]
    return Verdict.FAIL, (
        f"{len(wrong)} of {len(tried)} are not as --expect {expect} says: {_end_of(first.played)}"
        f" after {first.trial.schedule}; {message}"
    )


def _end_of(played: Played) -> str:
    return "no end" if played.exit_code is None else how(played.exit_code)


def _limits(one: Between, tried: Sequence[Tried]) -> str:
    if any(
        sum(run.played.sizes(way)) > MOST_OCTETS
        for run in tried
        for way in run.trial.schedule.octets
    ):
        return f"the first {MOST_OCTETS:,} bytes of each connection, the rest as it came"
    return "" if one.id not in CUTS_OF.values() else counted(len(tried), "cut")


def _delivery(played: Sequence[Played]) -> Delivery | None:
    total = Counter[Delivery]()
    for run in played:
        total.update({kind: number for kind, number in run.deliveries.items() if number})
    for kind in (Delivery.ASSUMED, Delivery.HELD, Delivery.CONFIRMED):
        if total[kind]:
            return kind
    return None


def _map(direction: Direction, found: Judgement) -> BoundaryMap | None:
    """Return which single cuts of a direction were tried, by their place in its stream."""
    tried = found.tried[CUTS_OF[direction]]
    stream = _stream(direction, found)
    if not tried or stream is None:
        return None
    sizes, data = stream
    begins = [sum(sizes[:number]) for number in range(len(sizes) + 1)]
    boundaries = []
    for one in tried:
        cut = one.trial.schedule.cuts[0]
        if cut.message <= len(sizes):
            offset = begins[cut.message - 1] + cut.offset
            boundaries.append(
                Boundary(offset_bytes=offset, tried=1, failed=int(one.problem is not None))
            )
    return BoundaryMap(
        requirement=CUTS_OF[direction],
        conversation=data[:_MOST_MAP_BYTES].hex(),
        length_bytes=sum(sizes),
        boundaries=sorted(boundaries, key=lambda one: one.offset_bytes),
    )


def _stream(direction: Direction, found: Judgement) -> tuple[list[int], bytes] | None:
    """Return sizes and bytes of the connection on which most passed."""
    streams = [each[direction] for run in found.baseline.runs[-1:] for each in run.streams]
    if not streams:
        return None
    longest = max(streams, key=lambda one: sum(one.sizes_bytes))
    return longest.sizes_bytes, bytes(longest.data)
