"""A whole judgement: uncut runs, schedules, what fails confirmed and made smaller, verdicts."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from wireproof.between.baseline import Baseline
from wireproof.between.blame import Blame, blame
from wireproof.between.confirming import Confirmation
from wireproof.between.plans import DEPTHS, FIRST_TRIALS, trials
from wireproof.between.requirements import BROKEN, BY_ID, PAIR, REPLY_CUT, REQUEST_CUT
from wireproof.between.requirements import UNCUT as UNCUT_ID
from wireproof.between.runs.beside import Beside
from wireproof.between.runs.judging import Judge, meets
from wireproof.between.runs.playing import Player
from wireproof.between.runs.schedules import UNCUT, Direction, Schedule
from wireproof.between.search import Laboratory, Minimum, Tried
from wireproof.errors import CannotRunError
from wireproof.protocols.request_reply import RequestReply
from wireproof.results import Verdict
from wireproof.target import Target

_CANDIDATES: Final = 3
"""So many failures of a requirement are looked into, if the ones before don't happen again."""
_MOST_FAILING_SHARE: Final = 0.5
"""Of the time, for the failing runs of one requirement; what costs more is known well enough."""
_SHRINK_SHARE: Final = 0.5
_SINGLES = {REPLY_CUT, REQUEST_CUT}


@dataclass(frozen=True, slots=True)
class BetweenSpec:
    """What is asked.

    Attributes:
        words: of the command.
        target: the server, resolved.
        own: where the relay listens, resolved; port 0 stands for a free one.
        depth: a key of `DEPTHS`.
        seed: of what is drawn.
        jobs: commands at once; None for as many as is safe.
        same_output: whether the output has to be the same, too.
        timeout_s: for each run; None for what it should need.
        expect: what the command must do where a stream breaks off; empty for whatever it likes.
        budget_s: for all schedules; None for the depth's.
        wanted: IDs of the requirements to try.
        protocol: says where messages end; None where turns and pauses do.
        is_canned: whether the server only plays what a recording has of one.

    """

    words: tuple[str, ...]
    target: Target
    own: Target
    depth: str = "default"
    seed: int = 0
    jobs: int | None = None
    same_output: bool = False
    timeout_s: float | None = None
    expect: str = ""
    budget_s: float | None = None
    wanted: frozenset[str] = frozenset(BY_ID)
    protocol: RequestReply | None = None
    is_canned: bool = False

    @property
    def is_reached_directly(self) -> bool:
        """Whether the command can speak to the server as it does to the relay."""
        return self.own.scheme == self.target.scheme and not self.target.prelude


@dataclass(frozen=True, slots=True)
class Cause:
    """A failure, and what it is seen in.

    Attributes:
        id: C1 for the first.
        minimum: the smallest schedule that shows it.
        blame: which side broke.
        requirements: IDs, first the one that it was found by.

    """

    id: str
    minimum: Minimum
    blame: Blame
    requirements: list[str]


@dataclass(slots=True)
class Judgement:
    """All that was found.

    Attributes:
        baseline: uncut runs.
        planned: requirements for which there is something to try.
        tried: trials, by requirement.
        causes: in the order in which they were found.
        cause_of: by requirement.
        doubts: failures that are none for certain, by requirement: how often.
        beside: how many commands ran at once.
        only_beside: failures that were none alone.
        runs: of the command.
        seconds: altogether.
        is_whole: whether all was done that was to be.

    """

    baseline: Baseline
    planned: set[str] = field(default_factory=set)
    tried: dict[str, list[Tried]] = field(default_factory=lambda: defaultdict(list))
    causes: list[Cause] = field(default_factory=list)
    cause_of: dict[str, Cause] = field(default_factory=dict)
    doubts: dict[str, tuple[Confirmation | None, Tried]] = field(default_factory=dict)
    beside: Beside = field(default_factory=Beside)
    only_beside: int = 0
    runs: int = 0
    seconds: float = 0.0
    is_whole: bool = True

    @property
    def is_stable(self) -> bool:
        """Whether the command ended well each time that nothing was done to it."""
        return not self.baseline.problems and bool(self.baseline.runs)

    def failures(self, requirement: str) -> list[Tried]:
        """Return the trials of a requirement that failed, smallest schedules first."""
        failed = [one for one in self.tried[requirement] if one.problem is not None]
        return sorted(failed, key=lambda one: len(one.trial.schedule.cuts))


Told = Callable[[str], None]
"""Hears what is done now, in a line."""


def judge_command(spec: BetweenSpec, tell: Told) -> Judgement:
    """Run it all; Ctrl-C ends it with what there is by then.

    Raises:
        CannotRunError: the command never connected, or cannot be started.

    """
    begun_s = time.monotonic()
    depth = DEPTHS[spec.depth]
    budget_s = depth.budget_s if spec.budget_s is None else spec.budget_s
    stopped = _Stopped()
    player = Player(spec.words, spec.target, spec.own, stopped)
    judge = Judge(same_output=spec.same_output)
    with Laboratory(player, judge, spec.jobs, spec.timeout_s) as laboratory:
        stopped.laboratory = laboratory
        found = Judgement(Baseline())
        try:
            tell("uncut")
            found.baseline = laboratory.baseline()
            found.beside = laboratory.beside
            _check_connected(found.baseline, spec)
            if found.is_stable:
                _try(found, laboratory, spec, tell, time.monotonic() + budget_s)
                _Inquiry(found, laboratory, tell, budget_s * _SHRINK_SHARE, spec.expect).look()
            elif found.baseline.fails_alike and spec.is_reached_directly:
                tell("without the relay")
                laboratory.run_directly(found.baseline)
                _file_uncut(found, spec)
        except KeyboardInterrupt:
            laboratory.stopped.set()
            found.is_whole = False
    found.runs = player.runs
    found.seconds = time.monotonic() - begun_s
    return found


class _Stopped:
    """Whether the user wants an end; asked by what is made before the laboratory is."""

    def __init__(self) -> None:
        self.laboratory: Laboratory | None = None

    def __call__(self) -> bool:
        return self.laboratory is not None and self.laboratory.stopped.is_set()


def _check_connected(baseline: Baseline, spec: BetweenSpec) -> None:
    refusals = [reason for one in baseline.runs for reason in one.refusals]
    if refusals:
        raise CannotRunError(f"the server can't be reached: {refusals[0]}", "start it first")
    if baseline.runs and not any(one.streams for one in baseline.runs):
        last = baseline.runs[-1]
        said = last.errors or last.output
        words = said.decode("ascii", "backslashreplace").strip().splitlines()
        shown = f"; it said: {ascii(words[-1])[1:-1]:.150}" if words else ""
        raise CannotRunError(
            f"the command {spec.words[0]} never connected to the relay{shown}",
            "write {host} and {port}, or {url}, where it takes its server's address;"
            " its environment has WIREPROOF_HOST and _PORT",
        )


def _try(
    found: Judgement, laboratory: Laboratory, spec: BetweenSpec, tell: Told, until_s: float
) -> None:
    """Run what is to be tried, as far as the time goes; failing runs have a time of their own."""
    spent_s: dict[str, float] = defaultdict(float)
    most_s = (until_s - time.monotonic()) * _MOST_FAILING_SHARE
    planned = [
        one
        for one in trials(
            found.baseline.sizes,
            DEPTHS[spec.depth],
            spec.seed,
            found.baseline.borders(spec.protocol),
        )
        if one.requirement in spec.wanted
    ]
    found.planned.update(one.requirement for one in planned)
    wanted = (one for one in planned if spent_s[one.requirement] <= most_s)
    done = 0

    def time_is_up_s() -> float:
        return math.inf if done < FIRST_TRIALS else until_s + sum(spent_s.values())

    for tried in laboratory.try_all(wanted, time_is_up_s):
        identifier = tried.trial.requirement
        done += 1
        if not tried.is_applied:
            continue
        found.tried[identifier].append(tried)
        if tried.problem is not None:
            spent_s[identifier] += tried.played.seconds
        tell(f"{identifier}: {tried.trial.schedule}")


@dataclass(frozen=True, slots=True)
class _Inquiry:
    """Looks into what failed."""

    found: Judgement
    laboratory: Laboratory
    tell: Told
    shrink_s: float
    expect: str

    def look(self) -> None:
        """Confirm what failed, requirements of single cuts first: they are the smallest."""
        order = sorted(self.found.tried, key=lambda one: (one not in _SINGLES, one != PAIR))
        for identifier in order:
            if identifier != BROKEN:
                self._requirement(identifier)
            elif self.found.beside.jobs > 1:
                rows = self.found.tried[identifier]
                self._alone(identifier, [one for one in rows if not meets(one.played, self.expect)])

    def _requirement(self, identifier: str) -> None:
        """Confirm one of a requirement's failures; what was seen beside others, if it is alone."""
        if self._confirm_one(identifier) or self.found.beside.jobs == 1:
            return
        if self._alone(identifier, self.found.failures(identifier)):
            self._confirm_one(identifier)

    def _confirm_one(self, identifier: str) -> bool:
        """Say whether one of the first failures is a finding; it is filed then."""
        found, laboratory = self.found, self.laboratory
        for tried in found.failures(identifier)[:_CANDIDATES]:
            self.tell(f"{identifier} again: {tried.trial.schedule}")
            minimum = laboratory.confirm(tried.trial.schedule)
            if laboratory.stopped.is_set():
                found.is_whole = False
                return False
            found.doubts[identifier] = (minimum.confirmation if minimum else None, tried)
            if minimum is not None and minimum.confirmation.verdict.is_finding:
                del found.doubts[identifier]
                self._file(identifier, minimum)
                return True
        return False

    def _alone(self, identifier: str, failures: Sequence[Tried]) -> bool:
        """Run failures once more, alone; say whether any fails so. Those that don't are none."""
        until_s = time.monotonic() + self.shrink_s
        row, has_failed = self.found.tried[identifier], False
        for tried in failures:
            if self.laboratory.stopped.is_set() or time.monotonic() > until_s:
                break
            self.tell(f"{identifier} alone: {tried.trial.schedule}")
            played = self.laboratory.run(tried.trial.schedule, surely=True)
            problem = self.laboratory.judge.problem(played)
            row[next(at for at, one in enumerate(row) if one is tried)] = Tried(
                tried.trial, played, problem
            )
            is_wrong = not meets(played, self.expect) if identifier == BROKEN else bool(problem)
            has_failed |= is_wrong
            self.found.only_beside += not is_wrong
        return has_failed

    def _file(self, identifier: str, minimum: Minimum) -> None:
        """Put a failure under its cause: one that is known, or a new one."""
        known = _same(self.found, minimum)
        if known is None:
            smaller = self._smaller(identifier, minimum)
            blamed = blame(smaller.played, self.found.baseline.runs[-1])
            known = Cause(f"C{len(self.found.causes) + 1}", smaller, blamed, [])
            self.found.causes.append(known)
        known.requirements.append(identifier)
        self.found.cause_of[identifier] = known

    def _smaller(self, identifier: str, minimum: Minimum) -> Minimum:
        """Return the failure with as few cuts as can be."""
        schedule = minimum.schedule
        if len(schedule.cuts) < 2 and not schedule.octets:
            return minimum
        self.tell(f"{identifier}: fewer cuts")
        smallest = self.laboratory.shrink(
            schedule, minimum.problem, self.found.baseline.sizes, self.shrink_s
        )
        again = self.laboratory.confirm(smallest) if smallest != schedule else None
        is_sure = again is not None and again.confirmation.verdict is Verdict.FAIL
        return again if again is not None and is_sure else minimum


def _file_uncut(found: Judgement, spec: BetweenSpec) -> None:
    """Put a failure that needs no cut under a cause, if it is one of the streams."""
    uncut = found.baseline
    if uncut.fails_directly and uncut.unread and not spec.is_canned:
        confirmation = Confirmation(len(uncut.problems), len(uncut.runs), 0)
        minimum = Minimum(UNCUT, uncut.problems[-1], uncut.runs[-1], confirmation)
        known = Cause("C1", minimum, Blame("client", uncut.unread), [UNCUT_ID])
        found.causes.append(known)
        found.cause_of[UNCUT_ID] = known


def _same(found: Judgement, minimum: Minimum) -> Cause | None:
    """Return the cause among those known that a failure has: the same wrong in the same stream."""
    for cause in found.causes:
        known = cause.minimum
        if known.problem.kind == minimum.problem.kind and (
            _directions(known.schedule) <= _directions(minimum.schedule)
        ):
            return cause
    return None


def _directions(schedule: Schedule) -> set[Direction]:
    late = {Direction.REPLY} if schedule.is_late or schedule.end_apart else set()
    cut = {one.direction for one in schedule.cuts}
    return {*cut, *schedule.octets, *schedule.gather, *late}
