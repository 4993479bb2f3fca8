"""A whole judgement: uncut runs, schedules, what fails confirmed and made smaller, verdicts."""

import math
import time
from collections import defaultdict
from typing import Final

from wireproof.between.findings.judgement import BetweenSpec, Judgement
from wireproof.between.inquiry import Inquiry, file_uncut
from wireproof.between.runs.judging import Judge
from wireproof.between.runs.playing import Player
from wireproof.between.trying.baseline import Baseline
from wireproof.between.trying.plans import DEPTHS, FIRST_TRIALS, trials
from wireproof.between.trying.search import Laboratory, Told
from wireproof.errors import CannotRunError

_MOST_FAILING_SHARE: Final = 0.5
"""Of the time, for the failing runs of one requirement; what costs more is known well enough."""
_SHRINK_SHARE: Final = 0.5


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
    with Laboratory(player, judge, spec.jobs, spec.timeout_s, tell) as laboratory:
        stopped.laboratory = laboratory
        found = Judgement(Baseline())
        try:
            found.baseline = laboratory.baseline()
            found.beside = laboratory.beside
            _check_connected(found.baseline, spec)
            if found.is_stable:
                _try(found, laboratory, spec, time.monotonic() + budget_s)
                Inquiry(found, laboratory, budget_s * _SHRINK_SHARE, spec.expect).look()
            elif found.baseline.fails_alike and spec.is_reached_directly:
                laboratory.run_directly(found.baseline)
                if found.baseline.fails_directly and found.baseline.unread and not spec.is_canned:
                    laboratory.run_late(found.baseline)
                    file_uncut(found)
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
            "write {host} and {port}, or {url}, where the command takes its server's address;"
            " its environment has WIREPROOF_HOST and _PORT",
        )


def _try(found: Judgement, laboratory: Laboratory, spec: BetweenSpec, until_s: float) -> None:
    """Run what is to be tried, as far as the time goes; failing runs have a time of their own."""
    spent_s: dict[str, float] = defaultdict(float)
    most_s = (until_s - time.monotonic()) * _MOST_FAILING_SHARE
    planned = [
        one
        for one in trials(
            found.baseline.sizes,
            DEPTHS[spec.depth],
            spec.seed,
            found.baseline.borders(spec.framers),
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
        laboratory.tell(f"{done}/{len(planned)}  {identifier}: {tried.trial.schedule}")
