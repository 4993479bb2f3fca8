"""Looks into what failed: confirms it, makes it smaller, and finds its cause."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wireproof.between.findings.blame import Blame, blame
from wireproof.between.findings.judgement import Cause, Judgement
from wireproof.between.runs.judging import meets
from wireproof.between.runs.schedules import UNCUT, Direction, Schedule
from wireproof.between.trying.confirming import Confirmation
from wireproof.between.trying.requirements import BROKEN, PAIR, REPLY_CUT, REQUEST_CUT
from wireproof.between.trying.requirements import UNCUT as UNCUT_ID
from wireproof.between.trying.search import Laboratory, Minimum, Tried
from wireproof.results import Verdict

_CANDIDATES: Final = 3
"""So many failures of a requirement are looked into, if the ones before don't happen again."""
_SINGLES = {REPLY_CUT, REQUEST_CUT}


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Looks into what failed."""

    found: Judgement
    laboratory: Laboratory
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
            minimum = self._confirmed(tried)
            if laboratory.stopped.is_set():
                found.is_whole = False
                return False
            found.doubts[identifier] = (minimum.confirmation if minimum else None, tried)
            if minimum is not None and minimum.confirmation.verdict.is_finding:
                del found.doubts[identifier]
                self._file(identifier, minimum)
                return True
        return False

    def _confirmed(self, tried: Tried) -> Minimum | None:
        """Confirm a failure; sooner, where its cause is known and several may run at once."""
        schedule = tried.trial.schedule
        if tried.problem is not None and self.found.beside.jobs > 1:
            kind = tried.problem.kind
            if _known(self.found, kind, schedule) is not None:
                minimum = self.laboratory.confirm_alike(schedule, kind)
                if minimum is not None or self.laboratory.stopped.is_set():
                    return minimum
        return self.laboratory.confirm(schedule)

    def _alone(self, identifier: str, failures: Sequence[Tried]) -> bool:
        """Run failures once more, alone; say whether any fails so. Those that don't are none."""
        until_s = time.monotonic() + self.shrink_s
        row, has_failed = self.found.tried[identifier], False
        for tried in failures:
            if self.laboratory.stopped.is_set() or time.monotonic() > until_s:
                break
            self.laboratory.tell(f"{identifier} alone: {tried.trial.schedule}")
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
        known = _known(self.found, minimum.problem.kind, minimum.schedule)
        if known is None:
            smaller = self._smaller(minimum)
            blamed = blame(smaller.played, self.found.baseline.runs[-1])
            known = Cause(f"C{len(self.found.causes) + 1}", smaller, blamed, [])
            self.found.causes.append(known)
        known.requirements.append(identifier)
        self.found.cause_of[identifier] = known

    def _smaller(self, minimum: Minimum) -> Minimum:
        """Return the failure with as few cuts as can be."""
        schedule = minimum.schedule
        if len(schedule.cuts) < 2 and not schedule.octets:
            return minimum
        smallest = self.laboratory.shrink(
            schedule, minimum.problem, self.found.baseline.sizes, self.shrink_s
        )
        again = self.laboratory.confirm(smallest) if smallest != schedule else None
        is_sure = again is not None and again.confirmation.verdict is Verdict.FAIL
        return again if again is not None and is_sure else minimum


def file_uncut(found: Judgement) -> None:
    """Put a failure that needs no cut under a cause, if a reply is left unread each time."""
    uncut = found.baseline
    if uncut.late and uncut.withheld and uncut.unread:
        confirmation = Confirmation(len(uncut.problems), len(uncut.runs), 0)
        minimum = Minimum(UNCUT, uncut.problems[-1], uncut.runs[-1], confirmation)
        known = Cause("C1", minimum, Blame("client", uncut.unread), [UNCUT_ID])
        found.causes.append(known)
        found.cause_of[UNCUT_ID] = known


def _known(found: Judgement, kind: str, schedule: Schedule) -> Cause | None:
    """Return the cause among those known that a failure has: the same wrong in the same stream."""
    for cause in found.causes:
        known = cause.minimum
        if known.problem.kind == kind and _directions(known.schedule) <= _directions(schedule):
            return cause
    return None


def _directions(schedule: Schedule) -> set[Direction]:
    late = {Direction.REPLY} if schedule.is_late or schedule.end_apart else set()
    cut = {one.direction for one in schedule.cuts}
    return {*cut, *schedule.octets, *schedule.gather, *late}
